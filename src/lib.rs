//! replyd answers people's chat over WebSocket: a server with one thread for each client, and a client.
//!
//! A thread for each client means that a conversation is plain code with local variables. The handler owns the loop:
//!
//! ```no_run
//! let server = replyd::Server::bind("127.0.0.1:0")?;
//! println!("ws://{}", server.local_addr());
//! let running = server.start(|session: &mut replyd::Session| {
//!     session.send("Hi!")?;
//!     while let Some(event) = session.next()? {
//!         if let replyd::Event::Text(text) = event {
//!             session.send(text.to_uppercase())?;
//!         }
//!     }
//!     Ok(())
//! })?;
//! running.stop(); // dropping it does the same
//! # Ok::<(), replyd::Error>(())
//! ```
//!
//! Limits, pings, pacing and deadlines happen inside [`Session::next`] and [`Session::send`]; [`Config`] has them all.
//! [`bot()`] is the built-in handler: it greets, and answers from a table of [`Replies`]. Nothing here is private to it.
//! [`Client`] is the other side.
//!
//! # The way of a message
//!
//! ```text
//! bytes -> accept -> Permits -> Head -> Route -> accept_hdr(callback = admit) -> Session: event -> handler -> bytes
//!          acceptor      seats   request  route     connection      auth             session          bot, replies
//!           |          |        |       |                         |                |
//!           |      none: 503   4xx  4xx, page, health         Refusal          Ending -> close code
//!
//! config.ini -> Config (settings, keys, replies) -- swapped whole by RunningServer::reload
//! ```
//!
//! Each stage takes what the one before made, so none can run too early; `connection` shows the whole life of a
//! connection on one page. Under tungstenite lie two thin streams (`wire`): the lower one keeps deadlines and hears the
//! wish to stop, the upper one gathers answers. Below both is plain TCP or TLS (`channel`, `tls`), so that the deadlines
//! hold for a TLS handshake too. Browsers get the chat page (`web`) on the same port. Two closed enums say how things end:
//! `refusal` has a status for each way in which a request is turned away, `ending` a close code for each way in which a
//! session ends.
//!
//! # Invariants
//!
//! - `replies`, `ini` and `auth` do no I/O. Only `session` and `client` write frames. Only `server`, `acceptor` and
//!   `reserved` start threads, and `client` one that looks a name up.
//! - Nothing on the network waits without a deadline. Nothing that a peer can fill is without a bound. Nothing that an
//!   outsider sends panics.
//! - The library installs no signal handler and no logger, never exits the process, prints nothing and keeps no global
//!   state. It logs through the `log` crate; a secret is in no record, no error and no `Debug`.
//! - There is no unsafe code, and no async runtime.
//!
//! # Where it goes its own way
//!
//! replyd does what a well-known article's chat server does, except that of the offered subprotocols one is chosen and
//! the list is not copied (RFC 6455, section 4.2.2), that `Sec-WebSocket-Version` is not echoed, that it listens on
//! loopback unless told otherwise, and that a key of the replies matches whole words, not parts of them.

mod auth;
mod bot;
mod client;
mod config;
mod error;
mod http;
mod ini;
mod metrics;
mod page;
mod registry;
mod replies;
mod server;
mod session;
mod stream;

pub use auth::{Key, Origins, Site, TokenError, Tokens, VerifiedToken};
pub use bot::{bot, bot_with};
pub use client::{Client, ClientOptions, ClientReceiver, ClientSender};
pub use config::{Color, Config, Loaded, Reading, Refused, Source, Sources};
pub use error::{Error, ErrorKind};
pub use metrics::Counts;
pub use replies::{Candidate, Explanation, Replies, SearchBuffer};
pub use server::{RunningServer, Server};
pub use session::{Event, HandlerResult, Session};
pub use stream::Tls;
pub use tungstenite::{Bytes, Utf8Bytes};
