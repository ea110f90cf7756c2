//! The grammar of a phrase: `opening hours | when do you open`, `deliver* & sunday`.

use super::{
    excerpt::excerpt,
    letters::symbols,
    words::{Link, Words},
};

/// One alternative of what the file has before a `=`.
#[derive(Clone, Debug)]
pub(crate) enum Phrase {
    /// Runs that must all be in a message, in any order; usually one.
    Runs(Vec<Run>),
    /// A text without letters, digits and emoji (`?`), which must be the whole message.
    Symbols(String),
}

/// Words that must be next to each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) words: Words,
    /// For each word, whether it is a prefix (`word*`).
    pub(crate) prefixes: Vec<bool>,
}

/// What Persian writes before a verb, and after nouns and adjectives, apart, together or half apart; in the
/// folded form.
const PERSIAN_BEGINNINGS: [&str; 2] = ["مي", "نمي"];
const PERSIAN_ENDINGS: [&str; 5] = ["ها", "هاي", "هايي", "تر", "ترين"];

impl Phrase {
    pub(crate) fn runs(&self) -> &[Run] {
        match self {
            Phrase::Runs(runs) => runs,
            Phrase::Symbols(_) => &[],
        }
    }

    /// The same phrase as other people write it: in one word for `e-mail` and `e mail`, and with `oe` for
    /// `ö`.
    pub(crate) fn variants(&self) -> impl Iterator<Item = Phrase> {
        let joined = self.map(Run::with_hyphens_joined);
        let paired = self.map(Run::with_pairs_joined);
        let typed = self.map(Run::without_umlauts);
        let both = joined.as_ref().and_then(|joined| joined.map(Run::without_umlauts));
        [joined, paired, typed, both].into_iter().flatten()
    }

    /// The phrase with each run changed that can be; `None` if no run can.
    fn map(&self, change: fn(&Run) -> Option<Run>) -> Option<Phrase> {
        // Nearly always, none can.
        self.runs().iter().any(|run| change(run).is_some()).then(|| {
            Phrase::Runs(self.runs().iter().map(|run| change(run).unwrap_or_else(|| run.clone())).collect())
        })
    }
}

/// Splits a phrase at each `|` and parses the alternatives; the error is a sentence that says what is wrong
/// with one.
pub(crate) fn alternatives(phrase: &str) -> impl Iterator<Item = (&str, Result<Phrase, String>)> {
    // Chinese and Japanese keyboards produce full-width signs.
    phrase.split(['|', '｜']).map(str::trim).map(move |alternative| {
        let phrase = match alternative {
            "" => Err(format!("{} has no phrase on one side of a '|'", excerpt(phrase))),
            alternative => read(alternative),
        };
        (alternative, phrase)
    })
}

/// The first alternative of a phrase, by which its reply is known.
pub(crate) fn first_alternative(phrase: &str) -> &str {
    phrase.split(['|', '｜']).next().unwrap_or_default().trim()
}

/// Whether an alternative is what people type, without signs of the grammar.
pub(crate) fn is_plain(alternative: &str) -> bool {
    !alternative.contains(['&', '＆', '*', '＊'])
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

    pub(crate) fn has_prefix(&self) -> bool {
        self.prefixes.contains(&true)
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.words.are_ascii(0..self.words.len())
    }

    /// The run with words that hyphens link as one.
    fn with_hyphens_joined(&self) -> Option<Run> {
        self.joined(|at| self.words.is_linked(at + 1, Link::Hyphen))
    }

    /// The run with each word and a short part of it as one, such as `e mail` and `check in`: if there is
    /// nothing else in it, or if the part is a single letter or an ending of Persian, as others are more
    /// often words.
    fn with_pairs_joined(&self) -> Option<Run> {
        let (words, count) = (&self.words, self.words.len());
        let is_letter = |at: usize| words.word(at).len() == 1;
        let mut pairs = vec![false; count];
        for at in 0..count {
            pairs[at] = words.is_joinable(at)
                && !words.is_linked(at + 1, Link::Hyphen)
                && !(at > 0 && pairs[at - 1])
                && (count == 2
                    || is_letter(at)
                    || is_letter(at + 1)
                    || PERSIAN_BEGINNINGS.contains(&words.word(at))
                    || PERSIAN_ENDINGS.contains(&words.word(at + 1)));
        }
        self.joined(|at| pairs[at])
    }

    /// The run in which words are joined with the next where `joins` says so; `None` if it says so nowhere.
    fn joined(&self, joins: impl Fn(usize) -> bool) -> Option<Run> {
        let joins = |at: usize| joins(at) && !self.prefixes[at];
        if !(0..self.words.len()).any(joins) {
            return None;
        }
        let mut run = Run::default();
        let mut at = 0;
        while at < self.words.len() {
            let mut word = self.words.word(at).to_owned();
            while at + 1 < self.words.len() && joins(at) {
                at += 1;
                word.push_str(self.words.word(at));
            }
            run.words.read(&word);
            run.prefixes.push(self.prefixes[at]);
            at += 1;
        }
        // Letters of scripts without spaces are read one by one.
        (run.words.len() == run.prefixes.len()).then_some(run)
    }

    /// The run with `oe` for `ö`, if it has any such letter.
    fn without_umlauts(&self) -> Option<Run> {
        if self.is_ascii() {
            return None;
        }
        let mut run = Run { words: Words::default(), prefixes: self.prefixes.clone() };
        let mut has_umlaut = false;
        for at in 0..self.words.len() {
            let mut word = String::from(if self.words.link(at) == Link::Unspaced { "" } else { " " });
            has_umlaut |= self.words.push_without_umlauts(at, &mut word);
            run.words.read(&word);
        }
        (has_umlaut && run.words.len() == run.prefixes.len()).then_some(run)
    }
}
