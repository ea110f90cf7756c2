//! The features of a text: its words, cut to their first letters.

use crate::replies::{
    similar::examples::Examples,
    text::letters::{is_han, is_unspaced},
    text::words::{Link, Words},
};

pub(crate) type FeatureId = u32;

/// Number of letters to which words are cut.
const LETTERS: usize = 5;

/// The features of a message.
#[derive(Default)]
pub(crate) struct Features {
    /// Those that some example has, sorted.
    pub(crate) known: Vec<FeatureId>,
    /// Hashes of the others.
    unknown: Vec<u64>,
    /// The weight of all.
    pub(crate) weight: f32,
    buffer: String,
}

impl Features {
    /// Reads the features of those terms of a message that count. `corrected` returns what a word that no example has may be meant as.
    pub(crate) fn read(
        &mut self,
        words: &Words,
        examples: &Examples,
        counts: impl Fn(usize, &str) -> bool,
        mut corrected: impl FnMut(usize) -> Option<FeatureId>,
    ) {
        let Features { known, unknown, weight, buffer } = self;
        known.clear();
        unknown.clear();
        for_each_term(words, buffer, |at, term| {
            let feature = cut(term);
            if !counts(at, term) {
                return;
            }
            match examples.feature(feature).or_else(|| corrected(at)) {
                Some(id) => known.push(id),
                None => unknown.push(std::hash::BuildHasher::hash_one(&rustc_hash::FxBuildHasher, feature)),
            }
        });
        known.sort_unstable();
        known.dedup();
        unknown.sort_unstable();
        unknown.dedup();
        let of_known: f32 = known.iter().map(|feature| examples.weight(*feature)).sum();
        *weight = of_known + unknown.len() as f32 * examples.unknown_weight;
    }

    /// The number of bytes of memory they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.known.capacity() * size_of::<FeatureId>() + self.unknown.capacity() * 8 + self.buffer.capacity()
    }
}

/// Calls `visit` with each term of a text, and the position of its first word: once it is cut, it is a feature. In scripts without
/// spaces, a Han letter is a term, and so are any other two letters next to each other.
pub(crate) fn for_each_term(words: &Words, buffer: &mut String, mut visit: impl FnMut(usize, &str)) {
    let mut at = 0;
    while at < words.len() {
        let word = words.word(at);
        let first = at;
        at += 1;
        let next = (at < words.len()).then(|| words.link(at));
        if word.starts_with(is_han) {
            visit(first, word);
        } else if word.starts_with(is_unspaced) {
            if next == Some(Link::Unspaced) {
                buffer.clear();
                buffer.push_str(word);
                buffer.push_str(words.word(at));
                visit(first, buffer);
            } else if words.link(first) != Link::Unspaced {
                visit(first, word);
            }
        } else if next == Some(Link::Hyphen) {
            buffer.clear();
            buffer.push_str(word);
            while at < words.len() && words.link(at) == Link::Hyphen {
                buffer.push_str(words.word(at));
                at += 1;
            }
            visit(first, buffer);
        } else {
            visit(first, word);
        }
    }
}

/// The first letters of a word. A word with a digit is whole, as it is not the form of another.
pub(crate) fn cut(word: &str) -> &str {
    if word.contains(char::is_numeric) {
        return word;
    }
    word.char_indices().nth(LETTERS).map_or(word, |(end, _)| &word[..end])
}
