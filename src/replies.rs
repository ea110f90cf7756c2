//! The table of replies: which one answers a message, and why. Thinks only; nothing here reads or writes.

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
use lint::Test;
use phrase::{Phrase, alternatives};
pub use search::SearchBuffer;
use search::{KEPT_BYTES, KEPT_SHARED_BYTES, LONG_MESSAGE_BYTES, Match, SharedBuffers};
use words::Words;

/// The sections that make up a table.
pub(crate) const SECTIONS: [&str; 4] = ["replies", "smalltalk", "vars", "tests"];
/// The phrase of the reply that answers when no other does.
const UNKNOWN: &str = "unknown";

/// As many as a file may have entries: what is built of one takes some 600 bytes.
const MAX_ALTERNATIVES: usize = 500_000;

/// The article's replies.
const BUILT_IN: &str = "[replies]
help = Sure, I am here to help. Can you briefly describe the problem.
hi = Hi, how can I help you today?
hello = Hi, how can I help you today?
unknown = Sorry, I am unable to understand you.";

/// A table of replies, made once and only read from then on.
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
/// The work for a message is bounded, whatever the phrases are. A search looks up the beginnings of words (`word*`), then the
/// runs that begin at each word, then the phrases of one run and those of several (`one & other`). Each of these four parts
/// may take 100,000 steps, and 8 more for each word of the message; among replies as people write them all of them together do
/// not take half as many. Past the bound a message always has the same answer, though not always the best one: in each part
/// what comes last is left out, which is what stands near the end of the message, a `word*` with thousands of letters, and
/// phrases that stand late among thousands with the same runs.
#[derive(Clone)]
pub struct Replies {
    name: String,
    entries: Vec<Reply>,
    /// Which entry the phrases of the index belong to, and which alternative each is.
    phrases: Vec<(usize, String)>,
    index: Index,
    long: Arc<SharedBuffers>,
    unknown: Reply,
    tests: Vec<Test>,
    warnings: Faults,
}

/// An entry of `[replies]` or `[smalltalk]`.
#[derive(Clone, Debug)]
struct Reply {
    phrase: String,
    text: Utf8Bytes,
    line: usize,
}

impl Replies {
    /// Reads a table from the sections `[replies]`, `[smalltalk]`, `[vars]` and `[tests]` of an INI text; `name` stands
    /// before the faults. Without `[replies]` it has the built-in ones.
    ///
    /// # Errors
    ///
    /// All faults at once, a line for each.
    pub fn parse(text: &str, name: &str) -> Result<Replies, Error> {
        let (replies, faults) = Replies::read(text, name);
        if faults.is_empty() { Ok(replies) } else { Err(Error::config(faults.lines(name))) }
    }

    /// The reply to `message`; never empty.
    pub fn answer(&self, message: &str) -> &Utf8Bytes {
        self.find(message).unwrap_or(self.unknown())
    }

    /// The reply to what no other reply answers.
    pub fn unknown(&self) -> &Utf8Bytes {
        &self.unknown.text
    }

    /// The reply to `message`, or `None` where only `unknown` would answer.
    pub fn find(&self, message: &str) -> Option<&Utf8Bytes> {
        self.find_with(message, &mut SearchBuffer::default())
    }

    /// As [`find`](Replies::find), in a buffer that is kept from one message to the next: then nothing is allocated for it.
    ///
    /// A message of more than 256 bytes is looked at in one of a few buffers that belong to the table, and may wait for it: however
    /// many sessions there are, long messages do not add up in memory.
    pub fn find_with(&self, message: &str, search: &mut SearchBuffer) -> Option<&Utf8Bytes> {
        if message.len() > LONG_MESSAGE_BYTES {
            return self.find_long(message);
        }
        let best = self.best(message, search);
        search.shrink(KEPT_BYTES);
        best.map(|matched| &self.reply_of(matched.phrase).text)
    }

    // Not inlined, it leaves the way of ordinary messages short.
    #[inline(never)]
    fn find_long(&self, message: &str) -> Option<&Utf8Bytes> {
        let mut search = self.long.next();
        let best = self.best(message, &mut search);
        search.shrink(KEPT_SHARED_BYTES);
        best.map(|matched| &self.reply_of(matched.phrase).text)
    }

    /// Which reply answers `message` and why, and which others came near.
    pub fn explain(&self, message: &str) -> Explanation {
        Explanation::of(self, message)
    }

    /// How many replies there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no reply but `unknown`.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many lines `[tests]` has.
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// What became of the replies since `old`: how many are new, changed and gone.
    pub fn changes_since(&self, old: &Replies) -> (usize, usize, usize) {
        // A reply is the same as long as its first alternative is.
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

    /// Uses the buffers of `other` for long messages: a table that replaces another needs none of its own, which the allocator
    /// would keep beside those.
    pub(crate) fn share_buffers_of(&mut self, other: &Replies) {
        self.long = Arc::clone(&other.long);
    }

    /// Reads a table and says what is wrong with it.
    pub(crate) fn read(text: &str, name: &str) -> (Replies, Faults) {
        let (sections, mut faults) = ini::parse(text);
        let (replies, found) = Replies::from_file(&sections, name);
        faults.append(found);
        (replies, faults)
    }

    /// Builds the table from a file that has nothing else.
    pub(crate) fn from_file(sections: &[Section], name: &str) -> (Replies, Faults) {
        let (replies, mut faults) = Replies::from_sections(sections, name);
        for section in sections.iter().filter(|section| !SECTIONS.contains(&&*section.name)) {
            let sentence = format!(
                "a file of replies has no section [{}]; there are {}",
                section.name,
                SECTIONS.join(", ")
            );
            faults.push(Fault::new(section.line, sentence));
        }
        (replies, faults)
    }

    /// Builds the table from those of `sections` that belong to it.
    pub(crate) fn from_sections(sections: &[Section], name: &str) -> (Replies, Faults) {
        let built_in = ini::parse(BUILT_IN).0;
        let section = |name: &str| sections.iter().find(|section| section.name == name);
        let entries = |name: &str| section(name).map_or(&[][..], |section| &section.entries);
        let replies = section("replies").unwrap_or(&built_in[0]);

        let mut builder = Builder::new(name, &built_in[0], entries("vars"));
        builder.add(&replies.entries, true);
        builder.add(entries("smalltalk"), false);
        builder.finish(entries("tests"))
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
        Replies::read(BUILT_IN, "built-in").0
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Puts a table together.
struct Builder {
    replies: Replies,
    faults: Faults,
    vars: lint::Vars,
    unknown_line: Option<usize>,
    /// Phrases of several runs, which go into the index when the others are in.
    later: Vec<(usize, String, Phrase, bool, usize)>,
    order: usize,
}

impl Builder {
    fn new(name: &str, built_in: &Section, vars: &[Entry]) -> Builder {
        let sorry = built_in
            .entries
            .iter()
            .find(|entry| entry.name == UNKNOWN)
            .expect("the built-in replies have it");
        let unknown = Reply { phrase: UNKNOWN.to_owned(), text: sorry.value.as_str().into(), line: 0 };
        let mut faults = Faults::default();
        let vars = lint::Vars::new(vars, &mut faults);
        let replies = Replies {
            name: name.to_owned(),
            entries: Vec::new(),
            phrases: Vec::new(),
            index: Index::new(),
            long: Arc::default(),
            unknown,
            tests: Vec::new(),
            warnings: Faults::default(),
        };
        Builder { replies, faults, vars, unknown_line: None, later: Vec::new(), order: 0 }
    }

    fn add(&mut self, entries: &[Entry], is_reply: bool) {
        for entry in entries {
            if entry.value.is_empty() {
                let sentence = format!("the reply to {:?} is empty; write it after the '='", entry.name);
                self.faults.push(Fault::new(entry.line, sentence));
                continue;
            }
            let text = self.vars.fill(entry, &mut self.replies.warnings);
            if text.trim().is_empty() {
                let sentence =
                    format!("the reply to {:?} is empty: so is what its braces stand for", entry.name);
                self.faults.push(Fault::new(entry.line, sentence));
                continue;
            }
            lint::check_entry(entry, &text, &mut self.replies.warnings);
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

    fn add_phrases(&mut self, entry: &Entry, is_reply: bool) {
        let reply = self.replies.entries.len() - 1;
        for (alternative, phrase) in alternatives(&entry.name) {
            self.order += 1;
            if self.order > MAX_ALTERNATIVES {
                if self.order == MAX_ALTERNATIVES + 1 {
                    let sentence = format!(
                        "a file has at most {MAX_ALTERNATIVES} phrases, and those from here on are not read"
                    );
                    self.faults.push(Fault::new(entry.line, sentence));
                }
                return;
            }
            if Words::of(alternative).shown() == UNKNOWN {
                let sentence = "'unknown' answers the rest only if it stands alone, in [replies]";
                self.replies.warnings.push(Fault::new(entry.line, sentence));
            }
            match phrase {
                Ok(phrase @ Phrase::Runs(_)) if phrase.runs() > 1 => {
                    self.later.push((reply, alternative.to_owned(), phrase, is_reply, self.order));
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
                    format!("{alternative:?} differs from the phrase at line {first} in its accents alone");
                self.replies.warnings.push(Fault::new(line, sentence));
            }
            None => {}
        }
        lint::check_prefixes(line, phrase, &mut self.replies.warnings);
        self.replies.phrases.push((reply, alternative));
    }

    fn finish(mut self, tests: &[Entry]) -> (Replies, Faults) {
        for (reply, alternative, phrase, is_reply, order) in std::mem::take(&mut self.later) {
            self.add_phrase(reply, alternative, &phrase, is_reply, order);
        }
        self.vars.warn_of_unused(&mut self.replies.warnings);
        self.replies.tests = tests.iter().map(Test::of).collect();
        (self.replies, self.faults)
    }
}

fn duplicate(line: usize, phrase: &str, first: usize) -> Fault {
    Fault::new(line, format!("the reply to {phrase:?} stands at line {first} already; remove one of them"))
}
