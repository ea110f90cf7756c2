//! What messages and phrases are made of.

pub(crate) mod excerpt;
pub(crate) mod function_words;
pub(crate) mod letters;
pub(crate) mod phrase;
pub(crate) mod terms;
pub(crate) mod word_map;
pub(crate) mod words;
