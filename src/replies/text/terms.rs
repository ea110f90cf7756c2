//! The terms of a text, and the features by which messages and examples are compared: terms, cut to their
//! first letters.

use super::{
    letters::{is_han, is_unspaced},
    words::{Link, Words},
};

/// Number of letters to which a term is cut.
const FEATURE_LETTERS: usize = 5;

/// Calls `visit` with each term of a text, and the position of its first word. A term is a word, or several
/// with hyphens between them; in scripts without spaces, a Han letter, or any other two letters next to each
/// other.
pub(crate) fn for_each_term(words: &Words, buffer: &mut String, mut visit: impl FnMut(usize, &str)) {
    let mut at = 0;
    while at < words.len() {
        let word = words.word(at);
        let first = at;
        at += 1;
        let mut end = at;
        if word.starts_with(is_han) {
            // It has a meaning of its own.
        } else if word.starts_with(is_unspaced) {
            if words.is_linked(at, Link::Unspaced) {
                end = at + 1;
            } else if words.link(first) == Link::Unspaced {
                continue;
            }
        } else {
            while words.is_linked(at, Link::Hyphen) {
                at += 1;
            }
            end = at;
        }
        if end == first + 1 {
            visit(first, word);
        } else {
            buffer.clear();
            buffer.extend((first..end).map(|at| words.word(at)));
            visit(first, buffer);
        }
    }
}

/// The feature that a term is. A term with a digit is whole, as it is not a form of another.
pub(crate) fn feature_text(term: &str) -> &str {
    if term.len() <= FEATURE_LETTERS || term.contains(char::is_numeric) {
        return term;
    }
    term.char_indices().nth(FEATURE_LETTERS).map_or(term, |(end, _)| &term[..end])
}
