//! Finds the examples that are most similar to a message.

pub(crate) mod examples;
pub(crate) mod features;
pub(crate) mod nearest;
