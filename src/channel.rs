//! The way to the peer: plain TCP, or TLS over it.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

#[cfg(feature = "tls")]
use crate::tls::TlsChannel;
use crate::wire::Transport;

/// What a connection's bytes go over.
#[derive(Clone)]
pub(crate) enum Channel {
    Plain(Arc<TcpStream>),
    #[cfg(feature = "tls")]
    Tls(Arc<TlsChannel>),
}

impl Transport for Channel {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(stream) => (&**stream).read(buffer),
            #[cfg(feature = "tls")]
            Channel::Tls(tls) => tls.read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(stream) => (&**stream).write(bytes),
            #[cfg(feature = "tls")]
            Channel::Tls(tls) => tls.write(bytes),
        }
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Channel::Plain(stream) => stream.set_read_timeout(Some(timeout)),
            #[cfg(feature = "tls")]
            Channel::Tls(tls) => tls.set_read_timeout(timeout),
        }
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Channel::Plain(stream) => stream.set_write_timeout(Some(timeout)),
            #[cfg(feature = "tls")]
            Channel::Tls(tls) => tls.set_write_timeout(timeout),
        }
    }

    fn finish(&self) {
        match self {
            Channel::Plain(_) => {}
            #[cfg(feature = "tls")]
            Channel::Tls(tls) => tls.finish(),
        }
    }
}
