//! What comes from the other end of a conversation.

use tungstenite::{Bytes, Message, Utf8Bytes, protocol::CloseFrame};

/// Something that came from the client.
///
/// Pings and Close have been answered already when a handler sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping with its payload, 125 bytes at most.
    Ping(Bytes),
    /// A pong with its payload, 125 bytes at most.
    Pong(Bytes),
    /// The client ends the conversation, with a code and a reason if it gave any. Nothing comes behind it.
    Close(Option<(u16, Utf8Bytes)>),
}

impl Event {
    /// The event that a message is; `None` for a raw frame, which reading never returns.
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
