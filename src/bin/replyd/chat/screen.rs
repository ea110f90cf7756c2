//! What a terminal shows of a server's texts, and the offers in them that a person may choose by number.

use std::{
    fmt,
    io::{Write, stdout},
    mem,
    sync::{Arc, Mutex},
};

use rustyline::ExternalPrinter;

use crate::{
    console::{AnswerParts, Escaped, answer_parts},
    lock::lock,
};

/// Number of bytes of a text that are shown; nobody reads more on a terminal. A pipe gets the whole text.
const SHOWN_BYTES: usize = 64 * 1024;

/// The part of a terminal above the prompt.
pub(crate) struct Screen<P> {
    printer: Option<P>,
    offered: Offered,
}

impl<P: ExternalPrinter> Screen<P> {
    /// Prints with `printer`, or else at the cursor.
    pub(crate) fn new(printer: Option<P>) -> Screen<P> {
        Screen { printer, offered: Offered::default() }
    }

    /// The offers of what is shown.
    pub(crate) fn offered(&self) -> Offered {
        self.offered.clone()
    }

    pub(crate) fn show(&mut self, text: &str) {
        let shown = ShownText::of(text);
        // Before it is shown, since then a person may choose at once.
        self.offered.replace(&shown.parts.offers);
        let line = format!("SERVER >> {shown}\n");
        let printed = self.printer.as_mut().is_some_and(|printer| printer.print(line.clone()).is_ok());
        if !printed {
            let _ = stdout().write_all(line.as_bytes());
        }
    }
}

/// The offers of the newest text, until a line is entered. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Offered(Arc<Mutex<Vec<String>>>);

impl Offered {
    fn replace(&self, offers: &[&str]) {
        self.exchange(offers.iter().map(|&offer| offer.to_owned()).collect());
    }

    /// The offer whose number a person has entered. Any line ends the choice.
    pub(crate) fn choose(&self, line: &str) -> Option<String> {
        let offers = self.exchange(Vec::new());
        let number = (1..).zip(offers).find(|(number, _)| line.trim() == number.to_string());
        number.map(|(_, offer)| offer)
    }

    fn exchange(&self, offers: Vec<String>) -> Vec<String> {
        mem::replace(&mut lock(&self.0), offers)
    }
}

/// A text from the server, with its offers numbered, escaped and cut to a readable length.
struct ShownText<'a> {
    parts: AnswerParts<'a>,
    /// The number of bytes that are left out.
    more: usize,
}

impl ShownText<'_> {
    fn of(text: &str) -> ShownText<'_> {
        if text.len() <= SHOWN_BYTES {
            return ShownText { parts: answer_parts(text), more: 0 };
        }
        // Offers would be in the part that is left out, and nobody can choose what is not shown.
        let end = (0..=SHOWN_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        ShownText {
            parts: AnswerParts { text: &text[..end], ..AnswerParts::default() },
            more: text.len() - end,
        }
    }
}

impl fmt::Display for ShownText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AnswerParts { text, introduction, offers } = &self.parts;
        write!(f, "{}", Escaped::for_screen(text))?;
        if let Some(introduction) = introduction {
            write!(f, "\n{}", Escaped::for_screen(introduction))?;
        }
        for (number, offer) in (1..).zip(offers) {
            write!(f, "\n {number}. {}", Escaped::for_screen(offer))?;
        }
        if self.more > 0 {
            write!(f, " ... ({} more bytes)", self.more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_numbered() {
        for (text, expected) in [
            ("Sorry.", "Sorry."),
            ("Sorry.\nDid you mean:\n> hours\n> parking", "Sorry.\nDid you mean:\n 1. hours\n 2. parking"),
            ("> hours\n> parking", "\n 1. hours\n 2. parking"),
            ("Sorry\x07\n\x1b:\n> \x1b[31m", "Sorry\\u{7}\n\\u{1b}:\n 1. \\u{1b}[31m"),
        ] {
            assert_eq!(ShownText::of(text).to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_left_out_offers_nothing() {
        let offers = "\n> hours\n> parking";
        let longest = "x".repeat(SHOWN_BYTES - offers.len());
        assert_eq!(ShownText::of(&format!("{longest}{offers}")).parts.offers, ["hours", "parking"]);
        let shown = ShownText::of(&format!("{longest}x{offers}")).to_string();
        assert!(shown.ends_with("\n> parkin ... (1 more bytes)"), "{}", &shown[SHOWN_BYTES - 20..]);
    }

    #[test]
    fn a_number_chooses_once() {
        for (line, expected) in [
            ("1", Some("hours")),
            (" 2 ", Some("parking")),
            ("0", None),
            ("3", None),
            ("01", None),
            ("+1", None),
            ("1.", None),
            ("", None),
            ("hours", None),
        ] {
            let offered = Offered::default();
            offered.replace(&["hours", "parking"]);
            assert_eq!(offered.choose(line).as_deref(), expected, "{line:?}");
            assert_eq!(offered.choose("1"), None, "after {line:?}");
        }
    }

    #[test]
    fn the_newest_text_offers() {
        let offered = Offered::default();
        offered.replace(&["hours", "parking"]);
        offered.replace(&["bread"]);
        assert_eq!(offered.clone().choose("1").as_deref(), Some("bread"));
        offered.replace(&["bread"]);
        offered.replace(&[]);
        assert_eq!(offered.choose("1"), None);
    }
}
