//! A conversation with one client: the only place that writes frames.

mod event;

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
pub use event::Event;

/// What an honest peer's fragment headers, pings and message in a row can come to beyond the message itself.
const BUDGET_SLACK: usize = 64 * 1024;
/// How many pings and pongs a second are read of a client, beside one for each of its messages. Browsers send no pings and
/// answer ours, `replyd chat` sends one with each question, websocat one every few seconds.
const CONTROLS_PER_SECOND: u32 = 100;
/// How many seconds' worth of messages, or of pings and pongs, may come in one burst.
const BURST: Duration = Duration::from_secs(5);
/// How long a handler may still send when the server is stopping.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A client that is silent for so many ping intervals is gone.
const MISSED_PINGS: u32 = 3;
/// A longer message is sent in frames of this size (RFC 6455, section 5.4): a client that does not read costs no more, however
/// long the message. Even a client that cannot put frames together gets a message of this size.
const PIECE_BYTES: usize = GATHER_BYTES;
/// What a control frame has room for behind the code (RFC 6455, section 5.5).
const MAX_REASON_BYTES: usize = 123;
/// tungstenite's 128 KiB are touched at every read; 4 KiB cost an idle client 24 KiB of memory in all, not 152.
const READ_BUFFER_BYTES: usize = 4096;

/// What a handler returns: any error ends the conversation with close code 1011.
pub type HandlerResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A conversation with one client, as a handler sees it.
///
/// Limits, pings, pacing and deadlines happen inside [`next`](Session::next) and [`send`](Session::send).
pub struct Session {
    socket: WebSocket<GatheringStream>,
    connection: Arc<Connection>,
    config: Arc<Config>,
    generation: u64,
    peer: ClientId,
    ending: Option<Ending>,
    last_ping: Instant,
    pings_unanswered: u32,
    /// A message has come, and nothing has been sent since.
    is_asked: bool,
    /// When the key or token runs out with which the client came in.
    leave_by: Option<Instant>,
    paid_until: Instant,
    controls_paid_until: Instant,
    /// How many pings and pongs the messages so far have paid for.
    free_controls: u32,
    /// Pongs may be among what is gathered.
    holds_pongs: bool,
    stop_seen: Option<Instant>,
}

impl Session {
    /// A conversation over an upgraded connection.
    pub(crate) fn new(mut wire: GatheringStream, connection: Arc<Connection>, peer: ClientId) -> Session {
        let now = Instant::now();
        wire.begin_counting();
        // The number first: a change in between is only seen twice.
        let generation = connection.registry.generation();
        let config = connection.registry.config();
        let mut session = Session {
            socket: WebSocket::from_raw_socket(wire, Role::Server, Some(limits(&config))),
            generation,
            config,
            connection,
            peer,
            ending: None,
            last_ping: now,
            pings_unanswered: 0,
            is_asked: false,
            paid_until: now,
            controls_paid_until: now,
            free_controls: 0,
            holds_pongs: false,
            leave_by: None,
            stop_seen: None,
        };
        session.look_at_expiry();
        session
    }

    /// Waits for the next event; `None` when the conversation is over.
    ///
    /// Blocks until something comes, the conversation ends, or a time limit of the [`Config`] runs out. Sends what
    /// was finished before it waits.
    ///
    /// # Errors
    ///
    /// When the client broke a rule or a limit, or is gone without a Close. The client was told so already, with
    /// the close code that fits; a handler only has to return.
    #[expect(
        clippy::should_implement_trait,
        reason = "it fails, and an iterator of results would loop on failure"
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
    /// While more messages of this client are waiting, answers are gathered for up to a millisecond or 16 KiB, and go out
    /// together; [`flush`](Session::flush) sends them at once. A longer message is sent in frames of 16 KiB. Blocks while the
    /// client does not read, up to `write_timeout`.
    ///
    /// # Errors
    ///
    /// When the conversation is over, or the server is stopping.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.write(Message::Text(text.into()))
    }

    /// Sends a binary message, as [`send`](Session::send) does a text.
    ///
    /// # Errors
    ///
    /// When the conversation is over.
    pub fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.write(Message::Binary(bytes.into()))
    }

    /// Sends a ping; its pong comes as [`Event::Pong`]. Only the first 125 bytes of `payload` are sent (RFC 6455,
    /// section 5.5).
    ///
    /// # Errors
    ///
    /// When the conversation is over.
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let mut payload = payload.into();
        payload.truncate(125);
        self.write(Message::Ping(payload))
    }

    /// Sends what [`send`](Session::send) has gathered, before something that takes long.
    ///
    /// # Errors
    ///
    /// When the conversation is over.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.send_gathered().map_err(|ending| self.broken(ending))
    }

    /// Ends the conversation with a close code (RFC 6455, section 7.4) and a reason, cut at 123 bytes; 1000 is a
    /// normal end.
    ///
    /// # Errors
    ///
    /// When the code may not be sent, or the conversation is over.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        if !CloseCode::from(code).is_allowed() {
            return Err(Error::plain(format!("close code {code} may not be sent; a normal end is 1000")));
        }
        self.check_open()?;
        let mut end = reason.len().min(MAX_REASON_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        self.ending = Some(Ending::Finished(code));
        self.write_close(CloseCode::from(code), &reason[..end]);
        Ok(())
    }

    /// The number of this client, from 1 on, as the log shows it.
    pub fn number(&self) -> u64 {
        self.peer.number
    }

    /// The address of the other end of the connection.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer.address
    }

    /// The client's own address: that of the other end, or what a trusted proxy there says it is.
    pub fn client_ip(&self) -> IpAddr {
        self.peer.forwarded.unwrap_or_else(|| self.peer.address.ip().to_canonical())
    }

    /// The name of the key with which the client came in, or the `sub` of its token, which may be any text.
    pub fn caller(&self) -> Option<&str> {
        self.peer.caller.as_deref()
    }

    /// The settings that hold now; those that change meanwhile hold from the next event on.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Ends the conversation after its handler is done, if nothing ended it before, and returns how it ended.
    // In place: each copy of a session on its way elsewhere would be room on the stack of each client.
    pub(crate) fn finish(&mut self, ending: Ending) -> Ending {
        if self.ending.is_none() {
            let _ = self.end(ending);
        }
        self.socket.get_mut().finish();
        self.count_bytes();
        self.ending.clone().expect("end() sets it")
    }

    /// What the conversation went over.
    pub(crate) fn stream(&mut self) -> &mut GatheringStream {
        self.socket.get_mut()
    }

    fn next_event(&mut self) -> Result<Event, Ending> {
        self.throttle()?;
        let Config { max_message_bytes, message_timeout, .. } = *self.config;
        self.socket.get_mut().begin_event(max_message_bytes.saturating_add(BUDGET_SLACK), message_timeout);
        loop {
            let deadline = self.next_deadline();
            self.socket.get_mut().read_by(deadline);
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
        self.take_changes();
        self.pings_unanswered = 0;
        self.socket.get_mut().delivered();
        // First of all: tungstenite would send it behind the Close of an ending.
        if let Message::Ping(payload) = &message {
            answer_ping(&mut self.socket, payload)?;
            self.holds_pongs = true;
        }
        // The clocks are looked at when nothing comes; who talks all the time must not outstay either.
        if self.has_expired(self.socket.get_ref().last_received()) {
            return Err(Ending::Expired);
        }
        // A client that pings all the time is never waited for, and must not hold a message open either.
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        match message {
            Message::Text(_) | Message::Binary(_) => {
                // What a handler does about a message must not hold up pongs.
                if std::mem::take(&mut self.holds_pongs) {
                    self.send_gathered()?;
                }
                self.socket.get_mut().end_idling();
                self.charge();
                self.is_asked = true;
                add(&self.connection.state.traffic.messages_received, 1);
                self.count_bytes();
            }
            Message::Ping(_) | Message::Pong(_) => self.charge_control(),
            Message::Frame(_) => {}
            Message::Close(_) => {
                let _ = self.socket.flush();
                let _ = self.send_gathered();
                self.ending = Some(Ending::Closed);
            }
        }
        // The clocks are looked at when nothing comes, and would never see a client that pings all the time.
        if (message.is_ping() || message.is_pong()) && self.is_idle(self.socket.get_ref().last_received()) {
            return Err(Ending::Idle);
        }
        Event::from_message(message).ok_or_else(|| Ending::Protocol("raw frame".into()))
    }

    /// Takes settings that have changed since the event before.
    fn take_changes(&mut self) {
        let generation = self.connection.registry.generation();
        if generation != self.generation {
            self.generation = generation;
            self.config = self.connection.registry.config();
            let limits = limits(&self.config);
            self.socket.set_config(|config| *config = limits);
            self.socket.get_mut().set_write_timeout(self.config.write_timeout);
            self.look_at_expiry();
        }
    }

    fn look_at_expiry(&mut self) {
        let time = self
            .connection
            .state
            .admission
            .get()
            .and_then(|admission| admission.caller.expires_at(&self.config.keys));
        let left = time.map(|time| time.duration_since(SystemTime::now()).unwrap_or_default());
        self.leave_by = left.and_then(|left| Instant::now().checked_add(left));
    }

    fn count_bytes(&self) {
        let wire = self.socket.get_ref();
        self.connection.state.traffic.bytes_received.store(wire.bytes_received(), Relaxed);
        self.connection.state.traffic.bytes_sent.store(wire.bytes_sent(), Relaxed);
    }

    /// Every message costs its share of a second; who is more than a burst ahead waits.
    fn charge(&mut self) {
        self.free_controls = (self.free_controls + 1).min(CONTROLS_PER_SECOND);
        if self.config.messages_per_second > 0 {
            let cost = Duration::from_secs(1) / self.config.messages_per_second;
            self.paid_until = self.paid_until.max(self.socket.get_ref().last_received()) + cost;
        }
    }

    /// Pings and pongs cost theirs also where messages are not paced.
    fn charge_control(&mut self) {
        if self.free_controls > 0 {
            self.free_controls -= 1;
        } else {
            let cost = Duration::from_secs(1) / CONTROLS_PER_SECOND;
            self.controls_paid_until =
                self.controls_paid_until.max(self.socket.get_ref().last_received()) + cost;
        }
    }

    fn throttle(&mut self) -> Result<(), Ending> {
        let paid_until = self.paid_until.max(self.controls_paid_until);
        // Mostly the client is not ahead of what was heard last, and the time need not be looked at.
        if paid_until <= self.socket.get_ref().last_received() + BURST {
            return Ok(());
        }
        let ahead = paid_until.saturating_duration_since(Instant::now());
        let Some(wait) = ahead.checked_sub(BURST).filter(|wait| !wait.is_zero()) else { return Ok(()) };
        self.send_gathered()?;
        match self.connection.registry.stopping.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return Err(Ending::Stop),
        }
        // What the client has already sent may last for minutes, in which nothing else looks at these.
        if self.connection.state.stop_flags.abort() == Some(Abort::Withdrawn) {
            return Err(Ending::Withdrawn);
        }
        if self.has_expired(Instant::now()) { Err(Ending::Expired) } else { Ok(()) }
    }

    fn next_deadline(&self) -> Instant {
        let others = [self.idle_due(), self.leave_by];
        others.into_iter().flatten().fold(self.ping_due(), Instant::min)
    }

    fn ping_due(&self) -> Instant {
        self.socket.get_ref().last_received().max(self.last_ping) + self.config.ping_interval
    }

    fn idle_due(&self) -> Option<Instant> {
        let since = self.socket.get_ref().idle_since();
        (!self.config.idle_timeout.is_zero()).then(|| since + self.config.idle_timeout)
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.idle_due().is_some_and(|due| now >= due)
    }

    fn has_expired(&self, now: Instant) -> bool {
        self.leave_by.is_some_and(|leave_by| now >= leave_by)
    }

    fn check_deadlines(&mut self) -> Result<(), Ending> {
        self.take_changes();
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
            self.pings_unanswered += 1;
            if self.pings_unanswered >= MISSED_PINGS {
                return Err(Ending::Gone(format!(
                    "silent for {} s",
                    (self.config.ping_interval * MISSED_PINGS).as_secs_f32()
                )));
            }
            self.last_ping = now;
            self.socket.send(Message::Ping(Bytes::new()))?;
        }
        Ok(())
    }

    fn write(&mut self, message: Message) -> Result<(), Error> {
        self.check_open()?;
        if self.is_too_late() {
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
        let sent = match self.socket.get_ref().may_gather() {
            Some(now) => now,
            None => {
                self.send_gathered().map_err(|ending| self.broken(ending))?;
                self.socket.get_ref().last_sent()
            }
        };
        if is_message && std::mem::take(&mut self.is_asked) {
            let took = sent.saturating_duration_since(self.socket.get_ref().last_received());
            self.connection.state.traffic.answered(took);
        }
        Ok(())
    }

    /// Sends a long message as frames that are each sent before the next one is made, all of them within one
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

    /// A stop leaves time for an answer; but a handler that only sends would never hear of it from `next`.
    fn is_too_late(&mut self) -> bool {
        let stopping = self.connection.registry.is_stopping();
        stopping && self.stop_seen.get_or_insert_with(Instant::now).elapsed() > LAST_WORDS
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

    /// An ending that leaves nobody to be told.
    fn broken(&mut self, ending: Ending) -> Error {
        self.ending = Some(ending.clone());
        ending.into()
    }

    /// Ends the conversation and tells the client why. tungstenite sends no Close on errors, and must not read
    /// again after one.
    fn end(&mut self, ending: Ending) -> Result<Option<Event>, Error> {
        if let Some((code, reason)) = ending.close() {
            self.write_close(code, reason);
        }
        self.ending = Some(ending.clone());
        if ending.is_ordinary() { Ok(None) } else { Err(ending.into()) }
    }

    /// Sends Close behind whatever was finished; that it does not arrive changes nothing any more.
    fn write_close(&mut self, code: CloseCode, reason: &str) {
        let close = CloseFrame { code, reason: reason.into() };
        let _ = self.socket.close(Some(close));
        let _ = self.send_gathered();
    }
}

/// How much of a message goes into the next frame. A text is cut between characters: some peers judge each frame alone.
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

/// tungstenite's limits, from ours. Nothing is buffered there: [`GatheringStream`] gathers.
pub(crate) fn limits(config: &Config) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(config.max_message_bytes))
        .max_frame_size(Some(config.max_message_bytes))
}
