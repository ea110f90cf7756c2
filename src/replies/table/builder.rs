//! Builds the table of replies from the sections of a file.

use std::{cell::LazyCell, sync::Arc};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ini::{Entry, Fault, Faults};
use crate::replies::{
    Alternative, Options, Replies, Reply, UNKNOWN,
    check::{
        self, HeaderLines,
        phrases::check_prefixes,
        tested::{Test, canonical},
    },
    lint::values::check as check_text,
    lint::vars::Vars,
    lookup::index::{Duplicate, Index, PhraseId},
    similar::examples::{Examples, Source},
    table::offers::{self, UNKNOWN_REPLY},
    table::places::Places,
    text::function_words::{Counts, Languages},
    text::phrase::{Phrase, alternatives},
    text::words::Words,
};

/// Limit on the alternatives of all phrases in a table, as on the entries of a file: each takes about 600 bytes in memory.
pub(crate) const MAX_ALTERNATIVES: u32 = 500_000;

/// Length in bytes up to which a reply may grow once `[vars]` are filled in: no client reads a longer message.
const MAX_REPLY_BYTES: usize = 64 * 1024;
/// How many times as long as the file has them all replies may become together once `[vars]` are filled in ...
const MAX_GROWTH: usize = 4;
/// ... besides this number of bytes, so that a small file may repeat a long value.
const FREE_GROWTH: usize = 1024 * 1024;

/// A table that is being built.
pub(crate) struct Builder {
    replies: Replies,
    faults: Faults,
    vars: Vars,
    /// Number of bytes that `[vars]` may still fill in.
    room: usize,
    unknown_line: Option<usize>,
    /// Phrases of several runs with the arguments of `add_phrase`. They are added last, because the index files each under
    /// its rarest run.
    multi_run: Vec<(Alternative, Phrase, bool, u32)>,
    /// Other spellings of phrases. They are added after all phrases, which they must not replace.
    variants: Vec<(PhraseId, Phrase)>,
    /// Number of alternatives so far, which is also the position of the last one.
    order: u32,
}

impl Builder {
    pub(crate) fn new(
        places: Places,
        built_in: &[Entry],
        header_lines: HeaderLines,
        vars: &[Entry],
    ) -> Builder {
        let fallback =
            built_in.iter().find(|entry| entry.name == UNKNOWN).expect("the built-in replies have 'unknown'");
        let unknown = Reply { phrase: UNKNOWN.to_owned(), text: fallback.value.as_str().into(), line: 0 };
        let mut faults = Faults::default();
        let vars = Vars::new(vars, &mut faults);
        let replies = Replies {
            places,
            entries: Vec::new(),
            in_replies: 0,
            phrases: Vec::new(),
            index: Index::new(),
            examples: Examples::default(),
            languages: Languages::ALL,
            options: Options::default(),
            shared: Arc::default(),
            unknown,
            tests: Vec::new(),
            settled: FxHashSet::default(),
            offers: Vec::new(),
            warnings: Faults::default(),
            header_lines,
            phone: vars.get("phone").map(str::to_owned),
        };
        Builder {
            replies,
            faults,
            vars,
            room: FREE_GROWTH,
            unknown_line: None,
            multi_run: Vec::new(),
            variants: Vec::new(),
            order: 0,
        }
    }

    /// Adds the entries of `[replies]` or `[smalltalk]`.
    pub(crate) fn add(&mut self, entries: Vec<Entry>, is_reply: bool) {
        self.room += entries.iter().map(|entry| MAX_GROWTH * entry.value.len()).sum::<usize>();
        for entry in entries {
            if entry.value.is_empty() {
                let sentence = format!("the reply to {:?} is empty; write it after the '='", entry.name);
                self.faults.push(Fault::new(entry.line, sentence));
                continue;
            }
            let Some(text) = self.filled(&entry) else { continue };
            if text.trim().is_empty() {
                let sentence = format!("the reply to {:?} is empty once [vars] are filled in", entry.name);
                self.faults.push(Fault::new(entry.line, sentence));
                continue;
            }
            check::check_entry(&entry, &text, &self.vars, &mut self.replies.warnings);
            let reply = match is_reply && is_unknown(&entry.name) {
                true => UNKNOWN_REPLY,
                false => self.replies.entries.len(),
            };
            self.replies.offers.extend(offers::of_entry(&entry, &text, reply, &mut self.faults));
            self.add_reply(Reply { phrase: entry.name, text: text.into(), line: entry.line }, is_reply);
        }
    }

    /// The text of a reply with `[vars]` filled in. Too long a one is a fault.
    fn filled(&mut self, entry: &Entry) -> Option<String> {
        let most = MAX_REPLY_BYTES.min(self.room);
        let filled = self.vars.fill(entry, most, &mut self.replies.warnings);
        if let Some(text) = &filled {
            self.room -= text.len();
        } else if self.room > 0 {
            let sentence = if most == MAX_REPLY_BYTES {
                let filled = if entry.value.len() > most { "" } else { " once [vars] are filled in" };
                format!("the reply to {:?} has more than {most} bytes{filled}; shorten it", entry.name)
            } else {
                // Once is enough: all replies after this one are left out.
                self.room = 0;
                format!(
                    "[vars] make the replies up to here more than {MAX_GROWTH} times as long as they are in the file; shorten the values that are repeated"
                )
            };
            self.faults.push(Fault::new(entry.line, sentence));
        }
        filled
    }

    /// Adds a reply whose text is what visitors get.
    pub(crate) fn add_reply(&mut self, reply: Reply, is_reply: bool) {
        if is_reply && is_unknown(&reply.phrase) {
            if let Some(first) = self.unknown_line.replace(reply.line) {
                self.duplicate(reply.line, UNKNOWN, first);
            }
            self.replies.unknown = reply;
        } else {
            self.replies.entries.push(reply);
            self.replies.in_replies += usize::from(is_reply);
            self.add_phrases(is_reply);
        }
    }

    /// Adds the alternatives of the last reply.
    fn add_phrases(&mut self, is_reply: bool) {
        let number = self.replies.entries.len() - 1;
        let Reply { phrase: all, line, .. } = &mut self.replies.entries[number];
        let (all, line) = (std::mem::take(all), *line);
        for (text, phrase) in alternatives(&all) {
            self.order += 1;
            if self.order > MAX_ALTERNATIVES {
                if self.order == MAX_ALTERNATIVES + 1 {
                    let sentence = format!(
                        "a table can have at most {MAX_ALTERNATIVES} phrases; the phrases from here on are ignored"
                    );
                    self.faults.push(Fault::new(line, sentence));
                }
                break;
            }
            if is_unknown(text) {
                let sentence = "'unknown' is the fallback only as a whole phrase in [replies]; here it is an ordinary word";
                self.replies.warnings.push(Fault::new(line, sentence));
            }
            let start = (text.as_ptr().addr() - all.as_ptr().addr()) as u32;
            let alternative = Alternative { reply: number as u32, start, end: start + text.len() as u32 };
            match phrase {
                Ok(phrase) if phrase.runs().len() > 1 => {
                    self.multi_run.push((alternative, phrase, is_reply, self.order));
                }
                Ok(phrase) => self.add_phrase(alternative, text, &phrase, is_reply, self.order),
                Err(sentence) => self.faults.push(Fault::new(line, sentence)),
            }
        }
        self.replies.entries[number].phrase = all;
    }

    fn add_phrase(
        &mut self,
        alternative: Alternative,
        text: &str,
        phrase: &Phrase,
        is_reply: bool,
        order: u32,
    ) {
        let (id, duplicate_of) = self.replies.index.add(phrase, is_reply, order);
        let line = self.replies.entries[alternative.reply as usize].line;
        match duplicate_of {
            Some(Duplicate::Same(first)) => {
                let first = self.replies.reply_of(first).line;
                self.duplicate(line.max(first), text, line.min(first));
            }
            Some(Duplicate::Folded(first)) => {
                let first = self.replies.reply_of(first).line;
                let first = self.replies.places.at(first);
                let sentence = format!("{text:?} differs from the phrase {first} only in its accents");
                self.replies.warnings.push(Fault::new(line, sentence));
            }
            None => {}
        }
        check_prefixes(line, phrase, &mut self.replies.warnings);
        self.replies.phrases.push(alternative);
        self.variants.extend(phrase.variants().map(|variant| (id, variant)));
    }

    fn duplicate(&mut self, line: usize, phrase: &str, first: usize) {
        let first = self.replies.places.at(first);
        let sentence = format!("the reply to {phrase:?} is already {first}; remove one of them");
        self.faults.push(Fault::new(line, sentence));
    }

    /// Adds the phrases that had to wait, and returns the table with its faults.
    pub(crate) fn finish(mut self, vars: &[Entry], tests: Vec<Entry>) -> (Replies, Faults) {
        for (alternative, phrase, is_reply, order) in std::mem::take(&mut self.multi_run) {
            let Alternative { reply, start, end } = alternative;
            let text = self.replies.entries[reply as usize].phrase[start as usize..end as usize].to_owned();
            self.add_phrase(alternative, &text, &phrase, is_reply, order);
        }
        self.replies.index.end_phrases();
        let phrases = self.replies.phrases.len();
        for (original, variant) in std::mem::take(&mut self.variants) {
            self.replies.index.add_variant(original, &variant);
            self.replies.phrases.push(self.replies.phrases[original]);
        }
        vars.iter().for_each(|entry| check_text(entry, &mut self.replies.warnings));
        self.replies.tests =
            tests.into_iter().map(|entry| Test::of(entry, &mut self.vars, &mut self.room)).collect();
        let settled = self.replies.tests.iter().filter(|test| is_unknown(&test.expected));
        self.replies.settled = settled.map(|test| Words::of(&test.sentence).fingerprint()).collect();
        self.vars.warn_of_unused(&mut self.replies.warnings);
        let is_file = matches!(self.replies.places, Places::File(_));
        if is_file && self.unknown_line.is_none() && !self.replies.is_empty() {
            let line = self.replies.header_lines.replies;
            let missing = check::missing_unknown(&self.replies, line);
            self.replies.warnings.push(missing);
        }
        self.replies.add_examples(phrases);
        (self.replies, self.faults)
    }
}

impl Replies {
    /// Collects the examples of all replies, and ends the vocabulary. Variants of phrases, which come after `phrases`, are none.
    fn add_examples(&mut self, phrases: usize) {
        let phrases =
            self.phrases[..phrases].iter().zip(0..).map(|(phrase, id)| (phrase.reply, Source::Phrase(id)));
        let of_tests = self.replies_of_tests();
        let tests =
            of_tests.iter().zip(0..).filter_map(|(reply, at)| Some(((*reply)? as u32, Source::Test(at))));
        let mut sources: Vec<(u32, Source)> = tests.chain(phrases).collect();
        // Stable, so that the tests of a reply come first: they say more.
        sources.sort_by_key(|(reply, _)| *reply);
        self.examples = Examples::new(self.entries.len(), &sources, |source, words| match source {
            Source::Phrase(id) => words.read(self.alternative(id as usize)),
            Source::Test(at) => words.read(&self.tests[at as usize].sentence),
        });
        self.end_vocabulary();
    }

    /// For each entry of `[tests]`, the reply that it names.
    pub(crate) fn replies_of_tests(&self) -> Vec<Option<usize>> {
        let known = LazyCell::new(|| self.known_phrases());
        // Nearly always, an alternative is named just as it is written.
        let as_written: FxHashMap<&str, usize> =
            self.alternatives().map(|(reply, alternative)| (alternative, reply)).collect();
        let reply_of = |test: &Test| match as_written.get(&*test.expected) {
            Some(reply) => Some(*reply),
            None => {
                known.get(&canonical(&test.expected)).copied().filter(|reply| *reply < self.entries.len())
            }
        };
        self.tests.iter().map(reply_of).collect()
    }

    fn end_vocabulary(&mut self) {
        let vocabulary = &mut self.index.vocabulary;
        vocabulary.end_variants();
        let mut words = Words::default();
        let mut counts = Counts::default();
        for test in &self.tests {
            words.clear();
            words.read(&test.sentence);
            counts.add(&words);
            words.folded().for_each(|word| {
                vocabulary.add(word, false);
            });
        }
        for reply in self.entries.iter().chain([&self.unknown]) {
            words.clear();
            words.read(&reply.text);
            counts.add(&words);
            vocabulary.add_text(&words);
        }
        vocabulary.end();
        self.languages = counts.languages();
    }
}

/// Whether a text is the phrase of the fallback reply.
fn is_unknown(text: &str) -> bool {
    // A cheap test first, since nearly all phrases are longer or shorter. A letter has at most four bytes.
    text.len() >= UNKNOWN.len() && text.len() < 5 * UNKNOWN.len() && {
        let words = Words::of(text);
        words.len() == 1 && words.word(0) == UNKNOWN
    }
}
