//! What is counted in memory.

use std::collections::HashMap;

use replyd::Answer;

use super::{
    row::Tally,
    table::{MAX_NAMES, OTHERS},
};

/// The replies that were given, by their names.
#[derive(Default)]
pub(crate) struct Counted {
    replies: HashMap<Box<str>, Tally>,
}

impl Counted {
    /// Counts an answer. `is_first` says whether a conversation began with it.
    pub(crate) fn count(&mut self, answer: &Answer<'_>, is_first: bool) {
        let name = answer.name();
        match self.replies.get_mut(name) {
            Some(tally) => tally.count(answer.found_by, is_first),
            None => {
                let name = if self.replies.len() < MAX_NAMES { name } else { OTHERS };
                self.replies.entry(name.into()).or_default().count(answer.found_by, is_first);
            }
        }
    }
}

impl Counted {
    /// Adds what was counted in an hour.
    pub(crate) fn add(&mut self, other: Counted, hour: usize) {
        for (name, mut tally) in other.replies {
            tally.hours[hour] = tally.questions();
            let has_place = self.replies.len() < MAX_NAMES || self.replies.contains_key(&name);
            self.replies.entry(if has_place { name } else { OTHERS.into() }).or_default().add(&tally);
        }
    }

    pub(super) fn tallies(&self) -> impl Iterator<Item = (&str, Tally)> {
        self.replies.iter().map(|(name, tally)| (&**name, *tally))
    }
}
