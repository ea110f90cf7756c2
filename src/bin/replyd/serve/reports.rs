//! What the log and systemd are told about the files and the server.

use replyd::{Config, ConfigFiles};
use sd_notify::NotifyState;

use crate::console::{OWNER, counted};

/// Number of failing tests, and of failing offers, that are logged; nobody fixes more in one go.
const MAX_SHOWN_FAILURES: usize = 50;

/// Everything that there is to say at the start, after the warnings of the settings themselves.
pub(super) fn notices_at_start(warnings: Vec<String>, config: &Config) -> Vec<String> {
    [warnings, warnings_of(config), limited(config.replies.failures(), "tests")].concat()
}

/// What is said about valid replies whenever they are read: their warnings, and the offers that fail.
pub(super) fn warnings_of(config: &Config) -> Vec<String> {
    let failed = limited(config.replies.failed_offers(&config.greeting), "offers");
    [config.replies.warnings(), failed].concat()
}

fn limited(mut failures: Vec<String>, what: &str) -> Vec<String> {
    let more = failures.len().saturating_sub(MAX_SHOWN_FAILURES);
    failures.truncate(MAX_SHOWN_FAILURES);
    failures.extend((more > 0).then(|| format!("and {more} more {what} fail")));
    failures
}

/// Logs why a file was refused, and what stays in its place.
pub(super) fn report_refused(
    file: &str,
    (setting, noun): (Option<&str>, &str),
    error: &replyd::Error,
    (before, sources): (&Config, &ConfigFiles),
) {
    error.to_string().lines().for_each(|fault| log::error!("{fault}"));
    let kept = match setting {
        None if sources.replies_file.is_some() => noun.to_owned(),
        None | Some("replies_file") => format!("{} replies", before.replies.len()),
        Some(_) => noun.to_owned(),
    };
    log::error!("{file} is not accepted: keeping the previous {kept}");
}

/// Logs what has changed. After a refusal, "reloaded" without any change would be misleading.
pub(super) fn report_changes(
    name: &str,
    (before, old): (&Config, &ConfigFiles),
    (now, new): (&Config, &ConfigFiles),
    is_refused: bool,
) {
    let (added, changed, removed) = now.replies.changes_since(&before.replies);
    let mut settings = now.changes_since(before);
    settings.extend(new.changes_since(old));
    if !is_refused || added + changed + removed + settings.len() > 0 {
        let changes = match settings.is_empty() {
            true => String::new(),
            false => format!(", changed: {}", settings.join(", ")),
        };
        log::info!("reloaded {name}: +{added} ~{changed} -{removed} replies{changes}");
    }
    let keys = |role: Option<&'static str>| {
        let count = now.keys_with_role(role).count();
        now.keys_with_role(role).ne(before.keys_with_role(role)).then_some(count)
    };
    if let Some(count) = keys(None) {
        log::info!("{name}: the keys have changed; the number of keys is now {count}");
    }
    if let Some(count) = keys(Some(OWNER)) {
        log::info!("{name}: the owners' keys have changed; the number of them is now {count}");
    }
    #[cfg(feature = "tls")]
    if now.tls != before.tls {
        log::info!("{name}: the certificate has changed");
        if now.tls.as_ref().is_some_and(replyd::Tls::has_expired) {
            log::warn!("{name}: tls_certificate has expired; clients will reject it");
        }
    }
}

/// Notifies systemd, if it started this process and waits for notifications (sd_notify(3)).
pub(super) fn notify_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("cannot notify systemd: {error}");
    }
}

/// Systemd's status line: the number of replies.
pub(super) fn status(config: &Config) -> String {
    counted(config.replies.len(), "reply", "replies")
}
