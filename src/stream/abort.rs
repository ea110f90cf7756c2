//! Why replyd itself ends an I/O call, and the flags that ask for it.

use std::{
    error, fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Why replyd itself ended an I/O call. Travels inside an [`io::Error`] through tungstenite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// The server is stopping.
    Stop,
    /// The settings no longer admit the peer.
    Withdrawn,
    /// The peer used up the byte budget of one message.
    Budget,
    /// The peer did not read within `write_timeout`.
    Write,
    /// The peer does not speak TLS.
    NotTls,
}

impl Abort {
    /// The reason inside `error`, if replyd ended the call; `None` for an error of the system.
    pub(crate) fn of(error: &io::Error) -> Option<Abort> {
        error.get_ref()?.downcast_ref::<Abort>().copied()
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Abort::Stop => "the server is stopping",
            Abort::Withdrawn => "no longer admitted",
            Abort::Budget => "too many bytes for one message",
            Abort::Write => "the peer does not read",
            Abort::NotTls => "the peer does not speak TLS",
        })
    }
}

impl error::Error for Abort {}

impl From<Abort> for io::Error {
    fn from(abort: Abort) -> io::Error {
        io::Error::other(abort)
    }
}

/// Flags by which other threads end a connection. They are checked before each read, and after each read that
/// returned nothing: setting a flag alone does not wake a blocked read, `shutdown(Read)` does.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopFlags {
    /// Shared by all connections of a server.
    pub(crate) stop: Arc<AtomicBool>,
    /// This connection's own: its client is no longer admitted.
    pub(crate) withdrawn: Arc<AtomicBool>,
}

impl StopFlags {
    /// The reason to end the connection now, if there is one.
    pub(crate) fn abort(&self) -> Option<Abort> {
        if self.stop.load(Ordering::Acquire) {
            Some(Abort::Stop)
        } else if self.withdrawn.load(Ordering::Acquire) {
            Some(Abort::Withdrawn)
        } else {
            None
        }
    }
}
