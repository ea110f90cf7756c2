//! Files that are compressed when the program is built, which costs no time or memory for each visitor.

use super::template::filled;

/// A text whose end is filled in from the settings. The build script makes it.
pub(super) struct Packed {
    start: &'static str,
    /// The start in gzip (RFC 1952), to which another block of deflate (RFC 1951) can be added.
    compressed: &'static [u8],
    /// The checksum of the start.
    crc: u32,
    end: &'static str,
}

pub(super) static STYLE: Packed = include!(concat!(env!("OUT_DIR"), "/page.css.rs"));
pub(super) static SCRIPT: Packed = include!(concat!(env!("OUT_DIR"), "/page.js.rs"));
pub(super) static WIDGET: Packed = include!(concat!(env!("OUT_DIR"), "/widget.js.rs"));

impl Packed {
    /// The text, plain and in gzip. There, its end is a last block that is not compressed.
    pub(super) fn filled(&self, value: impl Fn(&str) -> Option<String>) -> (String, Vec<u8>) {
        let end = filled(self.end, value);
        let length = u16::try_from(end.len()).expect("it has colors and the like");
        let text = self.start.to_owned() + &end;
        let gzip = [
            self.compressed,
            &[1],
            &length.to_le_bytes(),
            &(!length).to_le_bytes(),
            end.as_bytes(),
            &crc32(self.crc, end.as_bytes()).to_le_bytes(),
            &(text.len() as u32).to_le_bytes(),
        ];
        (text, gzip.concat())
    }
}

/// The checksum of a text that continues with these bytes (RFC 1952, section 8).
fn crc32(before: u32, bytes: &[u8]) -> u32 {
    let shifted = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!before, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shifted))
}
