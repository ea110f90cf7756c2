//! The connection under both halves of a client.

use std::{
    io,
    net::TcpStream,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::WRITE_TIMEOUT;
use crate::stream::{Abort, GatheringStream, SharedTransport, StopFlags, TimedStream, Transport};

/// The connection under both halves: each writes whole frames, and only in turn.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) stream: Arc<TcpStream>,
    transport: SharedTransport,
    turn: Arc<Mutex<()>>,
    pub(super) closing: Arc<AtomicBool>,
    /// A write failed: what was sent may be half a frame, and nothing can follow it.
    is_broken: Arc<AtomicBool>,
    /// Counts what was read: a server that answers is alive, however slowly it reads.
    heard: Arc<AtomicU64>,
}

impl Line {
    /// What goes over `transport`, which lies on `stream`.
    pub(super) fn new(stream: Arc<TcpStream>, transport: SharedTransport) -> Line {
        Line {
            stream,
            transport,
            turn: Arc::default(),
            closing: Arc::default(),
            is_broken: Arc::default(),
            heard: Arc::default(),
        }
    }

    /// What one half writes to and reads from.
    pub(super) fn wire(&self) -> GatheringStream<Line> {
        GatheringStream::of_client(TimedStream::new(self.clone(), StopFlags::default()), WRITE_TIMEOUT)
    }
}

impl Transport for Line {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.transport.read(buffer)?;
        self.heard.fetch_add(1, Ordering::Relaxed);
        Ok(count)
    }

    /// Writes all or fails for good, so that the other half's frame cannot come in between.
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(Abort::Write.into());
        }
        let written = self.write_all(bytes);
        self.is_broken.store(written.is_err(), Ordering::Relaxed);
        written.map(|()| bytes.len())
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.transport.set_read_timeout(timeout)
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.transport.set_write_timeout(timeout)
    }

    fn finish(&self) {
        self.transport.finish();
    }
}

impl Line {
    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        let mut heard = self.heard.load(Ordering::Relaxed);
        while !rest.is_empty() {
            match self.transport.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A server that reads more slowly than we speak goes on answering; one that is stuck does not.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let now = self.heard.load(Ordering::Relaxed);
                    if now == heard {
                        return Err(Abort::Write.into());
                    }
                    heard = now;
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

    /// A line whose writes time out soon, and the other end of it.
    fn line() -> (Line, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let line = Line::new(Arc::clone(&stream), stream);
        Transport::set_write_timeout(&line, Duration::from_millis(20)).unwrap();
        (line, listener.accept().unwrap().0)
    }

    /// More than the two sockets hold.
    const MUCH: usize = 32 * 1024 * 1024;

    #[test]
    fn a_server_that_answers_is_waited_for() {
        let (line, server) = line();
        let writing = thread::spawn({
            let line = line.clone();
            move || Transport::write(&line, &vec![b'x'; MUCH])
        });
        // It answers for many time-outs, and reads only then.
        for _ in 0..40 {
            line.heard.fetch_add(1, Ordering::Relaxed);
            thread::park_timeout(Duration::from_millis(5));
        }
        assert!(!writing.is_finished());
        let reading = thread::spawn(move || {
            let mut taken = 0;
            let mut buffer = vec![0; 1 << 20];
            while taken < MUCH {
                taken += server.read(&mut buffer).unwrap();
            }
            taken
        });
        while !writing.is_finished() {
            line.heard.fetch_add(1, Ordering::Relaxed);
            thread::yield_now();
        }
        assert_eq!(writing.join().unwrap().unwrap(), MUCH);
        assert_eq!(reading.join().unwrap(), MUCH);
    }

    #[test]
    fn a_server_that_neither_reads_nor_answers_is_not() {
        let (line, _server) = line();
        let error = Transport::write(&line, &vec![b'x'; MUCH]).unwrap_err();
        assert_eq!(Abort::of(&error), Some(Abort::Write));
    }
}
