//! What the log shows of a text that somebody else wrote.

use std::fmt;

/// How much of a text a log line has.
pub(crate) const LOGGED_CHARS: usize = 200;

/// The beginning of a text. Control characters stay: whoever formats the log escapes them.
pub(crate) struct Excerpt<'a> {
    text: &'a str,
    most: usize,
}

impl Excerpt<'_> {
    /// At most so many characters of the text.
    pub(crate) fn of(text: &str, most: usize) -> Excerpt<'_> {
        Excerpt { text, most }
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.char_indices().nth(self.most) {
            Some((end, _)) => write!(f, "{} ...", &self.text[..end]),
            None => f.write_str(self.text),
        }
    }
}
