//! Normalises messages and phrases, so that `What's up?!` and `whats up` are the same words.

mod reading;
mod squeezing;
#[cfg(test)]
mod tests;

use std::{
    hash::{Hash, Hasher},
    ops::Range,
};

use rustc_hash::FxHasher;
use unicode_normalization::UnicodeNormalization;

use super::letters::{is_accent, is_arabic, push_as_typed};

/// The words of a text in two forms: folded, for comparison, and exact, which keeps the accents to decide
/// ties.
///
/// Both forms are in lower case. Full-width and other compatibility forms become plain; zero-width characters
/// and apostrophes of every kind are dropped; other punctuation separates words. The folded form also drops
/// accents and vowel marks, and has letters such as `ł` and `ß` as people type them without their keyboard.
/// In scripts that are written without spaces, each letter is a word of its own, so that phrases are found
/// inside a sentence; so is each emoji. A `+` or `#` directly after a word belongs to it, as in `C++`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    folded: String,
    /// Empty if it is the same as the folded form, as in nearly all messages in ASCII.
    exact: String,
    differs: bool,
    list: Vec<Word>,
}

/// Positions of a word in both forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    folded: (u32, u32),
    exact: (u32, u32),
    /// Number of symbols at the end, each of one byte.
    symbols: u8,
    link: Link,
}

/// How a word is linked to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It is not.
    Apart,
    /// By a hyphen between letters, as in `e-mail`, by what is one in Arabic script, or by a dot between
    /// single letters, as in `U.S.`.
    Hyphen,
    /// By a dot after a single letter. It is a hyphen if the word is a single letter, too, and nothing
    /// otherwise.
    Dot,
    /// It is a letter that follows another in a script without spaces, and so is not the start of a word.
    Unspaced,
}

/// Number of letters up to which a word is likely to be a part of another, as in `e mail`, `wi fi` and `check
/// in`.
const MAX_SHORT_PART: usize = 2;
/// Number of letters of two such parts together, at least.
const MIN_JOINED: usize = 4;

impl Words {
    pub(crate) fn of(text: &str) -> Words {
        let mut words = Words::default();
        words.read(text);
        words
    }

    /// Removes all words, but keeps the allocated memory.
    pub(crate) fn clear(&mut self) {
        self.folded.clear();
        self.exact.clear();
        self.differs = false;
        self.list.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The number of bytes of memory they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.folded.capacity() + self.exact.capacity() + self.list.capacity() * size_of::<Word>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The words in the folded form.
    pub(crate) fn folded(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.list.len()).map(|at| self.word(at))
    }

    /// Stands for the words in the folded form.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.folded().for_each(|word| word.hash(&mut hasher));
        hasher.finish()
    }

    /// A word in the folded form.
    pub(crate) fn word(&self, at: usize) -> &str {
        let (start, end) = self.list[at].folded;
        &self.folded[start as usize..end as usize]
    }

    /// The same without the symbols at its end.
    pub(crate) fn without_symbols(&self, at: usize) -> &str {
        let Word { folded: (start, end), symbols, .. } = self.list[at];
        &self.folded[start as usize..end as usize - usize::from(symbols)]
    }

    /// How a word is linked to the one before.
    pub(crate) fn link(&self, at: usize) -> Link {
        match self.list[at].link {
            Link::Dot if self.word(at).chars().nth(1).is_some() => Link::Apart,
            Link::Dot => Link::Hyphen,
            link => link,
        }
    }

    /// Whether there is a word, and it is linked so to the one before.
    pub(crate) fn is_linked(&self, at: usize, link: Link) -> bool {
        at < self.list.len() && self.link(at) == link
    }

    /// Whether a word and the next are also written as one: with a hyphen between them, with a part as short
    /// as in `e mail`, or in Arabic script, in which many words of Persian are written apart, together or
    /// half apart.
    pub(crate) fn is_joinable(&self, at: usize) -> bool {
        let Some([one, other]) = self.list.get(at..at + 2) else { return false };
        let [length, next_length] = [one, other].map(|word| (word.folded.1 - word.folded.0) as usize);
        let is_short = |at: usize| {
            let word = self.word(at);
            word.len() <= MAX_SHORT_PART && word.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        match other.link {
            Link::Apart => {
                (length.min(next_length) <= MAX_SHORT_PART
                    && length + next_length >= MIN_JOINED
                    && (is_short(at) || is_short(at + 1)))
                    || (self.differs && [at, at + 1].iter().all(|at| self.word(*at).starts_with(is_arabic)))
            }
            link => link != Link::Unspaced && self.link(at + 1) == Link::Hyphen,
        }
    }

    /// A word in the exact form.
    pub(crate) fn exact(&self, at: usize) -> &str {
        let (start, end) = self.list[at].exact;
        let exact = if self.differs { &self.exact } else { &self.folded };
        &exact[start as usize..end as usize]
    }

    /// Whether the exact form of some words is in ASCII.
    #[inline]
    pub(crate) fn are_ascii(&self, mut words: Range<usize>) -> bool {
        !self.differs || words.all(|at| self.exact(at).is_ascii())
    }

    /// Appends a word to `text` as it is written without umlauts, `oe` for `ö`; returns whether it has any.
    pub(crate) fn push_without_umlauts(&self, at: usize, text: &mut String) -> bool {
        let exact = self.exact(at);
        if exact.is_ascii() {
            text.push_str(exact);
            return false;
        }
        let mut has_umlaut = false;
        for char in exact.chars() {
            let added = match (text.as_bytes().last(), char) {
                (Some(b'a' | b'o' | b'u'), '\u{308}') => "e",
                (Some(b'a'), '\u{30a}') => "a",
                (_, 'ø') => "oe",
                (_, accent) if is_accent(accent) => continue,
                (_, letter) => {
                    push_as_typed(letter, text);
                    continue;
                }
            };
            has_umlaut = true;
            text.push_str(added);
        }
        has_umlaut
    }

    /// The number of words as a person counts them.
    pub(crate) fn count(&self) -> usize {
        (0..self.list.len()).filter(|at| self.link(*at) == Link::Apart).count()
    }

    /// The number of letters and digits.
    pub(crate) fn chars(&self) -> usize {
        self.folded().map(|word| word.chars().count()).sum()
    }

    /// The folded form for display, with spaces only where the script has them.
    pub(crate) fn shown(&self) -> String {
        let mut shown = String::new();
        for (word, text) in self.list.iter().zip(self.folded()) {
            if word.link != Link::Unspaced && !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(text);
        }
        shown.nfc().collect()
    }
}
