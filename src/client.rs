//! A client: one connection in two halves, so that one thread may wait for the server while another speaks.

mod dial;
mod line;

use std::{
    fmt, io,
    net::{Shutdown, TcpStream},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tungstenite::{
    Bytes, Error as WireError, HandshakeError, Message, Utf8Bytes, WebSocket,
    client::IntoClientRequest,
    handshake::{HandshakeRole, client::Request},
    http::{HeaderName, HeaderValue, Response, Uri},
    protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use crate::{
    error::Error,
    session::Event,
    stream::{self, Ending, GatheringStream, SharedTransport, answer_ping},
};
use dial::{dial, host, parse_url};
use line::Line;

/// Within which a server's name must be found, and the server must accept the connection and answer the upgrade.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// A silent server is pinged after this time, and is gone after three of them.
const PING_INTERVAL: Duration = Duration::from_secs(25);
const MISSED_PINGS: u32 = 3;
/// How long a server that was sent a Close may take to answer it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest message that is taken from a server.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// What of a refusal's body is shown.
const SHOWN_CHARS: usize = 200;

/// What a client sends with its upgrade. `Debug` shows no value: each may be a secret.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// A key, sent as `Authorization: Bearer KEY`.
    pub key: Option<String>,
    /// Further headers, names and values.
    pub headers: Vec<(String, String)>,
    /// The certificates to trust for `wss://`, in PEM, in place of the authorities of the system: a server's must be
    /// one of them, as one that signed itself is, or be signed by one of them.
    pub ca: Option<Vec<u8>>,
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|header| &header.0).collect();
        f.debug_struct("ClientOptions").field("headers", &names).finish_non_exhaustive()
    }
}

/// A connection to a WebSocket server.
///
/// ```
/// # let server = replyd::Server::bind("127.0.0.1:0")?;
/// # let url = format!("ws://{}", server.local_addr());
/// # let running = server.start(replyd::bot)?;
/// let mut client = replyd::Client::connect(&url)?;
/// client.send("hello")?;
/// while let Some(event) = client.next()? {
///     if let replyd::Event::Text(text) = event {
///         assert_eq!(text.as_str(), "Hi, how can I help you today?");
///         break;
///     }
/// }
/// client.close()?;
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    sender: ClientSender,
    receiver: ClientReceiver,
}

/// The half of a [`Client`] that speaks.
pub struct ClientSender {
    socket: WebSocket<GatheringStream<Line>>,
    line: Line,
}

/// The half of a [`Client`] that listens; it also answers the server's pings.
pub struct ClientReceiver {
    socket: WebSocket<GatheringStream<Line>>,
    line: Line,
    last_ping: Instant,
    pings_unanswered: u32,
    ended: bool,
    give_up: Option<Instant>,
}

impl Client {
    /// Connects to `ws://HOST[:PORT][/PATH]`, or `wss://` with TLS, whose certificate is always verified. Without a
    /// scheme, as in `HOST:PORT`, it is `ws://`.
    ///
    /// This takes ten seconds at most. A name is looked up on a thread of its own, since the system's look-up may take
    /// longer; the thread then ends by itself.
    ///
    /// # Errors
    ///
    /// When the URL is not such a one, nobody answers within ten seconds, or the server refuses; the error then has
    /// the status of its answer.
    pub fn connect(url: &str) -> Result<Client, Error> {
        Client::connect_with(url, &ClientOptions::default())
    }

    /// Connects as [`connect`](Client::connect) does, with a key or further headers.
    ///
    /// # Errors
    ///
    /// As [`connect`](Client::connect); also when a header has a character that none may have.
    pub fn connect_with(url: &str, options: &ClientOptions) -> Result<Client, Error> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let uri = parse_url(url)?;
        let request = request(uri.clone(), options)?;
        let stream = Arc::new(dial(&uri, deadline)?);
        let line = Line::new(Arc::clone(&stream), transport(&uri, &stream, options)?);

        let mut wire = line.wire();
        wire.read_by(deadline);
        let (socket, _) = tungstenite::client::client_with_config(request, wire, Some(limits()))
            .map_err(|error| refused(error, &uri, options))?;
        let sender = WebSocket::from_raw_socket(line.wire(), Role::Client, Some(limits()));
        Ok(Client {
            sender: ClientSender { socket: sender, line: line.clone() },
            receiver: ClientReceiver {
                socket,
                line,
                last_ping: Instant::now(),
                pings_unanswered: 0,
                ended: false,
                give_up: None,
            },
        })
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection is over, or the server does not read for ten seconds.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.sender.send(text)
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// As [`send`](Client::send).
    pub fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.sender.write(Message::Binary(bytes.into()))
    }

    /// Sends a ping; its pong comes as [`Event::Pong`].
    ///
    /// # Errors
    ///
    /// As [`send`](Client::send).
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        self.sender.ping(payload)
    }

    /// Waits for the next event; `None` when the conversation is over.
    ///
    /// # Errors
    ///
    /// When the server breaks the protocol, is silent for 75 seconds although it is pinged, or is gone without a
    /// Close.
    #[expect(
        clippy::should_implement_trait,
        reason = "it fails, and an iterator of results would loop on failure"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        self.receiver.next()
    }

    /// Says goodbye, and waits up to two seconds for the server's.
    ///
    /// # Errors
    ///
    /// When the connection is over already.
    pub fn close(mut self) -> Result<(), Error> {
        self.sender.close()?;
        self.receiver.finish();
        self.sender.socket.get_mut().finish();
        Ok(())
    }

    /// The two halves, for two threads.
    pub fn split(self) -> (ClientSender, ClientReceiver) {
        (self.sender, self.receiver)
    }
}

impl ClientSender {
    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection is over, or the server does not read for ten seconds.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.write(Message::Text(text.into()))
    }

    /// Sends a ping; its pong comes to the other half as [`Event::Pong`]. Only the first 125 bytes are sent.
    ///
    /// # Errors
    ///
    /// As [`send`](ClientSender::send).
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let mut payload = payload.into();
        payload.truncate(125);
        self.write(Message::Ping(payload))
    }

    /// Sends a Close; the server's answer comes to the other half as [`Event::Close`].
    ///
    /// # Errors
    ///
    /// As [`send`](ClientSender::send).
    pub fn close(&mut self) -> Result<(), Error> {
        self.line.closing.store(true, Ordering::Release);
        self.write(Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })))
    }

    /// Ends the connection without waiting for anybody; the other half wakes.
    pub fn hang_up(&mut self) {
        let _ = self.line.stream.shutdown(Shutdown::Both);
    }

    fn write(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).map_err(|error| described(error.into()))
    }
}

impl ClientReceiver {
    /// Waits for the next event; `None` when the conversation is over.
    ///
    /// # Errors
    ///
    /// As [`Client::next`].
    #[expect(
        clippy::should_implement_trait,
        reason = "it fails, and an iterator of results would loop on failure"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        if self.ended {
            return Ok(None);
        }
        self.socket.get_mut().begin_event(MAX_MESSAGE_BYTES + 64 * 1024, MESSAGE_TIMEOUT);
        loop {
            let ping_due = self.socket.get_ref().last_received().max(self.last_ping) + PING_INTERVAL;
            let deadline = self.give_up.map_or(ping_due, |give_up| give_up.min(ping_due));
            self.socket.get_mut().read_by(deadline);
            match self.socket.read() {
                Ok(message) => return self.received(message).map_err(|ending| self.end(ending)),
                Err(WireError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.give_up.is_some_and(|give_up| Instant::now() >= give_up) {
                        self.ended = true;
                        return Ok(None);
                    }
                    self.check_deadlines().map_err(|ending| self.end(ending))?;
                }
                // We said goodbye; how the server hangs up does not matter.
                Err(_) if self.line.closing.load(Ordering::Acquire) => {
                    self.ended = true;
                    return Ok(None);
                }
                Err(error) => return Err(self.end(error.into())),
            }
        }
    }

    /// Waits up to two seconds for the end of a conversation that the other half has closed.
    pub fn finish(mut self) {
        self.give_up = Some(Instant::now() + CLOSE_TIMEOUT);
        while let Ok(Some(_)) = self.next() {}
    }

    fn received(&mut self, message: Message) -> Result<Option<Event>, Ending> {
        self.pings_unanswered = 0;
        self.socket.get_mut().delivered();
        if let Message::Ping(payload) = &message {
            answer_ping(&mut self.socket, payload)?;
        }
        if self.socket.get_ref().is_late() {
            return Err(Ending::TooSlow);
        }
        if message.is_close() {
            self.ended = true;
            if !self.line.closing.load(Ordering::Acquire) {
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
        self.last_ping = now;
        self.pings_unanswered += 1;
        if self.pings_unanswered >= MISSED_PINGS {
            return Err(Ending::Gone(format!("silent for {} s", (PING_INTERVAL * MISSED_PINGS).as_secs())));
        }
        Ok(self.socket.send(Message::Ping(Bytes::new()))?)
    }

    /// An ending that is not an ordinary one, told to the server where it can be.
    fn end(&mut self, ending: Ending) -> Error {
        self.ended = true;
        if let Some((code, reason)) = ending.close() {
            let _ = self.socket.close(Some(CloseFrame { code, reason: reason.into() }));
        }
        described(ending)
    }
}

/// Endings speak of clients; here the server is at the other end.
fn described(ending: Ending) -> Error {
    Error::plain(match ending {
        Ending::Gone(why) => format!("the server is gone ({why})"),
        Ending::Unread => "the server neither reads nor answers".to_owned(),
        Ending::Closed => "the connection is closed".to_owned(),
        ending => format!("the connection ended: {ending}"),
    })
}

impl fmt::Debug for ClientSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSender").finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientReceiver").field("ended", &self.ended).finish_non_exhaustive()
    }
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
}

fn request(uri: Uri, options: &ClientOptions) -> Result<Request, Error> {
    let mut request = uri.into_client_request().map_err(|error| Error::plain(error.to_string()))?;
    let bearer = options.key.as_ref().map(|key| ("Authorization".to_owned(), format!("Bearer {key}")));
    for (name, value) in bearer.iter().chain(&options.headers) {
        let header_name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| Error::plain(format!("{name:?} is not a header name; write 'Name: value'")))?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| {
            Error::plain(format!("the value of {name} has a character that no header may have"))
        })?;
        value.set_sensitive(true);
        request.headers_mut().append(header_name, value);
    }
    Ok(request)
}

fn transport(uri: &Uri, stream: &Arc<TcpStream>, options: &ClientOptions) -> Result<SharedTransport, Error> {
    match uri.scheme_str() {
        Some("wss") => stream::connect(stream, host(uri), options.ca.as_deref(), WRITE_TIMEOUT),
        _ => Ok(Arc::clone(stream) as SharedTransport),
    }
}

/// Whether anything that the server is shown may be a key.
fn shows_key(uri: &Uri, options: &ClientOptions) -> bool {
    let has_header =
        |wanted: &str| options.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
    options.key.is_some()
        || ["Authorization", "X-WS-AUTH-KEY", "Sec-WebSocket-Protocol"].into_iter().any(has_header)
        || uri.query().is_some_and(|query| query.contains("accessToken="))
}

fn refused<R: HandshakeRole>(error: HandshakeError<R>, uri: &Uri, options: &ClientOptions) -> Error {
    let error = match error {
        HandshakeError::Interrupted(_) => {
            return Error::plain(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()));
        }
        HandshakeError::Failure(error) => error,
    };
    if let WireError::Io(io) = &error
        && let Some(sentence) = stream::described(io, host(uri))
    {
        return Error::plain(sentence);
    }
    let WireError::Http(response) = error else {
        return Error::plain(format!("no WebSocket answer: {error}"));
    };
    let status = response.status();
    let is_for_origin = options.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case("Origin"));
    let sentence = match status.as_u16() {
        // Only the server knows whether it is the key or the origin that it refuses.
        401 | 403 if is_for_origin => None,
        401 | 403 if shows_key(uri, options) => Some("the server does not accept this key"),
        401 | 403 => Some("the server wants a key"),
        404 => Some("there is no chat at this address"),
        503 => Some("the server is full or stopping; try again in a few seconds"),
        502 | 504 => Some("a proxy answers, but the server behind it does not"),
        200..300 => Some("a web page answers there, not a chat"),
        _ => None,
    };
    let sentence = match sentence {
        Some(sentence) => format!("{sentence} ({})", status.as_u16()),
        None => format!("the server refused: {status} {}", first_line(&response)).trim_end().to_owned(),
    };
    Error::refused(status.as_u16(), sentence)
}

/// The sentence of a refusal, without what could drive a terminal.
fn first_line(response: &Response<Option<Vec<u8>>>) -> String {
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    let mut sentence = String::new();
    for char in body.lines().next().unwrap_or_default().chars().take(SHOWN_CHARS) {
        match char {
            // Marks that turn the direction of what follows.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                sentence.extend(char.escape_unicode());
            }
            char if char.is_control() => sentence.extend(char.escape_default()),
            char => sentence.push(char),
        }
    }
    sentence
}
