//! Where the replies of a table are from, and so how a place in it is named.

use crate::ini::Faults;

/// Where the replies of a table are from. Its places are numbers from 1; 0 is a built-in reply.
#[derive(Clone, Debug, Default)]
pub(crate) enum Places {
    /// A file of this name, or none: lines.
    File(String),
    /// A program: pairs of a phrase and a text.
    #[default]
    Pairs,
}

impl Places {
    /// A place in a sentence: `line 12`.
    pub(crate) fn number(&self, number: usize) -> String {
        match self {
            _ if number == 0 => "built-in".to_owned(),
            Places::File(_) => format!("line {number}"),
            Places::Pairs => format!("pair {number}"),
        }
    }

    /// The same with its preposition: `at line 12`.
    pub(crate) fn at(&self, number: usize) -> String {
        let preposition = if matches!(self, Places::File(_)) { "at" } else { "in" };
        format!("{preposition} {}", self.number(number))
    }

    /// A place on its own: `faq.ini:12`.
    pub(crate) fn place(&self, number: usize) -> String {
        match self {
            Places::File(name) if number > 0 => format!("{name}:{number}"),
            _ => self.number(number),
        }
    }

    /// One line for each fault, which begins with its place.
    pub(crate) fn lines(&self, faults: &Faults) -> Vec<String> {
        match self {
            Places::File(name) => faults.lines(name),
            Places::Pairs => faults.lines_at("pairs", |pair| format!("pair {pair}")),
        }
    }
}
