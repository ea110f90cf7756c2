//! What makes a table worse than its owner thinks: warnings, and the lines of `[tests]` that fail.

use std::collections::HashMap;

use super::words::Words;
use super::{
    Replies, UNKNOWN,
    phrase::{Pattern, alternatives},
    search::Search,
};
use crate::ini::{Entry, Fault, Faults};

/// More than a client's default limit for a message.
const LONG_REPLY_BYTES: usize = 16 * 1024;
/// Among more keys the nearest is not looked for.
const MANY_KEYS: usize = 5000;
/// Fewer letters begin too many words.
const SHORT_PREFIX_CHARS: usize = 3;

/// A line of `[tests]`: a sentence, and the key that should answer it.
#[derive(Clone, Debug)]
pub(super) struct Test {
    sentence: String,
    expected: String,
    line: usize,
}

impl Test {
    pub(super) fn of(entry: &Entry) -> Test {
        Test { sentence: entry.key.clone(), expected: entry.value.clone(), line: entry.line }
    }
}

impl Replies {
    /// What works otherwise than it looks, a sentence for each, with its line: the first 50, and how many more there are.
    ///
    /// Takes as long as finding a reply for each key.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        self.keys_that_never_win(&mut warnings);
        warnings.lines(&self.name)
    }

    /// The lines of `[tests]` that another key answers than the expected one, a sentence for each.
    pub fn failures(&self) -> Vec<String> {
        let known = self.known_keys();
        self.tests.iter().filter_map(|test| self.failure(test, &known)).collect()
    }

    fn failure(&self, test: &Test, known: &HashMap<String, usize>) -> Option<String> {
        let Test { sentence, expected, line } = test;
        let fit = self.best(sentence, &mut Search::default());
        let answering = fit.map_or(&self.unknown, |fit| self.reply_of(fit.key));
        let key = canonical(expected);
        let Some(wanted) = known.get(&key) else {
            let candidates = known.keys().filter(|_| known.len() <= MANY_KEYS);
            let near = candidates.map(|known| (strsim::damerau_levenshtein(known, &key), known)).min();
            let hint = near
                .filter(|near| near.0 <= near.1.len() / 3)
                .map(|near| format!("; did you mean {:?}?", near.1))
                .unwrap_or_default();
            return Some(format!("{}:{line}: no reply has the key {expected:?}{hint}", self.name));
        };
        let wanted = self.entries.get(*wanted).unwrap_or(&self.unknown);
        (wanted.line != answering.line || wanted.key != answering.key).then(|| {
            format!(
                "{}:{line}: {sentence:?} should be answered by {:?} (line {}), but {:?} (line {}) answers it",
                self.name, wanted.key, wanted.line, answering.key, answering.line
            )
        })
    }

    /// Entries by each of their alternatives, and by all of them together; `unknown` is behind the last.
    fn known_keys(&self) -> HashMap<String, usize> {
        let whole = self.entries.iter().enumerate().map(|(entry, reply)| (canonical(&reply.key), entry));
        let single = self.keys.iter().map(|(entry, alternative)| (canonical(alternative), *entry));
        whole.chain(single).chain([(UNKNOWN.to_owned(), self.entries.len())]).collect()
    }

    /// A key that does not even answer itself answers nothing.
    fn keys_that_never_win(&self, warnings: &mut Faults) {
        let mut search = Search::default();
        let loses = |(entry, alternative): &(usize, String)| {
            let fit = self.best(&itself(alternative)?, &mut search)?;
            let winner = self.reply_of(fit.key);
            let reply = &self.entries[*entry];
            (self.keys[fit.key].0 != *entry).then(|| {
                let sentence = format!(
                    "{alternative:?} can never win: {:?} (line {}) always does",
                    winner.key, winner.line
                );
                Fault::new(reply.line, sentence)
            })
        };
        warnings.extend(self.keys.iter().filter_map(loses));
    }
}

/// A message that has a key and as little else as can be: a `word*` is followed by letters that no other key has.
fn itself(alternative: &str) -> Option<String> {
    let (_, pattern) = alternatives(alternative).next()?;
    Some(match pattern.ok()? {
        Pattern::Symbols(text) => text,
        Pattern::Phrases(phrases) => {
            let phrases = phrases.iter().map(|phrase| {
                let words = phrase.prefixes.iter().enumerate().map(|(at, is_prefix)| {
                    let more = if *is_prefix { "qzxqzx" } else { "" };
                    phrase.words.exact(at, at + 1).to_owned() + more
                });
                words.collect::<Vec<_>>().join(" ")
            });
            phrases.collect::<Vec<_>>().join(" qzxqzx ")
        }
    })
}

/// A key in the form in which `[tests]` may name it.
fn canonical(key: &str) -> String {
    let piece = |piece: &str| match piece {
        "&" | "|" => piece.to_owned(),
        piece => {
            let star = if piece.ends_with('*') { "*" } else { "" };
            let words = Words::of(piece);
            if words.is_empty() { piece.to_owned() } else { words.shown() + star }
        }
    };
    key.replace(['|', '｜'], " | ")
        .replace('＆', "&")
        .split_whitespace()
        .map(piece)
        .collect::<Vec<_>>()
        .join(" ")
}

pub(super) fn check_entry(entry: &Entry, text: &str, warnings: &mut Faults) {
    if entry.key.contains([',', '，', '、', '،']) {
        let sentence =
            format!("{:?} is one key with a comma in it; write '|' between alternatives", entry.key);
        warnings.push(Fault::new(entry.line, sentence));
    }
    // `B&B` is a word; `dog&cat` and `dog &cat` rather look like two.
    let is_joined = |word: &str| {
        let sides: Vec<usize> = word.split(['&', '＆']).map(|side| side.chars().count()).collect();
        sides.len() > 1 && sides.iter().any(|chars| *chars > 1) && word.chars().count() > 1
    };
    if let Some(word) = entry.key.split_whitespace().find(|word| is_joined(word)) {
        let sentence =
            format!("{word:?} is one phrase; write blanks around the '&' if both may stand anywhere");
        warnings.push(Fault::new(entry.line, sentence));
    }
    if text.len() > LONG_REPLY_BYTES {
        let sentence =
            format!("the reply to {:?} has {} bytes; many clients take 16384 at most", entry.key, text.len());
        warnings.push(Fault::new(entry.line, sentence));
    }
}

pub(super) fn check_prefixes(line: usize, pattern: &Pattern, warnings: &mut Faults) {
    let Pattern::Phrases(phrases) = pattern else { return };
    for phrase in phrases {
        let prefixes = phrase.words.folded().zip(&phrase.prefixes).filter(|(_, is_prefix)| **is_prefix);
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
        for Entry { key, value, line } in entries {
            if !is_name(key) {
                faults
                    .push(Fault::new(*line, format!("{key:?} is no name; use letters, digits, '-' and '_'")));
            } else if let Some((_, first, _)) = values.insert(key.clone(), (value.clone(), *line, false)) {
                faults.push(Fault::new(
                    *line,
                    format!("{key:?} stands at line {first} already; remove one of them"),
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
