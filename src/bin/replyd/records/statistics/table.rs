//! All that a file of statistics says: its lines added up, and folded where there are too many.

use std::collections::HashSet;

use jiff::{ToSpan, civil::Date};

use super::{
    row::{DAY_LENGTH, Row, header, is_before},
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
pub(super) struct Table(Vec<Box<str>>);

impl Table {
    pub(super) fn add(&mut self, row: &Row) {
        self.0.push(row.to_string().into());
    }

    /// The names of a day.
    pub(super) fn names(&self, day: Date) -> HashSet<String> {
        let day = day.to_string();
        self.0.iter().filter(|line| key(line).0 == day).map(|line| row(line).name).collect()
    }

    /// The text of the file, which is bounded: what is oldest is the least exact.
    pub(super) fn text(&mut self, today: Date) -> String {
        let before = |days: i32| today.checked_sub(days.days()).unwrap_or(Date::MIN);
        let by_month = FOLD_AFTER.map(|days| (before(days), Date::MIN));
        let by_day = MERGE_AFTER.map(|days| (before(FOLD_AFTER[4]), before(days)));
        for (fold, merge) in by_month.into_iter().chain(by_day) {
            self.join(&fold.to_string(), &merge.to_string());
            if self.0.iter().map(|line| line.len() + 1).sum::<usize>() <= MAX_BYTES {
                break;
            }
        }
        self.0.iter().fold(header(), |text, line| text + line + "\n")
    }

    /// Lines of the same period and reply become one. Days before `fold` become months, and replies before `merge` one reply.
    fn join(&mut self, fold: &str, merge: &str) {
        for line in &mut self.0 {
            let (period, name) = key(line);
            let is_folded = period.len() == DAY_LENGTH && is_before(period, fold);
            let new_period = if is_folded { &period[..MONTH_LENGTH] } else { period };
            let new_name = if is_before(new_period, merge) { OTHERS } else { name };
            if (new_period, new_name) != (period, name) {
                let rest = &line[period.len() + name.len() + 1..];
                *line = format!("{new_period}\t{new_name}{rest}").into();
            }
        }
        self.0.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        // The first line of each group gets the sum; the others become empty.
        for same in self.0.chunk_by_mut(|one, other| key(one) == key(other)) {
            if let [first, others @ ..] = same
                && !others.is_empty()
            {
                let mut sum = row(first);
                others.iter().for_each(|line| sum.tally.add(&row(line).tally));
                *first = sum.to_string().into();
                others.fill(Box::default());
            }
        }
        self.0.retain(|line| !line.is_empty());
    }
}

/// The period and the name of a line.
fn key(line: &str) -> (&str, &str) {
    let mut columns = line.split('\t');
    (columns.next().unwrap_or_default(), columns.next().unwrap_or_default())
}

fn row(line: &str) -> Row {
    Row::parse(line, None).expect("it was written from a row")
}
