//! How a conversation ends, and the close code for each ending.

use std::{fmt, io};

use tungstenite::{
    Error as WireError,
    error::{CapacityError, ProtocolError},
    protocol::frame::coding::CloseCode,
};

use super::abort::Abort;
use crate::error::Error;

/// Every way in which a conversation ends; each has one close code (RFC 6455, section 7.4.1) or none. `Display` says it in
/// words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The handler returned, or closed the conversation with this code.
    Finished(u16),
    /// The peer sent Close.
    Closed,
    /// The connection broke, or the peer stopped answering pings: a Close would reach nobody.
    Gone(String),
    /// The peer did not read within `write_timeout`: it would not read a Close either.
    Unread,
    /// The server is stopping.
    Stop,
    /// The current settings would not admit the client, for example because its key was removed.
    Withdrawn,
    /// The client's key or token has expired.
    Expired,
    /// No message in either direction for `idle_timeout`.
    Idle,
    /// A frame that RFC 6455 forbids.
    Protocol(String),
    /// Text that is not UTF-8.
    BadUtf8,
    /// A message over `max_message_bytes`.
    TooBig,
    /// A message that was not complete after `message_timeout`.
    TooSlow,
    /// More bytes without a complete message than any well-behaved peer sends.
    TooFragmented,
    /// The handler returned an error.
    Failed(String),
    /// The handler panicked.
    Panicked,
}

impl Ending {
    /// The code and reason for the Close frame; `None` where none can be sent.
    pub(crate) fn close(&self) -> Option<(CloseCode, &'static str)> {
        match self {
            Ending::Closed | Ending::Gone(_) | Ending::Unread => None,
            Ending::Finished(code) => Some((CloseCode::from(*code), "")),
            Ending::Stop => Some((CloseCode::Away, "the server is stopping")),
            Ending::Withdrawn => Some((CloseCode::Policy, "no longer admitted")),
            Ending::Expired => Some((CloseCode::Policy, "the key or token has expired")),
            Ending::Idle => Some((CloseCode::Normal, "no message for too long")),
            Ending::Protocol(_) => Some((CloseCode::Protocol, "protocol error")),
            Ending::BadUtf8 => Some((CloseCode::Invalid, "text must be UTF-8")),
            Ending::TooBig => Some((CloseCode::Size, "message too big")),
            Ending::TooSlow => Some((CloseCode::Policy, "message too slow")),
            Ending::TooFragmented => Some((CloseCode::Policy, "message too fragmented")),
            Ending::Failed(_) | Ending::Panicked => Some((CloseCode::Error, "internal error")),
        }
    }

    /// All labels. The last one stands for close codes that only handlers use.
    pub(crate) const LABELS: [&str; 12] =
        ["1000", "1001", "1002", "1003", "1007", "1008", "1009", "1011", "closed", "gone", "unread", "other"];

    /// The label under which it is counted: the close code, or a word for an ending without one.
    pub(crate) fn label(&self) -> String {
        match self {
            Ending::Closed => "closed".to_owned(),
            Ending::Gone(_) => "gone".to_owned(),
            // The only other ending without a close code is `Unread`.
            ending => ending.close().map_or("unread".to_owned(), |(code, _)| u16::from(code).to_string()),
        }
    }

    /// Whether the handler's loop should simply end, rather than see an error.
    pub(crate) fn is_ordinary(&self) -> bool {
        matches!(
            self,
            Ending::Finished(_)
                | Ending::Closed
                | Ending::Stop
                | Ending::Withdrawn
                | Ending::Expired
                | Ending::Idle
        )
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Finished(code) => write!(f, "closed by the server ({code})"),
            Ending::Closed => f.write_str("closed by the client"),
            Ending::Gone(why) => write!(f, "the client is gone ({why})"),
            Ending::Unread => f.write_str("the client does not read its replies"),
            Ending::Stop => f.write_str("the server is stopping"),
            Ending::Withdrawn => f.write_str("the settings no longer admit it"),
            Ending::Expired => f.write_str("its key or token has expired"),
            Ending::Idle => f.write_str("no message for idle_timeout"),
            Ending::Protocol(why) => write!(f, "protocol error ({why})"),
            Ending::BadUtf8 => f.write_str("text that is not UTF-8"),
            Ending::TooBig => f.write_str("a message over max_message_bytes"),
            Ending::TooSlow => f.write_str("a message was not complete after message_timeout"),
            Ending::TooFragmented => f.write_str("too many bytes without a complete message"),
            Ending::Failed(why) => write!(f, "the handler failed ({why})"),
            Ending::Panicked => f.write_str("the handler panicked"),
        }
    }
}

impl From<WireError> for Ending {
    fn from(error: WireError) -> Ending {
        match error {
            WireError::ConnectionClosed | WireError::AlreadyClosed => Ending::Closed,
            WireError::Io(error) => Ending::from(error),
            WireError::Capacity(CapacityError::MessageTooLong { .. }) => Ending::TooBig,
            WireError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Ending::Gone("it disconnected without a Close".into())
            }
            WireError::Utf8(_) => Ending::BadUtf8,
            other => Ending::Protocol(other.to_string()),
        }
    }
}

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Ending {
        match Abort::of(&error) {
            Some(Abort::Stop) => Ending::Stop,
            Some(Abort::Withdrawn) => Ending::Withdrawn,
            Some(Abort::Budget) => Ending::TooFragmented,
            Some(Abort::Write) => Ending::Unread,
            // `Head::read` answers this one before there is a session.
            Some(Abort::NotTls) => Ending::Gone(error.to_string()),
            None => Ending::Gone(error.to_string()),
        }
    }
}

impl From<Ending> for Error {
    fn from(ending: Ending) -> Error {
        let code = ending.close().map(|(code, _)| code.into());
        Error::ended(code, format!("the conversation ended: {ending}"))
    }
}
