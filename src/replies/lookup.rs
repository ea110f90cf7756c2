//! Finds the phrases that are in a message.

pub(crate) mod index;
pub(crate) mod search;
pub(crate) mod spelling;
pub(crate) mod steps;
pub(crate) mod vocabulary;
pub(crate) mod word_matches;
