//! The table of replies: which reply answers a message, and why. Pure computation, without input or output.
//!
//! A *phrase* is what a reply is found by. It is made of *runs*: words next to each other in the message.
//! From the lowest floor up: `text` is what messages and phrases are made of, `similar` compares a message
//! with examples, `lookup` finds the phrases in it, `entry` is what one line of a file says, `table` is all
//! of it as data, `builder` with `from_file` and `from_pairs` makes it, `decision` chooses a reply, `answer`
//! and `explanation` present it, and `check` looks for mistakes of the owner.

mod answer;
mod builder;
mod check;
mod decision;
mod entry;
mod explanation;
mod from_file;
mod from_pairs;
mod lookup;
mod similar;
mod similar_phrase;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::HashMap, fmt, sync::Arc};

pub use answer::{Answer, FoundBy};
pub use check::robustness::Robustness;
pub use entry::offers::split_offers;
#[cfg(test)]
pub(crate) use entry::signs::NEARBY_SETTINGS;
pub(crate) use entry::values::check as check_text;
pub use explanation::{Candidate, Explanation};
pub(crate) use from_file::SECTIONS;
pub use lookup::search::SearchBuffer;
use table::{Options, Reply, ReplyTable};
use text::words::Words;

use crate::{
    error::Error,
    ini::{Faults, Section},
};

/// A table of replies, immutable once it is built.
///
/// ```
/// let replies = replyd::Replies::parse("
/// [replies]
/// opening hours | when & open = We are open from {from}.
/// deliver* & sunday = Not on Sundays.
/// [smalltalk]
/// hi | hello = Hello!
/// [vars]
/// from = 9 to 5
/// ", "faq.ini")?;
/// assert_eq!(replies.answer("Your OPENING hours?").text(), "We are open from 9 to 5.");
/// assert_eq!(replies.answer("On Sunday, do you deliver?").text(), "Not on Sundays.");
/// assert_eq!(replies.answer("Hi, what are your opening hours?").text(), "We are open from 9 to 5.");
/// assert_eq!(replies.answer("this thing").text(), "Sorry, I am unable to understand you.");
/// # Ok::<(), replyd::Error>(())
/// ```
///
/// [`answer`](Replies::answer) looks for a phrase, with typos corrected, first in `[replies]`; if there is
/// none, for the most similar example (a phrase, or a sentence of `[tests]`) of a reply there, and at last
/// for a phrase of `[smalltalk]`.
///
/// The work for a message is bounded, whatever the phrases are. A search looks up words, typos and prefixes
/// (`word*`), then the runs that begin at each word, then the phrases of one run, and finally those of
/// several (`one & other`). Each of these four parts may take 100,000 steps, plus 8 for each word of the
/// message. With replies that people write, all four together take less than half of that. A message that
/// exceeds the bound still always gets the same answer, though not always the best one: each part skips what
/// comes last. That affects the end of the message, a `word*` of thousands of letters, and the last of
/// thousands of phrases with the same runs. Of examples, 1,000 are visited, those that share the rarest words
/// first: in a file of thousands of replies, an example that shares none but frequent words may be missed. A
/// tie is decided by the first 100 examples of each of 16 replies.
#[derive(Clone)]
pub struct Replies {
    table: ReplyTable,
}

impl Replies {
    /// Reads a table from the sections `[replies]`, `[smalltalk]`, `[vars]` and `[tests]` of an INI text.
    /// Without any reply of its own, the table has the built-in ones. `name` is the file name that errors,
    /// warnings and explanations show before a line number.
    ///
    /// # Errors
    ///
    /// If the text has mistakes; the error reports all of them (up to 50), one a line, each with its line
    /// number.
    pub fn parse(text: &str, name: &str) -> Result<Replies, Error> {
        let (table, faults) = from_file::read(text.to_owned(), name, false);
        if faults.is_empty() { Ok(Replies { table }) } else { Err(Error::config(faults.lines(name))) }
    }

    /// Like [`parse`](Replies::parse), but for the whole text of a `replies_file`, which must have a section
    /// `[replies]`.
    ///
    /// # Errors
    ///
    /// The same as those of [`parse`](Replies::parse), and when there is no `[replies]`.
    pub fn parse_file(text: &str, name: &str) -> Result<Replies, Error> {
        let (replies, faults) = Replies::read_file(text.to_owned(), name);
        if faults.is_empty() { Ok(replies) } else { Err(Error::config(faults.lines(name))) }
    }

    /// Makes a table from phrases and texts, as `[replies]` of a file has them, but without a file: from a
    /// database, for example.
    ///
    /// A phrase has the grammar of a file (`|`, `&`, `word*`). Since it is not read from a line, it may also
    /// contain a `=` or begin with `#`, `;` or `[`: all punctuation only separates words. A text is sent
    /// exactly as it is, with its blanks and line breaks; `{name}` is not replaced, since there are no
    /// `[vars]`.
    ///
    /// The phrase `unknown` has the text for messages that nothing else answers. Without it, and even without
    /// any pair, such messages get the built-in text; there are no other built-in replies.
    ///
    /// ```
    /// let replies = replyd::Replies::from_pairs([
    ///     ("opening hours | when & open", "From 9 to 5."),
    ///     ("unknown", "Please call us."),
    /// ])?;
    /// assert_eq!(replies.answer("Your opening hours?").text(), "From 9 to 5.");
    /// assert_eq!(replies.answer("Do you sell cars?").text(), "Please call us.");
    /// # Ok::<(), replyd::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When a phrase is empty, has a line break, has blanks around it, is not valid in the grammar or is the
    /// same as an earlier one; when a text is empty or consists of blanks; or when there are more than
    /// 500,000 pairs or phrases. The error reports all such pairs (up to 50), one a line, each with its
    /// number, from 1.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Replies, Error> {
        Ok(Replies { table: from_pairs::from_pairs(pairs)? })
    }

    /// Whether words with one mistyped letter are recognised; yes by default.
    #[must_use]
    pub fn with_typos(mut self, typos: bool) -> Replies {
        self.table.options.typos = typos;
        self
    }

    /// Whether a message that no phrase is in is answered by the reply with the most similar example; yes by
    /// default.
    #[must_use]
    pub fn with_nearest(mut self, nearest: bool) -> Replies {
        self.table.options.nearest = nearest;
        self
    }

    /// The line before the sentences that are offered to a message without an answer, `Did you mean:` by
    /// default. If it is empty, none are offered.
    #[must_use]
    pub fn with_did_you_mean(mut self, line: impl Into<String>) -> Replies {
        self.table.options.did_you_mean = line.into();
        self
    }

    /// The same with what [`with_typos`](Replies::with_typos), [`with_nearest`](Replies::with_nearest) and
    /// [`with_did_you_mean`](Replies::with_did_you_mean) have set for `other`.
    #[must_use]
    pub fn with_options_of(mut self, other: &Replies) -> Replies {
        self.table.options.clone_from(&other.table.options);
        self
    }

    /// The answer to `message`.
    ///
    /// Allocates buffers for each call; see [`answer_with`](Replies::answer_with) for many messages.
    pub fn answer(&self, message: &str) -> Answer<'_> {
        self.answer_with(message, &mut SearchBuffer::default())
    }

    /// Like [`answer`](Replies::answer), with a buffer that is reused from one message to the next, so that a
    /// lookup allocates nothing once the buffer has grown, unless there is something to offer.
    ///
    /// A message of more than 256 bytes uses one of four buffers that belong to the table instead, and may
    /// wait for it: with many sessions, a buffer for long messages in each would take too much memory.
    pub fn answer_with(&self, message: &str, search: &mut SearchBuffer) -> Answer<'_> {
        Answer::find(&self.table, message, search)
    }

    /// Explains which reply answers `message` and why, and which phrases came next.
    pub fn explain(&self, message: &str) -> Explanation {
        Explanation::of(&self.table, message)
    }

    /// The phrase that is most similar to some words of `message`, for hints when no phrase is in it: often
    /// there is a typo, or an alternative is missing. `None` if no phrase is similar.
    ///
    /// Compares the message with every phrase, so it is too slow for answering. `steps` is reduced by the
    /// number of pairs of letters that were compared, some hundred million a second; once they are used up,
    /// nothing is found.
    pub fn similar_phrase(&self, message: &str, steps: &mut u64) -> Option<Candidate> {
        similar_phrase::similar_phrase(&self.table, message, steps)
    }

    /// The number of replies, without `unknown`.
    pub fn len(&self) -> usize {
        self.table.entries.len()
    }

    /// Whether there are no replies but `unknown`.
    pub fn is_empty(&self) -> bool {
        self.table.entries.is_empty()
    }

    /// The number of entries in `[tests]`.
    pub fn tests(&self) -> usize {
        self.table.tests.len()
    }

    /// Whether a message has a letter, a digit or an emoji. Without any it can only be answered as a whole,
    /// as `?` is.
    pub fn has_words(message: &str) -> bool {
        !Words::of(message).is_empty()
    }

    /// The sentences of `[tests]`, in their order.
    pub fn test_sentences(&self) -> impl Iterator<Item = &str> {
        self.table.tests.iter().map(|test| &*test.sentence)
    }

    /// The names of the replies, without `unknown`, in the order of the file: the first alternative of the
    /// phrase of each.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.entries.iter().map(Reply::name)
    }

    /// The line of the reply with this name, from 1, or the number of its pair; `None` if there is no such
    /// reply, or it is built in.
    pub fn line_of(&self, name: &str) -> Option<usize> {
        let reply = self.table.entries.iter().find(|reply| reply.name() == name)?;
        Some(reply.line).filter(|line| *line > 0)
    }

    /// How the replies differ from `old`: the numbers of replies that were added, changed and removed.
    ///
    /// A reply is identified by the first alternative of its phrase; a change to the others, or to the text,
    /// is a change.
    pub fn changes_since(&self, old: &Replies) -> (usize, usize, usize) {
        fn by_name(replies: &Replies) -> HashMap<&str, (&str, &str)> {
            replies
                .table
                .replies()
                .map(|reply| (reply.name(), (&*reply.phrase, reply.text.as_str())))
                .collect()
        }
        let (now, before) = (by_name(self), by_name(old));
        let added = now.keys().filter(|name| !before.contains_key(*name)).count();
        let changed =
            now.iter().filter(|(name, reply)| before.get(*name).is_some_and(|old| old != *reply)).count();
        let removed = before.keys().filter(|name| !now.contains_key(*name)).count();
        (added, changed, removed)
    }

    /// Warnings about what may not work as it seems to, such as a phrase that can never win: one line for
    /// each, with its line number, for the first 50, and a last one that counts the rest. If not everything
    /// could be checked in reasonable time, another one says so.
    ///
    /// A table [from pairs](Replies::from_pairs) has warnings about its phrases only, each with the number of
    /// its pair.
    ///
    /// Takes as long as finding a reply for each phrase and for each entry of `[tests]`, but less than a
    /// second for each megabyte.
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(&self.table)
    }

    /// The entries of `[tests]` that fail, because their message is not answered by the phrase that they
    /// name: one line for each, with its line number. Empty if all pass.
    ///
    /// A test that is left out counts as failing too: that happens only to tests longer than any message, and
    /// in a file whose tests would take more than a second for each megabyte.
    pub fn failures(&self) -> Vec<String> {
        check::tested::failures(&self.table)
    }

    /// The number of replies that no entry of `[tests]` names.
    pub fn untested(&self) -> usize {
        check::tested::untested(&self.table)
    }

    /// What else people write for a phrase, such as `what is new` for `what's new`, and does not get its
    /// reply: one line for each, with its line number. Such a phrase is not wrong, but another alternative
    /// would help.
    pub fn hints(&self) -> Vec<String> {
        check::hints::hints(&self.table)
    }

    /// The offers of replies, and of `greeting`, that only `unknown` or a guess would answer: one line for
    /// each, with its line number. Empty if all are answered.
    ///
    /// They are not a reason to refuse a file, as [`failures`](Replies::failures) are, but they disappoint
    /// those who choose them.
    pub fn failed_offers(&self, greeting: &str) -> Vec<String> {
        check::offers::failed(&self.table, greeting)
    }

    /// Tries the sentence of each entry of `[tests]` with one typo, a different one in each round, and
    /// without the sentence itself as an example. The typos are the same in each call. Sentences without a
    /// word of five letters are ignored, and messages beyond 20,000 are left out.
    pub fn robustness(&self, rounds: u32) -> Robustness {
        check::robustness::robustness(&self.table, rounds)
    }

    /// The entries of `[tests]` that pass only because their sentence is an example itself, each with file
    /// and line: they prove little about other sentences. Also the number of entries that were left out,
    /// since trying all would take too long.
    pub fn unproven_tests(&self) -> (Vec<String>, usize) {
        check::robustness::unproven_tests(&self.table)
    }

    /// The owner's telephone number: the `phone` of `[vars]`.
    pub(crate) fn phone(&self) -> Option<&str> {
        self.table.phone.as_deref()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.table.options
    }

    pub(crate) fn options_mut(&mut self) -> &mut Options {
        &mut self.table.options
    }

    /// Shares the buffers for long messages with `other`, a table that this one replaces. Otherwise every
    /// reload would allocate new ones, and the allocator rarely returns the old ones to the system.
    pub(crate) fn share_buffers_of(&mut self, other: &Replies) {
        self.table.shared = Arc::clone(&other.table.shared);
    }

    /// Reads the whole text of a file of replies as far as it is valid, and returns the table with the
    /// faults. The text may be large, and is dropped before the table is built.
    pub(crate) fn read_file(text: String, name: &str) -> (Replies, Faults) {
        let (table, faults) = from_file::read(text, name, true);
        (Replies { table }, faults)
    }

    /// Builds the table from the entries of those of `sections` that belong to it, which it removes, and
    /// ignores the others.
    pub(crate) fn from_sections(sections: &mut [Section], name: &str) -> (Replies, Faults) {
        let (table, faults) = from_file::from_sections(sections, name);
        (Replies { table }, faults)
    }
}

impl Default for Replies {
    /// The article's four replies.
    fn default() -> Replies {
        Replies::from_sections(&mut [], "built-in").0
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("len", &self.len()).finish_non_exhaustive()
    }
}
