//! The text of a file of replies. A link may now lead to any other file, which must not be shown.

use std::{
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    path::Path,
};

use super::text_lines::TextLines;
use crate::records::file::open_resolved;

/// Size up to which a file can be changed here. One of 10,000 replies is smaller.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;
const SECTIONS: [&str; 4] = ["replies", "smalltalk", "vars", "tests"];

/// What the file holds.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) text: String,
    /// Stands for exactly this text.
    pub(super) revision: String,
}

impl Content {
    pub(super) fn new(text: String) -> Content {
        Content { revision: revision(&text), text }
    }
}

/// What stands for a text. It does not protect against a person who makes another text with the same revision
/// on purpose: a person who may save can write anything.
pub(super) fn revision(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}-{}", hasher.finish(), text.len())
}

/// The text at a path without links.
pub(super) fn read(file: &Path) -> io::Result<String> {
    open_resolved(file).and_then(text_of)
}

/// The text of an open file.
pub(super) fn text_of(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is over {} MiB; change it on the server", MAX_BYTES >> 20)));
    }
    if is_of_replies(&text) {
        return Ok(text);
    }
    Err(io::Error::other(
        "this is not a file of replies, which has the sections [replies], [smalltalk], [vars] and [tests] only; correct it on the server",
    ))
}

/// Whether a text could be one of replies, with or without mistakes.
fn is_of_replies(text: &str) -> bool {
    let lines = TextLines::new(text);
    let mut names = lines.sections().map(|(_, name)| name).peekable();
    (names.peek().is_some() || text.trim().is_empty()) && names.all(|name| SECTIONS.contains(&name))
}
