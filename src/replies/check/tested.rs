//! The entries of `[tests]`: those that fail, and what they tell about the replies.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use crate::replies::{check::excerpt, check::work::Work, lint::values, lint::vars::Vars};
use crate::{
    ini::{self, Entry, Fault, Faults},
    replies::{
        Replies, Reply, SearchBuffer, UNKNOWN,
        lookup::search::Match,
        lookup::tokens::Steps,
        similar::examples::{ExampleId, Source},
        text::words::Words,
    },
};

/// Number of pairs of letters that are compared to suggest the nearest phrases for those that failing tests name.
const MAX_COMPARED: usize = 40_000_000;
/// Length to which the texts of replies are compared with a test's right side.
const COMPARED_CHARS: usize = 200;
/// Length in bytes up to which `[vars]` are filled in on a test's right side.
const FILLED_BYTES: usize = 4096;
/// Number of replies from which their owner is told that most have no test. A smaller file can be tried by hand.
const MANY_REPLIES: usize = 10;

/// An entry of `[tests]`: a message, and the phrase whose reply should answer it.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) sentence: String,
    pub(crate) expected: String,
    pub(crate) line: usize,
    /// The beginning of what it expects with `[vars]` filled in, where that is something else: it may be the text of a reply.
    filled: Option<String>,
}

/// The beginnings of the texts of all replies, with the index of each.
type TextBeginnings = BTreeMap<String, usize>;

impl Test {
    /// Reads an entry. `room` is the number of bytes that `[vars]` may still fill in.
    pub(crate) fn of(entry: Entry, vars: &mut Vars, room: &mut usize) -> Test {
        // A name that [vars] does not have is no fault of a phrase.
        let mut fill = || vars.fill(&entry, FILLED_BYTES.min(*room), &mut Faults::default());
        let filled = entry.value.contains('{').then(&mut fill).flatten().map(|text| beginning(&text));
        *room -= filled.as_ref().map_or(0, String::len).min(*room);
        Test { sentence: entry.name, expected: entry.value, line: entry.line, filled }
    }
}

impl Replies {
    /// The entries of `[tests]` that fail, because their message is not answered by the phrase that they name: one line for
    /// each, with its line number. Empty if all pass.
    ///
    /// A test that is left out counts as failing, too: that happens only to tests longer than any message, and in a file whose tests
    /// would take more than a second for each megabyte.
    pub fn failures(&self) -> Vec<String> {
        if self.tests.is_empty() {
            return Vec::new();
        }
        let known = self.known_phrases();
        let texts = LazyCell::new(|| self.texts());
        let mut work = Work::on(self);
        let mut comparisons = Steps { left: MAX_COMPARED };
        let failures = self.tests.iter().filter_map(|test| {
            let sentence = self.failure(test, &known, || &texts, &mut work, &mut comparisons)?;
            Some(format!("{}: {sentence}", self.places.place(test.line)))
        });
        failures.collect()
    }

    fn failure<'a>(
        &self,
        test: &Test,
        known: &HashMap<String, usize>,
        texts: impl Fn() -> &'a TextBeginnings,
        work: &mut Work<'_>,
        comparisons: &mut Steps,
    ) -> Option<String> {
        let phrase = canonical(&test.expected);
        let Some(wanted) = known.get(&phrase) else {
            let hint = self.phrase_of_text(test, texts()).or_else(|| {
                let affords = comparisons.spend(known.len() * phrase.len() * phrase.len());
                let candidates = affords.then(|| known.keys().map(String::as_str));
                ini::nearest(&phrase, candidates.into_iter().flatten())
                    .map(|near| format!("did you mean {near:?}?"))
            });
            let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            return Some(format!("no reply has the phrase {}{hint}", excerpt(&test.expected)));
        };
        let Some(search) = work.search(&test.sentence) else {
            return Some(format!("{} was not tried: {}", excerpt(&test.sentence), work.why()));
        };
        let decision = self.decide(&test.sentence, search, None);
        let answering = self.reply_by(&decision).unwrap_or(&self.unknown);
        let wanted = self.reply_at(*wanted);
        (wanted.line != answering.line || wanted.phrase != answering.phrase).then(|| {
            format!(
                "{} should be answered by {} ({}), but {} ({}) answers it",
                excerpt(&test.sentence),
                excerpt(&wanted.phrase),
                self.places.number(wanted.line),
                excerpt(&answering.phrase),
                self.places.number(answering.line)
            )
        })
    }

    /// What to write instead of a reply's text, or instead of a phrase with a comment after it.
    fn phrase_of_text(&self, test: &Test, texts: &TextBeginnings) -> Option<String> {
        if let Some(at) = values::comment(&test.expected) {
            return Some(format!(
                "{:?} is part of it; write a comment on a line of its own",
                &test.expected[at..]
            ));
        }
        let expected = test.filled.clone().unwrap_or_else(|| beginning(&test.expected));
        // One word is more often a phrase that is misspelt.
        let is_text = |(text, _): &(&String, &usize)| {
            **text == expected || (text.starts_with(&expected) && expected.contains(' '))
        };
        let (_, entry) = texts.range(expected.clone()..).next().filter(is_text)?;
        let phrase = self.reply_at(*entry).name();
        if phrase.len() > COMPARED_CHARS {
            return None;
        }
        Some(format!(
            "this is the text of a reply, and its phrase belongs here: '{} = {phrase}'",
            test.sentence
        ))
    }

    /// Entries by each of their alternatives, and by the whole phrase; `unknown` has the index after the last entry.
    pub(crate) fn known_phrases(&self) -> HashMap<String, usize> {
        let whole = self.entries.iter().enumerate().map(|(entry, reply)| (canonical(&reply.phrase), entry));
        let single = self.alternatives().map(|(entry, alternative)| (canonical(alternative), entry));
        whole.chain(single).chain([(UNKNOWN.to_owned(), self.entries.len())]).collect()
    }

    fn texts(&self) -> TextBeginnings {
        let texts = self.entries.iter().chain([&self.unknown]).map(|reply| beginning(&reply.text));
        texts.enumerate().map(|(entry, text)| (text, entry)).filter(|(text, _)| !text.is_empty()).collect()
    }

    /// The entry with this index of `known_phrases`.
    fn reply_at(&self, entry: usize) -> &Reply {
        self.entries.get(entry).unwrap_or(&self.unknown)
    }

    /// The number of replies that no entry of `[tests]` names.
    pub fn untested(&self) -> usize {
        let tested: BTreeSet<usize> = self.replies_of_tests().into_iter().flatten().collect();
        self.len() - tested.len()
    }

    /// Warns of replies without a test, in one line, and of words that take the tests of many replies.
    pub(crate) fn what_tests_tell(&self, work: &mut Work<'_>, warnings: &mut Faults) {
        if self.len() < MANY_REPLIES && self.tests.is_empty() {
            return;
        }
        let untested = self.untested();
        if self.len() >= MANY_REPLIES && untested > self.len() / 2 {
            let sentence = format!(
                "{untested} of {} replies have no line under [tests]; write a sentence for each, and the phrase that should answer it",
                self.len()
            );
            warnings.push(Fault::new(self.header_lines.tests.unwrap_or(self.header_lines.replies), sentence));
        }
        let known = self.known_phrases();
        let wanted = |test: &Test| known.get(&canonical(&test.expected)).copied();
        self.words_that_take_tests(wanted, work, warnings);
    }

    /// Warns of a phrase of one word that answers `[tests]` of several other replies.
    fn words_that_take_tests(
        &self,
        wanted: impl Fn(&Test) -> Option<usize>,
        work: &mut Work<'_>,
        warnings: &mut Faults,
    ) {
        // By the phrase: the first of these tests, and the replies from which it takes them.
        let mut taken: BTreeMap<usize, (usize, BTreeSet<usize>)> = BTreeMap::new();
        // The sentence itself would decide ties in favor of its reply.
        let examples = self.examples.of_tests(self.tests.len());
        for (test, example) in self.tests.iter().zip(examples) {
            let Some(search) = work.search(&test.sentence) else { continue };
            let matched = self.best(&test.sentence, search, example).filter(|matched| matched.words == 1);
            let Some((matched, wanted)) = matched.zip(wanted(test)) else { continue };
            warnings.extend(self.won_by_letters(test, &matched, example, search));
            if wanted < self.len() && self.number_of(matched.phrase) != wanted {
                taken.entry(matched.phrase).or_insert_with(|| (test.line, BTreeSet::new())).1.insert(wanted);
            }
        }
        for (phrase, (line, losers)) in taken.iter().filter(|(_, (_, losers))| losers.len() > 1) {
            let sentence = format!(
                "{:?} answers [tests] of {} other replies, first at line {line}; add it to their phrases with '&', or move it to [smalltalk]",
                self.alternative(*phrase),
                losers.len()
            );
            warnings.push(Fault::new(self.reply_of(*phrase).line, sentence));
        }
    }
}

impl Replies {
    /// Warns of a test in which a word of one reply wins over that of another, though no other sentence says which should answer: only
    /// the letters of the words do.
    fn won_by_letters(
        &self,
        test: &Test,
        winner: &Match,
        itself: Option<ExampleId>,
        search: &SearchBuffer,
    ) -> Option<Fault> {
        let rival = search.leaders.iter().find(|rival| rival.phrase != winner.phrase)?;
        let rarity = |of: &Match| {
            let (_, id) = self.examples.best_of(self.number_of(of.phrase), &search.features, itself)?;
            let is_phrase = matches!(self.examples.get(id).source, Source::Phrase(_));
            self.examples.rarity(id, itself).filter(|_| is_phrase)
        };
        // Of two words that are as rare, and that no other sentence is similar to, the longer one wins.
        (rarity(winner).is_some() && rarity(winner) == rarity(rival)).then(|| {
            let sentence = format!(
                "{:?} has {:?} and {:?} in it, and only their letters decide; write '{2} & {1}' before the reply that should answer",
                test.sentence,
                self.alternative(winner.phrase),
                self.alternative(rival.phrase)
            );
            Fault::new(test.line, sentence)
        })
    }
}

/// The words with which a text begins.
fn beginning(text: &str) -> String {
    Words::of(&text.chars().take(COMPARED_CHARS).collect::<String>()).shown()
}

/// A phrase in the form in which it is compared with those that `[tests]` names.
pub(crate) fn canonical(phrase: &str) -> String {
    let piece = |piece: &str| match piece {
        "&" | "|" => piece.to_owned(),
        piece => {
            if piece.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
                return piece.to_owned();
            }
            let star = if piece.ends_with('*') { "*" } else { "" };
            let words = Words::of(piece);
            if words.is_empty() { piece.to_owned() } else { words.shown() + star }
        }
    };
    phrase
        .replace(['|', '｜'], " | ")
        .replace('＆', "&")
        .split_whitespace()
        .map(piece)
        .collect::<Vec<_>>()
        .join(" ")
}
