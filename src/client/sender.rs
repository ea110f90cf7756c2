//! The half of a client that sends.

use std::{
    fmt,
    net::Shutdown,
    sync::{Arc, MutexGuard, atomic::Ordering},
};

use tungstenite::{
    Bytes, Message, Utf8Bytes, WebSocket,
    protocol::{CloseFrame, Role},
};

use super::{
    receiver::described,
    transport::{ClientTransport, MAX_MESSAGE_BYTES, READ_BUFFER_BYTES},
};
use crate::{
    error::Error,
    lock::Lock,
    session::{close_code_and_reason, limits},
    stream::{Ending, GatheringStream},
};

type Socket = WebSocket<GatheringStream>;

/// The half of a [`Client`](crate::Client) that sends.
///
/// A clone sends over the same connection, from another thread: each message arrives as a whole, and while
/// one clone is sending, the others wait. None can send after one has closed.
#[derive(Clone)]
pub struct ClientSender {
    /// Shared by all clones, so that none sends after the Close of another.
    socket: Arc<Lock<Socket>>,
    transport: ClientTransport,
}

impl ClientSender {
    pub(super) fn new(transport: ClientTransport) -> ClientSender {
        let socket = WebSocket::from_raw_socket(
            transport.stream(),
            Role::Client,
            Some(limits(MAX_MESSAGE_BYTES, READ_BUFFER_BYTES)),
        );
        ClientSender { socket: Arc::new(Lock::new(socket)), transport }
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection has ended, or the server neither reads nor sends anything for ten seconds, which
    /// count from the last time that it did.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.write(Message::Text(text.into()))
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// The same as [`send`](ClientSender::send).
    pub fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.write(Message::Binary(bytes.into()))
    }

    /// Sends a ping; the other half receives its pong as [`Event::Pong`](crate::Event::Pong). Only the first
    /// 125 bytes of the payload are sent.
    ///
    /// # Errors
    ///
    /// The same as [`send`](ClientSender::send).
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let mut payload = payload.into();
        payload.truncate(125);
        self.write(Message::Ping(payload))
    }

    /// Sends a Close with code 1000; the other half receives the server's answer as
    /// [`Event::Close`](crate::Event::Close).
    ///
    /// # Errors
    ///
    /// The same as [`send`](ClientSender::send).
    pub fn close(&mut self) -> Result<(), Error> {
        self.close_with(1000, "")
    }

    /// Sends a Close like [`close`](ClientSender::close), with another code (RFC 6455, section 7.4) and a
    /// reason, which is truncated to 123 bytes.
    ///
    /// # Errors
    ///
    /// The same as [`send`](ClientSender::send), and when the code must not be sent in a Close frame (such as
    /// 1006): then nothing is sent.
    pub fn close_with(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        let (code, reason) = close_code_and_reason(code, reason)?;
        self.write(Message::Close(Some(CloseFrame { code, reason: reason.into() })))
    }

    /// Closes the connection at once, without a Close. A call of
    /// [`ClientReceiver::next`](crate::ClientReceiver::next) that is waiting returns.
    pub fn hang_up(&mut self) {
        let _ = self.transport.tcp.shutdown(Shutdown::Both);
    }

    pub(super) fn finish(&mut self) {
        self.socket().get_mut().timed.finish();
    }

    fn write(&mut self, message: Message) -> Result<(), Error> {
        let mut socket = self.socket();
        if self.transport.closing.load(Ordering::Acquire) {
            return Err(described(Ending::Closed));
        }
        // Before it is sent, as its answer may come at once; and not while another clone still sends, as that
        // may fail.
        if message.is_close() {
            self.transport.closing.store(true, Ordering::Release);
        }
        socket.send(message).map_err(|error| described(error.into()))
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        self.socket.lock()
    }
}

impl fmt::Debug for ClientSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSender").finish_non_exhaustive()
    }
}
