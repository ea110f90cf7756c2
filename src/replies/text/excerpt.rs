//! Quotes what a file has, shortened.

/// Number of letters that are quoted at most.
const EXCERPT_CHARS: usize = 60;

/// The beginning of a text in quotes, for a sentence that shows where it is.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{:?}", text[..end].to_owned() + "..."),
        None => format!("{text:?}"),
    }
}
