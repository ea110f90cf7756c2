//! A client. It can be split in two halves, so that one thread waits for the server while another sends.

mod dial;
mod transport;

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
    protocol::{CloseFrame, Role, frame::coding::CloseCode},
};

use crate::{
    error::Error,
    session::{Event, Pings, limits},
    stream::{self, Ending, GatheringStream, SharedTransport, answer_ping},
};
use dial::{dial, host, parse_url};
use transport::ClientTransport;

/// Time limit for the look-up of the server's name, the connection and the upgrade together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for a write during which the server neither reads nor sends anything.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for receiving a message after its first byte.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time of silence after which the server is pinged. Many proxies close a connection after 60 s of silence.
const PING_INTERVAL: Duration = Duration::from_secs(25);
/// Time limit for the server's answer to a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum size of a message from the server.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// Maximum number of characters of a refusal's body in an error.
const SHOWN_CHARS: usize = 200;

/// Options of a connection. `Debug` shows only the names of headers, since their values may be secrets.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// A key, sent as `Authorization: Bearer KEY`.
    pub key: Option<String>,
    /// Additional headers of the upgrade request, as names and values.
    pub headers: Vec<(String, String)>,
    /// Certificates in PEM to trust for `wss://`, in place of the system's certificate authorities. The server's
    /// certificate must be signed by one of them or, if it is self-signed, be one of them.
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

/// The half of a [`Client`] that sends.
pub struct ClientSender {
    socket: WebSocket<GatheringStream<ClientTransport>>,
    transport: ClientTransport,
}

/// The half of a [`Client`] that receives. It also answers pings and notices a silent server, but only while
/// [`next`](ClientReceiver::next) is waiting.
pub struct ClientReceiver {
    socket: WebSocket<GatheringStream<ClientTransport>>,
    transport: ClientTransport,
    pings: Pings,
    ended: bool,
    /// Time limit of [`ClientReceiver::finish`].
    finish_by: Option<Instant>,
}

impl Client {
    /// Connects to `ws://HOST[:PORT][/PATH]`, or to `wss://...` with TLS, which always verifies the server's certificate.
    /// The scheme may be omitted: `HOST:PORT` means `ws://HOST:PORT`. The default port is 80, or 443 with TLS.
    ///
    /// This takes ten seconds at most. A name is looked up on a separate thread, since the system's look-up has no time
    /// limit; a thread that takes too long is left to end by itself.
    ///
    /// # Errors
    ///
    /// When the URL is not valid, the server does not answer within ten seconds, or it refuses the connection. For a
    /// refusal, the error's kind is [`Refused`](crate::ErrorKind::Refused) with the HTTP status.
    pub fn connect(url: &str) -> Result<Client, Error> {
        Client::connect_with(url, &ClientOptions::default())
    }

    /// Connects like [`connect`](Client::connect), with a key, additional headers or trusted certificates.
    ///
    /// # Errors
    ///
    /// The same as [`connect`](Client::connect), and when a header or the certificates are not valid.
    pub fn connect_with(url: &str, options: &ClientOptions) -> Result<Client, Error> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let uri = parse_url(url)?;
        let request = request(uri.clone(), options)?;
        let stream = Arc::new(dial(&uri, deadline)?);
        let transport = ClientTransport::new(Arc::clone(&stream), encrypted(&uri, &stream, options)?);

        let mut receiving = transport.stream();
        receiving.read_by(deadline);
        let (socket, _) = tungstenite::client::client_with_config(
            request,
            receiving,
            Some(limits(MAX_MESSAGE_BYTES, READ_BUFFER_BYTES)),
        )
        .map_err(|error| refused(error, &uri, options))?;
        let sender = WebSocket::from_raw_socket(
            transport.stream(),
            Role::Client,
            Some(limits(MAX_MESSAGE_BYTES, READ_BUFFER_BYTES)),
        );
        Ok(Client {
            sender: ClientSender { socket: sender, transport: transport.clone() },
            receiver: ClientReceiver {
                socket,
                transport,
                pings: Pings::new(Instant::now()),
                ended: false,
                finish_by: None,
            },
        })
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection has ended, or the server neither reads nor sends anything for ten seconds.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.sender.send(text)
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// The same as [`send`](Client::send).
    pub fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.sender.write(Message::Binary(bytes.into()))
    }

    /// Sends a ping; its pong arrives as [`Event::Pong`]. Only the first 125 bytes of the payload are sent, the limit of RFC
    /// 6455 (section 5.5).
    ///
    /// # Errors
    ///
    /// The same as [`send`](Client::send).
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        self.sender.ping(payload)
    }

    /// Waits for the next event. Returns `None` when the conversation is over.
    ///
    /// # Errors
    ///
    /// When the server violates the protocol, sends a message of more than 16 MiB or one that takes longer than 30 seconds,
    /// is silent for 75 seconds in spite of pings, or disconnects without a Close.
    #[expect(
        clippy::should_implement_trait,
        reason = "it fails, and an iterator of results would loop on failure"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        self.receiver.next()
    }

    /// Sends a Close with code 1000, and waits up to two seconds for the server's answer.
    ///
    /// # Errors
    ///
    /// When the connection has already ended.
    pub fn close(mut self) -> Result<(), Error> {
        self.sender.close()?;
        self.receiver.finish();
        self.sender.socket.get_mut().finish();
        Ok(())
    }

    /// Splits the client in two halves, for two threads.
    pub fn split(self) -> (ClientSender, ClientReceiver) {
        (self.sender, self.receiver)
    }
}

impl ClientSender {
    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection has ended, or the server neither reads nor sends anything for ten seconds.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.write(Message::Text(text.into()))
    }

    /// Sends a ping; the other half receives its pong as [`Event::Pong`]. Only the first 125 bytes of the payload are sent.
    ///
    /// # Errors
    ///
    /// The same as [`send`](ClientSender::send).
    pub fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let mut payload = payload.into();
        payload.truncate(125);
        self.write(Message::Ping(payload))
    }

    /// Sends a Close with code 1000; the other half receives the server's answer as [`Event::Close`].
    ///
    /// # Errors
    ///
    /// The same as [`send`](ClientSender::send).
    pub fn close(&mut self) -> Result<(), Error> {
        self.transport.closing.store(true, Ordering::Release);
        self.write(Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })))
    }

    /// Closes the connection at once, without a Close. A call of [`ClientReceiver::next`] that is waiting returns.
    pub fn hang_up(&mut self) {
        let _ = self.transport.tcp.shutdown(Shutdown::Both);
    }

    fn write(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message).map_err(|error| described(error.into()))
    }
}

impl ClientReceiver {
    /// Waits for the next event. Returns `None` when the conversation is over.
    ///
    /// # Errors
    ///
    /// The same as [`Client::next`].
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

/// The error for an ending. `Ending` itself prints sentences about a client, while here the peer is the server.
fn described(ending: Ending) -> Error {
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

fn request(uri: Uri, options: &ClientOptions) -> Result<Request, Error> {
    let mut request =
        uri.into_client_request().map_err(|error| Error::plain(format!("the URL is not valid: {error}")))?;
    let bearer = options.key.as_ref().map(|key| ("Authorization".to_owned(), format!("Bearer {key}")));
    for (name, value) in bearer.iter().chain(&options.headers) {
        let header_name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| Error::plain(format!("{name:?} is not a valid header name")))?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| {
            Error::plain(format!(
                "the value of header {name} has a character that is not allowed in a header"
            ))
        })?;
        // Keeps the value out of the `Debug` output of the request.
        value.set_sensitive(true);
        request.headers_mut().append(header_name, value);
    }
    Ok(request)
}

/// The TCP stream itself, or TLS over it, as the URL requires.
fn encrypted(uri: &Uri, stream: &Arc<TcpStream>, options: &ClientOptions) -> Result<SharedTransport, Error> {
    match uri.scheme_str() {
        Some("wss") => stream::connect(stream, host(uri), options.ca.as_deref(), WRITE_TIMEOUT),
        _ => Ok(Arc::clone(stream) as SharedTransport),
    }
}

/// Whether the request contains something that the server may read as a key.
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
            return Error::plain(format!("the server did not answer within {} s", CONNECT_TIMEOUT.as_secs()));
        }
        HandshakeError::Failure(error) => error,
    };
    if let WireError::Io(io) = &error
        && let Some(sentence) = stream::described(io, host(uri))
    {
        return Error::plain(sentence);
    }
    let WireError::Http(response) = error else {
        return Error::plain(format!("the server did not answer as a WebSocket server: {error}"));
    };
    let status = response.status();
    let has_origin = options.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case("Origin"));
    let sentence = match status.as_u16() {
        // The status does not say whether the key or the origin was refused; the body may.
        401 | 403 if has_origin => None,
        401 | 403 if shows_key(uri, options) => Some("the server does not accept this key"),
        401 | 403 => Some("the server requires a key"),
        404 => Some("there is no chat at this address"),
        503 => Some("the server is full or stopping; try again in a few seconds"),
        502 | 504 => Some("a proxy answers, but the server behind it does not"),
        200..300 => Some("a web page answers there, not a chat"),
        _ => None,
    };
    let sentence = match sentence {
        Some(sentence) => format!("{sentence} ({})", status.as_u16()),
        None => format!("the server refused the connection: {status} {}", first_line(&response))
            .trim_end()
            .to_owned(),
    };
    Error::refused(status.as_u16(), sentence)
}

/// The first line of a refusal's body. Characters that could control a terminal are escaped.
fn first_line(response: &Response<Option<Vec<u8>>>) -> String {
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    let mut sentence = String::new();
    for char in body.lines().next().unwrap_or_default().chars().take(SHOWN_CHARS) {
        match char {
            // Characters that change the direction of text or break lines.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                sentence.extend(char.escape_unicode());
            }
            char if char.is_control() => sentence.extend(char.escape_default()),
            char => sentence.push(char),
        }
    }
    sentence
}
