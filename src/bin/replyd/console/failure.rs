//! The failure of a command: a sentence for stderr, and an exit code.

use std::{fmt, io::Write, process::ExitCode};

use super::escape::Escaped;

/// Exit code for a failure of the network, the system or the other side.
const FAILED: u8 = 1;
/// Exit code for wrong usage or configuration, before anything was started.
const WRONG_USAGE: u8 = 2;

/// Why a command fails.
#[derive(Debug)]
pub(crate) struct Failure {
    sentence: String,
    code: u8,
}

impl Failure {
    /// A failure with exit code 1.
    pub(crate) fn new(sentence: impl fmt::Display) -> Failure {
        Failure { sentence: sentence.to_string(), code: FAILED }
    }

    /// A mistake in the usage or the configuration, with exit code 2.
    pub(crate) fn usage(sentence: impl fmt::Display) -> Failure {
        Failure { sentence: sentence.to_string(), code: WRONG_USAGE }
    }

    /// Prints the sentence, escaped, since it may quote foreign text. Errors of stderr cannot be reported.
    pub(crate) fn report(&self) -> ExitCode {
        for line in self.sentence.lines() {
            let _ = writeln!(std::io::stderr(), "{}", Escaped::for_screen(line));
        }
        ExitCode::from(self.code)
    }
}

impl From<replyd::Error> for Failure {
    fn from(error: replyd::Error) -> Failure {
        if error.is_config() { Failure::usage(error) } else { Failure::new(error) }
    }
}
