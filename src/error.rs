//! What can go wrong, in sentences for the person who can fix it.

use std::{fmt, io};

/// Anything that replyd reports: an invalid configuration, a port that is in use, a conversation that ended.
///
/// `Display` names the subject and the cause, with a line for each fault of an invalid configuration.
pub struct Error {
    kind: ErrorKind,
    sentence: String,
    source: Option<io::Error>,
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
    /// The conversation is over; with the close code (RFC 6455, section 7.4) that was sent to the peer, if
    /// any.
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
        self.kind
    }

    /// Whether the configuration (and not the system or the network) is at fault.
    pub fn is_config(&self) -> bool {
        self.kind() == ErrorKind::Config
    }

    pub(crate) fn config(faults: Vec<String>) -> Error {
        Error::new(ErrorKind::Config, faults.join("\n"))
    }

    pub(crate) fn io(what: impl fmt::Display, source: io::Error) -> Error {
        let is_late = source.kind() == io::ErrorKind::TimedOut;
        let kind = if is_late { ErrorKind::Timeout } else { ErrorKind::Io };
        Error { source: Some(source), ..Error::new(kind, what.to_string()) }
    }

    pub(crate) fn refused(status: u16, sentence: impl Into<String>) -> Error {
        Error::new(ErrorKind::Refused(status), sentence)
    }

    pub(crate) fn ended(code: Option<u16>, sentence: impl Into<String>) -> Error {
        Error::new(ErrorKind::Ended(code), sentence)
    }

    pub(crate) fn plain(sentence: impl Into<String>) -> Error {
        Error::new(ErrorKind::Other, sentence)
    }

    fn new(kind: ErrorKind, sentence: impl Into<String>) -> Error {
        Error { kind, sentence: sentence.into(), source: None }
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
        f.write_str(&self.sentence)?;
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
