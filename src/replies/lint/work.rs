//! The work that looking for mistakes in a table may take: a file of a megabyte can be written so that it would take hours.

use crate::replies::{Replies, search::SearchBuffer};

/// Work for each byte of a table, many times what the sentences and phrases of people need, and for a small table.
/// In all, what `replyd check` does takes less than two seconds for a file of a mebibyte.
const WORK_PER_BYTE: usize = 64;
const LEAST_WORK: usize = 20_000_000;
/// Length of the longest message that is tried: clients send no longer ones.
const LONGEST_BYTES: usize = 64 * 1024;

/// Searches whose work is limited as a whole. They are counted and not timed, so that a file always has the same result.
pub(in crate::replies) struct Work {
    search: SearchBuffer,
    most: usize,
    /// Whether something was left out.
    pub(in crate::replies) is_partial: bool,
}

impl Work {
    /// The work for a table.
    pub(in crate::replies) fn on(replies: &Replies) -> Work {
        let of_replies = replies.entries.iter().map(|reply| reply.phrase.len() + reply.text.len());
        let of_tests = replies.tests.iter().map(|test| test.sentence.len() + test.expected.len());
        let bytes: usize = of_replies.chain(of_tests).sum();
        let most = LEAST_WORK.max(WORK_PER_BYTE * bytes);
        Work { search: SearchBuffer::default(), most, is_partial: false }
    }

    /// The buffer to search a message with, unless that would be too much.
    pub(in crate::replies) fn search(&mut self, message: &str) -> Option<&mut SearchBuffer> {
        let affords = message.len() <= LONGEST_BYTES && self.search.work < self.most;
        self.is_partial |= !affords;
        affords.then_some(&mut self.search)
    }

    /// Why a message was not tried.
    pub(in crate::replies) fn why(&self) -> String {
        match self.search.work < self.most {
            true => format!("it is longer than {} KiB", LONGEST_BYTES / 1024),
            false => {
                "trying all of this file would take too long; make its phrases and tests shorter, or fewer"
                    .to_owned()
            }
        }
    }
}
