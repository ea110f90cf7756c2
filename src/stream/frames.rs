//! Tracks the frames that a peer sends. tungstenite delivers complete messages, but does not report that one
//! has begun.

use std::io::Cursor;

use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, OpCode},
};

/// The longest header of a frame (RFC 6455, section 5.2).
const MAX_HEADER_BYTES: usize = 14;

/// The position in a peer's byte stream: in which frame, and in which message.
#[derive(Default)]
pub(crate) struct Frames {
    /// Position in the HTTP answer before the frames; `None` after it, and where there is none.
    head: Option<HeadPosition>,
    /// The beginning of a header that is not complete yet.
    header: [u8; MAX_HEADER_BYTES],
    header_len: usize,
    frame: Option<Frame>,
    /// A fragment was received, and its message continues.
    is_fragmented: bool,
    /// Number of events received completely.
    events: u64,
    /// Number of events delivered to the handler.
    delivered: u64,
    /// Number of events before the message or frame that has begun.
    events_before: u64,
    has_closed: bool,
    /// The peer violated the protocol. Tracking ends here; tungstenite reports the error when it gets there.
    is_broken: bool,
}

/// Position in the head of an HTTP answer.
#[derive(Clone, Copy)]
enum HeadPosition {
    NotBegun,
    InLine,
    AfterLine,
}

/// A frame whose payload is not complete yet.
struct Frame {
    opcode: OpCode,
    is_final: bool,
    payload_left: u64,
}

impl Frames {
    /// For the bytes from a server, which begin with its answer to the upgrade.
    pub(super) fn after_head() -> Frames {
        Frames { head: Some(HeadPosition::NotBegun), ..Frames::default() }
    }

    /// Advances over bytes that were just received.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        if let Some(head) = self.head {
            bytes = self.skip_head(head, bytes);
        }
        while !bytes.is_empty() && !self.is_broken {
            if let Some(after) = self.skip_short_text(bytes) {
                bytes = after;
                continue;
            }
            if self.frame.is_none() {
                bytes = self.begin_frame(bytes);
            }
            bytes = self.follow_payload(bytes);
        }
    }

    /// The bytes after a short text that is here as a whole, in one masked frame: most messages are.
    fn skip_short_text<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        const FINAL_TEXT: u8 = 0x81;
        const HEADER_BYTES: usize = 6;
        let &[FINAL_TEXT, length @ 0x80..0xfe, ..] = bytes else { return None };
        if self.is_mid_message() {
            return None;
        }
        let after = bytes.get(HEADER_BYTES + usize::from(length & 0x7f)..)?;
        self.events_before = self.events;
        self.events += 1;
        Some(after)
    }

    /// Counts an event that was delivered to the handler.
    pub(crate) fn delivered(&mut self) {
        self.delivered += 1;
    }

    /// Whether complete events have not been delivered yet, so that the next one needs no read.
    pub(crate) fn has_undelivered(&self) -> bool {
        self.delivered < self.events
    }

    /// Whether a message, or at least a frame, has begun and is not complete.
    pub(super) fn is_mid_message(&self) -> bool {
        self.is_fragmented || self.frame.is_some() || self.header_len > 0
    }

    /// Whether all events before the incomplete message were delivered.
    pub(super) fn has_reached(&self) -> bool {
        self.delivered >= self.events_before
    }

    /// Whether events that came between the fragments of the incomplete message (pings, say) were delivered.
    pub(super) fn is_interleaved(&self) -> bool {
        self.delivered > self.events_before
    }

    /// Whether the peer has sent a complete Close frame, even if that was not delivered.
    pub(crate) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Returns the bytes after the blank line that ends the head. Line feeds may be bare: httparse accepts
    /// them too.
    fn skip_head<'a>(&mut self, mut head: HeadPosition, bytes: &'a [u8]) -> &'a [u8] {
        for (index, byte) in bytes.iter().enumerate() {
            head = match (byte, head) {
                (b'\n', HeadPosition::AfterLine) => {
                    self.head = None;
                    return &bytes[index + 1..];
                }
                (b'\n', HeadPosition::InLine) => HeadPosition::AfterLine,
                (b'\n' | b'\r', head) => head,
                _ => HeadPosition::InLine,
            };
        }
        self.head = Some(head);
        &[]
    }

    /// Reads a header as far as it was received, and returns the bytes after it.
    fn begin_frame<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if !self.is_fragmented {
            self.events_before = self.events;
        }
        if self.header_len == 0 {
            let read = self.read_header(bytes);
            if read == 0 && !self.is_broken {
                self.buffer_header(bytes);
                return &[];
            }
            return &bytes[read..];
        }
        let begun = self.header_len;
        let added = bytes.len().min(MAX_HEADER_BYTES - begun);
        self.buffer_header(&bytes[..added]);
        let (header, len) = (self.header, self.header_len);
        match self.read_header(&header[..len]) {
            0 => &bytes[added..],
            read => {
                self.header_len = 0;
                &bytes[read - begun..]
            }
        }
    }

    fn buffer_header(&mut self, bytes: &[u8]) {
        self.header[self.header_len..][..bytes.len()].copy_from_slice(bytes);
        self.header_len += bytes.len();
    }

    /// Begins a frame and returns the length of its header, or 0 if the header is not complete.
    fn read_header(&mut self, bytes: &[u8]) -> usize {
        let mut cursor = Cursor::new(bytes);
        match FrameHeader::parse(&mut cursor) {
            Ok(Some((FrameHeader { opcode, is_final, .. }, payload_left))) => {
                self.frame = Some(Frame { opcode, is_final, payload_left });
            }
            Ok(None) => {}
            Err(_) => self.is_broken = true,
        }
        usize::try_from(cursor.position()).unwrap_or(usize::MAX)
    }

    fn follow_payload<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(frame) = &mut self.frame else { return bytes };
        let count = usize::try_from(frame.payload_left).map_or(bytes.len(), |left| left.min(bytes.len()));
        frame.payload_left -= count as u64;
        if frame.payload_left == 0 {
            self.end_frame();
        }
        &bytes[count..]
    }

    fn end_frame(&mut self) {
        let Some(Frame { opcode, is_final, .. }) = self.frame.take() else { return };
        match opcode {
            OpCode::Data(_) => self.is_fragmented = !is_final,
            OpCode::Control(control) => self.has_closed |= control == Control::Close,
        }
        self.events += u64::from(is_final);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame.
    fn frame(first_byte: u8, payload: usize) -> Vec<u8> {
        let length = match payload {
            0..126 => vec![0x80 | payload as u8],
            126..0x1_0000 => [vec![0xfe], (payload as u16).to_be_bytes().to_vec()].concat(),
            _ => [vec![0xff], (payload as u64).to_be_bytes().to_vec()].concat(),
        };
        [vec![first_byte], length, vec![1, 2, 3, 4], vec![b'x'; payload]].concat()
    }

    /// After `bytes`, in pieces of any size, `events` are complete, and another one has begun after
    /// `begun_after` of them.
    #[track_caller]
    fn check(bytes: &[u8], events: u64, begun_after: Option<u64>) {
        for size in 1..=bytes.len() {
            let mut frames = Frames::default();
            bytes.chunks(size).for_each(|piece| frames.follow(piece));
            assert_eq!(frames.events, events, "in pieces of {size}");
            assert_eq!(
                frames.is_mid_message().then_some(frames.events_before),
                begun_after,
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn complete_and_begun_events_are_counted() {
        let [text, ping, fragment, more, end] = [0x81, 0x89, 0x01, 0x00, 0x80].map(|first| frame(first, 3));
        check(&text, 1, None);
        check(&frame(0x81, 0), 1, None);
        check(&frame(0x82, 126), 1, None);
        check(&frame(0x82, 0x1_0000)[..100], 0, Some(0));
        check(&text[..1], 0, Some(0));
        check(&[&text[..], &text[..8]].concat(), 1, Some(1));
        check(&fragment, 0, Some(0));
        check(&[&text[..], &fragment, &more].concat(), 1, Some(1));
        check(&[&text[..], &fragment, &ping, &more, &ping].concat(), 3, Some(1));
        check(&[&text[..], &fragment, &ping, &ping[..5]].concat(), 2, Some(1));
        check(&[&fragment[..], &ping, &end].concat(), 2, None);
        check(&[&fragment[..], &end, &ping, &fragment].concat(), 2, Some(2));
        // An empty fragment comes last.
        check(&frame(0x01, 0), 0, Some(0));
        check(&[frame(0x01, 0), frame(0x80, 0)].concat(), 1, None);
    }

    #[test]
    fn frames_begin_after_the_head() {
        let text = frame(0x81, 3);
        for head in [
            "HTTP/1.1 101 Yes\r\nA: b\r\n\r\n",
            "HTTP/1.1 101 Yes\nA: b\n\n",
            "\r\n\r\nHTTP/1.1 101 Yes\r\n\r\n",
        ] {
            let bytes = [head.as_bytes(), &text, &text[..1]].concat();
            for size in 1..=bytes.len() {
                let mut frames = Frames::after_head();
                bytes.chunks(size).for_each(|piece| frames.follow(piece));
                assert_eq!(
                    (frames.events, frames.is_mid_message()),
                    (1, true),
                    "{head:?} in pieces of {size}"
                );
            }
        }
    }

    #[test]
    fn the_longest_header_may_be_split_anywhere() {
        let long = frame(0x82, 0x1_0000);
        for split in 1..=MAX_HEADER_BYTES {
            let mut frames = Frames::default();
            frames.follow(&long[..split]);
            assert!(frames.is_mid_message());
            frames.follow(&long[split..]);
            assert!(!frames.is_mid_message());
            assert_eq!(frames.events, 1);
        }
    }

    #[test]
    fn a_close_is_seen_once_it_is_complete() {
        let close = frame(0x88, 2);
        let mut frames = Frames::default();
        frames.follow(&close[..7]);
        assert!(!frames.has_closed());
        frames.follow(&close[7..]);
        assert!(frames.has_closed());
    }

    #[test]
    fn tracking_ends_at_a_protocol_violation() {
        let mut frames = Frames::default();
        // A reserved opcode.
        frames.follow(&[frame(0x83, 3), frame(0x88, 2)].concat());
        frames.follow(&frame(0x88, 2));
        assert!(!frames.has_closed() && frames.events == 0);
    }
}
