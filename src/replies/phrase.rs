//! The grammar of a key: `opening hours | when do you open`, `deliver* & sunday`.

use super::words::{Words, symbols};

/// One alternative of a key.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Phrases that must all be in a message, in any order; mostly one.
    Phrases(Vec<Phrase>),
    /// Neither letters nor digits (`?`, an emoji): the whole message, as it stands.
    Symbols(String),
}

/// Words that must stand next to each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrase {
    pub(super) words: Words,
    /// For each word, whether it is only the beginning of one.
    pub(super) prefixes: Vec<bool>,
}

impl Pattern {
    pub(super) fn phrases(&self) -> usize {
        match self {
            Pattern::Phrases(phrases) => phrases.len(),
            Pattern::Symbols(_) => 0,
        }
    }
}

/// Splits a key at its `|` and reads each alternative; what is wrong with one is said in place of it.
pub(super) fn alternatives(key: &str) -> impl Iterator<Item = (&str, Result<Pattern, String>)> {
    // Chinese and Japanese keyboards write the full-width signs.
    key.split(['|', '｜']).map(str::trim).map(move |alternative| {
        let pattern = match alternative {
            "" => Err(format!("{key:?} has nothing beside a '|'")),
            alternative => pattern(alternative),
        };
        (alternative, pattern)
    })
}

fn pattern(alternative: &str) -> Result<Pattern, String> {
    if Words::of(alternative).is_empty() && !alternative.contains(['&', '＆']) {
        return Ok(Pattern::Symbols(symbols(alternative)));
    }
    let mut phrases = vec![Phrase::default()];
    for word in alternative.split_whitespace() {
        match word {
            "&" | "＆" => phrases.push(Phrase::default()),
            word => phrases.last_mut().expect("it begins with one").add(word)?,
        }
    }
    if phrases.iter().any(|phrase| phrase.words.is_empty()) {
        return Err(format!("{alternative:?} has no word beside a '&'"));
    }
    Ok(Pattern::Phrases(phrases))
}

impl Phrase {
    fn add(&mut self, word: &str) -> Result<(), String> {
        let stem = word.strip_suffix(['*', '＊']);
        self.words.read(stem.unwrap_or(word));
        let is_word = self.words.len() > self.prefixes.len();
        self.prefixes.resize(self.words.len(), false);
        if stem.unwrap_or(word).contains(['*', '＊']) || (stem.is_some() && !is_word) {
            return Err(format!(
                "{word:?} has a '*' that does not end a word; for words with others between them write 'one & other'"
            ));
        }
        if let (Some(last), true) = (self.prefixes.last_mut(), stem.is_some()) {
            *last = true;
        }
        Ok(())
    }

    pub(super) fn has_prefix(&self) -> bool {
        self.prefixes.contains(&true)
    }
}
