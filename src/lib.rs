//! replyd answers people's chat over WebSocket: a server with one thread for each client, and a client.
pub use tungstenite::{Bytes, Utf8Bytes};

pub use auth::Key;
pub use bot::bot;
pub use client::{Client, ClientOptions, ClientReceiver, ClientSender};
pub use config::Config;
pub use error::Error;
pub use replies::Replies;
pub use server::{Running, Server};
pub use session::{Event, Session};

/// What a handler returns: any error ends the conversation with close code 1011.
pub type HandlerResult = Result<(), Box<dyn std::error::Error + Send + Sync>>;

mod auth;
mod bot;
mod client;
mod config;
mod connection;
mod ending;
mod error;
mod ini;
mod normalise;
mod refusal;
mod replies;
mod request;
mod seats;
mod server;
mod session;
mod wire;
