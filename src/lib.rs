//! replyd answers people's chat over WebSocket: a server with one thread for each client, the bot that answers from a table of
//! replies, and a client.
//!
//! # Recipes
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
//! The built-in [`bot()`] is such a handler; nothing in the library is private to it. With a file of settings and replies:
//!
//! ```no_run
//! let loaded = replyd::Config::load("config.ini")?;
//! let running = replyd::Server::with_config(loaded.config)?.start(replyd::bot)?;
//! # Ok::<(), replyd::Error>(())
//! ```
//!
//! The table of replies works without any network:
//!
//! ```
//! let replies = replyd::Replies::parse("[replies]\nopening hours = From 9 to 5.\n", "faq.ini")?;
//! assert_eq!(replies.answer("Your opening hours?").text(), "From 9 to 5.");
//! # Ok::<(), replyd::Error>(())
//! ```
//!
//! [`Client`] is the other side of a connection. Limits, pings, throttling and deadlines happen inside [`Session::next`] and
//! [`Session::send`]; [`Config`] has all of them.
//!
//! # What is whose job
//!
//! The library logs through the `log` crate. It installs no signal handler and no logger, never exits the process, prints nothing
//! and keeps no global state: those are the program's. A secret is in no log record, no error and no `Debug`. There is no unsafe
//! code and no async runtime. Whatever waits for the network has a deadline, whatever a peer can fill has a bound, and nothing that
//! a peer sends makes the process panic.
//!
//! # The way of a message
//!
//! ```text
//! bytes -> accept -> Permits -> Head -> Route -> accept_hdr(callback = admit) -> Session: event -> handler -> bytes
//!            |          |        |        |               |                         |
//!            |      none: 503   4xx   page, health     Refusal -> HTTP status    Ending -> close code
//!
//! config.ini -> Config (settings, keys, replies) -- replaced as a whole by RunningServer::reload
//! ```
//!
//! Each stage consumes what the one before made, so none can run too early; `server::connection` shows the life of a connection on
//! one page.
//!
//! # Layers
//!
//! A file imports only from rooms (modules with their folders) on lower lines; `tests/it/rooms.rs` checks it.
//!
//! | room | is |
//! |---|---|
//! | `server`, `client`, `bot` | the listener with a thread for each connection; the other side; the loop that greets and answers |
//! | `session` | a conversation: next, send, close, pings, throttling; the only room of the server that writes frames |
//! | `registry`, `page` | what all threads of a server share; the chat page for browsers |
//! | `config` | every setting, and how files are read |
//! | `auth`, `metrics` | keys, tokens and origins; counters and their text |
//! | `http` | the request head, the upgrade, refusals and answers |
//! | `replies`, `stream` | phrases and how one is found, without I/O; the streams under tungstenite, plain and TLS |
//! | `error`, `ini` | the one error type; the reader of INI text |
//!
//! # Words
//!
//! - **connection**: a TCP connection that was accepted; a **client** is a connection that upgraded, or tries to.
//! - **session**: the conversation after the upgrade, as its **handler** sees it.
//! - **permit**: a guard that counts a client against a limit until it is dropped.
//! - **refusal**: why a request is not upgraded, with its HTTP status. **ending**: why a session is over, with its close code.
//! - **key**: a secret that a client presents; a **token** is one that is signed and expires.
//! - **phrase**: what a reply is found by, made of **runs**: words next to each other.
//! - **example**: a phrase, or a sentence of `[tests]`, with which a message is compared by the **features** of both: words, cut short.
//! - **guess**: an answer that was found once a typo was corrected, or by the nearest example.
//! - **transport**: what carries the bytes, TCP or TLS.
//! - **channel**: crossbeam's, and nothing else.
//!
//! # Threads
//!
//! | name | does | ends |
//! |---|---|---|
//! | `accept` | accepts connections, and never waits for a peer | joined by the stop |
//! | `client N` | one connection, from its first byte to its last | the stop waits for it up to `drain_timeout` |
//! | `reserved 1` to `8` | connections without a permit: health, or a 503 | with the server |
//! | `look-up` | one name, for a client with a deadline | by itself |
//!
//! # How to add
//!
//! - A setting: a line in `config/settings.rs`, its lines in `config.example.ini`; test as in `config/tests.rs`.
//! - A refusal: a variant in `http/refusal.rs` with its status, label and sentence; test as in `tests/it/refusals.rs`. An ending: the same
//!   in `stream/ending.rs`, with its close code; `tests/it/endings.rs`.
//! - A command: a variant in `src/bin/replyd/args.rs`, a file beside it and a line in `main.rs`; test as in `tests/it/answers.rs`.
//!
//! # Where it goes its own way
//!
//! replyd does what a chat server in an article does (Mayank Choubey, "WebSockets (client & server) in Deno", 2021), except that of
//! the offered subprotocols one is chosen and the list is not copied (RFC 6455, section 4.2.2), that `Sec-WebSocket-Version` is not
//! echoed, that it listens on loopback unless told otherwise, and that a phrase matches whole words, not parts of them.

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
pub use bot::{bot, bot_or, bot_with};
pub use client::{Client, ClientOptions, ClientReceiver, ClientSender};
pub use config::{Color, Config, Loaded, Reading, Refused, Source, Sources, parse_duration};
pub use error::{Error, ErrorKind};
pub use ipnet::IpNet;
pub use log::LevelFilter;
pub use metrics::Counts;
pub use replies::{
    Answer, Candidate, Explanation, FoundBy, MAX_TRIED_TESTS, Replies, Robustness, SearchBuffer,
};
pub use server::{RunningServer, Server};
pub use session::{Event, HandlerResult, Session};
pub use stream::Tls;
pub use tungstenite::{Bytes, Utf8Bytes};
