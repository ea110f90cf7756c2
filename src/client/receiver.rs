//! The half of a client that receives, and notices when the server is gone.

use std::{
    fmt, io,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tungstenite::{Bytes, Error as WireError, Message, WebSocket, protocol::CloseFrame};

use super::transport::{ClientTransport, MAX_MESSAGE_BYTES};
use crate::{
    error::Error,
    session::{Deadline, Event, Pings, event_after_wait},
    stream::{Ending, GatheringStream, answer_ping},
};

/// Time limit for receiving a message after its first byte.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time of silence after which the server is pinged. Many proxies close a connection after 60 s of silence.
const PING_INTERVAL: Duration = Duration::from_secs(25);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The half of a [`Client`](crate::Client) that receives. It also answers pings and notices a silent server,
/// but only while [`next`](ClientReceiver::next) or [`next_by`](ClientReceiver::next_by) is waiting.
pub struct ClientReceiver {
    pub(super) socket: WebSocket<GatheringStream>,
    pub(super) transport: ClientTransport,
    pings: Pings,
    /// The limits of the next event have begun. They continue after a [`Event::Timeout`].
    has_begun: bool,
    was_woken: bool,
    ended: bool,
}

impl ClientReceiver {
    pub(super) fn new(socket: WebSocket<GatheringStream>, transport: ClientTransport) -> ClientReceiver {
        ClientReceiver {
            socket,
            transport,
            pings: Pings::new(Instant::now()),
            has_begun: false,
            was_woken: false,
            ended: false,
        }
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
        self.next_until(None)
    }

    /// Waits for the next event until `deadline`, and then returns [`Event::Timeout`]; see
    /// [`Client::next_by`](crate::Client::next_by).
    ///
    /// # Errors
    ///
    /// The same as [`Client::next`](crate::Client::next).
    pub fn next_by(&mut self, deadline: Instant) -> Result<Option<Event>, Error> {
        self.next_until(Some(Deadline::new(deadline)))
    }

    /// Waits up to two seconds for the server's answer to a Close that the other half has sent, and discards
    /// other events.
    pub fn finish(mut self) {
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        while let Ok(Some(_)) = self.next_by(deadline) {
            // A server that never stops sending never gets to a Timeout.
            if Instant::now() >= deadline {
                return;
            }
        }
    }

    fn next_until(&mut self, deadline: Option<Deadline>) -> Result<Option<Event>, Error> {
        if self.ended {
            return Ok(None);
        }
        let event = self.next_event(deadline);
        self.was_woken = matches!(event, Ok(Some(Event::Woken)));
        event
    }

    fn next_event(&mut self, deadline: Option<Deadline>) -> Result<Option<Event>, Error> {
        if !self.was_woken && self.socket.get_ref().take_wake_up() {
            return Ok(Some(Event::Woken));
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            // The additional bytes are for frame headers and control frames between the fragments of a
            // message.
            self.socket.get_mut().begin_event(MAX_MESSAGE_BYTES + 64 * 1024, MESSAGE_TIMEOUT);
        }
        loop {
            let ping_due = self.ping_due();
            self.socket.get_mut().read_by(deadline.map_or(ping_due, |deadline| deadline.at.min(ping_due)));
            match self.socket.read() {
                Ok(message) => return self.received(message).map_err(|ending| self.end(ending)),
                Err(WireError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.check_deadlines(Instant::now()).map_err(|ending| self.end(ending))?;
                    let event = event_after_wait(deadline, self.was_woken, self.socket.get_ref());
                    if event.is_some() {
                        return Ok(event);
                    }
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

    fn received(&mut self, message: Message) -> Result<Option<Event>, Ending> {
        self.has_begun = false;
        // Any message proves that the server is alive, not only a pong.
        self.pings.answered();
        self.socket.get_mut().frames.delivered();
        if let Message::Ping(payload) = &message {
            answer_ping(&mut self.socket, payload)?;
        }
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        if message.is_close() {
            // tungstenite has queued the answer to the server's Close, but only a flush or another read sends
            // it.
            self.ended = true;
            // The answer is this side's Close, after which the other half must not send either (RFC 6455,
            // section 5.5.1).
            if !self.transport.closing.swap(true, Ordering::AcqRel) {
                let _ = self.socket.flush();
            }
        }
        Ok(Event::from_message(message))
    }

    fn ping_due(&self) -> Instant {
        self.pings.due(self.socket.get_ref().last_received, PING_INTERVAL)
    }

    fn check_deadlines(&mut self, now: Instant) -> Result<(), Ending> {
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        if now >= self.ping_due() {
            self.pings.send(now, PING_INTERVAL)?;
            self.socket.send(Message::Ping(Bytes::new()))?;
        }
        Ok(())
    }

    /// Ends the connection with an error, and sends the close code of `ending` if it has one.
    fn end(&mut self, ending: Ending) -> Error {
        self.ended = true;
        if let Some((code, reason)) = ending.close() {
            self.transport.closing.store(true, Ordering::Release);
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

/// The error for an ending. `Ending` itself prints sentences about a client, while here the peer is the
/// server.
pub(super) fn described(ending: Ending) -> Error {
    Error::plain(match ending {
        Ending::Unread => return Error::io("nothing can be sent", unread()),
        Ending::Gone(why) => format!("the server is gone ({why})"),
        Ending::Closed => "the connection is closed".to_owned(),
        Ending::TooBig => format!("the server sent a message of more than {} MiB", MAX_MESSAGE_BYTES >> 20),
        Ending::TooSlow => {
            format!("a message from the server was not complete after {} s", MESSAGE_TIMEOUT.as_secs())
        }
        ending => format!("the connection ended: {ending}"),
    })
}

fn unread() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the server neither reads nor sends anything")
}

#[cfg(test)]
mod tests;
