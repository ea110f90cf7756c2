//! A conversation with one client: the only place that writes frames.

mod close;
mod event;
mod pings;
mod rates;

use std::{
    fmt,
    io::{ErrorKind, Write},
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant, SystemTime},
};

use crossbeam_channel::RecvTimeoutError;
use tungstenite::{
    Bytes, Error as WireError, Message, Utf8Bytes, WebSocket,
    protocol::{
        CloseFrame, Role, WebSocketConfig,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

use crate::{
    config::Config,
    error::Error,
    metrics::add,
    registry::{ClientId, Connection},
    stream::{Abort, Ending, GATHER_BYTES, GatheringStream, answer_ping},
};
pub(crate) use close::close_code_and_reason;
pub use event::Event;
pub(crate) use pings::Pings;
use rates::Rates;

/// Allowance beyond `max_message_bytes` for the fragment headers and pings that a well-behaved peer sends with a message.
const BUDGET_SLACK: usize = 64 * 1024;
/// Time for which a handler may still send after the server began to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);
/// Maximum payload of a sent frame. A longer message is sent in fragments (RFC 6455, section 5.4), so that a client that
/// does not read costs no more memory, however long the message is. Messages up to this size also reach clients that do not
/// support fragments.
const PIECE_BYTES: usize = GATHER_BYTES;
/// Size of tungstenite's read buffer. Its default of 128 KiB is touched by every read; with 4 KiB an idle client costs 24 KiB
/// of memory in all instead of 152.
pub(crate) const READ_BUFFER_BYTES: usize = 4096;

/// The result of a handler. Any error is logged, and ends the conversation with close code 1011.
pub type HandlerResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A conversation with one client, from the handler's point of view.
///
/// [`next`](Session::next) and [`send`](Session::send) also enforce limits, rates and deadlines, and send and answer pings. A
/// handler that works for long without calling them delays only its own client.
pub struct Session {
    socket: WebSocket<GatheringStream>,
    connection: Arc<Connection>,
    config: Arc<Config>,
    generation: u64,
    peer: ClientId,
    ending: Option<Ending>,
    pings: Pings,
    rates: Rates,
    /// A message was received, and no reply has been sent since.
    awaits_reply: bool,
    /// Time at which the client's key or token expires.
    expires_at: Option<Instant>,
    /// Pongs may be among the gathered bytes.
    holds_pongs: bool,
    /// Time at which a send first noticed that the server is stopping.
    stop_seen: Option<Instant>,
}

impl Session {
    /// Begins a conversation over an upgraded connection.
    pub(crate) fn new(mut stream: GatheringStream, connection: Arc<Connection>, peer: ClientId) -> Session {
        let now = Instant::now();
        stream.begin_counting();
        // The generation first: then a reload in between is applied twice, rather than missed.
        let generation = connection.registry.generation();
        let config = connection.registry.config();
        let mut session = Session {
            socket: WebSocket::from_raw_socket(
                stream,
                Role::Server,
                Some(limits(config.max_message_bytes, READ_BUFFER_BYTES)),
            ),
            generation,
            config,
            connection,
            peer,
            ending: None,
            pings: Pings::new(now),
            rates: Rates::new(now),
            awaits_reply: false,
            holds_pongs: false,
            expires_at: None,
            stop_seen: None,
        };
        session.update_expiry();
        session
    }

    /// Waits for the next event; returns `None` when the conversation is over.
    ///
    /// Blocks until an event is received, the conversation ends, or a time limit of the [`Config`] expires. Sends all
    /// finished replies before it waits.
    ///
    /// # Errors
    ///
    /// When the client violated the protocol, exceeded a limit, or disconnected without a Close. A client that can still be
    /// reached has already been sent the fitting close code; a handler only has to return.
    #[expect(
        clippy::should_implement_trait,
        reason = "it can fail, and a loop over an iterator of results would not stop at an error"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        if self.ending.is_some() {
            return Ok(None);
        }
        match self.next_event() {
            Ok(event) => Ok(Some(event)),
            Err(ending) => self.end(ending),
        }
    }

    /// Sends a text message.
    ///
    /// While more messages from this client are waiting, replies are gathered for up to a millisecond or 16 KiB and sent
    /// together; [`flush`](Session::flush) sends them at once. A message longer than 16 KiB is sent in frames of that size.
    /// Blocks while the client does not read, for up to `write_timeout`.
    ///
    /// # Errors
    ///
    /// When the conversation is over, the client does not read, or the server began to stop more than a second ago.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.write(Message::Text(text.into()))
    }

    /// Sends a binary message, in the same way as [`send`](Session::send) sends text.
    ///
    /// # Errors
    ///
    /// The same as those of [`send`](Session::send).
    pub fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.write(Message::Binary(bytes.into()))
    }

    /// Sends a ping, whose answer is received as [`Event::Pong`]. Only the first 125 bytes of `payload` are sent (RFC 6455,
    /// section 5.5). The session also sends pings itself, every `ping_interval` without a sign of life from the client.
    ///
    /// # Errors
    ///
    /// The same as those of [`send`](Session::send).
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let mut payload = payload.into();
        payload.truncate(125);
        self.write(Message::Ping(payload))
    }

    /// Sends what [`send`](Session::send) has gathered. Call it before slow work; [`next`](Session::next) does it itself
    /// before it waits.
    ///
    /// # Errors
    ///
    /// When the conversation is over, or the client does not read within `write_timeout`.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.send_gathered().map_err(|ending| self.broken(ending))
    }

    /// Ends the conversation with a close code (RFC 6455, section 7.4) and a reason, which is truncated to 123 bytes. 1000
    /// is a normal end.
    ///
    /// # Errors
    ///
    /// When the code must not be sent in a Close frame (such as 1006), or the conversation is over.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        let (close_code, reason) = close_code_and_reason(code, reason)?;
        self.check_open()?;
        self.ending = Some(Ending::Finished(code));
        self.write_close(close_code, reason);
        Ok(())
    }

    /// The number of this connection, as the log shows it. All connections are counted from 1 on, also those that were never
    /// upgraded.
    pub fn number(&self) -> u64 {
        self.peer.number
    }

    /// The address at the other end of the connection, which may be a proxy's.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer.address
    }

    /// The client's own address: the one that a trusted proxy reports, or else that of the other end of the connection.
    pub fn client_ip(&self) -> IpAddr {
        self.peer.forwarded.unwrap_or_else(|| self.peer.address.ip().to_canonical())
    }

    /// The name of the client's key, or the `sub` of its token, which may be any text. `None` for a client without either.
    pub fn caller(&self) -> Option<&str> {
        self.peer.caller.as_deref()
    }

    /// The current settings. A reload takes effect with the next event.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Ends the conversation with `ending` after its handler has returned, unless it is over already. Returns how it ended.
    // Not by value: each copy of a session would take up stack of each client.
    pub(crate) fn finish(&mut self, ending: Ending) -> Ending {
        if self.ending.is_none() {
            let _ = self.end(ending);
        }
        self.socket.get_mut().finish();
        self.count_bytes();
        self.ending.clone().expect("end() sets it")
    }

    /// The stream under the conversation.
    pub(crate) fn stream(&mut self) -> &mut GatheringStream {
        self.socket.get_mut()
    }

    fn next_event(&mut self) -> Result<Event, Ending> {
        self.throttle()?;
        let Config { max_message_bytes, message_timeout, .. } = *self.config;
        self.socket.get_mut().begin_event(max_message_bytes.saturating_add(BUDGET_SLACK), message_timeout);
        // An event that was received together with the previous one needs no wait, and so no deadline.
        let mut may_wait = !self.socket.get_ref().has_unread();
        loop {
            if std::mem::replace(&mut may_wait, true) {
                let deadline = self.next_deadline();
                self.socket.get_mut().read_by(deadline);
            }
            match self.socket.read() {
                Ok(message) => return self.received(message),
                Err(WireError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    self.check_deadlines()?
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn received(&mut self, message: Message) -> Result<Event, Ending> {
        self.apply_reload();
        self.pings.answered();
        self.socket.get_mut().delivered();
        // Before anything can end the session: tungstenite would send the pong after the Close.
        if let Message::Ping(payload) = &message {
            answer_ping(&mut self.socket, payload)?;
            self.holds_pongs = true;
        }
        // `check_deadlines` runs only while nothing is received, which may be never: each event checks these as well.
        if self.has_expired(self.socket.get_ref().last_received()) {
            return Err(Ending::Expired);
        }
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        match message {
            Message::Text(_) | Message::Binary(_) => {
                // A slow handler must not hold back pongs.
                if std::mem::take(&mut self.holds_pongs) {
                    self.send_gathered()?;
                }
                self.socket.get_mut().end_idling();
                let last_received = self.socket.get_ref().last_received();
                self.rates.charge(last_received, self.config.messages_per_second);
                self.awaits_reply = true;
                add(&self.connection.state.traffic.messages_received, 1);
                self.count_bytes();
            }
            Message::Ping(_) | Message::Pong(_) => {
                self.rates.charge_control(self.socket.get_ref().last_received());
            }
            Message::Frame(_) => {}
            Message::Close(_) => {
                // Sends tungstenite's answer to it. A failure changes nothing: the conversation is over either way.
                let _ = self.socket.flush();
                let _ = self.send_gathered();
                self.ending = Some(Ending::Closed);
            }
        }
        // As above, for a client that only sends pings.
        if (message.is_ping() || message.is_pong()) && self.is_idle(self.socket.get_ref().last_received()) {
            return Err(Ending::Idle);
        }
        Event::from_message(message).ok_or_else(|| Ending::Protocol("unexpected raw frame".into()))
    }

    /// Applies settings that have changed since the previous event.
    fn apply_reload(&mut self) {
        let generation = self.connection.registry.generation();
        if generation != self.generation {
            self.generation = generation;
            self.config = self.connection.registry.config();
            let limits = limits(self.config.max_message_bytes, READ_BUFFER_BYTES);
            self.socket.set_config(|config| *config = limits);
            self.socket.get_mut().set_write_timeout(self.config.write_timeout);
            self.update_expiry();
        }
    }

    /// Computes `expires_at` anew: a reload may have changed a key's expiry.
    fn update_expiry(&mut self) {
        let time = self
            .connection
            .state
            .admission
            .get()
            .and_then(|admission| admission.caller.expires_at(&self.config.keys));
        let left = time.map(|time| time.duration_since(SystemTime::now()).unwrap_or_default());
        self.expires_at = left.and_then(|left| Instant::now().checked_add(left));
    }

    fn count_bytes(&self) {
        let stream = self.socket.get_ref();
        self.connection.state.traffic.bytes_received.store(stream.bytes_received(), Relaxed);
        self.connection.state.traffic.bytes_sent.store(stream.bytes_sent(), Relaxed);
    }

    /// Waits until the client is no longer too far ahead of its rates. Its input stays in the system's buffers meanwhile, which
    /// slows the client down.
    fn throttle(&mut self) -> Result<(), Ending> {
        let Some(excess) = self.rates.excess(self.socket.get_ref().last_received()) else { return Ok(()) };
        // The client may be waiting for these replies.
        self.send_gathered()?;
        // Not a sleep: a stop closes the channel, and ends the wait.
        match self.connection.registry.stopping.recv_timeout(excess) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return Err(Ending::Stop),
        }
        // The client may have sent enough input for minutes of throttling, during which nothing else checks these.
        if self.connection.state.stop_flags.abort() == Some(Abort::Withdrawn) {
            return Err(Ending::Withdrawn);
        }
        if self.has_expired(Instant::now()) { Err(Ending::Expired) } else { Ok(()) }
    }

    fn next_deadline(&self) -> Instant {
        let others = [self.idle_due(), self.expires_at];
        others.into_iter().flatten().fold(self.ping_due(), Instant::min)
    }

    /// Time of the next ping: `ping_interval` after the last sign of life, or the last ping.
    fn ping_due(&self) -> Instant {
        self.pings.due(self.socket.get_ref().last_received(), self.config.ping_interval)
    }

    /// Time at which the session ends for lack of messages, if `idle_timeout` is set.
    fn idle_due(&self) -> Option<Instant> {
        let since = self.socket.get_ref().idle_since();
        (!self.config.idle_timeout.is_zero()).then(|| since + self.config.idle_timeout)
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.idle_due().is_some_and(|due| now >= due)
    }

    fn has_expired(&self, now: Instant) -> bool {
        self.expires_at.is_some_and(|expires_at| now >= expires_at)
    }

    /// Ends the session or sends a ping when one of these is due. Runs whenever a read has reached its deadline.
    fn check_deadlines(&mut self) -> Result<(), Ending> {
        self.apply_reload();
        let now = Instant::now();
        if self.socket.get_ref().message_by().is_some_and(|due| now >= due) {
            return Err(Ending::TooSlow);
        }
        if self.has_expired(now) {
            return Err(Ending::Expired);
        }
        if self.is_idle(now) {
            return Err(Ending::Idle);
        }
        if now >= self.ping_due() {
            self.pings.send(now, self.config.ping_interval)?;
            self.socket.send(Message::Ping(Bytes::new()))?;
        }
        Ok(())
    }

    fn write(&mut self, message: Message) -> Result<(), Error> {
        self.check_open()?;
        if self.is_past_stop_grace() {
            return self.end(Ending::Stop).and(Err(Ending::Stop.into()));
        }
        let is_message = message.is_text() || message.is_binary();
        match message {
            Message::Text(text) if text.len() > PIECE_BYTES => self.write_pieces(Data::Text, text.into()),
            Message::Binary(bytes) if bytes.len() > PIECE_BYTES => self.write_pieces(Data::Binary, bytes),
            message => self.socket.write(message),
        }
        .map_err(|error| self.broken(error.into()))?;
        add(&self.connection.state.traffic.messages_sent, u64::from(is_message));
        // Either call has just looked at the clock, which gives the reply's time for the metrics.
        let sent = match self.socket.get_ref().may_gather() {
            Some(now) => now,
            None => {
                self.send_gathered().map_err(|ending| self.broken(ending))?;
                self.socket.get_ref().last_sent()
            }
        };
        if is_message && std::mem::take(&mut self.awaits_reply) {
            let took = sent.saturating_duration_since(self.socket.get_ref().last_received());
            self.connection.state.traffic.answered(took);
        }
        Ok(())
    }

    /// Sends a long message in fragments. Each is sent before the next one is made, and all of them within one
    /// `write_timeout`.
    fn write_pieces(&mut self, kind: Data, mut bytes: Bytes) -> Result<(), WireError> {
        let deadline = Instant::now() + self.config.write_timeout;
        let mut opcode = kind;
        while !bytes.is_empty() {
            let piece = bytes.split_to(piece_len(kind, &bytes));
            let frame = Frame::message(piece, OpCode::Data(opcode), bytes.is_empty());
            self.socket.get_mut().set_write_timeout(deadline.saturating_duration_since(Instant::now()));
            self.socket.write(Message::Frame(frame))?;
            opcode = Data::Continue;
        }
        self.socket.get_mut().set_write_timeout(self.config.write_timeout);
        Ok(())
    }

    /// Whether the handler may not send any more because the server is stopping. A handler that keeps sending never learns
    /// of the stop from `next`; others get the time for a last reply.
    fn is_past_stop_grace(&mut self) -> bool {
        let stopping = self.connection.registry.is_stopping();
        stopping && self.stop_seen.get_or_insert_with(Instant::now).elapsed() > STOP_GRACE
    }

    fn send_gathered(&mut self) -> Result<(), Ending> {
        if self.socket.get_ref().has_gathered() {
            self.socket.get_mut().flush()?;
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), Error> {
        self.ending.as_ref().map_or(Ok(()), |ending| Err(ending.clone().into()))
    }

    /// Ends the conversation without a Close, after a failed write.
    fn broken(&mut self, ending: Ending) -> Error {
        self.ending = Some(ending.clone());
        ending.into()
    }

    /// Ends the conversation, and sends the client a Close that says why. tungstenite sends none after an error, and must not
    /// be read again.
    fn end(&mut self, ending: Ending) -> Result<Option<Event>, Error> {
        if let Some((code, reason)) = ending.close() {
            self.write_close(code, reason);
        }
        self.ending = Some(ending.clone());
        if ending.is_ordinary() { Ok(None) } else { Err(ending.into()) }
    }

    /// Sends a Close after everything that is finished. A failure changes nothing: the conversation is over either way.
    fn write_close(&mut self, code: CloseCode, reason: &str) {
        let close = CloseFrame { code, reason: reason.into() };
        let _ = self.socket.close(Some(close));
        let _ = self.send_gathered();
    }
}

/// The length of the next frame's payload. Text is cut between characters, because some peers check the UTF-8 of each frame
/// separately.
fn piece_len(kind: Data, bytes: &[u8]) -> usize {
    let is_inside = |index: usize| kind == Data::Text && bytes[index] & 0xc0 == 0x80;
    match bytes.len() {
        len @ ..=PIECE_BYTES => len,
        _ => (1..=PIECE_BYTES).rev().find(|index| !is_inside(*index)).unwrap_or(PIECE_BYTES),
    }
}

/// The fixed form in which the log names a client: `[#1 127.0.0.1:43210 NAME-OF-THE-KEY]`.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.peer.fmt(f)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("peer", &self.peer)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}

/// tungstenite's limits under these settings. It does not buffer writes, because [`GatheringStream`] gathers them.
pub(crate) fn limits(max_message_bytes: usize, read_buffer_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(read_buffer_bytes)
        .write_buffer_size(0)
        .max_message_size(Some(max_message_bytes))
        .max_frame_size(Some(max_message_bytes))
}
