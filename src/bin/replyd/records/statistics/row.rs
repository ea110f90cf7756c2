//! A line of the file of statistics: how often a reply was given on a day, or in a month.
//!
//! ```text
//! 2026-11-27<TAB>opening hours<TAB>12<TAB>2<TAB>1<TAB>0<TAB>5<TAB>9:10 14:5
//! ```
//!
//! The columns are the day or month, the name of the reply, the questions that a phrase answered, those that it answered once a typo was
//! corrected, those that the nearest sentence answered, those that nothing answered, the conversations that began with this
//! reply, and the questions of each hour. Lines of the same day and reply add up, so the files of several servers do, too. A file that a
//! spreadsheet has saved is read as well.

use std::{array, borrow::Cow, fmt};

use jiff::civil::Date;
use replyd::FoundBy;

use crate::escape::{Escaped, unescaped};

/// What separates the columns: a tab, or what a spreadsheet writes.
const SEPARATORS: [char; 3] = ['\t', ';', ','];
/// Length of the longest line that may be one: with a name whose characters are all escaped, it is shorter.
const MAX_LINE_BYTES: usize = 8 * 1024;
/// Length to which a name is cut.
const MAX_CHARS: usize = 200;

/// A day, or a month: then the day is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period {
    year: i16,
    month: i8,
    day: i8,
}

impl Period {
    pub(super) fn of(date: Date) -> Period {
        Period { year: date.year(), month: date.month(), day: date.day() }
    }

    pub(super) fn month(self) -> Period {
        Period { day: 0, ..self }
    }

    pub(crate) fn is_month(self) -> bool {
        self.day == 0
    }

    pub(super) fn start(self) -> Date {
        Date::constant(self.year, self.month, self.day.max(1))
    }

    /// Its last day.
    pub(super) fn end(self) -> Date {
        if self.is_month() { self.start().last_of_month() } else { self.start() }
    }
}

impl Period {
    /// Reads a day or month as this program writes it, or as spreadsheets do once they have read that. `month_first` says which comes
    /// first in a day such as 11/20/2026, if that is known.
    fn parse(text: &str, month_first: Option<bool>) -> Option<Period> {
        let parts: Vec<&str> = text.trim_end_matches('.').split(['-', '.', '/']).map(str::trim).collect();
        let (year, month, day) = match parts[..] {
            [year, month] => (year, month, "0"),
            [year, month, day] if year.len() == 4 => (year, month, day),
            [one, other, year] if text.contains('/') => {
                if month_first? {
                    (year, one, other)
                } else {
                    (year, other, one)
                }
            }
            [day, month, year] => (year, month, day),
            _ => return None,
        };
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || !parts.iter().all(|part| is_number(part)) {
            return None;
        }
        let (year, month, day): (i16, i8, i8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        let is_month = parts.len() == 2;
        Date::new(year, month, if is_month { 1 } else { day }).ok()?;
        Some(Period { year, month, day })
    }
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

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)?;
        if self.is_month() { Ok(()) } else { write!(f, "-{:02}", self.day) }
    }
}

/// How often a reply was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Questions in which one of its phrases is.
    pub(crate) answered: u64,
    /// Questions in which one is once a typo is corrected.
    pub(crate) corrected: u64,
    /// Questions of which it has the nearest sentence.
    pub(crate) nearest: u64,
    /// Questions that no reply answers.
    pub(crate) unknown: u64,
    /// Conversations whose first question it answered.
    pub(crate) conversations: u64,
    /// Questions by the hour of the day.
    pub(crate) hours: [u64; 24],
}

impl Tally {
    /// Counts a question, but for its hour.
    pub(super) fn count(&mut self, found_by: FoundBy, is_first: bool) {
        let kind = match found_by {
            FoundBy::Correction => &mut self.corrected,
            FoundBy::Nearest => &mut self.nearest,
            FoundBy::Nothing => &mut self.unknown,
            // There is no other kind.
            _ => &mut self.answered,
        };
        *kind += 1;
        self.conversations += u64::from(is_first);
    }

    pub(crate) fn questions(&self) -> u64 {
        let kinds = [self.answered, self.corrected, self.nearest, self.unknown];
        kinds.into_iter().fold(0, u64::saturating_add)
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        let sum = |one: &mut u64, other: u64| *one = one.saturating_add(other);
        sum(&mut self.answered, other.answered);
        sum(&mut self.corrected, other.corrected);
        sum(&mut self.nearest, other.nearest);
        sum(&mut self.unknown, other.unknown);
        sum(&mut self.conversations, other.conversations);
        self.hours.iter_mut().zip(other.hours).for_each(|(hour, other)| sum(hour, other));
    }
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) period: Period,
    pub(super) name: String,
    pub(super) tally: Tally,
}

/// A name as a line has it.
pub(super) fn cut(name: &str) -> &str {
    name.char_indices().nth(MAX_CHARS).map_or(name, |(end, _)| &name[..end])
}

impl Row {
    /// Reads a line. One that is not whole, as after a crash, is `None`: the hours of a whole one are all its questions.
    pub(super) fn parse(line: &str, month_first: Option<bool>) -> Option<Row> {
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        SEPARATORS.iter().find_map(|separator| Row::of_fields(&fields(line, *separator), month_first))
    }

    fn of_fields(fields: &[Cow<'_, str>], month_first: Option<bool>) -> Option<Row> {
        let [period, name, counts @ .., hours] = fields else { return None };
        let period = Period::parse(period, month_first)?;
        let counts: Vec<u64> = counts.iter().map(|count| count.parse().ok()).collect::<Option<_>>()?;
        let [answered, corrected, nearest, unknown, conversations] = counts[..] else { return None };
        let hours = parse_hours(hours)?;
        let tally = Tally { answered, corrected, nearest, unknown, conversations, hours };
        let in_hours = hours.iter().copied().fold(0, u64::saturating_add);
        let is_whole = in_hours == tally.questions() && in_hours > 0;
        is_whole.then(|| Row { period, name: unescaped(name), tally })
    }
}

/// The columns of a line. Spreadsheets put some of them into quotation marks, and double those inside.
fn fields(line: &str, separator: char) -> Vec<Cow<'_, str>> {
    let mut fields: Vec<Cow<'_, str>> = Vec::with_capacity(8);
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

/// Reads `9:10 14:5`, or what a spreadsheet makes of a single hour: a time of the day, such as `09:10:00` or `9:10 PM`.
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

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { period, name, tally } = self;
        let name = Escaped::for_log(cut(name)).to_string();
        // Spreadsheets have quotation marks around a field.
        match name.strip_prefix('"') {
            Some(rest) => write!(f, "{period}\t\\u{{22}}{rest}")?,
            None => write!(f, "{period}\t{name}")?,
        }
        let counts = [tally.answered, tally.corrected, tally.nearest, tally.unknown, tally.conversations];
        counts.iter().try_for_each(|count| write!(f, "\t{count}"))?;
        let hours: [(usize, u64); 24] = array::from_fn(|hour| (hour, tally.hours[hour]));
        let hours: Vec<String> = hours
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(hour, count)| format!("{hour}:{count}"))
            .collect();
        write!(f, "\t{}", hours.join(" "))
    }
}
