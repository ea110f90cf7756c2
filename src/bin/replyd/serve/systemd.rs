//! What systemd is told: that the server is ready or stops, and how many replies there are.

use replyd::Config;
use sd_notify::NotifyState;

use crate::console::output::counted;

/// Notifies systemd, if it started this process and waits for notifications (sd_notify(3)).
pub(crate) fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("cannot notify systemd: {error}");
    }
}

/// The status line: the number of replies.
pub(crate) fn status(config: &Config) -> String {
    counted(config.replies.len(), "reply", "replies")
}
