//! What is counted: the columns of the file, and the numbers in them.

use std::collections::HashMap;

use replyd::{
    Answer,
    FoundBy::{self, Correction, Nearest, Nothing},
};

/// Names of one day; further ones are counted under [`OTHERS`].
pub(super) const MAX_NAMES: usize = 1000;
/// Name under which further replies of a day are counted. No phrase can have it: `(` is not part of a word.
pub(super) const OTHERS: &str = "(others)";

/// A column of the file.
pub(crate) struct Column {
    /// Its name in the first line of the file, in JSON and on the owner's page.
    pub(crate) name: &'static str,
    pub(crate) kind: ColumnKind,
    /// What the report says of the questions that are counted in it, or how it calls one of the other things.
    pub(crate) label: &'static str,
    /// Whether an answer is counted in it, which may be the first one of its conversation.
    counts: fn(FoundBy, bool) -> bool,
}

/// What a column counts. Each question is counted in exactly one column of the first three kinds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Answered,
    Guessed,
    Unanswered,
    /// Something else than questions.
    Other,
}

/// The columns. A new one goes to the end: an older line has fewer, and is read as before.
pub(crate) const COLUMNS: [Column; 5] = [
    column("answered", ColumnKind::Answered, "answered by a phrase", |by, _| {
        !matches!(by, Correction | Nearest | Nothing)
    }),
    column("corrected", ColumnKind::Guessed, "answered once a typo was corrected: a guess", |by, _| {
        by == Correction
    }),
    column("nearest", ColumnKind::Guessed, "answered by the nearest sentence: a guess", |by, _| {
        by == Nearest
    }),
    column("unknown", ColumnKind::Unanswered, "not answered", |by, _| by == Nothing),
    column("conversations", ColumnKind::Other, "conversation", |_, is_first| is_first),
];

const fn column(
    name: &'static str,
    kind: ColumnKind,
    label: &'static str,
    counts: fn(FoundBy, bool) -> bool,
) -> Column {
    Column { name, kind, label, counts }
}

/// The numbers of a reply, or of several together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// In the order of [`COLUMNS`].
    pub(super) counts: [u64; COLUMNS.len()],
    /// Questions by the hour of the day.
    pub(crate) hours: [u64; 24],
}

impl Tally {
    /// The columns with their numbers.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&'static Column, u64)> {
        COLUMNS.iter().zip(self.counts)
    }

    /// The sum of the columns of some kinds.
    pub(crate) fn sum(&self, kinds: &[ColumnKind]) -> u64 {
        let counts = self.columns().filter(|(column, _)| kinds.contains(&column.kind));
        counts.fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    pub(crate) fn questions(&self) -> u64 {
        self.sum(&[ColumnKind::Answered, ColumnKind::Guessed, ColumnKind::Unanswered])
    }

    /// Questions that a reply answered.
    pub(crate) fn answers(&self) -> u64 {
        self.sum(&[ColumnKind::Answered, ColumnKind::Guessed])
    }

    pub(super) fn add(&mut self, other: &Tally) {
        let sum = |(number, other): (&mut u64, u64)| *number = number.saturating_add(other);
        self.counts.iter_mut().zip(other.counts).for_each(sum);
        self.hours.iter_mut().zip(other.hours).for_each(sum);
    }

    fn count(&mut self, found_by: FoundBy, is_first: bool) {
        for (column, count) in COLUMNS.iter().zip(&mut self.counts) {
            *count += u64::from((column.counts)(found_by, is_first));
        }
    }
}

/// What is counted in memory, by the names of the replies.
#[derive(Default)]
pub(crate) struct ReplyCounts(HashMap<Box<str>, Tally>);

impl ReplyCounts {
    /// Counts an answer, but not its hour. `is_first` says whether it is the first one of its
    /// conversation.
    pub(crate) fn count(&mut self, answer: &Answer<'_>, is_first: bool) {
        let name = answer.name();
        let tally = match self.0.get_mut(name) {
            Some(tally) => tally,
            None => self.0.entry(if self.0.len() < MAX_NAMES { name } else { OTHERS }.into()).or_default(),
        };
        tally.count(answer.found_by, is_first);
    }

    /// Adds what was counted in an hour.
    pub(crate) fn add(&mut self, other: ReplyCounts, hour: usize) {
        for (name, mut tally) in other.0 {
            tally.hours[hour] = tally.questions();
            let has_place = self.0.len() < MAX_NAMES || self.0.contains_key(&name);
            self.0.entry(if has_place { name } else { OTHERS.into() }).or_default().add(&tally);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.0.iter().map(|(name, tally)| (&**name, tally))
    }
}
