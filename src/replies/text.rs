//! What a text is made of: letters, words, phrases.

pub(crate) mod filter;
pub(crate) mod function_words;
pub(crate) mod letters;
pub(crate) mod phrase;
pub(crate) mod texts;
pub(crate) mod words;
