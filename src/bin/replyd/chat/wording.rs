//! What both kinds of conversation say and understand.

use std::io::{Write, stderr, stdout};

use crate::console::Escaped;

/// The message that an empty line sends, as in the article.
pub(super) const NO_REPLY: &str = "No reply";
/// The line that ends the conversation.
pub(super) const EXIT: &str = "exit";

/// Prints a status line: on a terminal to stdout, otherwise to stderr, to keep stdout for answers.
pub(super) fn print_status(interactive: bool, line: &str) {
    let _ = if interactive { writeln!(stdout(), "{line}") } else { writeln!(stderr(), "{line}") };
}

/// A sentence for the server's Close, with its code and its reason, which is escaped.
pub(super) fn describe_close(frame: Option<&(u16, replyd::Utf8Bytes)>) -> String {
    match frame {
        Some((code, reason)) if reason.is_empty() => format!("the server closed the connection ({code})"),
        Some((code, reason)) => {
            format!("the server closed the connection ({code}: {})", Escaped::for_log(reason))
        }
        None => "the server closed the connection".to_owned(),
    }
}
