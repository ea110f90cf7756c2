//! What a session reports to the chat page besides the messages of its handler: that a question has arrived,
//! and whether the next one will be read at once. The page could not distinguish a slow handler from a dead
//! connection otherwise.
//!
//! The reports are binary messages, only for clients with the page's subprotocol. In turn, the page probes
//! the connection with an empty binary message.

use tungstenite::{Bytes, Message};

use super::{Event, Session};
use crate::stream::Ending;

/// The subprotocol of the chat page.
const PAGE: &str = "replyd.page";
/// The handler has received the oldest message that was not confirmed yet.
const ARRIVED: &[u8] = b"";
/// The handler is waiting for the next message.
const LISTENING: &[u8] = b"1";
/// It is working on something else, such as a wake-up.
const WORKING: &[u8] = b"0";

impl Session {
    fn reports_to_page(&self) -> bool {
        self.subprotocol() == Some(PAGE)
    }

    /// Reports once for each message that the handler is waiting for it. The read that follows sends this.
    pub(super) fn announce_listening(&mut self) -> Result<(), Ending> {
        if self.reports_to_page() && !std::mem::replace(&mut self.has_announced_listening, true) {
            self.socket.write(Message::Binary(Bytes::from_static(LISTENING)))?;
        }
        Ok(())
    }

    /// Reports at once that a message has arrived: the handler may work on it for long.
    pub(super) fn confirm_arrival(&mut self) -> Result<(), Ending> {
        if self.reports_to_page() {
            self.has_announced_listening = false;
            self.socket.write(Message::Binary(Bytes::from_static(ARRIVED)))?;
            self.send_gathered()?;
        }
        Ok(())
    }

    /// Reports at once, for the same reason, that the handler is working on an event other than a message.
    pub(super) fn announce_working(&mut self, event: &Event) -> Result<(), Ending> {
        let is_message = matches!(event, Event::Text(_));
        if !is_message && self.reports_to_page() && std::mem::take(&mut self.has_announced_listening) {
            self.socket.write(Message::Binary(Bytes::from_static(WORKING)))?;
            self.send_gathered()?;
        }
        Ok(())
    }

    /// Turns a probe into the pong that the page would send if scripts could. The answer is the report that
    /// the handler is listening, once it is.
    pub(super) fn without_probe(&mut self, message: Message) -> Message {
        match message {
            Message::Binary(payload) if payload.is_empty() && self.reports_to_page() => {
                self.has_announced_listening = false;
                Message::Pong(payload)
            }
            other => other,
        }
    }
}
