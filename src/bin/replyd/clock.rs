//! The time on the clock, which may be wrong by any amount.

use std::time::SystemTime;

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The time now, or the last one that has a date, where the clock is past the year 9999.
pub(crate) fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

/// A time in the system's time zone. Finding the zone takes 1.5 ms, so it is not done at the start.
pub(crate) fn local(time: Timestamp) -> Zoned {
    time.to_zoned(TimeZone::system())
}
