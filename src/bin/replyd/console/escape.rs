//! Makes text from outside safe to show on a terminal and in a log.

use std::fmt::{self, Display, Write};

/// Displays a text with control characters, and characters that reorder a line, as escapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Escaped<T> {
    text: T,
    for_log: bool,
}

impl<T> Escaped<T> {
    /// For a log: a record stays on one line, and backslashes are escaped, as a text may imitate an escape.
    pub(crate) fn for_log(text: T) -> Escaped<T> {
        Escaped { text, for_log: true }
    }

    /// For a terminal: line breaks, tabs and backslashes stay.
    pub(crate) fn for_screen(text: T) -> Escaped<T> {
        Escaped { text, for_log: false }
    }
}

/// The inverse of [`Escaped::for_log`].
pub(crate) fn unescaped(escaped: &str) -> String {
    let mut text = String::new();
    let mut rest = escaped;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = |after: &'_ str| {
            let (digits, _) = after.strip_prefix("u{")?.split_once('}')?;
            Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, digits.len() + 3))
        };
        let (char, length) = match after.as_bytes().first() {
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'\\') => ('\\', 1),
            // A backslash without a valid escape stays, as when a line has been cut off.
            _ => code(after).unwrap_or(('\\', 0)),
        };
        text.push(char);
        rest = &after[length..];
    }
    text + rest
}

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaper { out: f, for_log: self.for_log }, "{}", self.text)
    }
}

struct Escaper<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    for_log: bool,
}

impl Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, char) in text.char_indices() {
            if self.needs_escape(char) {
                self.out.write_str(&text[plain..at])?;
                write!(self.out, "{}", char.escape_default())?;
                plain = at + char.len_utf8();
            }
        }
        self.out.write_str(&text[plain..])
    }
}

impl Escaper<'_, '_> {
    fn needs_escape(&self, char: char) -> bool {
        match char {
            '\n' | '\t' | '\\' => self.for_log,
            // Line and paragraph separators, and marks that change the direction of the text after them.
            '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' => true,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
            char => char.is_control(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn for_log() {
        for (text, expected) in [
            ("plain, ünïcode 🎉", "plain, ünïcode 🎉"),
            ("a\r\nb", "a\\r\\nb"),
            ("\x1b[31mred", "\\u{1b}[31mred"),
            ("C:\\new", "C:\\\\new"),
            ("\u{202e}abc\u{2028}", "\\u{202e}abc\\u{2028}"),
            ("\0\u{85}", "\\u{0}\\u{85}"),
        ] {
            assert_eq!(Escaped::for_log(text).to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn for_screen_keeps_lines() {
        assert_eq!(Escaped::for_screen("a\n\tC:\\new\x07").to_string(), "a\n\tC:\\new\\u{7}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in any::<String>()) {
            prop_assert_eq!(unescaped(&Escaped::for_log(&text).to_string()), text);
        }

        #[test]
        fn nothing_panics(text in "[\\\\nu{}0-9a-f]*") {
            unescaped(&text);
        }

        #[test]
        fn no_control_character_comes_through(text in any::<String>()) {
            let shown = Escaped::for_log(&text).to_string();
            prop_assert!(!shown.chars().any(char::is_control));
            let shown = Escaped::for_screen(&text).to_string();
            prop_assert!(!shown.chars().any(|char| char.is_control() && !"\n\t".contains(char)));
        }
    }
}
