//! The deadline of a single wait, for the server and for the client.

use std::time::{Duration, Instant};

use super::event::Event;
use crate::stream::GatheringStream;

/// Time after its deadline for which a wait still reads what keeps arriving.
const CATCH_UP: Duration = Duration::from_millis(50);

/// When a wait ends that began now.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    last: Instant,
}

impl Deadline {
    pub(crate) fn new(at: Instant) -> Deadline {
        let last = at.max(Instant::now()).checked_add(CATCH_UP);
        Deadline { at, last: last.unwrap_or(at) }
    }

    /// Whether the wait is over. It continues for a moment while it `is_receiving`: what was received by the
    /// deadline may take several reads, but a peer that sends byte by byte must not hold it up.
    pub(crate) fn is_over(&self, now: Instant, is_receiving: bool) -> bool {
        now >= if is_receiving { self.last } else { self.at }
    }
}

/// The event with which a wait that has received nothing ends, if it ends.
pub(crate) fn event_after_wait(
    deadline: Option<Deadline>,
    was_woken: bool,
    stream: &GatheringStream,
) -> Option<Event> {
    let is_over =
        deadline.is_some_and(|deadline| deadline.is_over(Instant::now(), stream.timed.has_received));
    // Endless wake-ups must not delay a deadline.
    if !(is_over && was_woken) && stream.take_wake_up() {
        return Some(Event::Woken);
    }
    is_over.then_some(Event::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_at_its_deadline_or_a_moment_later() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let ahead = Deadline::new(now + second);
        for (after, silent, receiving) in
            [(Duration::ZERO, false, false), (second, true, false), (second + CATCH_UP, true, true)]
        {
            assert_eq!(ahead.is_over(now + after, false), silent);
            assert_eq!(ahead.is_over(now + after, true), receiving);
        }
        // A deadline that has passed leaves a moment, too.
        let past = Deadline::new(now.checked_sub(second).unwrap());
        assert!(past.is_over(now, false) && !past.is_over(now, true));
        assert!(past.is_over(now + second, true));
    }
}
