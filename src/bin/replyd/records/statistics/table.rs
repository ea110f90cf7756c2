//! All that a file of statistics says: its lines added up, and folded where there are too many.

use std::{collections::HashSet, fmt::Write};

use jiff::{ToSpan, civil::Date};

use super::row::{Period, Row};

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
pub(super) const HEADER: &str =
    "# day or month\treply\tanswered\tcorrected\tnearest\tunknown\tconversations\thour:questions\n";

/// The lines as this program writes them; to keep what they say would take much more memory.
#[derive(Debug, Default)]
pub(crate) struct Table {
    text: String,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    period: Period,
    start: u32,
    /// Where its name is; [`MERGED`] if it no longer counts.
    name: (u32, u32),
}

const MERGED: (u32, u32) = (0, 0);

impl Table {
    pub(super) fn add(&mut self, row: &Row) {
        let start = self.text.len();
        let _ = writeln!(self.text, "{row}");
        let mut tabs = self.text[start..].match_indices('\t').map(|(at, _)| start + at);
        let (from, to) = (tabs.next().unwrap_or(start), tabs.next().unwrap_or(start));
        // At most 16 MiB are read, and an escape is at most five times as long as its character.
        self.lines.push(Line { period: row.period, start: start as u32, name: (from as u32 + 1, to as u32) });
    }

    /// The names of a day.
    pub(super) fn names(&self, day: Date) -> HashSet<String> {
        let of_day = self.lines.iter().filter(|line| line.period == Period::of(day));
        of_day.map(|line| self.row(line).name).collect()
    }

    /// The name as it is written.
    fn name(&self, line: &Line) -> &str {
        if line.name == MERGED { OTHERS } else { &self.text[line.name.0 as usize..line.name.1 as usize] }
    }

    fn row(&self, line: &Line) -> Row {
        let text = self.text[line.start as usize..].lines().next().unwrap_or_default();
        Row::parse(text, None).expect("it was written from a row")
    }

    /// The text of the file, which is bounded: what is oldest is the least exact.
    pub(super) fn text(&mut self, today: Date) -> String {
        let before = |days: i32| today.checked_sub(days.days()).unwrap_or(Date::MIN);
        let by_month = FOLD_AFTER.map(|days| (before(days), Date::MIN));
        let by_day = MERGE_AFTER.map(|days| (before(FOLD_AFTER[4]), before(days)));
        let mut text = String::new();
        for (fold, merge) in by_month.into_iter().chain(by_day) {
            text = self.joined(fold, merge);
            if text.len() <= MAX_BYTES {
                break;
            }
        }
        text
    }

    /// The lines of the same period and reply become one. Days before `fold` make months, and replies before `merge` become one.
    fn joined(&mut self, fold: Date, merge: Date) -> String {
        for line in &mut self.lines {
            if line.period.end() < fold {
                line.period = line.period.month();
            }
            if line.period.end() < merge {
                line.name = MERGED;
            }
        }
        let mut lines = std::mem::take(&mut self.lines);
        let key = |line: &Line| (line.period, self.name(line));
        lines.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        let mut text = HEADER.to_owned();
        for same in lines.chunk_by(|one, other| key(one) == key(other)) {
            let mut sum = self.row(&same[0]);
            same[1..].iter().for_each(|line| sum.tally.add(&self.row(line).tally));
            sum.period = same[0].period;
            if self.name(&same[0]) == OTHERS {
                sum.name = OTHERS.to_owned();
            }
            let _ = writeln!(text, "{sum}");
        }
        self.lines = lines;
        text
    }
}
