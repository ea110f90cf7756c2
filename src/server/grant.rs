//! How a program admits a client.

use std::{any::Any, time::SystemTime};

/// How a program admits a client; see [`Server::admit`](crate::Server::admit).
///
/// `Grant::default()` admits it as the server would.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Grant {
    /// The client's name in the log and for [`Session::caller`](crate::Session::caller), in place of that of
    /// its key or token.
    pub name: Option<String>,
    /// Time at which the session ends with close code 1008, as if its key or token had expired, unless that
    /// expires sooner.
    pub expires: Option<SystemTime>,
    /// One of [`Request::subprotocols`](crate::Request::subprotocols); by default, the first.
    pub subprotocol: Option<String>,
    pub(super) value: Option<Box<dyn Any + Send>>,
}

impl Grant {
    /// Admits the client under this name.
    pub fn named(name: impl Into<String>) -> Grant {
        Grant { name: Some(name.into()), ..Grant::default() }
    }

    /// Ends the session at this time.
    #[must_use]
    pub fn with_expiry(self, expires: SystemTime) -> Grant {
        Grant { expires: Some(expires), ..self }
    }

    /// Chooses this subprotocol.
    #[must_use]
    pub fn with_subprotocol(self, subprotocol: impl Into<String>) -> Grant {
        Grant { subprotocol: Some(subprotocol.into()), ..self }
    }

    /// Gives the session a value, which its handler gets by
    /// [`Session::take_value`](crate::Session::take_value): what was found out about the client, or its
    /// connection to another server.
    #[must_use]
    pub fn with_value(self, value: impl Any + Send) -> Grant {
        Grant { value: Some(Box::new(value)), ..self }
    }
}
