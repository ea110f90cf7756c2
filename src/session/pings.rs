//! Pings that find out whether a silent peer is still there, for the server and for the client.

use std::time::{Duration, Instant};

use crate::stream::Ending;

/// Number of ping intervals without a sign of life after which a peer is considered gone.
const MISSED_PINGS: u32 = 3;

/// When the last ping was sent, and how many in a row had no answer.
pub(crate) struct Pings {
    last_sent: Instant,
    unanswered: u32,
}

impl Pings {
    pub(crate) fn new(now: Instant) -> Pings {
        Pings { last_sent: now, unanswered: 0 }
    }

    /// Time of the next ping, if nothing is received until then.
    pub(crate) fn due(&self, last_received: Instant, interval: Duration) -> Instant {
        last_received.max(self.last_sent) + interval
    }

    /// The peer is alive: whatever it sends counts as an answer.
    pub(crate) fn answered(&mut self) {
        self.unanswered = 0;
    }

    /// Counts a ping that is about to be sent; an ending when too many had no answer.
    pub(crate) fn send(&mut self, now: Instant, interval: Duration) -> Result<(), Ending> {
        self.unanswered += 1;
        if self.unanswered >= MISSED_PINGS {
            let silence = interval * MISSED_PINGS;
            return Err(Ending::Gone(format!("silent for {} s", silence.as_secs_f32())));
        }
        self.last_sent = now;
        Ok(())
    }
}
