//! The messages that no phrase answers: a server records them, and their groups are shown to the owner.
//!
//! Some got `unknown`, and some a *guess*: by correcting a typo, or by the nearest example.

pub(super) mod file;
mod groups;
mod record;

pub(crate) use file::warning;
pub(crate) use groups::{Group, Groups, UNKNOWN, is_phrase, is_sentence};
pub(super) use record::UnansweredRecord;

/// What to do where no file is named.
pub(crate) const NOT_KEPT: &str =
    "unanswered messages are not kept; to keep them, write 'unanswered_file = unanswered.txt' under [bot]";
