//! Finds the end of a request head that comes in pieces.

use crate::http::refusal::{Refusal, bad};

/// Finds the end of a head that comes in pieces, looking at each byte once. What no HTTP/1.x client sends is
/// refused at once: a TLS greeting, for example, contains no line end, and would keep the thread for the
/// whole `handshake_timeout`.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Offset of the request line.
    start: usize,
    /// Number of bytes scanned so far.
    seen: usize,
    /// Offset of the current line.
    line_start: usize,
}

impl Scan {
    /// Continues with `bytes`, which begin with those of the previous call. Returns where the head begins and
    /// ends, once it is complete.
    pub(super) fn find_end(&mut self, bytes: &[u8]) -> Result<Option<(usize, usize)>, Refusal> {
        while let Some(&byte) = bytes.get(self.seen) {
            let at = self.seen;
            self.seen += 1;
            match byte {
                b'\n' => {
                    if at == 0 || bytes[at - 1] != b'\r' {
                        return Err(bad("A line of the request ends in a bare line feed."));
                    }
                    let line = &bytes[self.line_start..at - 1];
                    let is_first = self.line_start == self.start;
                    self.line_start = self.seen;
                    if line.is_empty() && !is_first {
                        return Ok(Some((self.start, self.seen)));
                    } else if line.is_empty() && self.start == 0 {
                        // One empty line before the request line is skipped (RFC 9112, section 2.2).
                        self.start = self.seen;
                    } else if is_first {
                        check_request_line(line)?;
                    }
                }
                b' ' | b'\t' if at == self.line_start && at != self.start => {
                    return Err(bad("A header is folded across two lines."));
                }
                b'\r' | b'\t' => {}
                byte if byte.is_ascii_control() => {
                    return Err(bad("The request head contains a control character."));
                }
                _ => {}
            }
            if at > 0 && bytes[at - 1] == b'\r' && byte != b'\n' {
                return Err(bad("A line of the request ends in a bare carriage return."));
            }
        }
        Ok(None)
    }
}

fn check_request_line(line: &[u8]) -> Result<(), Refusal> {
    let mut parts = line.split(|byte| *byte == b' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(_), Some(b"HTTP/1.1" | b"HTTP/1.0"), None) => Ok(()),
        _ => Err(bad("This is not an HTTP/1.1 request.")),
    }
}
