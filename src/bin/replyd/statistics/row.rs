//! A line of the file of statistics: how often a reply was given on a day, or in a month.
//!
//! ```text
//! 2026-11-27<TAB>opening hours<TAB>12<TAB>2<TAB>1<TAB>0<TAB>5<TAB>9:10 14:5
//! ```
//!
//! The columns are the day or month, the name of the reply, the questions that a phrase answered, those that it answered once a typo was
//! corrected, those that the nearest sentence answered, those that nothing answered, the conversations that began with this
//! reply, and the questions of each hour. Lines of the same day and reply add up, so the files of several servers do, too.

use std::{array, fmt, str::FromStr};

use jiff::civil::Date;
use replyd::FoundBy;

use crate::escape::{Escaped, unescaped};

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

    /// Its last day.
    pub(super) fn end(self) -> Date {
        let first = Date::constant(self.year, self.month, self.day.max(1));
        if self.is_month() { first.last_of_month() } else { first }
    }
}

impl FromStr for Period {
    type Err = ();

    fn from_str(text: &str) -> Result<Period, ()> {
        let is_month = text.len() == "2026-11".len();
        let day = if is_month { format!("{text}-01") } else { text.to_owned() };
        let has_form = day.len() == "2026-11-27".len();
        let date: Date = day.parse().ok().filter(|_| has_form).ok_or(())?;
        Ok(if is_month { Period::of(date).month() } else { Period::of(date) })
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
    pub(super) fn parse(line: &str) -> Option<Row> {
        let mut fields = line.split('\t');
        let period = fields.next()?.parse().ok()?;
        let name = unescaped(fields.next()?);
        let mut count = || fields.next()?.parse::<u64>().ok();
        let mut tally = Tally {
            answered: count()?,
            corrected: count()?,
            nearest: count()?,
            unknown: count()?,
            conversations: count()?,
            hours: [0; 24],
        };
        for part in fields.next()?.split(' ') {
            let (hour, count) = part.split_once(':')?;
            let hour: usize = hour.parse().ok()?;
            *tally.hours.get_mut(hour)? = count.parse().ok()?;
        }
        let in_hours = tally.hours.iter().copied().fold(0, u64::saturating_add);
        let is_whole = fields.next().is_none() && in_hours == tally.questions() && in_hours > 0;
        is_whole.then_some(Row { period, name, tally })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { period, name, tally } = self;
        write!(f, "{period}\t{}", Escaped::for_log(cut(name)))?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_that_are_none() {
        for line in [
            "",
            "# day",
            "2026-11-27",
            "2026-11-27\ta\t1\t0\t0\t0\t1",
            "2026-11-27\ta\t1\t0\t0\t0\t1\t",
            "2026-11-27\ta\t1\t0\t0\t0\t1\t9:",
            "2026-11-27\ta\t11\t0\t0\t0\t1\t9:1",
            "2026-11-27\ta\t1\t0\t0\t0\t1\t24:1",
            "2026-11-27\ta\t1\t0\t0\t0\t1\t9:1\tx",
            "2026-11-27\ta\t0\t0\t0\t0\t1\t9:0",
            "2026-13-27\ta\t1\t0\t0\t0\t1\t9:1",
            "2026-11-27T00\ta\t1\t0\t0\t0\t1\t9:1",
            "2026-11-27\ta\t-1\t0\t0\t0\t1\t9:1",
            "20261127\ta\t1\t0\t0\t0\t1\t9:1",
        ] {
            assert_eq!(Row::parse(line), None, "{line:?}");
        }
    }

    fn row() -> impl Strategy<Value = Row> {
        let counts = (0..1000u64, 0..1000u64, 0..1000u64, 0..1000u64, 0..1000u64);
        (any::<String>(), counts, 0..24usize, 0..24usize, 1..=12i8, 0..=28i8).prop_map(
            |(name, (answered, corrected, nearest, unknown, conversations), one, other, month, day)| {
                let mut tally = Tally {
                    answered: answered + 1,
                    corrected,
                    nearest,
                    unknown,
                    conversations,
                    hours: [0; 24],
                };
                tally.hours[one] += answered + 1;
                tally.hours[other] += corrected + nearest + unknown;
                Row { period: Period { year: 2026, month, day }, name: cut(&name).to_owned(), tally }
            },
        )
    }

    proptest! {
        #[test]
        fn nothing_is_lost(row in row()) {
            let line = row.to_string();
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(Row::parse(&line), Some(row));
        }

        /// A line whose end is missing is not read as another one.
        #[test]
        fn a_torn_line_is_none(row in row(), length in 0..60usize) {
            let line = row.to_string();
            let end = line.char_indices().nth(length).map_or(line.len(), |(end, _)| end);
            if end < line.len() {
                prop_assert_eq!(Row::parse(&line[..end]), None);
            }
        }

        #[test]
        fn nothing_panics(line in "(2026-11-27)?(\t|[0-9]|:| |\\PC)*") {
            Row::parse(&line);
        }
    }
}
