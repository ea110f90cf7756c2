//! The table of replies: which reply answers a message, and why. Pure computation, without input or output.
//!
//! A *phrase* is what a reply is found by. It is made of *runs*: words next to each other in the message.

mod answer;
mod check;
mod explanation;
mod lint;
mod lookup;
mod similar;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::HashMap, fmt, sync::Arc};

use rustc_hash::FxHashSet;
use tungstenite::Utf8Bytes;

use crate::{
    error::Error,
    ini::{self, Entry, Fault, Faults, Section},
};
pub use answer::{Answer, FoundBy};
#[cfg(test)]
pub(crate) use check::phrases::NEARBY_SETTINGS;
pub use check::robustness::Robustness;
use check::{HeaderLines, tested::Test};
pub use explanation::{Candidate, Explanation};
pub(crate) use lint::values::check as check_text;
use lookup::index::{Index, PhraseId};
pub use lookup::search::SearchBuffer;
use similar::{examples::Examples, nearest::NearestBuffer};
pub use table::offers::split_offers;
use table::{builder::Builder, offers::Offer, places::Places, shared_buffers::SharedBuffers};
use text::{function_words::Languages, phrase::first_alternative, words::Words};

/// The sections of a file that make up a table.
pub(crate) const SECTIONS: [&str; 4] = ["replies", "smalltalk", "vars", "tests"];
/// The phrase of the fallback reply, which answers when no other does.
const UNKNOWN: &str = "unknown";

/// The article's replies.
const BUILT_IN: &str = "[replies]
help = Sure, I am here to help. Can you briefly describe the problem.
hi = Hi, how can I help you today?
hello = Hi, how can I help you today?
unknown = Sorry, I am unable to understand you.";

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
/// [`answer`](Replies::answer) looks for a phrase, with typos corrected, first in `[replies]`; if there is none, for the most similar
/// example (a phrase, or a sentence of `[tests]`) of a reply there, and at last for a phrase of `[smalltalk]`.
///
/// The work for a message is bounded, whatever the phrases are. A search looks up words, typos and prefixes (`word*`), then the runs
/// that begin at each word, then the phrases of one run, and finally those of several (`one & other`). Each of these four
/// parts may take 100,000 steps, plus 8 for each word of the message. With replies that people write, all four together take
/// less than half of that. A message that exceeds the bound still always gets the same answer, though not always the best
/// one: each part skips what comes last. That affects the end of the message, a `word*` of thousands of letters, and the
/// last of thousands of phrases with the same runs. Of examples, 1,000 are visited, those that share the rarest words first: in a
/// file of thousands of replies, an example that shares none but frequent words may be missed. A tie is decided by the first 100
/// examples of each of 16 replies.
#[derive(Clone)]
pub struct Replies {
    places: Places,
    entries: Vec<Reply>,
    /// Number of the entries that are from `[replies]`; the others are from `[smalltalk]`.
    in_replies: usize,
    /// The phrases in the index, by their ids.
    phrases: Vec<Alternative>,
    index: Index,
    examples: Examples,
    languages: Languages,
    options: Options,
    shared: Arc<Shared>,
    /// The fallback reply.
    unknown: Reply,
    tests: Vec<Test>,
    /// The sentences of `[tests]` that `unknown` is to answer, as [`Words::fingerprint`]s: a guess is not for them.
    settled: FxHashSet<u64>,
    /// Questions at the end of the replies, in their order.
    offers: Vec<Offer>,
    warnings: Faults,
    header_lines: HeaderLines,
    /// The `phone` of `[vars]`.
    phone: Option<String>,
}

/// What an owner can switch off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) typos: bool,
    pub(crate) nearest: bool,
    /// The line before offers; empty switches them off.
    pub(crate) did_you_mean: String,
}

impl Default for Options {
    fn default() -> Options {
        Options { typos: true, nearest: true, did_you_mean: "Did you mean:".to_owned() }
    }
}

/// Buffers that all sessions share.
#[derive(Default)]
struct Shared {
    long_messages: SharedBuffers<SearchBuffer>,
    nearest: SharedBuffers<NearestBuffer>,
}

/// An entry of `[replies]` or `[smalltalk]`.
#[derive(Clone, Debug)]
struct Reply {
    phrase: String,
    text: Utf8Bytes,
    /// Line in the file, or number of the pair, from 1; 0 if it is built in.
    line: usize,
}

impl Reply {
    /// The first alternative of its phrase.
    fn name(&self) -> &str {
        first_alternative(&self.phrase)
    }
}

/// An alternative of a reply: a part of its phrase.
#[derive(Clone, Copy, Debug)]
struct Alternative {
    reply: u32,
    start: u32,
    end: u32,
}

impl Replies {
    /// Reads a table from the sections `[replies]`, `[smalltalk]`, `[vars]` and `[tests]` of an INI text. Without any reply of its
    /// own, the table has the built-in ones. `name` is the file name that errors, warnings and
    /// explanations show before a line number.
    ///
    /// # Errors
    ///
    /// If the text has mistakes; the error reports all of them (up to 50), one a line, each with its line number.
    pub fn parse(text: &str, name: &str) -> Result<Replies, Error> {
        let (replies, faults) = Replies::read(text, name);
        if faults.is_empty() { Ok(replies) } else { Err(Error::config(faults.lines(name))) }
    }

    /// Like [`parse`](Replies::parse), but for the whole text of a `replies_file`, which must have a section `[replies]`.
    ///
    /// # Errors
    ///
    /// The same as those of [`parse`](Replies::parse), and when there is no `[replies]`.
    pub fn parse_file(text: &str, name: &str) -> Result<Replies, Error> {
        let (replies, faults) = Replies::read_file(text.to_owned(), name);
        if faults.is_empty() { Ok(replies) } else { Err(Error::config(faults.lines(name))) }
    }

    /// Whether words with one mistyped letter are recognised; yes by default.
    #[must_use]
    pub fn with_typos(mut self, typos: bool) -> Replies {
        self.options.typos = typos;
        self
    }

    /// Whether a message that no phrase is in is answered by the reply with the most similar example; yes by default.
    #[must_use]
    pub fn with_nearest(mut self, nearest: bool) -> Replies {
        self.options.nearest = nearest;
        self
    }

    /// The line before the sentences that are offered to a message without an answer, `Did you mean:` by default. If it is empty,
    /// none are offered.
    #[must_use]
    pub fn with_did_you_mean(mut self, line: impl Into<String>) -> Replies {
        self.options.did_you_mean = line.into();
        self
    }

    /// The owner's telephone number: the `phone` of `[vars]`.
    pub(crate) fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// The same with what [`with_typos`](Replies::with_typos), [`with_nearest`](Replies::with_nearest) and
    /// [`with_did_you_mean`](Replies::with_did_you_mean) have set for `other`.
    #[must_use]
    pub fn with_options_of(mut self, other: &Replies) -> Replies {
        self.options.clone_from(&other.options);
        self
    }

    /// Explains which reply answers `message` and why, and which phrases came next.
    pub fn explain(&self, message: &str) -> Explanation {
        Explanation::of(self, message)
    }

    /// The number of replies, without `unknown`.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no replies but `unknown`.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of entries in `[tests]`.
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// Whether a message has a letter, a digit or an emoji. Without any it can only be answered as a whole, as `?` is.
    pub fn has_words(message: &str) -> bool {
        !Words::of(message).is_empty()
    }

    /// The sentences of `[tests]`, in their order.
    pub fn test_sentences(&self) -> impl Iterator<Item = &str> {
        self.tests.iter().map(|test| &*test.sentence)
    }

    /// The names of the replies, without `unknown`, in the order of the file: the first alternative of the phrase of each.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(Reply::name)
    }

    /// The line of the reply with this name, from 1, or the number of its pair; `None` if there is no such reply, or it is built in.
    pub fn line_of(&self, name: &str) -> Option<usize> {
        let reply = self.entries.iter().find(|reply| reply.name() == name)?;
        Some(reply.line).filter(|line| *line > 0)
    }

    /// How the replies differ from `old`: the numbers of replies that were added, changed and removed.
    ///
    /// A reply is identified by the first alternative of its phrase; a change to the others, or to the text, is a change.
    pub fn changes_since(&self, old: &Replies) -> (usize, usize, usize) {
        fn by_name(replies: &Replies) -> HashMap<&str, (&str, &str)> {
            let all = replies.entries.iter().chain([&replies.unknown]);
            all.map(|reply| (reply.name(), (&*reply.phrase, reply.text.as_str()))).collect()
        }
        let (now, before) = (by_name(self), by_name(old));
        let added = now.keys().filter(|name| !before.contains_key(*name)).count();
        let changed =
            now.iter().filter(|(name, reply)| before.get(*name).is_some_and(|old| old != *reply)).count();
        let removed = before.keys().filter(|name| !now.contains_key(*name)).count();
        (added, changed, removed)
    }

    /// Shares the buffers for long messages with `other`, a table that this one replaces. Otherwise every reload would
    /// allocate new ones, and the allocator rarely returns the old ones to the system.
    pub(crate) fn share_buffers_of(&mut self, other: &Replies) {
        self.shared = Arc::clone(&other.shared);
    }

    /// Reads a table as far as it is valid, and returns it with the faults.
    pub(crate) fn read(text: &str, name: &str) -> (Replies, Faults) {
        let (mut sections, mut faults) = ini::parse(text);
        let (replies, found) = Replies::from_file(&mut sections, name);
        faults.append(found);
        (replies, faults)
    }

    /// Reads the whole text of a file of replies as far as it is valid, and returns the table with the faults. The text may be large,
    /// and is dropped before the table is built.
    pub(crate) fn read_file(text: String, name: &str) -> (Replies, Faults) {
        let is_empty = text.trim().is_empty();
        let (mut sections, mut faults) = ini::parse(&text);
        drop(text);
        let (replies, found) = Replies::from_file(&mut sections, name);
        faults.append(found);
        if !sections.iter().any(|section| section.name == "replies") {
            let what =
                if is_empty { "this file is empty" } else { "there is no [replies] in this file of replies" };
            faults.push(Fault::new(1, what));
        }
        (replies, faults)
    }

    /// Builds the table from a file of replies, in which any other section is a fault.
    fn from_file(sections: &mut [Section], name: &str) -> (Replies, Faults) {
        let (replies, mut faults) = Replies::from_sections(sections, name);
        for section in sections.iter().filter(|section| !SECTIONS.contains(&&*section.name)) {
            let hint = match ini::nearest_section(&section.name, SECTIONS.into_iter()) {
                Some(near) => format!("did you mean [{near}]?"),
                None => format!("its sections are {}", SECTIONS.join(", ")),
            };
            let sentence = format!("[{}] is not a section of a file of replies; {hint}", section.name);
            faults.push(Fault::new(section.line, sentence));
        }
        (replies, faults)
    }

    /// Builds the table from the entries of those of `sections` that belong to it, which it takes out, and ignores the others.
    pub(crate) fn from_sections(sections: &mut [Section], name: &str) -> (Replies, Faults) {
        let header_lines = HeaderLines::of(sections);
        let mut entries = |name: &str| {
            let section = sections.iter_mut().find(|section| section.name == name)?;
            Some(std::mem::take(&mut section.entries))
        };
        let [replies, smalltalk, vars, tests] = SECTIONS.map(&mut entries);
        let [smalltalk, vars, tests] = [smalltalk, vars, tests].map(Option::unwrap_or_default);
        let built_in = built_in();

        let mut builder = Builder::new(Places::File(name.to_owned()), &built_in, header_lines, &vars);
        // The built-in replies are never mixed into an owner's file; `unknown` aside, which there must be.
        builder.add(replies.unwrap_or(if smalltalk.is_empty() { built_in } else { Vec::new() }), true);
        builder.add(smalltalk, false);
        builder.finish(&vars, tests)
    }

    fn reply_of(&self, phrase: PhraseId) -> &Reply {
        &self.entries[self.number_of(phrase)]
    }

    /// The number of a phrase's reply.
    fn number_of(&self, phrase: PhraseId) -> usize {
        self.phrases[phrase].reply as usize
    }

    /// A phrase as the file has it.
    fn alternative(&self, phrase: PhraseId) -> &str {
        let Alternative { start, end, .. } = self.phrases[phrase];
        &self.reply_of(phrase).phrase[start as usize..end as usize]
    }

    /// All phrases with the numbers of their replies.
    fn alternatives(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..self.phrases.len()).map(|phrase| (self.number_of(phrase), self.alternative(phrase)))
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

/// The built-in replies, which have no line.
fn built_in() -> Vec<Entry> {
    let entries = ini::parse(BUILT_IN).0.into_iter().flat_map(|section| section.entries);
    entries.map(|entry| entry.without_line()).collect()
}
