//! The table of replies: which reply answers a message, and why. Pure computation, without input or output.
//!
//! A *phrase* is what a reply is found by. It is made of *runs*: words next to each other in the message.

mod explanation;
mod index;
mod lint;
mod phrase;
mod search;
#[cfg(test)]
mod tests;
mod words;

use std::{collections::HashMap, fmt, sync::Arc};

use tungstenite::Utf8Bytes;

use crate::{
    error::Error,
    ini::{self, Entry, Fault, Faults, Section},
};
pub use explanation::{Candidate, Explanation};
use index::{Duplicate, Index, PhraseId};
#[cfg(test)]
pub(crate) use lint::NEARBY_SETTINGS;
pub(crate) use lint::check_text;
use lint::{HeaderLines, Test};
use phrase::{Phrase, alternatives};
pub use search::SearchBuffer;
use search::{KEPT_BYTES, KEPT_SHARED_BYTES, LONG_MESSAGE_BYTES, Match, SharedBuffers};
use words::Words;

/// The sections of a file that make up a table.
pub(crate) const SECTIONS: [&str; 4] = ["replies", "smalltalk", "vars", "tests"];
/// The phrase of the fallback reply, which answers when no other does.
const UNKNOWN: &str = "unknown";

/// Limit on the alternatives of all phrases in a file, as on its entries: each takes about 600 bytes in memory.
const MAX_ALTERNATIVES: usize = 500_000;

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
/// assert_eq!(replies.answer("Your OPENING hours?").as_str(), "We are open from 9 to 5.");
/// assert_eq!(replies.answer("On Sunday, do you deliver?").as_str(), "Not on Sundays.");
/// assert_eq!(replies.answer("Hi, what are your opening hours?").as_str(), "We are open from 9 to 5.");
/// assert_eq!(replies.answer("this thing").as_str(), "Sorry, I am unable to understand you.");
/// # Ok::<(), replyd::Error>(())
/// ```
///
/// The work for a message is bounded, whatever the phrases are. A search looks up prefixes of words (`word*`), then the runs
/// that begin at each word, then the phrases of one run, and finally those of several (`one & other`). Each of these four
/// parts may take 100,000 steps, plus 8 for each word of the message. With replies that people write, all four together take
/// less than half of that. A message that exceeds the bound still always gets the same answer, though not always the best
/// one: each part skips what comes last. That affects the end of the message, a `word*` of thousands of letters, and the
/// last of thousands of phrases with the same runs.
#[derive(Clone)]
pub struct Replies {
    name: String,
    entries: Vec<Reply>,
    /// The entry and the alternative of each phrase in the index, by its id.
    phrases: Vec<(usize, String)>,
    index: Index,
    /// Buffers for long messages.
    shared_buffers: Arc<SharedBuffers>,
    /// The fallback reply.
    unknown: Reply,
    tests: Vec<Test>,
    warnings: Faults,
    header_lines: HeaderLines,
}

/// An entry of `[replies]` or `[smalltalk]`.
#[derive(Clone, Debug)]
struct Reply {
    phrase: String,
    text: Utf8Bytes,
    /// Line in the file, from 1; 0 if it is built in.
    line: usize,
}

impl Reply {
    /// Its line for people: a built-in reply has none.
    fn line_shown(&self) -> String {
        match self.line {
            0 => "built-in".to_owned(),
            line => format!("line {line}"),
        }
    }
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

    /// The reply to `message`, or [`unknown`](Replies::unknown) when no phrase is in it; never empty.
    pub fn answer(&self, message: &str) -> &Utf8Bytes {
        self.find(message).unwrap_or(self.unknown())
    }

    /// The fallback reply, for messages that no other reply answers.
    pub fn unknown(&self) -> &Utf8Bytes {
        &self.unknown.text
    }

    /// The reply to `message`, or `None` where only [`unknown`](Replies::unknown) would answer.
    ///
    /// Allocates buffers for each call; see [`find_with`](Replies::find_with) for many messages.
    pub fn find(&self, message: &str) -> Option<&Utf8Bytes> {
        self.find_with(message, &mut SearchBuffer::default())
    }

    /// Like [`find`](Replies::find), with a buffer that is reused from one message to the next, so that a lookup allocates
    /// nothing once the buffer has grown.
    ///
    /// A message of more than 256 bytes uses one of four buffers that belong to the table instead, and may wait for it:
    /// with many sessions, a buffer for long messages in each would take too much memory.
    pub fn find_with(&self, message: &str, search: &mut SearchBuffer) -> Option<&Utf8Bytes> {
        if message.len() > LONG_MESSAGE_BYTES {
            return self.find_long(message);
        }
        let best = self.best(message, search);
        search.shrink(KEPT_BYTES);
        best.map(|matched| &self.reply_of(matched.phrase).text)
    }

    // Not inlined, to keep the path of ordinary messages short.
    #[inline(never)]
    fn find_long(&self, message: &str) -> Option<&Utf8Bytes> {
        let mut search = self.shared_buffers.next();
        let best = self.best(message, &mut search);
        search.shrink(KEPT_SHARED_BYTES);
        best.map(|matched| &self.reply_of(matched.phrase).text)
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

    /// How the replies differ from `old`: the numbers of replies that were added, changed and removed.
    ///
    /// A reply is identified by the first alternative of its phrase; a change to the others, or to the text, is a change.
    pub fn changes_since(&self, old: &Replies) -> (usize, usize, usize) {
        fn by_name(replies: &Replies) -> HashMap<&str, (&str, &str)> {
            let name =
                |phrase: &'_ str| phrase.split(['|', '｜']).next().map_or(0, |first| first.trim_end().len());
            let all = replies.entries.iter().chain([&replies.unknown]);
            all.map(|reply| (&reply.phrase[..name(&reply.phrase)], (&*reply.phrase, reply.text.as_str())))
                .collect()
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
        self.shared_buffers = Arc::clone(&other.shared_buffers);
    }

    /// Reads a table as far as it is valid, and returns it with the faults.
    pub(crate) fn read(text: &str, name: &str) -> (Replies, Faults) {
        let (sections, mut faults) = ini::parse(text);
        let (replies, found) = Replies::from_file(&sections, name);
        faults.append(found);
        (replies, faults)
    }

    /// Builds the table from a file of replies, in which any other section is a fault.
    pub(crate) fn from_file(sections: &[Section], name: &str) -> (Replies, Faults) {
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

    /// Builds the table from those of `sections` that belong to it, and ignores the others.
    pub(crate) fn from_sections(sections: &[Section], name: &str) -> (Replies, Faults) {
        let section = |name: &str| sections.iter().find(|section| section.name == name);
        let entries = |name: &str| section(name).map_or(&[][..], |section| &section.entries);
        let built_in = built_in();
        // The built-in replies are never mixed into an owner's file; `unknown` aside, which there must be.
        let is_own = section("replies").is_some() || !entries("smalltalk").is_empty();

        let mut builder = Builder::new(name, &built_in, entries("vars"));
        builder.replies.header_lines = HeaderLines::of(sections);
        builder.add(if is_own { entries("replies") } else { &built_in }, true);
        builder.add(entries("smalltalk"), false);
        builder.finish(entries("vars"), entries("tests"))
    }

    fn best(&self, message: &str, search: &mut SearchBuffer) -> Option<Match> {
        let mut best = None;
        search.visit(&self.index, message, |matched| best = best.max(Some(matched)));
        best
    }

    fn reply_of(&self, phrase: PhraseId) -> &Reply {
        &self.entries[self.phrases[phrase].0]
    }
}

impl Default for Replies {
    /// The article's four replies.
    fn default() -> Replies {
        Replies::from_sections(&[], "built-in").0
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

/// A table that is being built.
struct Builder {
    replies: Replies,
    faults: Faults,
    vars: lint::Vars,
    unknown_line: Option<usize>,
    /// Phrases of several runs with the arguments of `add_phrase`. They are added last, because the index files each under
    /// its rarest run.
    multi_run: Vec<(usize, String, Phrase, bool, usize)>,
    /// Number of alternatives so far, which is also the position of the last one.
    order: usize,
}

impl Builder {
    fn new(name: &str, built_in: &[Entry], vars: &[Entry]) -> Builder {
        let fallback =
            built_in.iter().find(|entry| entry.name == UNKNOWN).expect("the built-in replies have 'unknown'");
        let unknown = Reply { phrase: UNKNOWN.to_owned(), text: fallback.value.as_str().into(), line: 0 };
        let mut faults = Faults::default();
        let vars = lint::Vars::new(vars, &mut faults);
        let replies = Replies {
            name: name.to_owned(),
            entries: Vec::new(),
            phrases: Vec::new(),
            index: Index::new(),
            shared_buffers: Arc::default(),
            unknown,
            tests: Vec::new(),
            warnings: Faults::default(),
            header_lines: HeaderLines::default(),
        };
        Builder { replies, faults, vars, unknown_line: None, multi_run: Vec::new(), order: 0 }
    }

    /// Adds the entries of `[replies]` or `[smalltalk]`.
    fn add(&mut self, entries: &[Entry], is_reply: bool) {
        for entry in entries {
            if entry.value.is_empty() {
                let sentence = format!("the reply to {:?} is empty; write it after the '='", entry.name);
                self.faults.push(Fault::new(entry.line, sentence));
                continue;
            }
            let text = self.vars.fill(entry, &mut self.replies.warnings);
            if text.trim().is_empty() {
                let sentence = format!("the reply to {:?} is empty once [vars] are filled in", entry.name);
                self.faults.push(Fault::new(entry.line, sentence));
                continue;
            }
            lint::check_entry(entry, &text, &self.vars, &mut self.replies.warnings);
            let reply = Reply { phrase: entry.name.clone(), text: text.into(), line: entry.line };
            if is_reply && Words::of(&entry.name).shown() == UNKNOWN {
                if let Some(first) = self.unknown_line.replace(entry.line) {
                    self.faults.push(duplicate(entry.line, UNKNOWN, first));
                }
                self.replies.unknown = reply;
            } else {
                self.replies.entries.push(reply);
                self.add_phrases(entry, is_reply);
            }
        }
    }

    /// Adds the alternatives of the last entry.
    fn add_phrases(&mut self, entry: &Entry, is_reply: bool) {
        let reply = self.replies.entries.len() - 1;
        for (alternative, phrase) in alternatives(&entry.name) {
            self.order += 1;
            if self.order > MAX_ALTERNATIVES {
                if self.order == MAX_ALTERNATIVES + 1 {
                    let sentence = format!(
                        "a file can have at most {MAX_ALTERNATIVES} phrases; the phrases from here on are ignored"
                    );
                    self.faults.push(Fault::new(entry.line, sentence));
                }
                return;
            }
            if Words::of(alternative).shown() == UNKNOWN {
                let sentence = "'unknown' is the fallback only as a whole phrase in [replies]; here it is an ordinary word";
                self.replies.warnings.push(Fault::new(entry.line, sentence));
            }
            match phrase {
                Ok(phrase @ Phrase::Runs(_)) if phrase.runs() > 1 => {
                    self.multi_run.push((reply, alternative.to_owned(), phrase, is_reply, self.order));
                }
                Ok(phrase) => self.add_phrase(reply, alternative.to_owned(), &phrase, is_reply, self.order),
                Err(sentence) => self.faults.push(Fault::new(entry.line, sentence)),
            }
        }
    }

    fn add_phrase(
        &mut self,
        reply: usize,
        alternative: String,
        phrase: &Phrase,
        is_reply: bool,
        order: usize,
    ) {
        let (_, duplicate_of) = self.replies.index.add(phrase, is_reply, order);
        let line = self.replies.entries[reply].line;
        match duplicate_of {
            Some(Duplicate::Same(first)) => {
                let first = self.replies.reply_of(first).line;
                self.faults.push(duplicate(line.max(first), &alternative, line.min(first)));
            }
            Some(Duplicate::Folded(first)) => {
                let first = self.replies.reply_of(first).line;
                let sentence =
                    format!("{alternative:?} differs from the phrase at line {first} only in its accents");
                self.replies.warnings.push(Fault::new(line, sentence));
            }
            None => {}
        }
        lint::check_prefixes(line, phrase, &mut self.replies.warnings);
        self.replies.phrases.push((reply, alternative));
    }

    /// Adds the phrases that had to wait, and returns the table with its faults.
    fn finish(mut self, vars: &[Entry], tests: &[Entry]) -> (Replies, Faults) {
        for (reply, alternative, phrase, is_reply, order) in std::mem::take(&mut self.multi_run) {
            self.add_phrase(reply, alternative, &phrase, is_reply, order);
        }
        vars.iter().for_each(|entry| lint::check_text(entry, &mut self.replies.warnings));
        self.replies.tests = tests.iter().map(|entry| Test::of(entry, &mut self.vars)).collect();
        self.vars.warn_of_unused(&mut self.replies.warnings);
        if self.unknown_line.is_none() && !self.replies.is_empty() {
            let line = self.replies.header_lines.replies;
            let missing = lint::missing_unknown(&self.replies, line);
            self.replies.warnings.push(missing);
        }
        (self.replies, self.faults)
    }
}

fn duplicate(line: usize, phrase: &str, first: usize) -> Fault {
    Fault::new(line, format!("the reply to {phrase:?} is already at line {first}; remove one of them"))
}
