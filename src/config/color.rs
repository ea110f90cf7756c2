//! The accent color of the page.

use std::{fmt, str::FromStr};

use crate::error::Error;

/// A color, written `#rrggbb`.
///
/// ```
/// let color: replyd::Color = "#0b57d0".parse()?;
/// assert_eq!(color.to_string(), "#0b57d0");
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// As `from_str`; the error says what was expected.
    pub(super) fn parse(text: &str) -> Result<Color, &'static str> {
        let digits = text.strip_prefix('#').map(str::as_bytes).unwrap_or_default();
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Color).ok_or("a color such as #0b57d0")
    }

    /// What the page has unless told otherwise.
    pub(crate) const BLUE: Color = Color([0x0b, 0x57, 0xd0]);

    /// Black or white, whichever is easier to read on it (WCAG 2.2, contrast ratio): 4.5 to 1 at least with one of them.
    pub(crate) fn text_on_it(self) -> &'static str {
        let luminance = self.luminance();
        if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 { "#ffffff" } else { "#000000" }
    }

    /// The relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| match f64::from(part) / 255.0 {
            part if part <= 0.04045 => part / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl FromStr for Color {
    type Err = Error;

    fn from_str(text: &str) -> Result<Color, Error> {
        Color::parse(text)
            .map_err(|expected| Error::config(vec![format!("color: expected {expected}, found {text:?}")]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Color([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_a_color_can_be_read() {
        for (color, text) in [
            ("#0b57d0", "#ffffff"),
            ("#000000", "#ffffff"),
            ("#ffffff", "#000000"),
            ("#FFD600", "#000000"),
            ("#808080", "#000000"),
            ("#c2185b", "#ffffff"),
        ] {
            assert_eq!(color.parse::<Color>().unwrap().text_on_it(), text, "{color}");
        }
    }

    #[test]
    fn what_is_no_color() {
        for text in ["", "#", "blue", "0b57d0", "#0b57d", "#0b57d00", "#0b57dg", "#fff", "#0b57d0;"] {
            assert!(text.parse::<Color>().is_err(), "{text:?}");
        }
    }
}
