//! A client that knows no rules: it sends any head and any frame, and reads what comes.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::DEADLINE;

/// The key of RFC 6455, section 1.3.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub(crate) struct Raw {
    stream: TcpStream,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// What it says, decompressed.
    pub(crate) body: String,
    /// The length of its body as it was sent.
    pub(crate) sent: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first_byte: u8,
    pub(crate) payload: Vec<u8>,
}

impl Answer {
    /// The values of a header, whose name is given in lower case.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    #[track_caller]
    fn set_body(&mut self, body: Vec<u8>) {
        self.sent = body.len();
        self.body = match &self.header("content-encoding")[..] {
            [coding] if coding == "gzip" && !body.is_empty() => decompressed(&body),
            _ => String::from_utf8(body).unwrap(),
        };
    }
}

impl Raw {
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream }
    }

    /// Upgrades, and is ready to talk.
    #[track_caller]
    pub(crate) fn open(address: SocketAddr) -> Raw {
        Raw::open_at(address, "/")
    }

    /// The same at a target of one's own.
    #[track_caller]
    pub(crate) fn open_at(address: SocketAddr, target: &str) -> Raw {
        let mut raw = Raw::connect(address);
        let answer = raw.ask(&upgrade(target, ""));
        assert_eq!(answer.status, 101, "{answer:?}");
        raw
    }

    /// Sends a head and reads the answer to it.
    #[track_caller]
    pub(crate) fn ask(&mut self, head: &str) -> Answer {
        self.send(head.as_bytes());
        self.answer()
    }

    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends what a server may refuse to take.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends `bytes` over and over and reads nothing, until `count` are sent, the peer hangs up, or takes nothing any
    /// more.
    pub(crate) fn flood(&self, bytes: &[u8], count: usize) {
        self.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut sent = 0;
        while sent < count {
            let rest = &bytes[sent % bytes.len()..];
            let Ok(accepted) = (&self.stream).write(&rest[..rest.len().min(count - sent)]) else { break };
            sent += accepted;
        }
        self.stream.set_write_timeout(Some(DEADLINE)).unwrap();
    }

    /// Whether the stream ends, or is reset, without another byte.
    pub(crate) fn ends(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("neither an end nor a byte"),
            Err(_) => true,
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Waits only for a short time from now on.
    #[cfg(feature = "cli")]
    pub(crate) fn impatient(&mut self) {
        self.stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    }

    /// Reads an answer with its body; of a 101 just the head.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer().expect("a whole answer")
    }

    /// The same, or nothing when the connection ends first.
    #[track_caller]
    pub(crate) fn try_answer(&mut self) -> Option<Answer> {
        let mut answer = self.head()?;
        if answer.status != 101 {
            // It says how long its body is, closes, and no byte is lost or added.
            let mut body = Vec::new();
            self.stream.read_to_end(&mut body).ok()?;
            answer.set_body(body);
            assert_eq!(answer.header("connection"), ["close"], "{answer:?}");
        }
        Some(answer)
    }

    /// Sends a head to a proxy, which may keep its connection open, and reads the answer.
    #[cfg(all(feature = "cli", feature = "tls"))]
    #[track_caller]
    pub(crate) fn ask_proxy(&mut self, head: &str) -> Answer {
        self.send(head.as_bytes());
        let mut answer = self.head().expect("an answer");
        if let [length] = &answer.header("content-length")[..] {
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).unwrap();
            answer.set_body(body);
        }
        answer
    }

    /// The head of an answer.
    fn head(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, head, body: String::new(), sent: 0 })
    }

    /// A whole, masked frame.
    #[track_caller]
    pub(crate) fn say(&mut self, opcode: Opcode, payload: &[u8]) {
        self.send(&frame(0x80 | opcode as u8, payload));
    }

    /// The next frame; `None` at the end of the stream. A reset fails the test.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 2];
        if self.stream.read(&mut head[..1]).unwrap() == 0 {
            return None;
        }
        self.stream.read_exact(&mut head[1..]).unwrap();
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length).unwrap();
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.stream.read_exact(&mut length).unwrap();
                u64::from_be_bytes(length)
            }
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        Some(Frame { first_byte: head[0], payload })
    }

    /// The next message, whether it comes in one frame or in many; `None` at the end of the stream.
    #[track_caller]
    pub(crate) fn message(&mut self) -> Option<Frame> {
        let mut message = self.frame()?;
        while message.first_byte & 0x80 == 0 {
            let next = self.frame().expect("the rest of a message");
            assert_eq!(next.first_byte & 0x7f, 0, "{next:?}");
            message.first_byte |= next.first_byte & 0x80;
            message.payload.extend(next.payload);
        }
        Some(message)
    }

    /// Waits for the next frame, and reads no more than the first byte of it.
    #[cfg(feature = "cli")]
    #[track_caller]
    pub(crate) fn piece(&mut self) {
        self.stream.read_exact(&mut [0]).unwrap();
    }

    /// The next frame, which must be a text.
    #[track_caller]
    pub(crate) fn text(&mut self) -> String {
        let frame = self.frame().expect("a text, not the end");
        assert_eq!(frame.first_byte, 0x80 | Opcode::Text as u8, "{frame:?}");
        String::from_utf8(frame.payload).unwrap()
    }

    /// Reads to the end of the stream, and returns the code of the Close that was its last frame.
    #[track_caller]
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        let mut last = None;
        while let Some(frame) = self.frame() {
            last = Some(frame);
        }
        let close = last.filter(|frame| frame.first_byte == 0x80 | Opcode::Close as u8)?;
        Some(u16::from_be_bytes([close.payload[0], close.payload[1]]))
    }
}

/// The text in one member of gzip, after which nothing comes.
#[track_caller]
fn decompressed(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::bufread::GzDecoder::new(&mut bytes).read_to_string(&mut text).unwrap();
    assert_eq!(bytes, b"");
    text
}

/// The head of a right upgrade to `target`, with more header lines.
pub(crate) fn upgrade(target: &str, more: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    )
}

/// A masked frame with any first byte.
pub(crate) fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![first_byte];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | length as u8),
        length @ 126..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}
