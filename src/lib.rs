//! replyd answers people's chat over WebSocket: a server with one thread for each client, the bot that
//! answers from a table of replies, and a client.
//!
//! # Recipes
//!
//! **A conversation.** Each client has a thread, so a handler is plain code with local variables, and owns
//! the loop:
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
//! Limits, pings, throttling and deadlines happen inside [`Session::next`] and [`Session::send`]. With
//! [`RunningServer::wait`] before the `stop`, the server runs until a [`Stopper`] is called.
//!
//! **Wait for a time.** [`Session::next_by`] returns [`Event::Timeout`] at a deadline:
//!
//! ```no_run
//! # use std::time::{Duration, Instant};
//! # use replyd::{Error, Event, Session};
//! /// The next text, or `None` after ten seconds.
//! fn answer(session: &mut Session) -> Result<Option<String>, Error> {
//!     let deadline = Instant::now() + Duration::from_secs(10);
//!     while let Some(event) = session.next_by(deadline)? {
//!         match event {
//!             Event::Text(text) => return Ok(Some(text.to_string())),
//!             Event::Timeout => break,
//!             _ => {} // pings and the like do not extend it
//!         }
//!     }
//!     Ok(None)
//! }
//! ```
//!
//! **Push from another thread.** A [`Waker`] makes `next` return [`Event::Woken`]. What to send travels over
//! a channel of yours, and what to do about a client that reads too slowly is for you to decide; here, it is
//! dropped, with a reason if it reads on within `write_timeout`:
//!
//! ```
//! use std::sync::mpsc::{SyncSender, TryRecvError, sync_channel};
//! use std::sync::{Arc, Mutex};
//!
//! use replyd::{Event, HandlerResult, Server, Session, Waker};
//!
//! /// All watchers: where to put their news, and how to wake them for it.
//! #[derive(Clone, Default)]
//! struct Feed(Arc<Mutex<Vec<Watcher>>>);
//!
//! type Watcher = (SyncSender<String>, Waker);
//!
//! impl Feed {
//!     /// Any thread may call this. It never waits for a watcher: one with 100 unread messages is dropped.
//!     fn push(&self, text: &str) {
//!         self.0.lock().unwrap().retain(|(sender, waker)| {
//!             let has_room = sender.try_send(text.to_owned()).is_ok();
//!             if has_room {
//!                 waker.wake();
//!             }
//!             has_room // otherwise both are dropped, which wakes the session, too
//!         });
//!     }
//!
//!     /// The handler.
//!     fn watch(&self, session: &mut Session) -> HandlerResult {
//!         let (sender, news) = sync_channel(100);
//!         self.0.lock().unwrap().push((sender, session.waker()?));
//!         while let Some(event) = session.next()? {
//!             while let Event::Woken = event {
//!                 match news.try_recv() {
//!                     Ok(text) => session.send(text)?,
//!                     Err(TryRecvError::Empty) => break,
//!                     Err(TryRecvError::Disconnected) => return Ok(session.close(4000, "too slow")?),
//!                 }
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let feed = Feed::default();
//! let server = Server::bind("127.0.0.1:0")?.start({
//!     let feed = feed.clone();
//!     move |session| feed.watch(session)
//! })?;
//! feed.push("42 %");
//! # Ok::<(), replyd::Error>(())
//! ```
//!
//! **Decide who comes in, and answer requests for pages.** [`Session::path`] and [`Session::query`] are what
//! the client asked for, and what the decision found out goes to the session by [`Grant::with_value`]:
//!
//! ```no_run
//! use replyd::{Grant, Response, Server};
//!
//! let server = Server::bind("127.0.0.1:0")?
//!     .admit(|request| match request.query("ticket").as_deref() {
//!         Some("open sesame") => Ok(Grant::named("ali")),
//!         _ => Err(Response::text(403, "This needs a ticket.")),
//!     })
//!     .pages(|request| (request.path() == "/now.json").then(|| Response::json("{}")));
//! # Ok::<(), replyd::Error>(())
//! ```
//!
//! **The bot.** [`bot()`] is a handler like any other; nothing in the library is private to it. [`bot_or`]
//! asks your program where no reply fits, and [`Replies`] works without any network:
//!
//! ```no_run
//! let loaded = replyd::Config::load("config.ini")?;
//! let running = replyd::Server::with_config(loaded.config)?.start(replyd::bot)?;
//!
//! let replies = replyd::Replies::from_pairs([("opening hours", "From 9 to 5.")])?;
//! assert_eq!(replies.answer("Your opening hours?").text(), "From 9 to 5.");
//! # Ok::<(), replyd::Error>(())
//! ```
//!
//! **The other side.** [`Client`] connects, sends and waits in the same way; its halves may go to two
//! threads. With [`Client::wake_with`], one thread waits for a session and for a client at once: that is a
//! proxy.
//!
//! ```no_run
//! let mut client = replyd::Client::connect("ws://127.0.0.1:5000")?;
//! client.send("opening hours")?;
//! while let Some(event) = client.next()? {
//!     println!("{event:?}");
//! }
//! # Ok::<(), replyd::Error>(())
//! ```
//!
//! **Features.** `tls` is `wss://` on both sides, `jwt` are tokens, `cli` is the program and nothing for a
//! library; without any of them (`default-features = false`), all that is on this page is there.
//!
//! Whole programs, each under 60 lines, are in `tests/examples`: an echo with its test, a quiz, a feed, a
//! process for each client, rooms, a proxy, the bot with a fallback.
//!
//! # The library on one page
//!
//! | type | is | calls |
//! |---|---|---|
//! | [`Server`] | a port | `bind`, `with_config`, `from_listener`; `admit`, `pages`; `stopper`; `start(handler)` |
//! | [`RunningServer`] | a server with its threads | `local_addr`, `clients`, `counts`; `config`, `reload`; `stop`, `stop_within`, `wait`, `stopper` |
//! | [`Session`] | a conversation | `next`, `next_by`, `waker`; `send`, `send_binary`, `ping`, `flush`, `close`; `path`, `query`, `query_string`, `subprotocol`, `caller`, `role`, `client_ip`, `number`, `take_value`; `ending` |
//! | [`Event`] | what `next` returns | `Text`, `Binary`, `Ping`, `Pong`, `Close`; `Timeout`, `Woken` |
//! | [`Request`] | what `admit` and `pages` get | `method`, `path`, `query`, `query_string`, `header`, `headers`, `subprotocols`, `caller`, `client_ip`, `peer_addr` |
//! | [`Grant`] | how `admit` admits a client | `default`, `named`, `with_expiry`, `with_subprotocol`, `with_value` |
//! | [`Response`] | how `admit` refuses one; a page | `text`, `html`, `json`, `new`, `with_header`, `with_gzip`, `with_page_policy` |
//! | [`Client`] | the other side | `connect`, `connect_with`; `next`, `next_by`, `waker`, `wake_with`; `send`, `send_binary`, `ping`; `close`, `close_with`; `split` |
//! | [`Config`] | every setting, as fields | `default` for a shop, `plain` for a tool, `load` from a file |
//! | [`ConfigReader`] | how a program with roles reads it | `default`, `role`; `parse`, `load`, `read`, `read_settings` |
//! | [`Replies`] | the table of replies | `parse`, `from_pairs`; `answer`, `explain` |
//! | [`bot()`], [`bot_with`], [`bot_or`] | handlers that answer from it | |
//! | [`Bot`] | the same, for a loop of your own | `new`, `observed_by`, `falling_back_to`; `greet`, `handle`, `answer`, `run` |
//! | [`Error`] | a sentence, with an [`ErrorKind`] | `kind` |
//!
//! # What is whose job
//!
//! The library logs through the `log` crate. It installs no signal handler and no logger, never exits the
//! process, prints nothing and keeps no global state: those are the program's. A secret is in no log record,
//! no error and no `Debug`. There is no unsafe code and no async runtime. Whatever waits for the network has
//! a deadline, whatever a peer can fill has a bound, and nothing that a peer sends makes the process panic.
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
//! Each stage consumes what the one before made, so none can run too early; `server::connection` shows the
//! life of a connection on one page.
//!
//! # Layers
//!
//! A file imports only from rooms (modules with their folders) on lower lines, and no files import each other
//! in a circle. The program, in `src/bin/replyd`, and `replies` are rooms with floors of their own: a folder
//! imports only from folders below it. `tests/it/rooms.rs` has all these orders, and checks them.
//!
//! | room | is |
//! |---|---|
//! | `server`, `client`, `bot` | the listener with a thread for each connection; the other side; the loop that greets and answers |
//! | `session` | a conversation: next, send, close, pings, throttling; the only room of the server that writes frames |
//! | `registry`, `page` | what all threads of a server share; the chat page for browsers |
//! | `config` | every setting, and how files are read |
//! | `auth`, `metrics` | keys, tokens and origins; counters and their text |
//! | `http` | the request head, the upgrade, refusals and answers |
//! | `replies`, `stream`, `languages` | phrases and how one is found, without I/O; the streams under tungstenite, plain and TLS; the texts of the page |
//! | `error` | the one error type |
//! | `ini`, `lock`, `guide` | the reader of INI text; a mutex that a panic does not poison; the chapters of the guide |
//!
//! | floor of the program | is |
//! |---|---|
//! | `commands` | a file for each command, with its arguments and its help |
//! | `serve`, `chat` | the server with its log, signals and reloads; the console client |
//! | `owner` | the owner's page |
//! | `records` | the files that the server appends to: statistics, unanswered questions |
//! | `console` | what commands share: the settings file, failures, what is printed |
//!
//! | floor of `replies` | is |
//! |---|---|
//! | `check` | warnings, tests and hints about a whole file |
//! | `answer`, `explanation` | what a message is answered, and why |
//! | `decision` | which reply a message gets |
//! | `builder`, `table` | the table of replies, and how it is made from a file or from pairs |
//! | `entry` | a line of a file: its reply, its variables, what is odd about it |
//! | `lookup`, `similar` | which phrases are in a message, typos included; which examples are near it |
//! | `text` | letters, words, phrases |
//!
//! # Words
//!
//! - **connection**: a TCP connection that was accepted; a **client** is a connection that upgraded, or tries
//!   to.
//! - **session**: the conversation after the upgrade, as its **handler** sees it.
//! - **arrival**: a request for an upgrade, with what its admission depends on. **grant**: how the program
//!   admits it.
//! - **permit**: a guard that counts a client against a limit until it is dropped.
//! - **refusal**: why a request is not upgraded, with its HTTP status. **ending**: why a session is over,
//!   with its close code.
//! - **key**: a secret that a client presents; a **token** is one that is signed and expires. A **role** is
//!   what a key is for besides the chat: it opens one path of the program.
//! - **phrase**: what a reply is found by, made of **runs**: words next to each other.
//! - **example**: a phrase, or a sentence of `[tests]`, with which a message is compared by the **features**
//!   of both: words, cut short.
//! - **word match**: a word, or the beginning of one, that phrases have, at a place in a message.
//!   **finalist**: the best match of a reply, before examples decide.
//! - **guess**: an answer that was found once a typo was corrected, or by the nearest example.
//! - **program**: the one that embeds the library, with its handler, its `admit` and its pages.
//! - **transport**: what carries the bytes, TCP or TLS.
//! - **waker**: wakes a session that waits; what it should do then travels over a channel.
//! - **channel**: one between threads, and nothing else.
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
//! Each is one row; what else is needed does not compile, or fails a test, until it is there.
//!
//! - A setting: a row in `config/settings.rs`, and its lines in `config.example.ini`; test as in
//!   `config/tests.rs`.
//! - A file of settings: a row under `files` in `config/settings.rs`, its field under `beside`, and a `read_`
//!   function in `config/files.rs`; for one that the program writes, a row under `written`.
//! - A role: `ConfigReader::role` in `src/bin/replyd/console/settings.rs`.
//! - A refusal: a variant and its row in `http/refusal.rs`; test as in `tests/it/refusals.rs`. An ending: the
//!   same in `stream/ending.rs`; `tests/it/endings.rs`.
//! - A rule of matching: for typos, in `replies/lookup/spelling.rs`; for ways of writing a word, in
//!   `replies/lookup/word_matches.rs`. The decisions that it changes are those of `tests/it/corpus.rs`.
//! - A warning about replies: a function under `replies/check`, and its name in `check::LINTS`; for a single
//!   entry, in `replies/entry/signs.rs` (before the `=`) or `replies/entry/values.rs` (after it).
//! - A command: a file in `src/bin/replyd/commands`, and its lines in `commands.rs`; test as in
//!   `tests/it/answers.rs`.
//! - A column of the statistics: a row of `COLUMNS` in `src/bin/replyd/records/statistics/tally.rs`;
//!   `tests/it/statistics.rs`.
//! - An action of the owner's page: a variant in `src/bin/replyd/owner/actions.rs` and what sends it in
//!   `owner.js`; `tests/it/owner_page.rs`.
//! - A language of the page: a section in `languages/texts.ini`, and its code in the test beside it. A text:
//!   a line in each section, and in `config.example.ini`; the page shows it as `{name}`, its script as
//!   `words.name`.
//! - A chapter of the guide: `src/guide/NAME.md`, its name in `guide.rs`, and a row in the README's table.
//!
//! # Where it goes its own way
//!
//! replyd does what a chat server in an article does (Mayank Choubey, "WebSockets (client & server) in Deno",
//! 2021), except that of the offered subprotocols one is chosen and the list is not copied (RFC 6455, section
//! 4.2.2), that `Sec-WebSocket-Version` is not echoed, that it listens on loopback unless told otherwise, and
//! that a phrase matches whole words, not parts of them.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod auth;
mod bot;
mod client;
mod config;
mod error;
pub mod guide;
mod http;
mod ini;
mod languages;
mod lock;
mod metrics;
mod page;
mod registry;
mod replies;
mod server;
mod session;
mod stream;

pub use auth::{Key, Origins, Role, Site, TokenError, Tokens, VerifiedToken};
pub use bot::{Bot, bot, bot_or, bot_with};
pub use client::{Client, ClientOptions, ClientReceiver, ClientSender};
pub use config::{
    Color, Config, ConfigFile, ConfigFiles, ConfigReader, Loaded, Logo, RejectedFile, ReloadResult, Theme,
    parse_duration,
};
pub use error::{Error, ErrorKind};
pub use http::Response;
pub use ipnet::IpNet;
pub use languages::{Language, PageTexts};
pub use log::LevelFilter;
pub use metrics::Counts;
pub use replies::{Answer, Candidate, Explanation, FoundBy, Replies, Robustness, SearchBuffer, split_offers};
pub use server::{Grant, Request, RunningServer, Server, Stopper};
pub use session::{Event, HandlerResult, Session};
pub use stream::{Ending, Tls, Waker};
pub use tungstenite::{Bytes, Utf8Bytes};
