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
const MONTH_LENGTH: usize = "2026-11".len();

/// The lines as this program writes them; as values they would take much more memory.
#[derive(Debug, Default)]
pub(super) struct Table(String);

impl Table {
    pub(super) fn add(&mut self, row: &Row) {
        let _ = writeln!(self.0, "{row}");
    }

    /// The names of a day.
    pub(super) fn names(&self, day: Date) -> HashSet<String> {
        let begin = format!("{day}\t");
        self.0.lines().filter(|line| line.starts_with(&begin)).map(|line| row(line).name).collect()
    }

    /// The text of the file, which is bounded: what is oldest is the least exact.
    pub(super) fn text(&self, today: Date) -> String {
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

    /// Joins lines of the same period and reply: months before `fold`, and all replies before `merge`.
    fn joined(&self, fold: &str, merge: &str) -> String {
        let key = |line| key(line, fold, merge);
        let mut lines: Vec<&str> = self.0.lines().collect();
        lines.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        let mut text = header();
        for same in lines.chunk_by(|one, other| key(one) == key(other)) {
            let (period, name) = key(same[0]);
            let mut sum = Row { period: period.to_owned(), ..row(same[0]) };
            if name == OTHERS {
                sum.name = OTHERS.to_owned();
            }
            same[1..].iter().for_each(|line| sum.tally.add(&row(line).tally));
            let _ = writeln!(text, "{sum}");
        }
        text
    }
}

/// The period and the name of a line in the joined text.
fn key<'a>(line: &'a str, fold: &str, merge: &str) -> (&'a str, &'a str) {
    let (mut period, rest) = line.split_once('\t').unwrap_or_default();
    if is_before(period, fold) {
        period = &period[..MONTH_LENGTH];
    }
    let name = rest.split('\t').next().unwrap_or_default();
    (period, if is_before(period, merge) { OTHERS } else { name })
}

fn row(line: &str) -> Row {
    Row::parse(line, None).expect("it was written from a row")
}
