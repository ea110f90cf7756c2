//! The words of twelve languages that are in most sentences, whatever these are about, and greetings.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::{terms::for_each_term, words::Words};

/// A line for each language: its function words, then its greetings after a `;`.
const TABLE: &str = include_str!("function_words.txt");
const LANGUAGES: usize = 12;
/// Number of the first languages, which have Latin letters: a word of one may mean something in another.
const LATIN: usize = 9;

/// What a word is in which languages: a bit for each language, shifted by one of these.
static KINDS: LazyLock<FxHashMap<String, u64>> = LazyLock::new(kinds);
const FUNCTION: usize = 0;
const GREETING: usize = LANGUAGES;
/// The first and the second word of a greeting in two words, such as `good morning`.
const FIRST: usize = 2 * LANGUAGES;
const SECOND: usize = 3 * LANGUAGES;

/// The languages of a file, as bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Languages(u64);

impl Default for Languages {
    /// All of them.
    fn default() -> Languages {
        Languages((1 << LANGUAGES) - 1)
    }
}

impl Languages {
    /// Whether a word is in most sentences of one of these languages.
    pub(crate) fn have_function_word(self, word: &str) -> bool {
        self.with(word, FUNCTION) != 0
    }

    /// Whether what begins at a word of a message says what it is about: it is neither a function word nor a
    /// greeting.
    pub(crate) fn is_content(self, words: &Words, at: usize, term: &str) -> bool {
        let is_greeting = |at: usize| {
            let first = self.with(words.word(at), FIRST);
            first != 0 && first & self.with(words.word(at + 1), SECOND) != 0
        };
        let kinds = KINDS.get(term).copied().unwrap_or_default();
        (kinds >> FUNCTION | kinds >> GREETING) & self.0 == 0
            && !(at + 1 < words.len() && is_greeting(at))
            && !(at > 0 && is_greeting(at - 1))
    }

    /// The languages in which a word is of this kind.
    fn with(self, word: &str, kind: usize) -> u64 {
        KINDS.get(word).map_or(0, |kinds| kinds >> kind & self.0)
    }
}

/// The function words of a file, by language.
#[derive(Default)]
pub(crate) struct LanguageCounts([usize; LATIN]);

impl LanguageCounts {
    pub(crate) fn add(&mut self, words: &Words) {
        for kinds in words.folded().filter_map(|word| KINDS.get(word)) {
            (0..LATIN).for_each(|language| self.0[language] += (kinds >> language & 1) as usize);
        }
    }

    /// The languages that the file is in: of those with Latin letters, the one with the most function words,
    /// and those with a third as many. Other scripts cannot be confused.
    pub(crate) fn languages(&self) -> Languages {
        let most = self.0.iter().max().copied().unwrap_or_default();
        let others = (0..LATIN).filter(|language| 3 * self.0[*language] < most);
        Languages(others.fold(Languages::default().0, |languages, other| languages & !(1 << other)))
    }
}

fn kinds() -> FxHashMap<String, u64> {
    let mut kinds = FxHashMap::default();
    let mut buffer = String::new();
    for (language, line) in TABLE.lines().enumerate() {
        let (_, line) = line.split_once(": ").unwrap_or_default();
        let (function, greetings) = line.split_once(" ; ").unwrap_or((line, ""));
        let mut add = |text: &str, kind: usize| {
            for_each_term(&Words::of(text), &mut buffer, |_, term| {
                *kinds.entry(term.to_owned()).or_default() |= 1 << (kind + language);
            });
        };
        add(function, FUNCTION);
        for greeting in greetings.split(' ') {
            match greeting.split_once('-') {
                Some((first, second)) => {
                    add(first, FIRST);
                    add(second, SECOND);
                }
                None => add(greeting, GREETING),
            }
        }
    }
    kinds
}
