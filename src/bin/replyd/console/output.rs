//! The one way to write results to stdout, and what comes with them to stderr.

use std::{
    fmt::Display,
    io::{self, BufWriter, IsTerminal, Write, stderr, stdout},
    process,
};

use super::{escape::Escaped, failure::Failure, offers::answer_parts};

/// Prints a line of text.
pub(crate) fn print(line: impl Display) -> Result<(), Failure> {
    finish(writeln!(stdout(), "{line}"))
}

/// Prints an answer: its text to stdout, in one line, and what it offers to stderr.
pub(crate) fn print_answer(answer: &str) -> Result<(), Failure> {
    let text = answer_parts(answer).text;
    match answer[text.len()..].strip_prefix('\n') {
        // Offers alone are the answer.
        Some(offers) if !text.trim().is_empty() => {
            print_received(text.as_bytes())?;
            print_aside(offers);
            Ok(())
        }
        _ => print_received(answer.as_bytes()),
    }
}

/// Prints a line that a server has sent: as it is, or escaped if stdout is a terminal.
pub(crate) fn print_received(line: &[u8]) -> Result<(), Failure> {
    if stdout().is_terminal() {
        return print(Escaped::for_screen(String::from_utf8_lossy(line)));
    }
    let mut out = stdout().lock();
    finish(out.write_all(line).and_then(|()| out.write_all(b"\n")))
}

/// Writes a line to stderr that a server has sent, but not as an answer. It is escaped.
pub(crate) fn print_aside(line: impl Display) {
    let mut out = BufWriter::new(stderr().lock());
    let _ = writeln!(out, "{}", Escaped::for_screen(line)).and_then(|()| out.flush());
}

/// Exits with success when the pipe is closed: a reader such as `head` has all it wants.
fn finish(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(0),
        written => written.map_err(|error| Failure::new(format!("cannot write to stdout: {error}"))),
    }
}

/// A number of things, such as "1 reply" or "2 replies".
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let what = if count == N::from(1) { one } else { many };
    format!("{count} {what}")
}
