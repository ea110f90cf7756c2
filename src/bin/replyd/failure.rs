//! How a command fails: a sentence on stderr, and an exit code.

use std::{fmt, io::Write, process::ExitCode};

use crate::escape::Escaped;

/// It failed: the network, the system, the other side.
const FAILED: u8 = 1;
/// Wrong usage or configuration: nothing was started.
const WRONG_USAGE: u8 = 2;

/// Why a command ends otherwise than well.
#[derive(Debug)]
pub(crate) struct Failure {
    sentence: String,
    code: u8,
}

impl Failure {
    pub(crate) fn new(sentence: impl fmt::Display) -> Failure {
        Failure { sentence: sentence.to_string(), code: FAILED }
    }

    pub(crate) fn usage(sentence: impl fmt::Display) -> Failure {
        Failure { sentence: sentence.to_string(), code: WRONG_USAGE }
    }

    /// Prints the sentence; a stderr that takes nothing changes nothing.
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
