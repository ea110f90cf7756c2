//! A line of the unanswered file: when a message came, the message, and its answer.
//!
//! ```text
//! 2026-11-23T10:00:00Z do you have rye bread
//! 2026-11-23T10:00:07Z where can I buy rye<TAB>offered<TAB>Do you sell bread?<TAB>where are you
//! 2026-11-23T10:01:00Z your opning hours?<TAB>typo<TAB>opening hours
//! 2026-11-23T10:02:00Z how late are you open<TAB>nearest<TAB>opening hours
//! ```
//!
//! A tab in a text is escaped, as all control characters are, so no message can look like a mark.

use std::fmt;

use jiff::civil::Date;
use replyd::{Answer, FoundBy};

use crate::console::escape::{Escaped, unescaped};

/// Length to which each text of a line is cut.
const MAX_CHARS: usize = 200;

/// What is recorded of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnansweredRecord {
    pub(crate) message: String,
    pub(crate) outcome: Outcome,
}

/// What a message got in which there is no phrase.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// `unknown`, perhaps with offers.
    Unknown { offers: Vec<String> },
    /// A reply that was found once a typo was corrected.
    Typo { phrase: String },
    /// The reply with the nearest example.
    Nearest { phrase: String },
}

impl Outcome {
    /// The phrase of the reply, if there was one.
    pub(super) fn phrase(&self) -> Option<&str> {
        match self {
            Outcome::Unknown { .. } => None,
            Outcome::Typo { phrase } | Outcome::Nearest { phrase } => Some(phrase),
        }
    }
}

impl UnansweredRecord {
    /// The record of a message; `None` if a phrase answers it.
    pub(crate) fn new(message: &str, answer: &Answer<'_>) -> Option<UnansweredRecord> {
        let phrase = || cut(answer.phrase);
        let outcome = match answer.found_by {
            FoundBy::Correction => Outcome::Typo { phrase: phrase() },
            FoundBy::Nearest => Outcome::Nearest { phrase: phrase() },
            FoundBy::Nothing => {
                Outcome::Unknown { offers: answer.offers.iter().map(|offer| cut(offer)).collect() }
            }
            _ => return None,
        };
        Some(UnansweredRecord { message: cut(message), outcome })
    }

    /// Reads a line, with its date; `None` if it does not begin with a time. Other programs, or an editor, may have written it:
    /// what is not a mark after a tab is ignored.
    pub(super) fn parse(line: &str) -> Option<(Date, UnansweredRecord)> {
        let (date, rest) = line.split_once('T')?;
        let date = date.parse().ok()?;
        let (_, rest) = rest.split_once(' ')?;
        let mut texts = rest.split('\t');
        let read = |text: &str| cut(&unescaped(text));
        let message = read(texts.next()?);
        let outcome = match texts.collect::<Vec<_>>()[..] {
            ["typo", phrase] => Outcome::Typo { phrase: read(phrase) },
            ["nearest", phrase] => Outcome::Nearest { phrase: read(phrase) },
            ["offered", ref offers @ ..] => {
                Outcome::Unknown { offers: offers.iter().map(|offer| read(offer)).collect() }
            }
            _ => Outcome::Unknown { offers: Vec::new() },
        };
        Some((date, UnansweredRecord { message, outcome }))
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

/// The line without its time.
impl fmt::Display for UnansweredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped::for_log(&self.message))?;
        let (mark, texts) = match &self.outcome {
            Outcome::Unknown { offers } if offers.is_empty() => return Ok(()),
            Outcome::Unknown { offers } => ("offered", &offers[..]),
            Outcome::Typo { phrase } => ("typo", std::slice::from_ref(phrase)),
            Outcome::Nearest { phrase } => ("nearest", std::slice::from_ref(phrase)),
        };
        write!(f, "\t{mark}")?;
        texts.iter().try_for_each(|text| write!(f, "\t{}", Escaped::for_log(text)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            proptest::collection::vec(any::<String>(), 0..4).prop_map(|offers| Outcome::Unknown { offers }),
            any::<String>().prop_map(|phrase| Outcome::Typo { phrase }),
            any::<String>().prop_map(|phrase| Outcome::Nearest { phrase }),
        ]
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "(\t|\n|\r|\\\\|typo|nearest|offered| |T|a)*"]
    }

    proptest! {
        #[test]
        fn nothing_is_lost(message in text(), outcome in outcome()) {
            let record = UnansweredRecord { message, outcome };
            let line = format!("2026-11-23T10:00:00Z {record}");
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(UnansweredRecord::parse(&line), Some(("2026-11-23".parse().unwrap(), record)));
        }

        #[test]
        fn nothing_panics(line in "(2026-11-23T10:00:00Z)?( |\t|typo|offered|\\\\|u|\\{|\\PC)*") {
            UnansweredRecord::parse(&line);
        }
    }
}
