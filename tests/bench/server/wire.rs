//! The bytes of a conversation, ready-made. That clients use one mask is against RFC 6455, and no server can tell.

/// A right upgrade, with the key of RFC 6455, section 1.3.
pub(crate) const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// The same as browsers send it for the chat page, `src/page/page.js`: with its path, its origin and its subprotocol.
pub(crate) const CHAT_UPGRADE: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Origin: http://localhost\r\nSec-WebSocket-Protocol: replyd\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
pub(crate) const UPGRADED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
pub(crate) const GREETING: &[u8] = b"\x81\x1dHi, how can I help you today?";

/// `i need help`, masked with zeros.
pub(crate) const QUESTION: &[u8] = b"\x81\x8b\0\0\0\0i need help";
/// What the embedded bot takes its time for.
pub(crate) const SLOW_QUESTION: &[u8] = b"\x81\x8e\0\0\0\0take your time";
pub(crate) const ANSWER: &[u8] = b"\x81\x3eSure, I am here to help. Can you briefly describe the problem.";

/// A Close with 1000, masked with zeros, and its answer.
pub(crate) const CLOSE: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";
pub(crate) const CLOSED: &[u8] = b"\x88\x02\x03\xe8";
