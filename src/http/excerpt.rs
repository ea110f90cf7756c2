//! Excerpts of untrusted text for the log.

use std::fmt;

/// Maximum length of untrusted text in a log line.
pub(crate) const LOGGED_CHARS: usize = 200;

/// The beginning of a text. Control characters are kept: the log's formatter escapes them.
pub(crate) struct Excerpt<'a> {
    text: &'a str,
    max_chars: usize,
}

impl Excerpt<'_> {
    pub(crate) fn of(text: &str, max_chars: usize) -> Excerpt<'_> {
        Excerpt { text, max_chars }
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.char_indices().nth(self.max_chars) {
            Some((end, _)) => write!(f, "{} ...", &self.text[..end]),
            None => f.write_str(self.text),
        }
    }
}
