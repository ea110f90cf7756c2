//! The grammar of a phrase: `opening hours | when do you open`, `deliver* & sunday`.

use super::words::{Words, symbols};

/// One alternative of a phrase.
#[derive(Clone, Debug)]
pub(super) enum Phrase {
    /// Runs that must all be in a message, in any order; mostly one.
    Runs(Vec<Run>),
    /// Neither letters nor digits (`?`, an emoji): the whole message, as it stands.
    Symbols(String),
}

/// Words that must stand next to each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) words: Words,
    /// For each word, whether it is only the beginning of one.
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

/// Splits a phrase at its `|` and reads each alternative; what is wrong with one is said in place of it.
pub(super) fn alternatives(phrase: &str) -> impl Iterator<Item = (&str, Result<Phrase, String>)> {
    // Chinese and Japanese keyboards write the full-width signs.
    phrase.split(['|', '｜']).map(str::trim).map(move |alternative| {
        let phrase = match alternative {
            "" => Err(format!("{phrase:?} has nothing beside a '|'")),
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
            word => runs.last_mut().expect("it begins with one").add(word)?,
        }
    }
    if runs.iter().any(|run| run.words.is_empty()) {
        return Err(format!("{alternative:?} has no word beside a '&'"));
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
