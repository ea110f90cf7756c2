//! The events of a conversation.

use tungstenite::{Bytes, Message, Utf8Bytes, protocol::CloseFrame};

/// Something that a conversation was waiting for, usually a message from the peer.
///
/// Pings and Close have already been answered when they are returned; a handler may ignore them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A text message. Compare it as `text.as_str()`.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping with its payload, 125 bytes at most.
    Ping(Bytes),
    /// A pong with its payload, 125 bytes at most.
    Pong(Bytes),
    /// The peer closed the conversation, with a close code (RFC 6455, section 7.4) and a reason if it sent
    /// any. This is the last event.
    Close(Option<(u16, Utf8Bytes)>),
    /// Nothing was received until the deadline of [`Session::next_by`](crate::Session::next_by) or
    /// [`Client::next_by`](crate::Client::next_by). The conversation continues.
    Timeout,
    /// A [`Waker`](crate::Waker) of this session or client was called, once or more, since the previous event
    /// of this kind.
    Woken,
}

impl Event {
    /// Converts a message; `None` for a raw frame, which reading never returns.
    pub(crate) fn from_message(message: Message) -> Option<Event> {
        match message {
            Message::Text(text) => Some(Event::Text(text)),
            Message::Binary(bytes) => Some(Event::Binary(bytes)),
            Message::Ping(payload) => Some(Event::Ping(payload)),
            Message::Pong(payload) => Some(Event::Pong(payload)),
            Message::Close(frame) => {
                Some(Event::Close(frame.map(|CloseFrame { code, reason }| (code.into(), reason))))
            }
            Message::Frame(_) => None,
        }
    }
}
