//! The grammar of a phrase: `opening hours | when do you open`, `deliver* & sunday`.

use super::words::{Words, symbols};

/// One alternative of what the file has before a `=`.
#[derive(Clone, Debug)]
pub(super) enum Phrase {
    /// Runs that must all be in a message, in any order; usually one.
    Runs(Vec<Run>),
    /// A text without letters and digits (`?`, an emoji), which must be the whole message.
    Symbols(String),
}

/// Words that must be next to each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) words: Words,
    /// For each word, whether it is a prefix (`word*`).
    pub(super) prefixes: Vec<bool>,
}

impl Phrase {
    pub(super) fn runs(&self) -> usize {
        match self {
            Phrase::Runs(runs) => runs.len(),
            Phrase::Symbols(_) => 0,
        }
    }
}

/// Splits a phrase at each `|` and parses the alternatives; the error is a sentence that says what is wrong with one.
pub(super) fn alternatives(phrase: &str) -> impl Iterator<Item = (&str, Result<Phrase, String>)> {
    // Chinese and Japanese keyboards produce full-width signs.
    phrase.split(['|', '｜']).map(str::trim).map(move |alternative| {
        let phrase = match alternative {
            "" => Err(format!("{phrase:?} has no phrase on one side of a '|'")),
            alternative => read(alternative),
        };
        (alternative, phrase)
    })
}

fn read(alternative: &str) -> Result<Phrase, String> {
    if Words::of(alternative).is_empty() && !alternative.contains(['&', '＆']) {
        return Ok(Phrase::Symbols(symbols(alternative)));
    }
    let mut runs = vec![Run::default()];
    for word in alternative.split_whitespace() {
        match word {
            "&" | "＆" => runs.push(Run::default()),
            word => runs.last_mut().expect("there is always a run").add(word)?,
        }
    }
    if runs.iter().any(|run| run.words.is_empty()) {
        return Err(format!("{alternative:?} has no word on one side of a '&'"));
    }
    Ok(Phrase::Runs(runs))
}

impl Run {
    fn add(&mut self, word: &str) -> Result<(), String> {
        let stem = word.strip_suffix(['*', '＊']);
        self.words.read(stem.unwrap_or(word));
        let is_word = self.words.len() > self.prefixes.len();
        self.prefixes.resize(self.words.len(), false);
        if stem.unwrap_or(word).contains(['*', '＊']) || (stem.is_some() && !is_word) {
            return Err(format!(
                "{word:?} has a '*' that is not at the end of a word; for words with others between them, write 'one & other'"
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
