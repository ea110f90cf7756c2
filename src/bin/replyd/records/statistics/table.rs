//! All that a file of statistics says: its lines added up, and folded where there are too many.

use std::{collections::HashSet, fmt::Write};

use jiff::{ToSpan, civil::Date};

use super::{
    row::{Row, header, is_before},
    tally::OTHERS,
};

/// Size of the file after it was folded. Until it is folded again it grows by less than that.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Days after which those of a month become one line for each reply. If that is still too much, after fewer.
const FOLD_AFTER: [i32; 5] = [731, 366, 183, 92, 31];
/// Days after which all replies are counted as one, if even that is too much.
const MERGE_AFTER: [i32; 3] = [31, 7, 0];
const MONTH_LENGTH: u32 = 7;

/// The lines as this program writes them; as values they would take much more memory.
#[derive(Debug, Default)]
pub(super) struct Table {
    text: String,
    lines: Vec<TableLine>,
}

/// Where the parts of a line are in the text.
#[derive(Clone, Copy, Debug)]
struct TableLine {
    start: u32,
    /// The end of its day or month.
    period_end: u32,
    name: (u32, u32),
    /// Its name no longer counts.
    is_merged: bool,
}

impl Table {
    pub(super) fn add(&mut self, row: &Row) {
        let start = self.text.len();
        let _ = writeln!(self.text, "{row}");
        let period_end = start + row.period.len();
        let name_length = self.text[period_end + 1..].find('\t').unwrap_or(0);
        // At most 16 MiB are read, and an escape is at most five times as long as its character.
        let [start, period_end, name_length] = [start, period_end, name_length].map(|at| at as u32);
        let name = (period_end + 1, period_end + 1 + name_length);
        self.lines.push(TableLine { start, period_end, name, is_merged: false });
    }

    /// The names of a day.
    pub(super) fn names(&self, day: Date) -> HashSet<String> {
        let day = day.to_string();
        let of_day = self.lines.iter().filter(|line| self.period(line) == day);
        of_day.map(|line| self.row(line).name).collect()
    }

    /// The text of the file, which is bounded: what is oldest is the least exact.
    pub(super) fn text(&mut self, today: Date) -> String {
        let before = |days: i32| today.checked_sub(days.days()).unwrap_or(Date::MIN);
        let by_month = FOLD_AFTER.map(|days| (before(days), Date::MIN));
        let by_day = MERGE_AFTER.map(|days| (before(FOLD_AFTER[4]), before(days)));
        let mut text = String::new();
        for (fold, merge) in by_month.into_iter().chain(by_day) {
            text = self.joined(&fold.to_string(), &merge.to_string());
            if text.len() <= MAX_BYTES {
                break;
            }
        }
        text
    }

    /// Lines of the same period and reply become one. Days before `fold` become months, and replies before `merge` one reply.
    fn joined(&mut self, fold: &str, merge: &str) -> String {
        let mut lines = std::mem::take(&mut self.lines);
        for line in &mut lines {
            if is_before(self.period(line), fold) {
                line.period_end = line.start + MONTH_LENGTH;
            }
            line.is_merged |= is_before(self.period(line), merge);
        }
        let key = |line: &TableLine| (self.period(line), self.name(line));
        lines.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        let mut text = header();
        for same in lines.chunk_by(|one, other| key(one) == key(other)) {
            let mut sum = self.row(&same[0]);
            same[1..].iter().for_each(|line| sum.tally.add(&self.row(line).tally));
            let _ = writeln!(text, "{sum}");
        }
        self.lines = lines;
        text
    }

    fn period(&self, line: &TableLine) -> &str {
        &self.text[line.start as usize..line.period_end as usize]
    }

    /// The name as it is written.
    fn name(&self, line: &TableLine) -> &str {
        if line.is_merged { OTHERS } else { &self.text[line.name.0 as usize..line.name.1 as usize] }
    }

    fn row(&self, line: &TableLine) -> Row {
        let text = self.text[line.start as usize..].lines().next().unwrap_or_default();
        let mut row = Row::parse(text, None).expect("it was written from a row");
        row.period.truncate((line.period_end - line.start) as usize);
        if line.is_merged {
            row.name = OTHERS.to_owned();
        }
        row
    }
}
