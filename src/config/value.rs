//! The values of settings. Each reader says what it expected, and the caller adds where and what was found.

use std::{
    net::IpAddr,
    ops::RangeInclusive,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use ipnet::IpNet;
use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// A year: longer waits are mistakes, and clocks cannot overflow below it.
pub(super) const MAX_DURATION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

pub(super) fn title(value: &str) -> Result<String, String> {
    if value.is_empty() { Err("a title".into()) } else { text(value) }
}

/// A file's name; an empty value is none.
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

pub(super) fn positive_duration(value: &str) -> Result<Duration, String> {
    match duration(value)? {
        Duration::ZERO => Err("a time longer than nothing".into()),
        duration => Ok(duration),
    }
}

/// Addresses and networks (`10.0.0.0/8`), separated by commas; an empty value is none.
pub(super) fn networks(value: &str) -> Result<Vec<IpNet>, String> {
    let items = value.split(',').map(str::trim).filter(|_| !value.is_empty());
    let network = |item: &str| item.parse().ok().or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from));
    let networks: Option<Vec<IpNet>> = items.map(network).collect();
    networks.ok_or_else(|| "addresses or networks (10.0.0.0/8), separated by commas".into())
}

/// A day, up to its end, or a point in time; in UTC unless an offset says otherwise.
pub(super) fn time(value: &str) -> Result<SystemTime, String> {
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).map(|time| time.timestamp());
    let day = || value.parse::<Date>()?.tomorrow().and_then(|next| utc(next.at(0, 0, 0, 0)));
    let is_day = value.len() == "2026-12-31".len();
    let time = if is_day { day() } else { value.parse().or_else(|_| utc(value.parse()?)) };
    time.map(SystemTime::from)
        .map_err(|_| "a day or a time such as 2026-12-31 or 2026-12-31T18:00:00Z".into())
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
