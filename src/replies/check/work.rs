//! Limits the work of looking for mistakes in a table: a file of a megabyte can be written so that it would
//! take hours.

use crate::replies::{
    decision::Decision,
    lookup::search::{Match, SearchBuffer},
    similar::examples::ExampleId,
    table::ReplyTable,
};

/// Work for each byte of a table, many times what the sentences and phrases of people need, and for a small
/// table. In all, what `replyd check` does takes less than two seconds for a file of a mebibyte.
const WORK_PER_BYTE: usize = 64;
const LEAST_WORK: usize = 20_000_000;
/// Length of the longest message that is tried: clients send no longer ones.
const LONGEST_BYTES: usize = 64 * 1024;

/// Number of examples that are compared with a message at most.
const EXAMPLES: usize = 1000;
/// The work of reading a byte of a message.
const WORK_PER_LETTER: usize = 8;

/// Searches whose work is limited as a whole. It is counted and not timed, so that a file always has the same
/// result, and estimated from what a search leaves in its buffer, so that searches for visitors need not
/// count.
pub(crate) struct Work<'a> {
    pub(crate) table: &'a ReplyTable,
    pub(crate) search: SearchBuffer,
    left: usize,
    /// Whether something was left out.
    pub(crate) is_partial: bool,
}

impl Work<'_> {
    /// The work for a table.
    pub(crate) fn on(table: &ReplyTable) -> Work<'_> {
        let of_replies = table.entries.iter().map(|reply| reply.phrase.len() + reply.text.len());
        let of_tests = table.tests.iter().map(|test| test.sentence.len() + test.expected.len());
        let bytes: usize = of_replies.chain(of_tests).sum();
        let left = LEAST_WORK.max(WORK_PER_BYTE * bytes);
        Work { table, search: SearchBuffer::default(), left, is_partial: false }
    }

    /// What answers a message if an example did not exist, unless to find out would be too much.
    pub(crate) fn decide(&mut self, message: &str, without: Option<ExampleId>) -> Option<Decision> {
        self.affords(message).then(|| self.table.decide(message, &mut self.search, without))
    }

    /// The same for the best phrase.
    pub(crate) fn best(&mut self, message: &str, without: Option<ExampleId>) -> Option<Option<Match>> {
        self.affords(message).then(|| self.table.best(message, &mut self.search, without))
    }

    fn affords(&mut self, message: &str) -> bool {
        self.left = self.left.saturating_sub(self.last() + WORK_PER_LETTER * message.len());
        // Known only if the next search needs them.
        self.search.features.known.clear();
        let affords = message.len() <= LONGEST_BYTES && self.left > 0;
        self.is_partial |= !affords;
        affords
    }

    /// The work of the last search.
    fn last(&self) -> usize {
        let ReplyTable { index, examples, .. } = self.table;
        let SearchBuffer { finalists, features, .. } = &self.search;
        let compared = finalists
            .iter()
            .map(|finalist| examples.compared(self.table.number_of(finalist.phrase), features));
        let shared: usize = features.known.iter().map(|feature| examples.postings_of(*feature).len()).sum();
        self.search.work(index) + 2 * compared.sum::<usize>() + 4 * shared.min(EXAMPLES)
    }

    /// Why a message was not tried.
    pub(crate) fn why(&self) -> String {
        match self.left {
            0 => "trying all of this file would take too long; make its phrases and tests shorter, or fewer"
                .to_owned(),
            _ => format!("it is longer than {} KiB", LONGEST_BYTES / 1024),
        }
    }
}
