//! The sending half of a session: messages are gathered, or sent in pieces.

use std::time::{Duration, Instant};

use tungstenite::{
    Bytes, Error as WireError, Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::Session;
use crate::{
    error::Error,
    metrics::add,
    stream::{Ending, GATHER_BYTES},
};

/// Time for which a handler may still send after the server began to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Maximum payload of a sent frame. A longer message is sent in fragments (RFC 6455, section 5.4), so that a
/// client that does not read costs no more memory, however long the message is. Messages up to this size also
/// reach clients that do not support fragments.
const PIECE_BYTES: usize = GATHER_BYTES;

impl Session {
    pub(super) fn write(&mut self, message: Message) -> Result<(), Error> {
        self.check_may_send()?;
        let is_message = message.is_text() || message.is_binary();
        match message {
            Message::Text(text) if text.len() > PIECE_BYTES => self.write_pieces(Data::Text, text.into()),
            Message::Binary(bytes) if bytes.len() > PIECE_BYTES => self.write_pieces(Data::Binary, bytes),
            // tungstenite would write the same, by way of two more buffers.
            Message::Text(text) => self.stream().write_text(&text).map_err(WireError::Io),
            message => self.socket.write(message),
        }
        .map_err(|error| self.broken(error.into()))?;
        add(&self.connection.state.traffic.messages_sent, u64::from(is_message));
        let sent = self.stream().send_if_due().map_err(|error| self.broken(error.into()))?;
        if is_message {
            // A client that only listens is not idle while it receives messages.
            let stream = self.stream();
            stream.idle_since = stream.idle_since.max(sent);
            let took = sent.saturating_duration_since(stream.last_received);
            if std::mem::take(&mut self.awaits_reply) {
                self.connection.state.traffic.answered(took);
            }
        }
        Ok(())
    }

    /// Whether the handler may still send.
    pub(super) fn check_may_send(&mut self) -> Result<(), Error> {
        self.check_open()?;
        if self.is_past_stop_grace() {
            return self.end(Ending::Stop).and(Err(Ending::Stop.into()));
        }
        Ok(())
    }

    /// Sends a long message in fragments. Each is sent before the next one is made, and all of them within
    /// one `write_timeout`.
    fn write_pieces(&mut self, kind: Data, mut bytes: Bytes) -> Result<(), WireError> {
        let deadline = Instant::now() + self.config.write_timeout;
        let mut opcode = kind;
        while !bytes.is_empty() {
            let piece = bytes.split_to(piece_len(kind, &bytes));
            let frame = Frame::message(piece, OpCode::Data(opcode), bytes.is_empty());
            self.stream().write_timeout = deadline.saturating_duration_since(Instant::now());
            self.socket.write(Message::Frame(frame))?;
            opcode = Data::Continue;
        }
        self.stream().write_timeout = self.config.write_timeout;
        Ok(())
    }

    /// Whether the handler may not send any more because the server is stopping. A handler that keeps sending
    /// never learns of the stop from `next`; others get the time for a last reply.
    fn is_past_stop_grace(&mut self) -> bool {
        let stopping = self.connection.registry.is_stopping();
        stopping && self.stop_seen.get_or_insert_with(Instant::now).elapsed() > STOP_GRACE
    }
}

/// The length of the next frame's payload. Text is cut between characters, because some peers check the UTF-8
/// of each frame separately.
fn piece_len(kind: Data, bytes: &[u8]) -> usize {
    let is_inside = |index: usize| kind == Data::Text && bytes[index] & 0xc0 == 0x80;
    match bytes.len() {
        len @ ..=PIECE_BYTES => len,
        _ => (1..=PIECE_BYTES).rev().find(|index| !is_inside(*index)).unwrap_or(PIECE_BYTES),
    }
}
