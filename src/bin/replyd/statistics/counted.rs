//! What is counted in one minute, in memory.

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

impl IntoIterator for Counted {
    type Item = (Box<str>, Tally);
    type IntoIter = std::collections::hash_map::IntoIter<Box<str>, Tally>;

    fn into_iter(self) -> Self::IntoIter {
        self.replies.into_iter()
    }
}
