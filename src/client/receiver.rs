//! The half of a client that receives, and notices when the server is gone.

use std::{
    fmt, io,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tungstenite::{Bytes, Error as WireError, Message, WebSocket, protocol::CloseFrame};

use super::{MAX_MESSAGE_BYTES, transport::ClientTransport};
use crate::{
    error::Error,
    session::{Event, Pings},
    stream::{Ending, GatheringStream, answer_ping},
};

/// Time limit for receiving a message after its first byte.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time of silence after which the server is pinged. Many proxies close a connection after 60 s of silence.
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// Time limit for the server's answer to a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The half of a [`Client`](crate::Client) that receives. It also answers pings and notices a silent server, but only while
/// [`next`](ClientReceiver::next) is waiting.
pub struct ClientReceiver {
    socket: WebSocket<GatheringStream<ClientTransport>>,
    transport: ClientTransport,
    pings: Pings,
    ended: bool,
    /// Time limit of [`ClientReceiver::finish`].
    finish_by: Option<Instant>,
}

impl ClientReceiver {
    pub(super) fn new(
        socket: WebSocket<GatheringStream<ClientTransport>>,
        transport: ClientTransport,
    ) -> ClientReceiver {
        ClientReceiver { socket, transport, pings: Pings::new(Instant::now()), ended: false, finish_by: None }
    }

    /// Waits for the next event. Returns `None` when the conversation is over.
    ///
    /// # Errors
    ///
    /// The same as [`Client::next`](crate::Client::next).
    #[expect(
        clippy::should_implement_trait,
        reason = "it fails, and an iterator of results would loop on failure"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        if self.ended {
            return Ok(None);
        }
        // The additional bytes are for frame headers and control frames between the fragments of a message.
        self.socket.get_mut().begin_event(MAX_MESSAGE_BYTES + 64 * 1024, MESSAGE_TIMEOUT);
        loop {
            let ping_due = self.pings.due(self.socket.get_ref().last_received(), PING_INTERVAL);
            let deadline = self.finish_by.map_or(ping_due, |finish_by| finish_by.min(ping_due));
            self.socket.get_mut().read_by(deadline);
            match self.socket.read() {
                Ok(message) => return self.received(message).map_err(|ending| self.end(ending)),
                Err(WireError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.finish_by.is_some_and(|finish_by| Instant::now() >= finish_by) {
                        self.ended = true;
                        return Ok(None);
                    }
                    self.check_deadlines().map_err(|ending| self.end(ending))?;
                }
                // After a Close of ours, it does not matter how the server ends the connection.
                Err(_) if self.transport.closing.load(Ordering::Acquire) => {
                    self.ended = true;
                    return Ok(None);
                }
                Err(error) => return Err(self.end(error.into())),
            }
        }
    }

    /// Waits up to two seconds for the server's answer to a Close that the other half has sent, and discards other events.
    pub fn finish(mut self) {
        self.finish_by = Some(Instant::now() + CLOSE_TIMEOUT);
        while let Ok(Some(_)) = self.next() {}
    }

    fn received(&mut self, message: Message) -> Result<Option<Event>, Ending> {
        // Any message proves that the server is alive, not only a pong.
        self.pings.answered();
        self.socket.get_mut().delivered();
        if let Message::Ping(payload) = &message {
            answer_ping(&mut self.socket, payload)?;
        }
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        if message.is_close() {
            // tungstenite has queued the answer to the server's Close, but only a flush or another read sends it.
            self.ended = true;
            if !self.transport.closing.load(Ordering::Acquire) {
                let _ = self.socket.flush();
            }
        }
        Ok(Event::from_message(message))
    }

    fn check_deadlines(&mut self) -> Result<(), Ending> {
        let now = Instant::now();
        if self.socket.get_ref().message_by().is_some_and(|due| now >= due) {
            return Err(Ending::TooSlow);
        }
        self.pings.send(now, PING_INTERVAL)?;
        Ok(self.socket.send(Message::Ping(Bytes::new()))?)
    }

    /// Ends the connection with an error, and sends the close code of `ending` if it has one.
    fn end(&mut self, ending: Ending) -> Error {
        self.ended = true;
        if let Some((code, reason)) = ending.close() {
            let _ = self.socket.close(Some(CloseFrame { code, reason: reason.into() }));
        }
        described(ending)
    }
}

impl fmt::Debug for ClientReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientReceiver").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// The error for an ending. `Ending` itself prints sentences about a client, while here the peer is the server.
pub(super) fn described(ending: Ending) -> Error {
    Error::plain(match ending {
        Ending::Gone(why) => format!("the server is gone ({why})"),
        Ending::Unread => "the server neither reads nor sends anything".to_owned(),
        Ending::Closed => "the connection is closed".to_owned(),
        Ending::TooBig => format!("the server sent a message of more than {} MiB", MAX_MESSAGE_BYTES >> 20),
        Ending::TooSlow => {
            format!("a message from the server was not complete after {} s", MESSAGE_TIMEOUT.as_secs())
        }
        ending => format!("the connection ended: {ending}"),
    })
}
