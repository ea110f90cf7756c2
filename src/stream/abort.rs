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
    /// The settings no longer let the peer in.
    Withdrawn,
    /// One message took more bytes than it may.
    Budget,
    /// The peer did not read within `write_timeout`.
    Write,
    /// The peer does not speak TLS.
    NotTls,
}

impl Abort {
    pub(crate) fn of(error: &io::Error) -> Option<Abort> {
        error.get_ref()?.downcast_ref::<Abort>().copied()
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Abort::Stop => "stopping",
            Abort::Withdrawn => "no longer let in",
            Abort::Budget => "too many bytes for one message",
            Abort::Write => "the peer does not read",
            Abort::NotTls => "the peer does not speak TLS",
        })
    }
}

impl error::Error for Abort {}

impl From<Abort> for io::Error {
    fn from(cut: Abort) -> io::Error {
        io::Error::other(cut)
    }
}

/// What others may want of a connection: looked at before each read, and after one that was woken for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopFlags {
    /// Of all connections of a server.
    pub(crate) stop: Arc<AtomicBool>,
    /// Of this one.
    pub(crate) withdrawn: Arc<AtomicBool>,
}

impl StopFlags {
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
