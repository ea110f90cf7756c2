//! What the commands share: their failures, where their settings are, and how text gets in and out.

mod escape;
mod failure;
mod input;
mod offers;
mod output;
mod settings;

pub(crate) use escape::{Escaped, unescaped};
pub(crate) use failure::Failure;
pub(crate) use input::input_lines;
pub(crate) use offers::{AnswerParts, answer_parts};
pub(crate) use output::{counted, print, print_answer, print_aside, print_received};
pub(crate) use settings::{DEFAULT_FILE, FileArgs, OWNER, config_reader};
