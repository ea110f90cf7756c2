//! What a session tells the chat page besides the messages of its handler: whether a question has arrived, and whether the next one will
//! be read at once. Without it, the page could not tell a slow handler from a connection that is dead.
//!
//! These are binary messages, and only for a client whose subprotocol is that of the page. The page, for its part, asks whether the
//! connection is alive with an empty binary message.

use tungstenite::{Bytes, Message};

use super::{Event, Session};
use crate::stream::Ending;

/// The subprotocol of the chat page.
const PAGE: &str = "replyd.page";
/// The oldest message that this was not said of has been handed to the handler.
const ARRIVED: &[u8] = b"";
/// The handler waits for the next message.
const LISTENS: &[u8] = b"1";
/// It works on something else, such as a wake-up.
const WORKS: &[u8] = b"0";

impl Session {
    fn is_with_page(&self) -> bool {
        self.subprotocol() == Some(PAGE)
    }

    /// Says that the handler waits for the next message, once for each. Sent by the read that follows.
    pub(super) fn say_listens(&mut self) -> Result<(), Ending> {
        if self.is_with_page() && !std::mem::replace(&mut self.has_said_listens, true) {
            self.socket.write(Message::Binary(Bytes::from_static(LISTENS)))?;
        }
        Ok(())
    }

    /// Says that a message has arrived, at once: the handler may work on it for long.
    pub(super) fn say_arrived(&mut self) -> Result<(), Ending> {
        if self.is_with_page() {
            self.has_said_listens = false;
            self.socket.write(Message::Binary(Bytes::from_static(ARRIVED)))?;
            self.send_gathered()?;
        }
        Ok(())
    }

    /// Says that the handler works on an event that is no message, at once, as above.
    pub(super) fn say_works(&mut self, event: &Event) -> Result<(), Ending> {
        let is_message = matches!(event, Event::Text(_));
        if !is_message && self.is_with_page() && std::mem::take(&mut self.has_said_listens) {
            self.socket.write(Message::Binary(Bytes::from_static(WORKS)))?;
            self.send_gathered()?;
        }
        Ok(())
    }

    /// Takes a question of the page about its connection for the pong that it would be if scripts could send pings. The answer to it is
    /// that the handler listens, when it does.
    pub(super) fn without_probe(&mut self, message: Message) -> Message {
        match message {
            Message::Binary(payload) if payload.is_empty() && self.is_with_page() => {
                self.has_said_listens = false;
                Message::Pong(payload)
            }
            other => other,
        }
    }
}
