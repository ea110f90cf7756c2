//! A client. It can be split in two halves, so that one thread waits for the server while another sends.

mod dial;
mod options;
mod receiver;
mod refused;
mod sender;
mod transport;

use std::{fmt, net::TcpStream, sync::Arc, time::Instant};

use tungstenite::{
    Bytes, Utf8Bytes,
    http::{HeaderMap, Uri},
};

use crate::{
    error::Error,
    session::{Event, limits},
    stream::{self, SharedTransport, Waker},
};
use dial::{dial, host, parse_url};
pub use options::ClientOptions;
use options::request;
pub use receiver::ClientReceiver;
use refused::refused;
pub use sender::ClientSender;
use transport::{ClientTransport, MAX_MESSAGE_BYTES, READ_BUFFER_BYTES, WRITE_TIMEOUT};

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
pub struct Client {
    sender: ClientSender,
    receiver: ClientReceiver,
    /// The headers of the server's answer to the upgrade.
    headers: HeaderMap,
}

impl Client {
    /// Connects to `ws://HOST[:PORT][/PATH]`, or to `wss://...` with TLS, which always verifies the server's
    /// certificate. The scheme may be omitted: `HOST:PORT` means `ws://HOST:PORT`, and so does
    /// `http://HOST:PORT`. The default port is 80, or 443 with TLS.
    ///
    /// This takes ten seconds at most; [`ClientOptions::connect_timeout`] changes that. A name is looked up
    /// on a separate thread, since the system's look-up has no time limit; a thread that takes too long is
    /// left to end by itself.
    ///
    /// # Errors
    ///
    /// When the URL is not valid, the server does not answer in time, or it refuses the connection. The
    /// error's kind is [`Timeout`](crate::ErrorKind::Timeout) where the time was not enough, and
    /// [`Refused`](crate::ErrorKind::Refused) with the HTTP status for a refusal.
    pub fn connect(url: &str) -> Result<Client, Error> {
        Client::connect_with(url, &ClientOptions::default())
    }

    /// Connects like [`connect`](Client::connect), with a key, additional headers, trusted certificates,
    /// another time limit or subprotocols.
    ///
    /// # Errors
    ///
    /// The same as [`connect`](Client::connect), and when a header, the certificates or a subprotocol are not
    /// valid, or the server chooses none of the subprotocols.
    pub fn connect_with(url: &str, options: &ClientOptions) -> Result<Client, Error> {
        let deadline = Instant::now() + options.time_limit();
        let uri = parse_url(url)?;
        let request = request(uri.clone(), options)?;
        let stream = Arc::new(dial(&uri, deadline)?);
        let transport = ClientTransport::new(Arc::clone(&stream), encrypted(&uri, &stream, options)?);

        let mut receiving = transport.stream();
        receiving.read_by(deadline);
        let (socket, answer) = tungstenite::client::client_with_config(
            request,
            receiving,
            Some(limits(MAX_MESSAGE_BYTES, READ_BUFFER_BYTES)),
        )
        .map_err(|error| refused(error, &uri, options))?;
        Ok(Client {
            sender: ClientSender::new(transport.clone()),
            receiver: ClientReceiver::new(socket, transport),
            headers: answer.into_parts().0.headers,
        })
    }

    /// The subprotocol that the server chose from those that were offered; `None` if none was. See
    /// [`ClientOptions::subprotocols`].
    pub fn subprotocol(&self) -> Option<&str> {
        self.header("Sec-WebSocket-Protocol")
    }

    /// The value of a header of the server's answer to the upgrade: of the first one with this name, in any
    /// case. `None` if there is none, or if its value is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// Sends a text message.
    ///
    /// # Errors
    ///
    /// When the connection has ended, or the server neither reads nor sends anything for ten seconds, which
    /// count from the last time that it did.
    pub fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Error> {
        self.sender.send(text)
    }

    /// Sends a binary message.
    ///
    /// # Errors
    ///
    /// The same as [`send`](Client::send).
    pub fn send_binary(&mut self, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.sender.send_binary(bytes)
    }

    /// Sends a ping; its pong arrives as [`Event::Pong`]. Only the first 125 bytes of the payload are sent,
    /// the limit of RFC 6455 (section 5.5).
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
    /// When the server violates the protocol, sends a message of more than 16 MiB or one that takes longer
    /// than 30 seconds, is silent for 75 seconds in spite of pings, or disconnects without a Close.
    #[expect(
        clippy::should_implement_trait,
        reason = "it fails, and an iterator of results would loop on failure"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        self.receiver.next()
    }

    /// Waits for the next event like [`next`](Client::next), but until `deadline` at most: then it returns
    /// [`Event::Timeout`], and the conversation continues.
    ///
    /// With a deadline that has passed, it returns what has already been received. A message of which only a
    /// part has been received is kept for the next call; its limits of 16 MiB and 30 seconds are the same,
    /// and also apply between calls. The call may return late by a 64th of the time that it waits, and by 50
    /// ms while a message is arriving.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # let server = replyd::Server::bind("127.0.0.1:0")?;
    /// # let url = format!("ws://{}", server.local_addr());
    /// # let running = server.start(replyd::bot)?;
    /// use replyd::Event;
    ///
    /// let mut client = replyd::Client::connect(&url)?;
    /// assert!(matches!(client.next()?, Some(Event::Text(_)))); // the greeting
    /// let deadline = Instant::now() + Duration::from_millis(10);
    /// assert_eq!(client.next_by(deadline)?, Some(Event::Timeout));
    /// # Ok::<(), replyd::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The same as [`next`](Client::next). That nothing was received is not an error.
    pub fn next_by(&mut self, deadline: Instant) -> Result<Option<Event>, Error> {
        self.receiver.next_by(deadline)
    }

    /// A handle with which other threads wake this client, also after [`split`](Client::split):
    /// [`next`](Client::next) or [`next_by`](Client::next_by) then returns [`Event::Woken`], as those of a
    /// [`Session`](crate::Session::waker) do.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left, or is not Unix.
    pub fn waker(&mut self) -> Result<Waker, Error> {
        let ClientReceiver { socket, transport, .. } = &mut self.receiver;
        let waker = socket.get_mut().timed.waker(&transport.tcp);
        waker.map_err(|error| Error::io("the client cannot be woken", error))
    }

    /// Wakes a session whenever this client's server has sent something, and once now. So one thread can wait
    /// for both, as in the proxy of `tests/examples`.
    ///
    /// For each [`Event::Woken`], call [`next_by`](Client::next_by) with the current time until it returns
    /// [`Event::Timeout`], or the session is woken again at once. Call it every 25 seconds in any case, or
    /// this client sends no pings. Drop a client that has ended, or the wake-ups go on. A session can be
    /// woken in this way by one client.
    ///
    /// # Errors
    ///
    /// The same as those of [`waker`](Client::waker).
    pub fn wake_with(&mut self, waker: &Waker) -> Result<(), Error> {
        // Then `next_by` looks without waiting. Otherwise its shortest wait is that of the system's
        // time-outs, 4 ms on many systems.
        self.waker().map(|_| waker.watch(&self.receiver.transport.tcp))
    }

    /// Sends a Close with code 1000, and waits up to two seconds for the server's answer.
    ///
    /// # Errors
    ///
    /// When the connection has already ended.
    pub fn close(self) -> Result<(), Error> {
        self.close_with(1000, "")
    }

    /// Closes like [`close`](Client::close), with another code (RFC 6455, section 7.4) and a reason, which is
    /// truncated to 123 bytes.
    ///
    /// # Errors
    ///
    /// When the code must not be sent in a Close frame (such as 1006), or the connection has already ended.
    /// Either way the connection is over.
    pub fn close_with(mut self, code: u16, reason: &str) -> Result<(), Error> {
        self.sender.close_with(code, reason)?;
        self.receiver.finish();
        self.sender.finish();
        Ok(())
    }

    /// Splits the client in two halves, for two threads. The half that sends can be cloned for more.
    pub fn split(self) -> (ClientSender, ClientReceiver) {
        (self.sender, self.receiver)
    }
}

/// Without the headers, which may hold a secret, such as a cookie.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("sender", &self.sender)
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}

/// The TCP stream itself, or TLS over it, as the URL requires.
fn encrypted(uri: &Uri, stream: &Arc<TcpStream>, options: &ClientOptions) -> Result<SharedTransport, Error> {
    match uri.scheme_str() {
        Some("wss") => stream::connect(stream, host(uri), options.ca.as_deref(), WRITE_TIMEOUT),
        _ => Ok(Arc::clone(stream) as SharedTransport),
    }
}
