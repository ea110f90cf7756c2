//! What a server records for its owner: messages that no phrase answers, and statistics.

pub(crate) mod file;
mod recorder;
pub(crate) mod statistics;
pub(crate) mod unanswered;
mod writer;

pub(crate) use recorder::Recorder;
