//! How a conversation ends, and the close code for each ending.

use std::{fmt, io};

use tungstenite::{
    Error as WireError,
    error::{CapacityError, ProtocolError},
    protocol::frame::coding::CloseCode,
};

use super::abort::Abort;
use crate::error::Error;

/// Every way in which a conversation ends; each has one close code (RFC 6455, section 7.4.1) or none.
/// `Display` describes it.
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
        let EndingRow { label, reason, .. } = self.row();
        let code = if let Ending::Finished(code) = self { *code } else { label.parse().ok()? };
        Some((code.into(), reason))
    }

    /// The label under which it is counted: the close code, or a word for an ending without one.
    pub(crate) fn label(&self) -> &'static str {
        let Ending::Finished(code) = self else { return self.row().label };
        let code = code.to_string();
        Ending::LABELS.iter().find(|label| **label == code).unwrap_or(&Ending::OTHER)
    }

    /// Whether the handler's loop should simply end, rather than see an error.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.row().is_ordinary
    }

    /// Label of the close codes that only handlers use.
    const OTHER: &str = "other";
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().sentence)?;
        match self {
            Ending::Finished(code) => write!(f, " ({code})"),
            Ending::Gone(why) | Ending::Protocol(why) | Ending::Failed(why) => write!(f, " ({why})"),
            _ => Ok(()),
        }
    }
}

struct EndingRow {
    /// The close code, or a word where no Close can be sent.
    label: &'static str,
    /// The reason in the Close.
    reason: &'static str,
    sentence: &'static str,
    is_ordinary: bool,
}

/// Makes `row` and `LABELS` from the table.
macro_rules! table {
    ($($ending:pat => $label:literal, $reason:literal, $sentence:literal, $is_ordinary:literal;)*) => {
        impl Ending {
            fn row(&self) -> EndingRow {
                let (label, reason, sentence, is_ordinary) = match self {
                    $($ending => ($label, $reason, $sentence, $is_ordinary),)*
                };
                EndingRow { label, reason, sentence, is_ordinary }
            }

            /// The labels of all endings, some of them twice.
            pub(crate) const LABELS: &[&str] = &[$($label,)* "1003", Ending::OTHER];
        }
    };
}

// The close code (or a word where no Close can be sent), the reason in the Close, the sentence for the log,
// and whether the ending is ordinary. A handler can finish with another code, 1003 for example.
table! {
    Ending::Finished(_) => "1000", "", "closed by the server", true;
    Ending::Closed => "closed", "", "closed by the client", true;
    Ending::Gone(_) => "gone", "", "the client is gone", false;
    Ending::Unread => "unread", "", "the client does not read its replies", false;
    Ending::Stop => "1001", "the server is stopping", "the server is stopping", true;
    Ending::Withdrawn => "1008", "no longer admitted", "the settings no longer admit it", true;
    Ending::Expired => "1008", "the key or token has expired", "its key or token has expired", true;
    Ending::Idle => "1000", "no message for too long", "no message for idle_timeout", true;
    Ending::Protocol(_) => "1002", "protocol error", "protocol error", false;
    Ending::BadUtf8 => "1007", "text must be UTF-8", "text that is not UTF-8", false;
    Ending::TooBig => "1009", "message too big", "a message over max_message_bytes", false;
    Ending::TooSlow => "1008", "message too slow", "a message was not complete after message_timeout", false;
    Ending::TooFragmented =>
        "1008", "message too fragmented", "too many bytes without a complete message", false;
    Ending::Failed(_) => "1011", "internal error", "the handler failed", false;
    Ending::Panicked => "1011", "internal error", "the handler panicked", false;
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
