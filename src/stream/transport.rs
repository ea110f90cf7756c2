//! The transport below a connection: plain TCP here, TLS in `tls`, a script in the tests.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

/// A transport with several owners, such as the two halves of a client.
pub(crate) type SharedTransport = Arc<dyn Transport + Send + Sync>;

/// A byte stream to a peer.
///
/// All methods accept `&self`, because one thread may read while another one writes. A call that times out
/// fails with `WouldBlock`; `Interrupted` means that the caller should check its deadline and call again.
pub(crate) trait Transport {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()>;
    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()>;

    /// Whether a read needs no wait because something was received that has not been read yet. Matters only
    /// to waits for other things at the same time.
    fn is_ready(&self) -> bool {
        false
    }

    /// Announces that nothing more will be sent, where the transport has a message for that. Does not close
    /// anything.
    fn finish(&self) {}
}

impl Transport for TcpStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = self;
        Read::read(&mut stream, buffer).map_err(with_timeout_as_would_block)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self;
        Write::write(&mut stream, bytes).map_err(with_timeout_as_would_block)
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        TcpStream::set_read_timeout(self, Some(timeout))
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        TcpStream::set_write_timeout(self, Some(timeout))
    }
}

/// The system's time-out as `WouldBlock`, which it is on Unix. There, `TimedOut` means that the connection
/// broke.
fn with_timeout_as_would_block(error: io::Error) -> io::Error {
    let is_timeout = cfg!(windows) && error.kind() == io::ErrorKind::TimedOut;
    if is_timeout { io::ErrorKind::WouldBlock.into() } else { error }
}
