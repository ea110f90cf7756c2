//! All that a file of statistics says: its lines added up, and folded where there are too many.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write,
};

use jiff::{ToSpan, civil::Date};

use super::row::{Period, Row, Tally};

/// Names of one day; what is more goes under [`OTHERS`].
pub(super) const MAX_NAMES: usize = 1000;
/// Name under which further replies of a day are counted. A phrase cannot be called so: `(` is not part of a word.
pub(super) const OTHERS: &str = "(others)";
/// Size of the file after it was folded. Until it is folded again it grows by less than as much again.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Days after which those of a month become one line for each reply. If that is still too much, after fewer.
const FOLD_AFTER: [i32; 5] = [731, 366, 183, 92, 31];
/// Days after which all replies are counted as one, if even that is too much.
const MERGE_AFTER: [i32; 3] = [31, 7, 0];
const HEADER: &str =
    "# day or month\treply\tanswered\tcorrected\tnearest\tunknown\tconversations\thour:questions\n";

/// The lines by their days and replies.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<(Period, String), Tally>);

impl Table {
    /// Reads the lines of a file. Others than such lines are ignored.
    pub(super) fn parse(text: &str) -> Table {
        let mut table = Table::default();
        text.lines().filter_map(Row::parse).for_each(|row| table.add(row));
        table
    }

    /// Whether a text is that of such a file, or empty.
    pub(super) fn is_one(text: &str) -> bool {
        let is_line = |line: &str| line == HEADER.trim_end() || Row::parse(line).is_some();
        text.trim().is_empty() || text.lines().any(is_line)
    }

    pub(super) fn add(&mut self, Row { period, name, tally }: Row) {
        self.0.entry((period, name)).or_default().add(&tally);
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (Period, &str, &Tally)> {
        self.0.iter().map(|((period, name), tally)| (*period, &**name, tally))
    }

    /// The names of a day.
    pub(super) fn names(&self, day: Date) -> HashSet<String> {
        let day = Period::of(day);
        self.rows().filter(|(period, ..)| *period == day).map(|(_, name, _)| name.to_owned()).collect()
    }

    /// The text of the file, which is bounded: what is oldest is the least exact.
    pub(super) fn text(mut self, today: Date) -> String {
        let mut text = String::new();
        let by_month = FOLD_AFTER.map(|days| (days, false));
        for (days, by_reply) in by_month.into_iter().chain(MERGE_AFTER.map(|days| (days, true))) {
            let start = today.checked_sub(days.days()).unwrap_or(Date::MIN);
            self = if by_reply { self.merged(start) } else { self.folded(start) };
            text = self.lines();
            if text.len() <= MAX_BYTES {
                break;
            }
        }
        text
    }

    /// The days before `start` make months.
    fn folded(self, start: Date) -> Table {
        let mut table = Table::default();
        for ((period, name), tally) in self.0 {
            let period = if period.end() < start { period.month() } else { period };
            table.add(Row { period, name, tally });
        }
        table
    }

    /// The replies before `start` become one.
    fn merged(self, start: Date) -> Table {
        let mut table = Table::default();
        for ((period, name), tally) in self.0 {
            let name = if period.end() < start { OTHERS.to_owned() } else { name };
            table.add(Row { period, name, tally });
        }
        table
    }

    fn lines(&self) -> String {
        let mut text = HEADER.to_owned();
        for ((period, name), tally) in &self.0 {
            let row = Row { period: *period, name: name.clone(), tally: *tally };
            let _ = writeln!(text, "{row}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 27);

    fn row(date: Date, name: &str, answered: u64) -> Row {
        let mut hours = [0; 24];
        hours[9] = answered;
        let tally = Tally { answered, conversations: 1, hours, ..Tally::default() };
        Row { period: Period::of(date), name: name.to_owned(), tally }
    }

    fn table(rows: impl IntoIterator<Item = Row>) -> Table {
        let mut table = Table::default();
        rows.into_iter().for_each(|row| table.add(row));
        table
    }

    fn total(text: &str) -> u64 {
        Table::parse(text).rows().map(|(_, _, tally)| tally.questions()).sum()
    }

    #[test]
    fn lines_of_a_day_add_up() {
        let text = "# a comment\n2026-11-27\ta\t1\t0\t0\t0\t1\t9:1\n2026-11-26\ta\t1\t0\t0\t0\t1\t9:1\nnonsense\n\
                    2026-11-27\ta\t0\t2\t0\t0\t0\t9:1 10:1\n2026-11-27\tb\t5\t0\t0";
        let expected =
            format!("{HEADER}2026-11-26\ta\t1\t0\t0\t0\t1\t9:1\n2026-11-27\ta\t1\t2\t0\t0\t1\t9:2 10:1\n");
        assert_eq!(Table::parse(text).text(TODAY), expected);
    }

    #[test]
    fn what_is_older_than_two_years_is_folded_by_month() {
        let days = [(2024, 11, 2), (2024, 11, 25), (2024, 11, 27), (2026, 1, 1), (2026, 1, 2)];
        let all = table(days.map(|(year, month, day)| row(Date::constant(year, month, day), "a", 2)));
        let text = all.text(TODAY);
        let periods: Vec<&str> = text.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(periods, ["2024-11", "2024-11-27", "2026-01-01", "2026-01-02"]);
        assert_eq!(total(&text), 10);
        // Once more, it is the same.
        assert_eq!(Table::parse(&text).text(TODAY), text);
    }

    #[track_caller]
    fn check_bound(days: i32, step: i32, names: u64, letters: &str, lines: [&str; 2]) {
        let days_back = (0..days).map(|day| TODAY.checked_sub((day * step).days()).unwrap());
        let rows =
            days_back.flat_map(|day| (0..names).map(move |name| row(day, &format!("{name} {letters}"), 1)));
        let text = table(rows).text(TODAY);
        assert!(text.len() <= MAX_BYTES, "{}", text.len());
        assert_eq!(total(&text), days.unsigned_abs() as u64 * names);
        for line in lines {
            assert!(text.contains(line), "{line}");
        }
    }

    #[test]
    fn it_is_never_too_large_and_nothing_is_lost() {
        check_bound(200, 2, 300, &"x".repeat(150), ["2026-11-27\t1 x", "2026-03\t1 x"]);
        check_bound(40, 1, 1000, &"🌹".repeat(150), ["2026-11-27\t1 🌹", "2026-11-02\t(others)"]);
    }
}
