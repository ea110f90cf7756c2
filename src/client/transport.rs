//! The transport that both halves of a client share.

use std::{
    io,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    lock::Lock,
    stream::{Abort, GatheringStream, SharedTransport, StopFlags, TimedStream, Transport},
};

/// Time limit for a write during which the server neither reads nor sends anything.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a message from the server.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
pub(super) const READ_BUFFER_BYTES: usize = 16 * 1024;

/// The connection below both halves of a client. Each half writes whole frames, and a lock keeps those from
/// mixing.
#[derive(Clone)]
pub(super) struct ClientTransport {
    pub(super) tcp: Arc<TcpStream>,
    /// The TCP stream itself, or TLS over it.
    inner: SharedTransport,
    /// Held during a write; why an earlier one has failed. It may have left half a frame, after which nothing
    /// can be sent.
    failed_write: Arc<Lock<Option<io::Error>>>,
    /// Whether this side has sent a Close, of its own or as the answer to the server's.
    pub(super) closing: Arc<AtomicBool>,
    /// Number of reads so far: a server that still sends is alive, however slowly it reads.
    reads: Arc<AtomicU64>,
}

impl ClientTransport {
    /// Wraps `inner`, which is `tcp` or TLS over it.
    pub(super) fn new(tcp: Arc<TcpStream>, inner: SharedTransport) -> ClientTransport {
        ClientTransport {
            tcp,
            inner,
            failed_write: Arc::default(),
            closing: Arc::default(),
            reads: Arc::default(),
        }
    }

    /// Number of reads so far that received something.
    fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// The stream of one half. Each half gets its own, since their buffers must not mix.
    pub(super) fn stream(&self) -> GatheringStream {
        GatheringStream::of_client(
            TimedStream::new(Arc::new(self.clone()), StopFlags::default()),
            WRITE_TIMEOUT,
        )
    }
}

impl Transport for ClientTransport {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        // After `Interrupted`, TLS has received bytes, but no plaintext yet.
        if !matches!(&read, Err(error) if error.kind() != io::ErrorKind::Interrupted) {
            self.reads.fetch_add(1, Ordering::Relaxed);
        }
        read
    }

    /// Writes all bytes or fails for good: after a partial write, the other half's frame would end up inside
    /// this one.
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut failed = self.failed_write.lock();
        if failed.is_none() {
            *failed = self.write_all(bytes).err();
        }
        match &*failed {
            None => Ok(bytes.len()),
            Some(error) => Err(copy_of(error)),
        }
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.inner.set_read_timeout(timeout)
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.inner.set_write_timeout(timeout)
    }

    fn is_ready(&self) -> bool {
        self.inner.is_ready()
    }

    fn finish(&self) {
        self.inner.finish();
    }
}

/// An error of the same kind and with the same sentence.
fn copy_of(error: &io::Error) -> io::Error {
    match Abort::of(error) {
        Some(abort) => abort.into(),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

impl ClientTransport {
    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        let mut reads = self.reads();
        while !rest.is_empty() {
            match self.inner.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A server that reads more slowly than this client writes still sends answers; a stuck one
                // does not.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let now = self.reads();
                    if now == reads {
                        return Err(Abort::Write.into());
                    }
                    reads = now;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// A transport whose writes time out soon, and the server's end of it.
    fn pair() -> (ClientTransport, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let client = ClientTransport::new(Arc::clone(&stream), stream);
        Transport::set_write_timeout(&client, Duration::from_millis(20)).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// More bytes than the buffers of both sockets hold.
    const MUCH: usize = 32 * 1024 * 1024;

    #[test]
    fn a_server_that_answers_is_waited_for() {
        let (client, server) = pair();
        let writing = thread::spawn({
            let client = client.clone();
            move || Transport::write(&client, &vec![b'x'; MUCH])
        });
        // The server answers during many write timeouts before it reads anything.
        for _ in 0..40 {
            client.reads.fetch_add(1, Ordering::Relaxed);
            thread::park_timeout(Duration::from_millis(5));
        }
        assert!(!writing.is_finished());
        let reading = thread::spawn(move || {
            let mut count = 0;
            let mut buffer = vec![0; 1 << 20];
            while count < MUCH {
                count += server.read(&mut buffer).unwrap();
            }
            count
        });
        while !writing.is_finished() {
            client.reads.fetch_add(1, Ordering::Relaxed);
            thread::yield_now();
        }
        assert_eq!(writing.join().unwrap().unwrap(), MUCH);
        assert_eq!(reading.join().unwrap(), MUCH);
    }

    #[test]
    fn a_server_that_neither_reads_nor_answers_is_not() {
        let (client, _server) = pair();
        let error = Transport::write(&client, &vec![b'x'; MUCH]).unwrap_err();
        assert_eq!(Abort::of(&error), Some(Abort::Write));
    }
    #[test]
    fn what_tls_has_received_counts_before_there_is_plaintext() {
        struct Scripted(io::ErrorKind);
        impl Transport for Scripted {
            fn read(&self, _: &mut [u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn write(&self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }
            fn set_read_timeout(&self, _: Duration) -> io::Result<()> {
                Ok(())
            }
            fn set_write_timeout(&self, _: Duration) -> io::Result<()> {
                Ok(())
            }
        }
        for (failure, reads) in [
            (io::ErrorKind::Interrupted, 1),
            (io::ErrorKind::WouldBlock, 0),
            (io::ErrorKind::ConnectionReset, 0),
        ] {
            let tcp = pair().0.tcp;
            let client = ClientTransport::new(tcp, Arc::new(Scripted(failure)));
            assert_eq!(Transport::read(&client, &mut [0; 9]).unwrap_err().kind(), failure);
            assert_eq!(client.reads(), reads, "{failure}");
        }
    }
}
