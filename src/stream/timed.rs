//! The lower stream, below TLS in what it promises and above it in what it calls: deadlines, interrupted calls, time-outs told
//! apart from faults, and the request to stop.

use std::{
    io::{self, ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use super::{
    abort::{Abort, StopFlags},
    transport::{SharedTransport, Transport},
};

/// How long a read waits that comes after its deadline: the system knows no time-out of nothing.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Time limit for the last bytes that a peer is sent.
pub(super) const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// The lower stream.
///
/// A read returns `WouldBlock` when `read_by` has passed: the caller looks at its clocks and may read again. Every
/// other error is final. The system is asked once at least, since the caller may come late to what has long been there.
pub(crate) struct TimedStream<T = SharedTransport> {
    pub(super) transport: T,
    stop_flags: StopFlags,
    pub(super) read_by: Instant,
    asked: bool,
    pub(super) read_began: Instant,
    write_by: Instant,
    /// The time, if it was just looked at.
    write_began: Option<Instant>,
    // What the system's time-outs are set to, so that they are set only when they would fire too late.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl<T: Transport> TimedStream<T> {
    pub(crate) fn new(transport: T, stop_flags: StopFlags) -> Self {
        let now = Instant::now();
        TimedStream {
            transport,
            stop_flags,
            read_by: now,
            asked: false,
            read_began: now,
            write_by: now,
            write_began: None,
            read_timeout: None,
            write_timeout: None,
        }
    }

    pub(crate) fn read_by(&mut self, deadline: Instant) {
        self.read_by = deadline;
        self.asked = false;
    }

    /// Says that nothing more comes, for a second at most: whoever does not read does not hear it either.
    pub(crate) fn finish(&mut self) {
        if self.transport.set_write_timeout(FAREWELL_TIME).is_ok() {
            self.transport.finish();
        }
    }

    /// Sets the one deadline for all pieces of what is written next, and tells the time.
    pub(crate) fn write_within(&mut self, timeout: Duration) -> Instant {
        let now = Instant::now();
        self.write_began = Some(now);
        self.write_by = now + timeout;
        now
    }
}

impl<T: Transport> Read for TimedStream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(cut) = self.stop_flags.abort() {
                return Err(cut.into());
            }
            self.read_began = Instant::now();
            let mut left = self.read_by.saturating_duration_since(self.read_began);
            if left.is_zero() {
                if self.asked {
                    return Err(ErrorKind::WouldBlock.into());
                }
                left = SHORTEST_WAIT;
            }
            self.asked = true;
            if self.read_timeout.is_none_or(|set| fires_late(set, left)) {
                self.transport.set_read_timeout(left)?;
                self.read_timeout = Some(left);
            }
            match self.transport.read(buffer) {
                // `shutdown(Read)`, which wakes this read for a wish, looks like the peer's end of file.
                Ok(0) => return self.stop_flags.abort().map_or(Ok(0), |cut| Err(cut.into())),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Woken for an earlier deadline: the time-out is set afresh for the one that holds now.
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.read_timeout = None,
                result => return result,
            }
        }
    }
}

impl<T: Transport> Write for TimedStream<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let now = self.write_began.take().unwrap_or_else(Instant::now);
            let left = self.write_by.saturating_duration_since(now);
            if left.is_zero() {
                return Err(Abort::Write.into());
            }
            if self.write_timeout.is_none_or(|set| fires_late(set, left)) {
                self.transport.set_write_timeout(left)?;
                self.write_timeout = Some(left);
            }
            match self.transport.write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.write_timeout = None,
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a time-out set to `set` would fire too late for a deadline that is `left` away. One part in 64 is near
/// enough, and saves a system call for each answer.
fn fires_late(set: Duration, left: Duration) -> bool {
    set > left + left / 64
}
