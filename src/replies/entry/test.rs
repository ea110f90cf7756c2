//! An entry of `[tests]`.

use super::vars::Vars;
use crate::{
    ini::{Entry, Faults},
    replies::{similar::examples::ExampleId, text::words::Words},
};

/// Length to which the texts of replies are compared with what a test expects.
const COMPARED_CHARS: usize = 200;
/// Length in bytes up to which `[vars]` are filled in in what a test expects.
const FILLED_BYTES: usize = 4096;

/// An entry of `[tests]`: a message, and the phrase whose reply should answer it.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) sentence: String,
    pub(crate) expected: String,
    pub(crate) line: usize,
    /// The beginning of what it expects with `[vars]` filled in, where that is something else: it may be the
    /// text of a reply.
    pub(crate) filled: Option<String>,
    /// The number of the reply that it names, once all are known; `unknown` comes after all others.
    pub(crate) reply: Option<usize>,
    /// The example that its sentence is.
    pub(crate) example: Option<ExampleId>,
}

impl Test {
    /// Reads an entry. `room` is the number of bytes that `[vars]` may still fill in.
    pub(crate) fn of(entry: Entry, vars: &mut Vars, room: &mut usize) -> Test {
        // A name that [vars] does not have is not a fault of a phrase.
        let mut fill = || vars.fill(&entry, FILLED_BYTES.min(*room), &mut Faults::default());
        let filled = entry.value.contains('{').then(&mut fill).flatten().map(|text| beginning(&text));
        *room -= filled.as_ref().map_or(0, String::len).min(*room);
        Test {
            sentence: entry.name,
            expected: entry.value,
            line: entry.line,
            filled,
            reply: None,
            example: None,
        }
    }
}

/// The words with which a text begins.
pub(crate) fn beginning(text: &str) -> String {
    Words::of(&text.chars().take(COMPARED_CHARS).collect::<String>()).shown()
}

/// A phrase in the form in which it is compared with those that `[tests]` names.
pub(crate) fn canonical(phrase: &str) -> String {
    let phrase = phrase.replace(['|', '｜'], " | ").replace('＆', "&");
    phrase.split_whitespace().map(canonical_piece).collect::<Vec<_>>().join(" ")
}

fn canonical_piece(piece: &str) -> String {
    let is_plain = piece.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if is_plain || ["&", "|"].contains(&piece) {
        return piece.to_owned();
    }
    let words = Words::of(piece);
    let star = if piece.ends_with('*') { "*" } else { "" };
    if words.is_empty() { piece.to_owned() } else { words.shown() + star }
}
