//! The picture beside the title of the page.

use std::fmt;

use tungstenite::Bytes;

use crate::error::Error;

/// Each visitor loads it. A photograph that fills a phone is a few times as large, and far larger than a logo
/// is shown.
const MAX_BYTES: usize = 128 * 1024;

/// A picture: PNG, JPEG, GIF, WebP, AVIF or SVG, of at most 128 KiB.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    content_type: &'static str,
    bytes: Bytes,
}

impl Logo {
    /// A logo with the content of a file.
    ///
    /// # Errors
    ///
    /// When it is too large, or not one of these kinds of pictures.
    pub fn new(content: impl Into<Bytes>) -> Result<Logo, Error> {
        let bytes = content.into();
        if bytes.len() > MAX_BYTES {
            let sentence = format!(
                "the logo has {} KiB, and each visitor loads it; make it smaller, {} KiB at most",
                bytes.len().div_ceil(1024),
                MAX_BYTES / 1024
            );
            return Err(Error::config(vec![sentence]));
        }
        match content_type(&bytes) {
            Some(content_type) => Ok(Logo { content_type, bytes }),
            None => Err(Error::config(vec!["the logo is not a PNG, JPEG, GIF, WebP, AVIF or SVG".into()])),
        }
    }

    pub(crate) fn content_type(&self) -> &'static str {
        self.content_type
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// The media type of a picture by its first bytes, whatever its file is called.
fn content_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f', ..] => Some("image/avif"),
        _ => {
            let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}').trim_start();
            (text.starts_with('<') && text.contains("<svg")).then_some("image/svg+xml")
        }
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logo").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_content() {
        for (content, expected) in [
            (&b"\x89PNG\r\n\x1a\n"[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\x00\x00\x00\x00WEBPVP8 ", Some("image/webp")),
            (b"\x00\x00\x00\x1cftypavif", Some("image/avif")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Some("image/svg+xml")),
            (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a --><svg/>", Some("image/svg+xml")),
            (b"<!doctype html><p>", None),
            (b"RIFF\x00\x00\x00\x00WAVE", None),
            (b"svg", None),
            (b"", None),
        ] {
            let logo = Logo::new(content.to_vec());
            assert_eq!(logo.ok().map(|logo| logo.content_type), expected, "{}", content.escape_ascii());
        }
        let large = Logo::new([&b"GIF89a"[..], &[0; MAX_BYTES]].concat()).unwrap_err();
        assert!(large.to_string().contains("129 KiB"), "{large}");
    }
}
