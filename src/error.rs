//! What can go wrong, in sentences for the person who can mend it.

use std::{fmt, io};

/// Anything that replyd reports: a faulty configuration, a port that is taken, a conversation that ended.
///
/// Its `Display` names the thing and the cause. A faulty configuration prints one line for each fault.
pub struct Error(Repr);

enum Repr {
    Config(Vec<String>),
    Io(String, io::Error),
    Refused(u16, String),
    Ended(Option<u16>, String),
    Other(String),
}

/// What an [`Error`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting, or a file of settings or replies.
    Config,
    /// The system: a port, a file, a connection that cannot be made.
    Io,
    /// Nothing came in time.
    Timeout,
    /// The server refused the upgrade with this HTTP status.
    Refused(u16),
    /// The conversation is over; with the close code (RFC 6455, section 7.4) that told the peer so, if one did.
    Ended(Option<u16>),
    /// Anything else; the sentence says what.
    Other,
}

impl Error {
    /// What it is about.
    ///
    /// ```
    /// let error = replyd::Config::parse("[server]\nport = 5000", "my.ini").unwrap_err();
    /// assert_eq!(error.kind(), replyd::ErrorKind::Config);
    /// assert!(error.to_string().starts_with("my.ini:2: "));
    /// ```
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Repr::Config(_) => ErrorKind::Config,
            Repr::Io(_, source) if source.kind() == io::ErrorKind::TimedOut => ErrorKind::Timeout,
            Repr::Io(..) => ErrorKind::Io,
            Repr::Refused(status, _) => ErrorKind::Refused(*status),
            Repr::Ended(code, _) => ErrorKind::Ended(*code),
            Repr::Other(_) => ErrorKind::Other,
        }
    }

    /// Whether a configuration (and not the system or the network) is at fault.
    pub fn is_config(&self) -> bool {
        self.kind() == ErrorKind::Config
    }

    pub(crate) fn config(faults: Vec<String>) -> Error {
        Error(Repr::Config(faults))
    }

    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Error {
        Error(Repr::Io(what.into(), source))
    }

    pub(crate) fn refused(status: u16, sentence: impl Into<String>) -> Error {
        Error(Repr::Refused(status, sentence.into()))
    }

    pub(crate) fn ended(code: Option<u16>, sentence: impl Into<String>) -> Error {
        Error(Repr::Ended(code, sentence.into()))
    }

    pub(crate) fn plain(sentence: impl Into<String>) -> Error {
        Error(Repr::Other(sentence.into()))
    }
}

/// As `Display`: a `main` that returns an error prints it in this way.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Config(faults) => f.write_str(&faults.join("\n")),
            Repr::Io(what, source) => write!(f, "{what}: {source}"),
            Repr::Refused(_, sentence) | Repr::Ended(_, sentence) | Repr::Other(sentence) => {
                f.write_str(sentence)
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Repr::Io(_, source) => Some(source),
            _ => None,
        }
    }
}
