//! The words of a file, each with a number, and the words of a message that are among them or may be typos of
//! them.

use std::{hash::BuildHasher, sync::Arc};

use rustc_hash::{FxBuildHasher, FxHashSet};

use super::spelling::{MIN_LETTERS, Spellings, WordId, is_one_edit_apart};
use crate::replies::text::{
    word_map::{PACKED, WordMap},
    words::Words,
};

/// All words of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    words: WordMap,
    pub(crate) prefixes: WordMap,
    /// The texts of words and of prefixes, by their order.
    texts: [Vec<Arc<str>>; 2],
    /// The first words that only variants of phrases have, and that only `[tests]` have.
    ends_of_phrases: [WordId; 2],
    /// Hashes of the words in the texts of replies, which are not typos.
    known: FxHashSet<u64>,
    spellings: Spellings,
}

impl Vocabulary {
    /// The id of a word or prefix, which is added if it is missing.
    pub(crate) fn add(&mut self, text: &str, is_prefix: bool) -> WordId {
        let words = if is_prefix { &mut self.prefixes } else { &mut self.words };
        if let Some(id) = words.get(text) {
            return id;
        }
        let texts = &mut self.texts[usize::from(is_prefix)];
        let id = texts.len() as WordId * 2 + WordId::from(is_prefix);
        let text: Arc<str> = text.into();
        texts.push(Arc::clone(&text));
        words.insert(&text, id);
        id
    }

    /// Ends the phrases: words that are added later belong to variants of them.
    pub(crate) fn end_phrases(&mut self) {
        self.ends_of_phrases[0] = self.texts[0].len() as WordId * 2;
    }

    /// Ends the variants of phrases: words that are added later do not belong to any.
    pub(crate) fn end_variants(&mut self) {
        self.ends_of_phrases[1] = self.texts[0].len() as WordId * 2;
    }

    /// Adds the words of a reply's text, which are correct wherever they are in a message.
    pub(crate) fn add_text(&mut self, words: &Words) {
        let long = words.folded().filter(|word| word.len() >= MIN_LETTERS && self.words.get(word).is_none());
        self.known.extend(long.map(|word| FxBuildHasher.hash_one(word)));
    }

    /// Ends the vocabulary. Only then, typos are recognised.
    pub(crate) fn end(&mut self) {
        let texts = self.texts.iter().zip(0..);
        let all = texts.flat_map(|(texts, kind)| {
            texts.iter().enumerate().map(move |(at, text)| (at as WordId * 2 + kind, &**text))
        });
        // Nobody wrote the words that only variants have: "checkin" must not answer "checking".
        let variants = self.ends_of_phrases[0]..self.ends_of_phrases[1];
        let words = all
            .filter(|(id, text)| (id % 2 == 1 || !variants.contains(id)) && !text.contains(char::is_numeric));
        self.spellings = Spellings::of(words);
    }

    pub(crate) fn text(&self, id: WordId) -> &str {
        &self.texts[id as usize % 2][id as usize / 2]
    }

    pub(crate) fn word(&self, text: &str) -> Option<WordId> {
        self.words.get(text)
    }

    /// Whether the file has a word, or a prefix of it.
    pub(crate) fn has(&self, word: &str) -> bool {
        let mut has_prefix = false;
        // Longer prefixes are not worth their time here.
        let visit = |_| has_prefix = true;
        self.prefixes.visit_beginnings(word, 0, |longest| longest.min(2 * PACKED), visit);
        has_prefix || self.words.get(word).is_some()
    }

    /// Whether the file may have a word that begins as these two do together, and is longer than the first.
    pub(crate) fn may_have_joined(&self, one: &str, other: &str) -> bool {
        let bytes = one.len()..one.len() + other.len();
        self.words.may_have(one, bytes.clone()) || self.prefixes.may_have(one, bytes)
    }

    /// Whether a phrase has this word or prefix.
    pub(crate) fn is_in_phrase(&self, id: WordId) -> bool {
        id % 2 == 1 || id < self.ends_of_phrases[1]
    }

    /// Calls `visit` with each word and prefix that a word of a message may be meant as. There are none for a
    /// word that the file has anywhere, that is too short, or that has a digit. Returns the number of lookups
    /// and comparisons.
    pub(crate) fn visit_corrections(&self, word: &str, mut visit: impl FnMut(WordId)) -> usize {
        let is_correctable = word.chars().nth(MIN_LETTERS - 1).is_some() && !word.contains(char::is_numeric);
        if !is_correctable || self.known.contains(&FxBuildHasher.hash_one(word)) {
            return 1;
        }
        1 + self.spellings.visit(word, |id| {
            let text = self.text(id);
            let is_near =
                if id % 2 == 0 { is_one_edit_apart(word, text) } else { has_similar_prefix(word, text) };
            if is_near {
                visit(id);
            }
        })
    }
}

/// Whether a beginning of `word` that ends as `prefix` does is one edit apart from it.
fn has_similar_prefix(word: &str, prefix: &str) -> bool {
    let letters = prefix.chars().count();
    let ends = word.char_indices().map(|(at, char)| at + char.len_utf8());
    let mut beginnings = ends.skip(letters.saturating_sub(2)).take(3).map(|end| &word[..end]);
    beginnings.any(|beginning| {
        beginning.chars().next_back() == prefix.chars().next_back()
            && beginning != prefix
            && is_one_edit_apart(beginning, prefix)
    })
}
