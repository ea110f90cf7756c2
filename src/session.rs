//! A conversation with one client: the only place that writes frames.

mod close;
mod deadline;
mod event;
mod pings;
mod rates;
mod receipts;
mod receiving;
mod sending;

use std::{
    any::Any,
    fmt,
    io::Write,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use tungstenite::{
    Bytes, Message, Utf8Bytes, WebSocket,
    protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use crate::{
    auth::Admission,
    config::Config,
    error::Error,
    http::Target,
    registry::{ClientId, Connection},
    replies::FoundBy,
    stream::{Ending, GatheringStream, Waker},
};
pub(crate) use close::close_code_and_reason;
pub(crate) use deadline::{Deadline, event_after_wait};
pub use event::Event;
pub(crate) use pings::Pings;
use rates::Rates;

/// Size of tungstenite's read buffer. Its default of 128 KiB is touched by every read; with 4 KiB an idle
/// client costs 24 KiB of memory in all instead of 152.
pub(crate) const READ_BUFFER_BYTES: usize = 4096;

/// The least `max_message_bytes` for a client with a role: the default, with which a page of the program
/// works.
const ROLE_MESSAGE_BYTES: usize = 16 * 1024;

/// The result of a handler. Any error is logged, and ends the conversation with close code 1011.
///
/// `?` converts errors of all types into this one. A function with an error of its own is started by
/// `start(|session| Ok(play(session)?))`: if `start` accepted each error, that of a closure which ends in
/// `Ok(())` could not be inferred.
pub type HandlerResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A conversation with one client, from the handler's point of view.
///
/// [`next`](Session::next) and [`send`](Session::send) also enforce limits, rates and deadlines, and send and
/// answer pings. A handler that works for long without calling them delays only its own client.
///
/// The chat page offers the subprotocol `replyd.page` before `replyd`. Where it is chosen, `next` also
/// reports, in binary messages of at most one byte that the page does not show, that a message has arrived
/// and that the next one is waited for. The page takes a connection for dead only if a message that is waited
/// for does not arrive, never because an answer is late, and asks nothing twice that has arrived. Clients
/// that do not offer this subprotocol see nothing of it.
pub struct Session {
    socket: WebSocket<GatheringStream>,
    /// Counts this session, once it can be woken.
    counted_waker: Option<Arc<()>>,
    connection: Arc<Connection>,
    config: Arc<Config>,
    generation: u64,
    /// It was admitted with a key that has a role, for which the limits on messages differ.
    has_role: bool,
    peer: ClientId,
    opening: Opening,
    ending: Option<Ending>,
    pings: Pings,
    rates: Rates,
    /// A message was received, and no reply has been sent since.
    awaits_reply: bool,
    /// Time at which the client's key or token expires.
    expires_at: Option<Instant>,
    /// Pongs may be among the gathered bytes.
    holds_pongs: bool,
    /// The wait for the current event has begun, and with it the event's limits on bytes and time.
    has_begun_event: bool,
    /// The chat page has been told that the handler is waiting for the next message.
    has_announced_listening: bool,
    /// The previous event was a wake-up. Then the client comes first: a waker in a loop must not keep it from
    /// being read.
    was_woken: bool,
    /// A wait has noticed that the server is stopping, and checked for a last wake-up.
    has_deferred_stop: bool,
    /// Time at which a send first noticed that the server is stopping.
    stop_seen: Option<Instant>,
}

/// What a session keeps of the opening handshake (RFC 6455, section 1.3), and the value that the program gave
/// it.
pub(crate) struct Opening {
    pub(crate) target: Target,
    pub(crate) subprotocol: Option<Box<str>>,
    pub(crate) value: Option<Box<dyn Any + Send>>,
}

impl Session {
    /// Begins a conversation over an upgraded connection.
    pub(crate) fn new(
        mut stream: GatheringStream,
        connection: Arc<Connection>,
        peer: ClientId,
        opening: Opening,
    ) -> Session {
        let now = Instant::now();
        stream.begin_counting();
        // The generation first: a reload in between is then applied twice, rather than missed.
        let generation = connection.registry.generation();
        let config = connection.registry.config();
        let admission = connection.state.admission.get();
        let has_role = admission.is_some_and(|admission| admission.caller.role().is_some());
        let limits = limits(max_message_bytes(&config, has_role), READ_BUFFER_BYTES);
        let mut session = Session {
            socket: WebSocket::from_raw_socket(stream, Role::Server, Some(limits)),
            generation,
            config,
            connection,
            has_role,
            peer,
            opening,
            ending: None,
            pings: Pings::new(now),
            rates: Rates::new(now),
            awaits_reply: false,
            holds_pongs: false,
            has_begun_event: false,
            has_announced_listening: false,
            was_woken: false,
            counted_waker: None,
            expires_at: None,
            has_deferred_stop: false,
            stop_seen: None,
        };
        session.update_expiry();
        session
    }

    /// Waits for the next event; returns `None` when the conversation is over.
    ///
    /// Blocks until an event is received, the conversation ends, or a time limit of the [`Config`] expires.
    /// Sends all finished replies before it waits.
    ///
    /// # Errors
    ///
    /// When the client violated the protocol, exceeded a limit, or disconnected without a Close. A client
    /// that can still be reached has already been sent the right close code; a handler only has to return.
    #[expect(
        clippy::should_implement_trait,
        reason = "it can fail, and a loop over an iterator of results would not stop at an error"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        self.next_until(None)
    }

    /// Like [`next`](Session::next), but waits until `deadline` at most, then returns [`Event::Timeout`]. A
    /// message of which only a part was received by then is not lost, and its time limit is not extended.
    ///
    /// After `deadline` it still returns what has already been received, for which it may take up to 50 ms.
    /// It may return late by a 64th of the time that it waited.
    ///
    /// # Errors
    ///
    /// The same as those of [`next`](Session::next).
    pub fn next_by(&mut self, deadline: Instant) -> Result<Option<Event>, Error> {
        self.next_until(Some(Deadline::new(deadline)))
    }

    /// A handle with which other threads wake this session: its [`next`](Session::next) or
    /// [`next_by`](Session::next_by) then returns [`Event::Woken`].
    ///
    /// A wake-up does not say what the session should do. To push messages to many clients, give each a
    /// bounded channel, `try_send` to it, then wake the session. A full channel means that the client reads
    /// too slowly: skip the message, or end the session by dropping its channel.
    ///
    /// When the server stops, a session that was woken before gets its [`Event::Woken`] first; no other
    /// ending waits for it.
    ///
    /// The session needs two more file descriptors after the first call.
    ///
    /// # Errors
    ///
    /// When the conversation is over, the system has no descriptors left, or it is not Unix.
    pub fn waker(&mut self) -> Result<Waker, Error> {
        self.check_open()?;
        let waker = self.socket.get_mut().timed.waker(&self.connection.stream);
        let waker = waker.map_err(|error| Error::io("the session cannot be woken", error))?;
        let Session { counted_waker, connection, .. } = self;
        counted_waker.get_or_insert_with(|| connection.registry.count_waker());
        Ok(waker)
    }

    /// Sends a text message.
    ///
    /// While more messages from this client are waiting, replies are gathered for up to a millisecond or 16
    /// KiB and sent together; [`flush`](Session::flush) sends them at once. A message longer than 16 KiB is
    /// sent in frames of that size. Blocks while the client does not read, for up to `write_timeout`.
    ///
    /// # Errors
    ///
    /// When the conversation is over, the client does not read, or the server began to stop more than a
    /// second ago.
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

    /// Sends a ping, whose answer is received as [`Event::Pong`]. Only the first 125 bytes of `payload` are
    /// sent (RFC 6455, section 5.5). The session also sends pings itself, every `ping_interval` without a
    /// sign of life from the client.
    ///
    /// # Errors
    ///
    /// The same as those of [`send`](Session::send).
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let mut payload = payload.into();
        payload.truncate(125);
        self.write(Message::Ping(payload))
    }

    /// Sends what [`send`](Session::send) has gathered. Call it before slow work; [`next`](Session::next)
    /// does it itself before it waits.
    ///
    /// # Errors
    ///
    /// The same as those of [`send`](Session::send).
    pub fn flush(&mut self) -> Result<(), Error> {
        self.check_may_send()?;
        self.send_gathered().map_err(|ending| self.broken(ending))
    }

    /// Ends the conversation with a close code (RFC 6455, section 7.4) and a reason, which is truncated to
    /// 123 bytes. 1000 is a normal end; 4000 to 4999 are for programs.
    ///
    /// # Errors
    ///
    /// When the code must not be sent in a Close frame (such as 1006; 1014 is not supported), or the
    /// conversation is over.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        let (close_code, reason) = close_code_and_reason(code, reason)?;
        self.check_open()?;
        self.ending = Some(Ending::Finished(code));
        self.write_close(close_code, reason);
        Ok(())
    }

    /// The number of this connection, as the log shows it. All connections are counted, from 1, including
    /// those that were never upgraded.
    pub fn number(&self) -> u64 {
        self.peer.number
    }

    /// The address at the other end of the connection, which may be a proxy's.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer.address
    }

    /// The client's own address: the one that a trusted proxy reports, or else that of the other end of the
    /// connection.
    pub fn client_ip(&self) -> IpAddr {
        self.peer.client_ip()
    }

    /// The name of the client's key, or the `sub` of its token, which may be any text. `None` for a client
    /// without either.
    pub fn caller(&self) -> Option<&str> {
        self.peer.caller.as_deref()
    }

    /// The role of the client's key, if it has one, and if the settings as they are at this moment still
    /// admit the client; see [`Role`](crate::Role).
    pub fn role(&self) -> Option<&str> {
        let Connection { state, registry, .. } = &*self.connection;
        let still_holds = |admission: &&Admission| registry.still_holds(admission, &registry.config());
        let admission = state.admission.get().filter(|_| self.has_role).filter(still_holds);
        admission.and_then(|admission| admission.caller.role())
    }

    /// The path that the client asked for, `/rooms/blue` for example. As sent, not percent-decoded.
    pub fn path(&self) -> &str {
        self.opening.target.path()
    }

    /// The first parameter called `name` of the query that the client asked for, decoded. `accessToken` is
    /// never returned, since it may be a key.
    pub fn query(&self, name: &str) -> Option<String> {
        self.opening.target.value(name)
    }

    /// The chosen subprotocol (RFC 6455, section 1.9): the first that the client offered, unless
    /// [`Server::admit`](crate::Server::admit) chose another one.
    pub fn subprotocol(&self) -> Option<&str> {
        self.opening.subprotocol.as_deref()
    }

    /// The whole query that the client asked for, as sent but without any `accessToken`; empty if there is
    /// none.
    pub fn query_string(&self) -> &str {
        self.opening.target.query()
    }

    /// The value that [`Server::admit`](crate::Server::admit) gave this session by
    /// [`Grant::with_value`](crate::Grant::with_value). It can be taken once. `None` if there is none, or if
    /// it is of another type, which leaves it there.
    pub fn take_value<T: Any>(&mut self) -> Option<T> {
        let value = self.opening.value.take_if(|value| value.is::<T>())?;
        value.downcast().ok().map(|value| *value)
    }

    /// Why the conversation is over, once it is. It may still be `None` when the handler returns, which ends
    /// it too.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// The current settings. A reload takes effect with the next event.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Counts an answer of the bot.
    pub(crate) fn count_answer(&self, found_by: FoundBy) {
        self.connection.state.traffic.found(found_by);
    }

    /// Ends the conversation with `ending` after its handler has returned, unless it is over already. Returns
    /// how it ended.
    // Not by value: each copy of a session would use stack of each client.
    pub(crate) fn finish(&mut self, ending: Ending) -> Ending {
        if self.ending.is_none() {
            let _ = self.end(ending);
        }
        self.stream().timed.finish();
        self.count_bytes();
        self.ending.clone().expect("end() sets it")
    }

    /// The stream under the conversation.
    pub(crate) fn stream(&mut self) -> &mut GatheringStream {
        self.socket.get_mut()
    }

    fn send_gathered(&mut self) -> Result<(), Ending> {
        Ok(self.socket.get_mut().flush()?)
    }

    fn check_open(&self) -> Result<(), Error> {
        self.ending.as_ref().map_or(Ok(()), |ending| Err(ending.clone().into()))
    }

    /// Ends the conversation without a Close, after a failed write.
    fn broken(&mut self, ending: Ending) -> Error {
        self.ending = Some(ending.clone());
        ending.into()
    }

    /// Ends the conversation, and sends the client a Close that says why. tungstenite sends none after an
    /// error, and must not be read again.
    fn end(&mut self, ending: Ending) -> Result<Option<Event>, Error> {
        if let Some((code, reason)) = ending.close() {
            self.write_close(code, reason);
        }
        self.ending = Some(ending.clone());
        if ending.is_ordinary() { Ok(None) } else { Err(ending.into()) }
    }

    /// Sends a Close after everything that is finished. A failure changes nothing: the conversation is over
    /// either way.
    fn write_close(&mut self, code: CloseCode, reason: &str) {
        let close = CloseFrame { code, reason: reason.into() };
        let _ = self.socket.close(Some(close));
        let _ = self.send_gathered();
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

fn max_message_bytes(config: &Config, has_role: bool) -> usize {
    config.max_message_bytes.max(if has_role { ROLE_MESSAGE_BYTES } else { 0 })
}

/// tungstenite's limits under these settings. It does not buffer writes, because [`GatheringStream`] gathers
/// them.
pub(crate) fn limits(max_message_bytes: usize, read_buffer_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(read_buffer_bytes)
        .write_buffer_size(0)
        .max_message_size(Some(max_message_bytes))
        .max_frame_size(Some(max_message_bytes))
}
