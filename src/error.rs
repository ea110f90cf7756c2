//! What can go wrong, in sentences for the person who can mend it.

use std::{fmt, io};

use crate::ending::Ending;

/// Anything that replyd reports: a faulty configuration, a port that is taken, a conversation that ended.
///
/// Its `Display` names the thing and the cause. A faulty configuration prints one line for each fault.
pub struct Error(Kind);

enum Kind {
    Config(Vec<String>),
    Io(String, io::Error),
    Ended(Ending),
    Plain(String),
}

impl Error {
    /// Whether a configuration (and not the system or the network) is at fault.
    ///
    /// ```
    /// let error = replyd::Config::parse("[server]\nport = 5000", "my.ini").unwrap_err();
    /// assert!(error.is_config());
    /// assert!(error.to_string().starts_with("my.ini:2: "));
    /// ```
    pub fn is_config(&self) -> bool {
        matches!(self.0, Kind::Config(_))
    }

    pub(crate) fn config(faults: Vec<String>) -> Error {
        Error(Kind::Config(faults))
    }

    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Error {
        Error(Kind::Io(what.into(), source))
    }

    pub(crate) fn ended(ending: Ending) -> Error {
        Error(Kind::Ended(ending))
    }

    pub(crate) fn plain(sentence: impl Into<String>) -> Error {
        Error(Kind::Plain(sentence.into()))
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
            Kind::Config(faults) => f.write_str(&faults.join("\n")),
            Kind::Io(what, source) => write!(f, "{what}: {source}"),
            Kind::Ended(ending) => write!(f, "the conversation ended: {ending}"),
            Kind::Plain(sentence) => f.write_str(sentence),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Io(_, source) => Some(source),
            _ => None,
        }
    }
}
