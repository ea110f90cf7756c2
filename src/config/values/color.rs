//! The accent color of the page.

use std::{fmt, str::FromStr};

use crate::error::Error;

const BLACK: Color = Color([0; 3]);
const WHITE: Color = Color([0xff; 3]);
/// The least contrast of a focus ring.
const RING_CONTRAST: f64 = 3.0;
const RING_STEPS: u16 = 20;

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
    pub(in crate::config) fn parse(text: &str) -> Result<Color, String> {
        let digits = text.strip_prefix('#').map(str::as_bytes).unwrap_or_default();
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Color)
            .ok_or_else(|| "a color such as #0b57d0".into())
    }

    /// The default of the page.
    pub(crate) const BLUE: Color = Color([0x0b, 0x57, 0xd0]);

    /// The backgrounds of the page in its two themes; see `page.css`.
    pub(crate) const LIGHT_PAGE: Color = Color([0xff, 0xff, 0xff]);
    pub(crate) const DARK_PAGE: Color = Color([0x13, 0x13, 0x16]);

    /// Black or white, whichever is easier to read on this color (WCAG 2.2, contrast ratio): 4.5 to 1 at
    /// least with one of them.
    pub(crate) fn contrasting_text(self) -> &'static str {
        if self.contrast(WHITE) >= self.contrast(BLACK) { "#ffffff" } else { "#000000" }
    }

    /// The color of a focus ring on a background: this one, or as much darker or lighter as it takes to be
    /// seen there (WCAG 2.2, section 1.4.11: 3 to 1).
    pub(crate) fn ring_on(self, background: Color) -> Color {
        let towards = if background.contrast(BLACK) > background.contrast(WHITE) { BLACK } else { WHITE };
        let mixed = (0..=RING_STEPS).map(|step| self.mixed(towards, step));
        mixed.into_iter().find(|color| color.contrast(background) >= RING_CONTRAST).unwrap_or(towards)
    }

    /// This color with `steps` of [`RING_STEPS`] parts of another.
    fn mixed(self, other: Color, steps: u16) -> Color {
        let part = |own: u8, other: u8| {
            ((u16::from(own) * (RING_STEPS - steps) + u16::from(other) * steps) / RING_STEPS) as u8
        };
        let (Color([red, green, blue]), Color([other_red, other_green, other_blue])) = (self, other);
        Color([part(red, other_red), part(green, other_green), part(blue, other_blue)])
    }

    /// The contrast ratio (WCAG 2.2).
    fn contrast(self, other: Color) -> f64 {
        let (one, other) = (self.luminance() + 0.05, other.luminance() + 0.05);
        one.max(other) / one.min(other)
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
            assert_eq!(color.parse::<Color>().unwrap().contrasting_text(), text, "{color}");
        }
    }

    #[test]
    fn a_ring_can_be_seen_on_both_backgrounds() {
        for (color, light, dark) in [
            ("#c2185b", "#c2185b", "#c2185b"),
            ("#0b57d0", "#0b57d0", "#175fd2"),
            ("#ffd600", "#a58b00", "#ffd600"),
            ("#ffffff", "#8c8c8c", "#ffffff"),
            ("#000000", "#000000", "#666666"),
        ] {
            let color: Color = color.parse().unwrap();
            let rings = [color.ring_on(Color::LIGHT_PAGE), color.ring_on(Color::DARK_PAGE)];
            assert_eq!(rings.map(|ring| ring.to_string()), [light, dark], "{color}");
            assert!(
                rings[0].contrast(Color::LIGHT_PAGE) >= 3.0 && rings[1].contrast(Color::DARK_PAGE) >= 3.0
            );
        }
    }

    #[test]
    fn other_texts_are_not_colors() {
        for text in ["", "#", "blue", "0b57d0", "#0b57d", "#0b57d00", "#0b57dg", "#fff", "#0b57d0;"] {
            assert!(text.parse::<Color>().is_err(), "{text:?}");
        }
    }
}
