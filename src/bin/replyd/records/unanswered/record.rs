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

use std::{fmt, slice};

use jiff::civil::Date;
use replyd::{Answer, FoundBy};

use crate::console::{Escaped, unescaped};

/// Length to which each text of a line is cut.
const MAX_CHARS: usize = 200;

/// What is recorded of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnansweredRecord {
    pub(crate) message: String,
    pub(super) outcome: Outcome,
}

/// What a message got in which there is no phrase.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// `unknown`, perhaps with offers.
    Unknown { offers: Vec<String> },
    /// A guess: how it was found, and the phrase of its reply.
    Guess { how: &'static str, phrase: String },
}

/// How a guess was found: once a typo was corrected, or as the reply with the nearest example.
const TYPO: &str = "typo";
const NEAREST: &str = "nearest";
const OFFERED: &str = "offered";

impl UnansweredRecord {
    /// The record of a message; `None` if a phrase answers it.
    pub(crate) fn new(message: &str, answer: &Answer<'_>) -> Option<UnansweredRecord> {
        let guess = |how| Outcome::Guess { how, phrase: cut(answer.phrase) };
        let outcome = match answer.found_by {
            FoundBy::Correction => guess(TYPO),
            FoundBy::Nearest => guess(NEAREST),
            FoundBy::Nothing => {
                Outcome::Unknown { offers: answer.offers.iter().map(|offer| cut(offer)).collect() }
            }
            _ => return None,
        };
        Some(UnansweredRecord { message: cut(message), outcome })
    }

    /// Reads a line, with its date; `None` if it does not begin with a time. Other programs, or an editor,
    /// may have written it: what is not a mark after a tab is ignored.
    pub(super) fn parse(line: &str) -> Option<(Date, UnansweredRecord)> {
        let (date, rest) = line.split_once('T')?;
        let date = date.parse().ok()?;
        let (_, rest) = rest.split_once(' ')?;
        let mut texts = rest.split('\t');
        let read = |text: &str| cut(&unescaped(text));
        let message = read(texts.next()?);
        let outcome = match texts.collect::<Vec<_>>()[..] {
            [TYPO, phrase] => Outcome::Guess { how: TYPO, phrase: read(phrase) },
            [NEAREST, phrase] => Outcome::Guess { how: NEAREST, phrase: read(phrase) },
            [OFFERED, ref offers @ ..] => {
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
            Outcome::Unknown { offers } => (OFFERED, &offers[..]),
            Outcome::Guess { how, phrase } => (*how, slice::from_ref(phrase)),
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
            any::<String>().prop_map(|phrase| Outcome::Guess { how: TYPO, phrase }),
            any::<String>().prop_map(|phrase| Outcome::Guess { how: NEAREST, phrase }),
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
