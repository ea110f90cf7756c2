//! What makes a table worse than its owner thinks: warnings, and the lines of `[tests]` that fail.

use std::collections::HashMap;

use super::words::Words;
use super::{
    Replies, UNKNOWN,
    phrase::{Phrase, alternatives},
    search::SearchBuffer,
};
use crate::ini::{Entry, Fault, Faults};

/// More than a client's default limit for a message.
const LONG_REPLY_BYTES: usize = 16 * 1024;
/// Among more phrases the nearest is not looked for.
const MANY_PHRASES: usize = 5000;
/// Fewer letters begin too many words.
const SHORT_PREFIX_CHARS: usize = 3;

/// A line of `[tests]`: a sentence, and the phrase that should answer it.
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
    /// What works otherwise than it looks, a sentence for each, with its line: the first 50, and how many more there are.
    ///
    /// Takes as long as finding a reply for each phrase.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        self.phrases_that_never_win(&mut warnings);
        warnings.lines(&self.name)
    }

    /// The lines of `[tests]` that another phrase answers than the expected one, a sentence for each.
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
            let candidates = known.keys().filter(|_| known.len() <= MANY_PHRASES);
            let near = candidates.map(|known| (strsim::damerau_levenshtein(known, &phrase), known)).min();
            let hint = near
                .filter(|near| near.0 <= near.1.len() / 3)
                .map(|near| format!("; did you mean {:?}?", near.1))
                .unwrap_or_default();
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

    /// Entries by each of their alternatives, and by all of them together; `unknown` is behind the last.
    fn known_phrases(&self) -> HashMap<String, usize> {
        let whole = self.entries.iter().enumerate().map(|(entry, reply)| (canonical(&reply.phrase), entry));
        let single = self.phrases.iter().map(|(entry, alternative)| (canonical(alternative), *entry));
        whole.chain(single).chain([(UNKNOWN.to_owned(), self.entries.len())]).collect()
    }

    /// A phrase that does not even answer itself answers nothing.
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

/// A message that has a phrase and as little else as can be: a `word*` is followed by letters that no other phrase has.
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

/// A phrase in the form in which `[tests]` may name it.
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

pub(super) fn check_entry(entry: &Entry, text: &str, warnings: &mut Faults) {
    if entry.name.contains([',', '，', '、', '،']) {
        let sentence =
            format!("{:?} is one phrase with a comma in it; write '|' between alternatives", entry.name);
        warnings.push(Fault::new(entry.line, sentence));
    }
    // `B&B` is a word; `dog&cat` and `dog &cat` rather look like two.
    let is_joined = |word: &str| {
        let sides: Vec<usize> = word.split(['&', '＆']).map(|side| side.chars().count()).collect();
        sides.len() > 1 && sides.iter().any(|chars| *chars > 1) && word.chars().count() > 1
    };
    if let Some(word) = entry.name.split_whitespace().find(|word| is_joined(word)) {
        let sentence =
            format!("{word:?} is one run of words; write blanks around the '&' if both may stand anywhere");
        warnings.push(Fault::new(entry.line, sentence));
    }
    if text.len() > LONG_REPLY_BYTES {
        let sentence = format!(
            "the reply to {:?} has {} bytes; many clients take 16384 at most",
            entry.name,
            text.len()
        );
        warnings.push(Fault::new(entry.line, sentence));
    }
}

pub(super) fn check_prefixes(line: usize, phrase: &Phrase, warnings: &mut Faults) {
    let Phrase::Runs(runs) = phrase else { return };
    for run in runs {
        let prefixes = run.words.folded().zip(&run.prefixes).filter(|(_, is_prefix)| **is_prefix);
        for (word, _) in prefixes.filter(|(word, _)| word.chars().count() < SHORT_PREFIX_CHARS) {
            warnings.push(Fault::new(
                line,
                format!("'{word}*' is the beginning of very many words; write more of it"),
            ));
        }
    }
}

/// The lines of `[vars]`, and which of them were used.
pub(super) struct Vars {
    values: HashMap<String, (String, usize, bool)>,
}

impl Vars {
    pub(super) fn new(entries: &[Entry], faults: &mut Faults) -> Vars {
        let mut values = HashMap::new();
        for Entry { name, value, line } in entries {
            if !is_name(name) {
                faults.push(Fault::new(
                    *line,
                    format!("{name:?} is no name; use letters, digits, '-' and '_'"),
                ));
            } else if let Some((_, first, _)) = values.insert(name.clone(), (value.clone(), *line, false)) {
                faults.push(Fault::new(
                    *line,
                    format!("{name:?} stands at line {first} already; remove one of them"),
                ));
            }
        }
        Vars { values }
    }

    /// The value of an entry with each `{name}` replaced; any other braces are text.
    pub(super) fn fill(&mut self, entry: &Entry, warnings: &mut Faults) -> String {
        let mut filled = String::with_capacity(entry.value.len());
        let mut rest = entry.value.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            filled.push_str(before);
            let name = behind.split_once('}').filter(|(name, _)| is_name(name));
            match name.and_then(|(name, after)| Some((self.values.get_mut(name)?, after))) {
                Some(((value, _, used), after)) => {
                    *used = true;
                    filled.push_str(value);
                    rest = after;
                }
                None => {
                    if let Some((name, _)) = name {
                        let sentence = format!("{{{name}}} is text here: [vars] has no {name:?}");
                        warnings.push(Fault::new(entry.line, sentence));
                    }
                    filled.push('{');
                    rest = behind;
                }
            }
        }
        filled + rest
    }

    pub(super) fn warn_of_unused(&self, warnings: &mut Faults) {
        for (name, (_, line, used)) in &self.values {
            if !used {
                warnings.push(Fault::new(*line, format!("no reply has {{{name}}}")));
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || "-_".contains(char))
}
