//! Finds the phrases that are in a message.

pub(crate) mod index;
pub(crate) mod search;
pub(crate) mod spelling;
pub(crate) mod steps;
pub(crate) mod tokens;
pub(crate) mod vocabulary;
