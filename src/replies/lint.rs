//! Checks of a table that is valid but may not do what its owner means: warnings, and entries of `[tests]` that fail.

use std::collections::HashMap;

use super::words::Words;
use super::{
    Replies, UNKNOWN,
    phrase::{Phrase, alternatives},
    search::SearchBuffer,
};
use crate::ini::{self, Entry, Fault, Faults};

/// Length in bytes above which a reply gets a warning, since many clients accept no longer messages by default.
const LONG_REPLY_BYTES: usize = 16 * 1024;
/// Number of phrases up to which a failing test suggests the nearest one; comparing takes time for each phrase.
const MANY_PHRASES: usize = 5000;
/// Length below which a prefix gets a warning: it would match too many words.
const SHORT_PREFIX_CHARS: usize = 3;

/// An entry of `[tests]`: a message, and the phrase whose reply should answer it.
#[derive(Clone, Debug)]
pub(super) struct Test {
    sentence: String,
    expected: String,
    line: usize,
}

impl Test {
    pub(super) fn of(entry: &Entry) -> Test {
        Test { sentence: entry.name.clone(), expected: entry.value.clone(), line: entry.line }
    }
}

impl Replies {
    /// Warnings about what may not work as it looks, such as a phrase that can never win: one line for each, with its line
    /// number, for the first 50, and a last one that counts the rest.
    ///
    /// Takes as long as finding a reply for each phrase.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        self.phrases_that_never_win(&mut warnings);
        warnings.lines(&self.name)
    }

    /// The entries of `[tests]` that fail, because their message is not answered by the phrase that they name: one line for
    /// each, with its line number. Empty if all pass.
    pub fn failures(&self) -> Vec<String> {
        let known = self.known_phrases();
        self.tests.iter().filter_map(|test| self.failure(test, &known)).collect()
    }

    fn failure(&self, test: &Test, known: &HashMap<String, usize>) -> Option<String> {
        let Test { sentence, expected, line } = test;
        let matched = self.best(sentence, &mut SearchBuffer::default());
        let answering = matched.map_or(&self.unknown, |matched| self.reply_of(matched.phrase));
        let phrase = canonical(expected);
        let Some(wanted) = known.get(&phrase) else {
            let candidates = known.keys().map(String::as_str).filter(|_| known.len() <= MANY_PHRASES);
            let near = ini::nearest(&phrase, candidates);
            let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            return Some(format!("{}:{line}: no reply has the phrase {expected:?}{hint}", self.name));
        };
        let wanted = self.entries.get(*wanted).unwrap_or(&self.unknown);
        (wanted.line != answering.line || wanted.phrase != answering.phrase).then(|| {
            format!(
                "{}:{line}: {sentence:?} should be answered by {:?} (line {}), but {:?} (line {}) answers it",
                self.name, wanted.phrase, wanted.line, answering.phrase, answering.line
            )
        })
    }

    /// Entries by each of their alternatives, and by the whole phrase; `unknown` has the index after the last entry.
    fn known_phrases(&self) -> HashMap<String, usize> {
        let whole = self.entries.iter().enumerate().map(|(entry, reply)| (canonical(&reply.phrase), entry));
        let single = self.phrases.iter().map(|(entry, alternative)| (canonical(alternative), *entry));
        whole.chain(single).chain([(UNKNOWN.to_owned(), self.entries.len())]).collect()
    }

    /// Warns of phrases that do not answer a message that consists of just their words: no other message can fit better.
    fn phrases_that_never_win(&self, warnings: &mut Faults) {
        let mut search = SearchBuffer::default();
        let loses = |(entry, alternative): &(usize, String)| {
            let matched = self.best(&itself(alternative)?, &mut search)?;
            let winner = self.reply_of(matched.phrase);
            let reply = &self.entries[*entry];
            (self.phrases[matched.phrase].0 != *entry).then(|| {
                let sentence = format!(
                    "{alternative:?} can never win: {:?} (line {}) always does",
                    winner.phrase, winner.line
                );
                Fault::new(reply.line, sentence)
            })
        };
        warnings.extend(self.phrases.iter().filter_map(loses));
    }
}

/// The shortest message that a phrase is in, built with letters that no other phrase is likely to have: they complete a
/// `word*` and separate runs.
fn itself(alternative: &str) -> Option<String> {
    let (_, phrase) = alternatives(alternative).next()?;
    Some(match phrase.ok()? {
        Phrase::Symbols(text) => text,
        Phrase::Runs(runs) => {
            let runs = runs.iter().map(|run| {
                let words = run.prefixes.iter().enumerate().map(|(at, is_prefix)| {
                    let more = if *is_prefix { "qzxqzx" } else { "" };
                    run.words.exact(at, at + 1).to_owned() + more
                });
                words.collect::<Vec<_>>().join(" ")
            });
            runs.collect::<Vec<_>>().join(" qzxqzx ")
        }
    })
}

/// A phrase in the form in which it is compared with those that `[tests]` names.
fn canonical(phrase: &str) -> String {
    let piece = |piece: &str| match piece {
        "&" | "|" => piece.to_owned(),
        piece => {
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

/// Warns of a comma that was probably meant as `|`, of an `&` without spaces, and of a reply that is too long for clients.
pub(super) fn check_entry(entry: &Entry, text: &str, warnings: &mut Faults) {
    if entry.name.contains([',', '，', '、', '،']) {
        let sentence =
            format!("{:?} is one phrase with a comma in it; write '|' between alternatives", entry.name);
        warnings.push(Fault::new(entry.line, sentence));
    }
    // `B&B` is meant as a word; `dog&cat` and `dog &cat` are probably meant as `dog & cat`.
    let is_joined = |word: &str| {
        let sides: Vec<usize> = word.split(['&', '＆']).map(|side| side.chars().count()).collect();
        sides.len() > 1 && sides.iter().any(|chars| *chars > 1) && word.chars().count() > 1
    };
    if let Some(word) = entry.name.split_whitespace().find(|word| is_joined(word)) {
        let sentence =
            format!("{word:?} is one run of words; write spaces around the '&' if the words may be apart");
        warnings.push(Fault::new(entry.line, sentence));
    }
    if text.len() > LONG_REPLY_BYTES {
        let sentence = format!(
            "the reply to {:?} has {} bytes; many clients accept at most 16384",
            entry.name,
            text.len()
        );
        warnings.push(Fault::new(entry.line, sentence));
    }
}

/// Warns of prefixes that are too short.
pub(super) fn check_prefixes(line: usize, phrase: &Phrase, warnings: &mut Faults) {
    let Phrase::Runs(runs) = phrase else { return };
    for run in runs {
        let prefixes = run.words.folded().zip(&run.prefixes).filter(|(_, is_prefix)| **is_prefix);
        for (word, _) in prefixes.filter(|(word, _)| word.chars().count() < SHORT_PREFIX_CHARS) {
            warnings
                .push(Fault::new(line, format!("'{word}*' matches a great many words; use a longer prefix")));
        }
    }
}

/// The entries of `[vars]`.
pub(super) struct Vars {
    /// Value, line, and whether a reply uses it, by name.
    values: HashMap<String, (String, usize, bool)>,
}

impl Vars {
    /// Reads the entries, and reports invalid and repeated names.
    pub(super) fn new(entries: &[Entry], faults: &mut Faults) -> Vars {
        let mut values = HashMap::new();
        for Entry { name, value, line, .. } in entries {
            if !is_name(name) {
                faults.push(Fault::new(
                    *line,
                    format!("{name:?} is not a valid name; use letters, digits, '-' and '_'"),
                ));
            } else if let Some((_, first, _)) = values.insert(name.clone(), (value.clone(), *line, false)) {
                faults.push(Fault::new(
                    *line,
                    format!("{name:?} is already at line {first}; remove one of them"),
                ));
            }
        }
        Vars { values }
    }

    /// The value of an entry with each known `{name}` replaced; all other braces are ordinary text, as replies may need them.
    pub(super) fn fill(&mut self, entry: &Entry, warnings: &mut Faults) -> String {
        let mut filled = String::with_capacity(entry.value.len());
        let mut rest = entry.value.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let name = after.split_once('}').filter(|(name, _)| is_name(name));
            match name.and_then(|(name, tail)| Some((self.values.get_mut(name)?, tail))) {
                Some(((value, _, used), tail)) => {
                    *used = true;
                    filled.push_str(value);
                    rest = tail;
                }
                None => {
                    if let Some((name, _)) = name {
                        let sentence = format!("{{{name}}} is not replaced, since [vars] has no {name:?}");
                        warnings.push(Fault::new(entry.line, sentence));
                    }
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }

    /// Warns of entries that no reply uses, once all replies are filled in.
    pub(super) fn warn_of_unused(&self, warnings: &mut Faults) {
        for (name, (_, line, used)) in &self.values {
            if !used {
                warnings.push(Fault::new(*line, format!("no reply uses {{{name}}}")));
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || "-_".contains(char))
}
