//! The values of settings. Each reader says what it expected, and the caller adds where and what was found.

mod color;
mod logo;
mod theme;

use std::{
    net::IpAddr,
    ops::RangeInclusive,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use ipnet::IpNet;
use jiff::{
    SignedDuration,
    civil::{Date, DateTime},
};

pub use color::Color;
pub use logo::Logo;
pub use theme::Theme;

use crate::{error::Error, languages::Language};

/// A year. Longer times are mistakes, and up to this one no clock overflows.
pub(super) const MAX_DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

pub(super) fn title(value: &str) -> Result<String, String> {
    if value.is_empty() { Err("a title".into()) } else { text(value) }
}

/// The name of a file; none if the value is empty.
pub(super) fn path(value: &str) -> Result<Option<PathBuf>, String> {
    Ok((!value.is_empty()).then(|| value.into()))
}

pub(super) fn address(value: &str) -> Result<String, String> {
    let is_address = |(host, port): (&str, &str)| {
        let bare_ipv6 = host.contains(':') && !host.starts_with('[');
        !host.is_empty() && !bare_ipv6 && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok()
    };
    if value.starts_with("*:") {
        return Err("an address and a port, where 0.0.0.0 is every IPv4 address of this machine and [::] every address".into());
    }
    if value.rsplit_once(':').is_some_and(is_address) {
        Ok(value.to_owned())
    } else {
        Err("an address and a port".into())
    }
}

pub(super) fn count<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<T, String> {
    move |value| {
        let count = value
            .parse()
            .ok()
            .filter(|count| range.contains(count))
            .and_then(|count| T::try_from(count).ok());
        count.ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
    }
}

pub(super) fn duration(value: &str) -> Result<Duration, String> {
    let (digits, unit) =
        value.split_at(value.find(|char: char| !char.is_ascii_digit()).unwrap_or(value.len()));
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err("a number with a unit (ms, s, m, h or d)".into()),
    };
    let count: Option<u64> = digits.parse().ok();
    count
        .and_then(|count| count.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| "a whole number with a unit, a year at most".into())
}

/// Reads a time as the settings have it: a whole number with a unit (ms, s, m, h or d), a year at most.
///
/// # Errors
///
/// A sentence about what was expected and what was found.
///
/// ```
/// assert_eq!(replyd::parse_duration("15m")?, std::time::Duration::from_secs(900));
/// assert!(replyd::parse_duration("15").is_err());
/// # Ok::<(), replyd::Error>(())
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    duration(text).map_err(|expected| Error::config(vec![format!("expected {expected}, found {text:?}")]))
}

pub(super) fn positive_duration(value: &str) -> Result<Duration, String> {
    match duration(value)? {
        Duration::ZERO => Err("a time longer than zero".into()),
        duration => Ok(duration),
    }
}

/// Addresses and networks (`10.0.0.0/8`), separated by commas; none if the value is empty.
pub(super) fn networks(value: &str) -> Result<Vec<IpNet>, String> {
    let items = value.split(',').map(str::trim).filter(|_| !value.is_empty());
    let network = |item: &str| item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from));
    let networks: Option<Vec<IpNet>> = items.map(network).collect();
    networks.ok_or_else(|| "addresses or networks (10.0.0.0/8), separated by commas".into())
}

/// A day, up to its end, or a point in time with `Z` or an offset: these forms of RFC 3339 and no others.
/// jiff reads more, and its `Timestamp` ends before the year 9999 does.
pub(super) fn time(value: &str) -> Result<SystemTime, String> {
    let time = if has_form(value, DAY) { end_of_day(value) } else { point_in_time(value) };
    time.ok_or_else(|| "a day or a time such as 2026-12-31 or 2026-12-31T18:00:00Z".into())
}

const DAY: &str = "0000-00-00";
const TIME: &str = "0000-00-00T00:00:00";

/// Whether each `0` of the form is a digit, and all else is the same.
fn has_form(value: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    value.len() == form.len() && value.bytes().zip(form.bytes()).all(fits)
}

fn end_of_day(value: &str) -> Option<SystemTime> {
    let day: Date = value.parse().ok()?;
    in_utc(day.at(0, 0, 0, 0), SignedDuration::from_hours(24))
}

fn point_in_time(value: &str) -> Option<SystemTime> {
    let (time, offset) = value.split_at_checked(TIME.len()).filter(|(time, _)| has_form(time, TIME))?;
    let time: DateTime = time.parse().ok()?;
    in_utc(time, -offset_of(offset)?)
}

/// `Z`, or hours and minutes east (`+`) or west (`-`) of Greenwich.
fn offset_of(offset: &str) -> Option<SignedDuration> {
    if offset == "Z" {
        return Some(SignedDuration::ZERO);
    }
    if !has_form(offset, "+00:00") && !has_form(offset, "-00:00") {
        return None;
    }
    let hours = offset[1..3].parse().ok().filter(|hours| *hours < 24)?;
    let minutes = offset[4..].parse().ok().filter(|minutes| *minutes < 60)?;
    let east = SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes);
    Some(if offset.starts_with('-') { -east } else { east })
}

fn in_utc(time: DateTime, later: SignedDuration) -> Option<SystemTime> {
    let since = time.duration_since(Date::constant(1970, 1, 1).at(0, 0, 0, 0)) + later;
    if since.is_negative() {
        SystemTime::UNIX_EPOCH.checked_sub(since.unsigned_abs())
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since.unsigned_abs())
    }
}

/// A language; `None` for `auto`.
pub(super) fn language(value: &str) -> Result<Option<Language>, String> {
    match value {
        "auto" => Ok(None),
        code => Language::parse(code).map(Some).map_err(|expected| format!("auto, or {expected}")),
    }
}

/// An address for a link; it may be empty.
pub(super) fn web_address(value: &str) -> Result<String, String> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| value.strip_prefix(scheme));
    let is_address = |rest: &str| !rest.is_empty() && !rest.contains(char::is_whitespace);
    match value.is_empty() || rest.is_some_and(is_address) {
        true => text(value),
        false => Err("an address that begins with https:// or http://".into()),
    }
}

pub(super) fn yes_or_no(value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("yes or no".into()),
    }
}

pub(super) fn level(value: &str) -> Result<log::LevelFilter, String> {
    value.parse().map_err(|_| "off, error, warn, info, debug or trace".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds since 1970.
    #[track_caller]
    fn check_time(value: &str, expected: u64) {
        assert_eq!(time(value), Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(expected)), "{value}");
    }

    #[test]
    fn days_and_times() {
        check_time("2026-12-31", 1_798_761_600);
        check_time("2026-12-31T18:00:00Z", 1_798_740_000);
        check_time("2026-12-31T18:00:00+01:00", 1_798_736_400);
        check_time("2026-12-31T18:00:00-09:30", 1_798_774_200);
        check_time("2028-02-29", 1_835_481_600);
        check_time("1970-01-01", 86_400);
        check_time("9999-12-31", 253_402_300_800);
        check_time("9999-12-31T23:59:59Z", 253_402_300_799);
        check_time("9999-12-31T23:59:59-23:59", 253_402_387_139);
        assert!(time("0000-01-01").is_ok_and(|time| time < SystemTime::UNIX_EPOCH));
    }
}
