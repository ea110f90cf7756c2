//! A line of the file of statistics: how often a reply was given on a day, or in a month.
//!
//! ```text
//! 2026-11-27<TAB>opening hours<TAB>12<TAB>2<TAB>1<TAB>0<TAB>5<TAB>9:10 14:5
//! ```
//!
//! The columns are the day or month, the name of the reply, those of [`COLUMNS`], and the questions of each
//! hour. Lines of the same day and reply add up, so the files of several servers do, too. A file that a
//! spreadsheet has saved is read as well.

use std::{borrow::Cow, fmt};

use jiff::civil::Date;

use super::tally::{COLUMNS, Tally};
use crate::console::{Escaped, unescaped};

/// Columns of the first version. There was none with fewer.
const MIN_COLUMNS: usize = 5;
/// What separates the columns: a tab, or what a spreadsheet writes.
const SEPARATORS: [char; 3] = ['\t', ';', ','];
/// Length of the longest line that is read: one with a name whose characters are all escaped is shorter.
const MAX_LINE_BYTES: usize = 8 * 1024;
/// Length to which a name is cut.
const MAX_CHARS: usize = 200;
/// The beginning of the first line.
const HEADER: &str = "# day or month";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// A day, such as "2026-11-27", or a month, such as "2026-11". Their order is that of the times.
    pub(super) period: String,
    pub(super) name: String,
    pub(super) tally: Tally,
}

/// The first line of the file, which names the columns.
pub(super) fn header() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    format!("{HEADER}\treply\t{}\thour:questions\n", names.join("\t"))
}

/// Whether a line is the first one of a file, of this version or another.
pub(super) fn is_header(line: &str) -> bool {
    line.trim_start_matches('"').starts_with(HEADER)
}

/// The length of a day, such as "2026-11-27"; a month is shorter.
pub(crate) const DAY_LENGTH: usize = "2026-11-27".len();

/// Whether a day or month is over before a day, given as text.
pub(super) fn is_before(period: &str, day: &str) -> bool {
    *period < day[..period.len()]
}

/// A name as a line has it.
pub(super) fn cut(name: &str) -> &str {
    name.char_indices().nth(MAX_CHARS).map_or(name, |(end, _)| &name[..end])
}

impl Row {
    /// Reads a line. One that is not whole, as after a crash, is `None`: the hours of a whole one are all its
    /// questions. `month_first` says which comes first in a day such as 11/20/2026, if that is known.
    pub(super) fn parse(line: &str, month_first: Option<bool>) -> Option<Row> {
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        SEPARATORS.iter().find_map(|separator| Row::from_fields(&fields(line, *separator), month_first))
    }

    fn from_fields(fields: &[Cow<'_, str>], month_first: Option<bool>) -> Option<Row> {
        let [period, name, counts @ .., hours] = fields else { return None };
        let period = parse_period(period, month_first)?;
        let mut tally = Tally { hours: parse_hours(hours)?, ..Tally::default() };
        if !(MIN_COLUMNS..=COLUMNS.len()).contains(&counts.len()) {
            return None;
        }
        for (number, count) in tally.counts.iter_mut().zip(counts) {
            *number = count.parse().ok()?;
        }
        let in_hours = tally.hours.iter().copied().fold(0, u64::saturating_add);
        let is_whole = in_hours == tally.questions() && in_hours > 0;
        is_whole.then(|| Row { period, name: unescaped(name), tally })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { period, name, tally } = self;
        let name = Escaped::for_log(cut(name)).to_string();
        // Spreadsheets have quotation marks around a field.
        match name.strip_prefix('"') {
            Some(rest) => write!(f, "{period}\t\\u{{22}}{rest}")?,
            None => write!(f, "{period}\t{name}")?,
        }
        tally.counts.iter().try_for_each(|count| write!(f, "\t{count}"))?;
        let hours = tally.hours.iter().enumerate().filter(|(_, count)| **count > 0);
        let hours: Vec<String> = hours.map(|(hour, count)| format!("{hour}:{count}")).collect();
        write!(f, "\t{}", hours.join(" "))
    }
}

/// The columns of a line. Spreadsheets put some of them into quotation marks, and double those inside.
fn fields(line: &str, separator: char) -> Vec<Cow<'_, str>> {
    let mut fields: Vec<Cow<'_, str>> = Vec::with_capacity(COLUMNS.len() + 3);
    let mut rest = Some(line);
    while let Some(text) = rest {
        let quoted = text.strip_prefix('"').and_then(|text| {
            let end = text.replace("\"\"", "__").find('"')?;
            let after = &text[end + 1..];
            let is_end = after.is_empty() || after.starts_with(separator);
            is_end.then(|| (Cow::from(text[..end].replace("\"\"", "\"")), after.strip_prefix(separator)))
        });
        let (field, after) = quoted.unwrap_or_else(|| match text.split_once(separator) {
            Some((field, after)) => (field.into(), Some(after)),
            None => (text.into(), None),
        });
        fields.push(field);
        rest = after;
    }
    fields
}

/// Reads a day or month as this program writes it, or as spreadsheets do once they have read that.
fn parse_period(text: &str, month_first: Option<bool>) -> Option<String> {
    let parts: Vec<&str> = text.trim_end_matches('.').split(['-', '.', '/']).map(str::trim).collect();
    let (year, month, day) = match parts[..] {
        [year, month] => (year, month, None),
        [year, month, day] if year.len() == 4 => (year, month, Some(day)),
        [one, other, year] if text.contains('/') && month_first? => (year, one, Some(other)),
        [day, month, year] => (year, month, Some(day)),
        _ => return None,
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || !parts.iter().all(|part| is_number(part)) {
        return None;
    }
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.unwrap_or("1").parse().ok()?).ok()?;
    let mut period = date.to_string();
    if day.is_none() {
        period.truncate("2026-11".len());
    }
    Some(period)
}

/// Which numbers of a day with slashes and the year at its end are over 12, so that they cannot be months.
pub(super) fn slashed(line: &str) -> Option<(bool, bool)> {
    let day = line.split(SEPARATORS).next()?.trim_matches('"');
    let numbers: Vec<u16> = day.split('/').map(str::parse).collect::<Result<_, _>>().ok()?;
    match numbers[..] {
        [one, other, year] if year > 31 => Some((one > 12, other > 12)),
        _ => None,
    }
}

/// Reads `9:10 14:5`, or what a spreadsheet makes of a single hour: `09:10:00` or `9:10 PM`.
fn parse_hours(text: &str) -> Option<[u64; 24]> {
    let (text, noon) = match (text.strip_suffix(" AM"), text.strip_suffix(" PM")) {
        (Some(time), _) => (time, Some(0)),
        (_, Some(time)) => (time, Some(12)),
        _ => (text, None),
    };
    let mut hours = [0; 24];
    for part in text.split(' ') {
        let (hour, count) = part.split_once(':')?;
        let hour: usize = hour.parse().ok()?;
        let hour = noon.map_or(hour, |noon| hour % 12 + noon);
        *hours.get_mut(hour)? = count.strip_suffix(":00").unwrap_or(count).parse().ok()?;
    }
    Some(hours)
}
