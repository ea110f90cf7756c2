//! Builds the table of replies from its entries.

use std::cell::LazyCell;

use rustc_hash::FxHashMap;

use super::{
    entry::{
        self,
        offers::{UNKNOWN_REPLY, offers_of},
        signs::{OTHER_NAMES_OF_UNKNOWN, check_prefixes},
        test::{Test, canonical},
        values::check as check_text,
        vars::Vars,
    },
    lookup::index::{Duplicate, PhraseId},
    similar::examples::{Examples, Origin},
    table::{Alternative, HeaderLines, Reply, ReplyTable, UNKNOWN, places::Places},
    text::{
        function_words::LanguageCounts,
        phrase::{Phrase, alternatives},
        words::Words,
    },
};
use crate::ini::{Entry, Fault, Faults};

/// Limit on the alternatives of all phrases in a table, as on the entries of a file: each takes about 600
/// bytes in memory.
pub(crate) const MAX_ALTERNATIVES: u32 = 500_000;

/// Length in bytes up to which a reply may grow once `[vars]` are filled in: no client reads a longer
/// message.
const MAX_REPLY_BYTES: usize = 64 * 1024;
/// How many times as long as the file has them all replies may become together once `[vars]` are filled in
/// ...
const MAX_GROWTH: usize = 4;
/// ... besides this number of bytes, so that a small file may repeat a long value.
const FREE_GROWTH: usize = 1024 * 1024;

/// A table that is being built.
#[derive(Default)]
pub(crate) struct Builder {
    table: ReplyTable,
    faults: Faults,
    vars: Vars,
    /// Number of bytes that `[vars]` may still fill in.
    room: usize,
    unknown_line: Option<usize>,
    /// Phrases of several runs with the arguments of `add_phrase`. They are added last, because the index
    /// files each under its rarest run.
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
        let phone = vars.get("phone").map(str::to_owned);
        let table = ReplyTable { places, unknown, header_lines, phone, ..ReplyTable::default() };
        Builder { table, faults, vars, room: FREE_GROWTH, ..Builder::default() }
    }

    /// Adds the entries of `[replies]` or `[smalltalk]`.
    pub(crate) fn add(&mut self, entries: Vec<Entry>, is_reply: bool) {
        self.room += entries.iter().map(|entry| MAX_GROWTH * entry.value.len()).sum::<usize>();
        for entry in entries {
            if entry.value.is_empty() {
                let sentence = format!("the reply to {:?} is empty; write it after the '='", entry.name);
                self.faults.report(entry.line, sentence);
                continue;
            }
            let Some(text) = self.filled(&entry) else { continue };
            if text.trim().is_empty() {
                let sentence = format!("the reply to {:?} is empty once [vars] are filled in", entry.name);
                self.faults.report(entry.line, sentence);
                continue;
            }
            entry::check(&entry, &text, &self.vars, &mut self.table.warnings);
            let reply = match is_reply && is_unknown(&entry.name) {
                true => UNKNOWN_REPLY,
                false => self.table.entries.len(),
            };
            self.table.offers.extend(offers_of(&entry, &text, reply, &mut self.faults));
            self.add_reply(Reply { phrase: entry.name, text: text.into(), line: entry.line }, is_reply);
        }
    }

    /// The text of a reply with `[vars]` filled in. It is a fault if it is too long.
    fn filled(&mut self, entry: &Entry) -> Option<String> {
        let most = MAX_REPLY_BYTES.min(self.room);
        let filled = self.vars.fill(entry, most, &mut self.table.warnings);
        if let Some(text) = &filled {
            self.room -= text.len();
        } else if self.room > 0 {
            let sentence = if most == MAX_REPLY_BYTES {
                let filled = if entry.value.len() > most { "" } else { " once [vars] are filled in" };
                format!("the reply to {:?} has more than {most} bytes{filled}; shorten it", entry.name)
            } else {
                // Reported once: all replies after this one are left out.
                self.room = 0;
                format!(
                    "[vars] make the replies up to here more than {MAX_GROWTH} times as long as they are in the file; shorten the values that are repeated"
                )
            };
            self.faults.report(entry.line, sentence);
        }
        filled
    }

    /// Adds a reply whose text is what visitors get.
    pub(crate) fn add_reply(&mut self, reply: Reply, is_reply: bool) {
        if is_reply && is_unknown(&reply.phrase) {
            if let Some(first) = self.unknown_line.replace(reply.line) {
                self.duplicate(reply.line, UNKNOWN, first);
            }
            self.table.unknown = reply;
        } else {
            self.table.entries.push(reply);
            self.table.in_replies += usize::from(is_reply);
            self.add_phrases(is_reply);
        }
    }

    /// Adds the alternatives of the last reply.
    fn add_phrases(&mut self, is_reply: bool) {
        let number = self.table.entries.len() - 1;
        let Reply { phrase: all, line, .. } = &mut self.table.entries[number];
        let (all, line) = (std::mem::take(all), *line);
        for (text, phrase) in alternatives(&all) {
            self.order += 1;
            if self.order > MAX_ALTERNATIVES {
                if self.order == MAX_ALTERNATIVES + 1 {
                    let sentence = format!(
                        "a table can have at most {MAX_ALTERNATIVES} phrases; the phrases from here on are ignored"
                    );
                    self.faults.report(line, sentence);
                }
                break;
            }
            if is_unknown(text) {
                let sentence = "'unknown' is the fallback only as a whole phrase in [replies]; here it is an ordinary word";
                self.table.warnings.report(line, sentence);
            }
            let start = (text.as_ptr().addr() - all.as_ptr().addr()) as u32;
            let alternative = Alternative { reply: number as u32, start, end: start + text.len() as u32 };
            match phrase {
                Ok(phrase) if phrase.runs().len() > 1 => {
                    self.multi_run.push((alternative, phrase, is_reply, self.order));
                }
                Ok(phrase) => self.add_phrase(alternative, text, &phrase, is_reply, self.order),
                Err(sentence) => self.faults.report(line, sentence),
            }
        }
        self.table.entries[number].phrase = all;
    }

    fn add_phrase(
        &mut self,
        alternative: Alternative,
        text: &str,
        phrase: &Phrase,
        is_reply: bool,
        order: u32,
    ) {
        let (id, duplicate_of) = self.table.index.add(phrase, is_reply, order);
        let line = self.table.entries[alternative.reply as usize].line;
        match duplicate_of {
            Some(Duplicate::Same(first)) => {
                let first = self.table.reply_of(first).line;
                self.duplicate(line.max(first), text, line.min(first));
            }
            Some(Duplicate::Folded(first)) => {
                let first = self.table.reply_of(first).line;
                let first = self.table.places.at(first);
                let sentence = format!("{text:?} differs from the phrase {first} only in its accents");
                self.table.warnings.report(line, sentence);
            }
            None => {}
        }
        check_prefixes(line, phrase, &mut self.table.warnings);
        self.table.phrases.push(alternative);
        self.variants.extend(phrase.variants().map(|variant| (id, variant)));
    }

    fn duplicate(&mut self, line: usize, phrase: &str, first: usize) {
        let first = self.table.places.at(first);
        let sentence = format!("the reply to {phrase:?} is already {first}; remove one of them");
        self.faults.report(line, sentence);
    }

    /// Adds the phrases that had to wait, and returns the table with its faults.
    pub(crate) fn finish(mut self, vars: &[Entry], tests: Vec<Entry>) -> (ReplyTable, Faults) {
        for (alternative, phrase, is_reply, order) in std::mem::take(&mut self.multi_run) {
            let Alternative { reply, start, end } = alternative;
            let text = self.table.entries[reply as usize].phrase[start as usize..end as usize].to_owned();
            self.add_phrase(alternative, &text, &phrase, is_reply, order);
        }
        self.table.index.end_phrases();
        let phrases = self.table.phrases.len();
        for (original, variant) in std::mem::take(&mut self.variants) {
            self.table.index.add_variant(original, &variant);
            self.table.phrases.push(self.table.phrases[original]);
        }
        vars.iter().for_each(|entry| check_text(entry, &mut self.table.warnings));
        self.table.tests =
            tests.into_iter().map(|entry| Test::of(entry, &mut self.vars, &mut self.room)).collect();
        self.vars.warn_of_unused(&mut self.table.warnings);
        let is_file = matches!(self.table.places, Places::File(_));
        if is_file && self.unknown_line.is_none() && !self.table.entries.is_empty() {
            let line = self.table.header_lines.replies;
            let missing = missing_unknown(&self.table, line);
            self.table.warnings.push(missing);
        }
        self.resolve_tests();
        self.add_examples(phrases);
        self.end_vocabulary();
        (self.table, self.faults)
    }

    /// Finds the replies that `[tests]` name.
    fn resolve_tests(&mut self) {
        let mut tests = std::mem::take(&mut self.table.tests);
        if !tests.is_empty() {
            let known = LazyCell::new(|| self.table.known_phrases());
            // Nearly always, an alternative is named just as it is written.
            let mut as_written: FxHashMap<&str, usize> =
                self.table.alternatives().map(|(reply, alternative)| (alternative, reply)).collect();
            as_written.remove(UNKNOWN);
            for test in &mut tests {
                let reply = as_written.get(&*test.expected).or_else(|| known.get(&canonical(&test.expected)));
                test.reply = reply.copied();
            }
        }
        let settled = tests.iter().filter(|test| test.reply == Some(self.table.entries.len()));
        self.table.settled = settled.map(|test| Words::of(&test.sentence).fingerprint()).collect();
        self.table.tests = tests;
    }

    /// Collects the examples of all replies. Variants of phrases, which come after `phrases`, are not among
    /// them.
    fn add_examples(&mut self, phrases: usize) {
        let table = &mut self.table;
        let phrases = table.phrases[..phrases].iter().zip(0..);
        let phrases = phrases.map(|(phrase, id)| (phrase.reply, Origin::Phrase(id)));
        let tests = table.tests.iter().zip(0..).filter_map(|(test, at)| {
            let reply = test.reply.filter(|reply| *reply < table.entries.len())?;
            Some((reply as u32, Origin::Test(at)))
        });
        let mut origins: Vec<(u32, Origin)> = tests.chain(phrases).collect();
        // Stable, so that the tests of a reply come first: they say more.
        origins.sort_by_key(|(reply, _)| *reply);
        table.examples = Examples::new(table.entries.len(), &origins, |origin, words| match origin {
            Origin::Phrase(id) => words.read(table.alternative(id as usize)),
            Origin::Test(at) => words.read(&table.tests[at as usize].sentence),
        });
        for (id, (_, origin)) in (0..).zip(&origins) {
            if let Origin::Test(at) = origin {
                table.tests[*at as usize].example = Some(id);
            }
        }
    }

    /// Adds the words of tests and texts to the vocabulary, and ends it.
    fn end_vocabulary(&mut self) {
        let ReplyTable { index, tests, entries, unknown, .. } = &mut self.table;
        let vocabulary = &mut index.vocabulary;
        vocabulary.end_variants();
        let mut words = Words::default();
        let mut counts = LanguageCounts::default();
        let mut read = |text: &str, add: &mut dyn FnMut(&Words)| {
            words.clear();
            words.read(text);
            counts.add(&words);
            add(&words);
        };
        for test in &*tests {
            read(&test.sentence, &mut |words| {
                for word in words.folded() {
                    vocabulary.add(word, false);
                }
            });
        }
        for reply in entries.iter().chain([&*unknown]) {
            read(&reply.text, &mut |words| vocabulary.add_text(words));
        }
        vocabulary.end();
        self.table.languages = counts.languages();
    }
}

/// Warns that a file has replies, but none for all other messages.
fn missing_unknown(table: &ReplyTable, line: usize) -> Fault {
    let sentence = format!(
        "there is no 'unknown =' under [replies], so other messages get the built-in {:?}",
        table.unknown.text.as_str()
    );
    let named = table.entries.iter().find(|reply| OTHER_NAMES_OF_UNKNOWN.contains(&&*reply.phrase));
    let hint = named.map(|reply| {
        format!("; was {:?} ({}) meant as that?", reply.phrase, table.places.number(reply.line))
    });
    Fault::new(line, sentence + &hint.unwrap_or_default())
}

/// Whether a text is the phrase of the fallback reply.
fn is_unknown(text: &str) -> bool {
    // A cheap test first, since nearly all phrases are longer or shorter. A letter has at most four bytes.
    text.len() >= UNKNOWN.len() && text.len() < 5 * UNKNOWN.len() && {
        let words = Words::of(text);
        words.len() == 1 && words.word(0) == UNKNOWN
    }
}
