//! The one way to write results to stdout.

use std::{
    fmt::Display,
    io::{self, Write, stdout},
    process,
};

use crate::failure::Failure;

/// Prints a line of text.
pub(crate) fn print(line: impl Display) -> Result<(), Failure> {
    finish(writeln!(stdout(), "{line}"))
}

/// Prints a line of bytes, which need not be UTF-8.
pub(crate) fn print_bytes(line: &[u8]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    finish(out.write_all(line).and_then(|()| out.write_all(b"\n")))
}

/// Exits with success when the pipe is closed: a reader such as `head` has all it wants, and nobody is left to print for.
fn finish(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        written => written.map_err(|error| Failure::new(format!("cannot write to stdout: {error}"))),
    }
}
