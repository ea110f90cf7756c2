//! How fast a client is read: each message uses a share of a second, and so does each ping and pong beyond
//! those that come with messages.

use std::time::{Duration, Instant};

/// Maximum rate of pings and pongs from a client, besides one for each of its messages. Browsers send no
/// pings and answer ours, `replyd chat` sends one with each message, websocat one every few seconds.
const CONTROLS_PER_SECOND: u32 = 100;
/// Maximum burst: a client may be ahead of its rate by the messages, or the pings and pongs, of this time.
const BURST: Duration = Duration::from_secs(5);

pub(super) struct Rates {
    /// End of the time that the messages so far have used up.
    messages_until: Instant,
    /// The same for pings and pongs.
    controls_until: Instant,
    /// Number of pings and pongs that are free because messages came with them.
    free_controls: u32,
}

impl Rates {
    pub(super) fn new(now: Instant) -> Rates {
        Rates { messages_until: now, controls_until: now, free_controls: 0 }
    }

    /// Charges a message that was received at `now`; a rate of 0 is no limit.
    pub(super) fn charge(&mut self, now: Instant, messages_per_second: u32) {
        self.free_controls = (self.free_controls + 1).min(CONTROLS_PER_SECOND);
        if messages_per_second > 0 {
            self.messages_until = self.messages_until.max(now) + Duration::from_secs(1) / messages_per_second;
        }
    }

    /// Charges a ping or pong, even where the rate of messages is not limited: each costs a read and perhaps
    /// a pong.
    pub(super) fn charge_control(&mut self, now: Instant) {
        if self.free_controls > 0 {
            self.free_controls -= 1;
        } else {
            self.controls_until = self.controls_until.max(now) + Duration::from_secs(1) / CONTROLS_PER_SECOND;
        }
    }

    /// Time to wait until the client is no more than a burst ahead of its rates, if it is further ahead.
    pub(super) fn excess(&self, last_received: Instant) -> Option<Duration> {
        let until = self.messages_until.max(self.controls_until);
        // Usually this holds, and saves a look at the clock.
        if until <= last_received + BURST {
            return None;
        }
        let ahead = until.saturating_duration_since(Instant::now());
        ahead.checked_sub(BURST).filter(|excess| !excess.is_zero())
    }
}
