//! The lower stream: deadlines and stop flags over a transport with or without TLS. It repeats interrupted
//! calls, and distinguishes time-outs from other errors.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    abort::{Abort, StopFlags},
    transport::SharedTransport,
    waker::{Ready, WakeUps, Waker},
};

/// Time-out of a first read after its deadline: the system does not accept a time-out of zero.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Time limit for sending `close_notify`. It is a courtesy: a peer that does not read would not see it
/// anyway.
pub(super) const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// The lower stream.
///
/// A read fails with `WouldBlock` when `read_by` has passed or a waker was called: the caller checks its
/// deadlines and may read again. Every other error is final. After a new deadline the first read always asks
/// the system, even if the deadline has passed or a waker was called: a caller that was busy for long must
/// still get what arrived in the meantime.
pub(crate) struct TimedStream {
    pub(super) transport: SharedTransport,
    stop_flags: StopFlags,
    pub(super) read_by: Instant,
    /// Whether the system was asked since `read_by` was set.
    asked: bool,
    /// Whether something was received since then, if only a part of a TLS record.
    pub(crate) has_received: bool,
    pub(super) read_began: Instant,
    write_by: Instant,
    /// The time at which `write_by` was set, which saves the first write a look at the clock.
    write_began: Option<Instant>,
    // The system's current time-outs. They are changed only when they would fire too late.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// Boxed, as few connections have wakers.
    wake_ups: Option<Box<WakeUps>>,
}

impl TimedStream {
    pub(crate) fn new(transport: SharedTransport, stop_flags: StopFlags) -> Self {
        let now = Instant::now();
        TimedStream {
            transport,
            stop_flags,
            read_by: now,
            asked: false,
            has_received: false,
            read_began: now,
            write_by: now,
            write_began: None,
            read_timeout: None,
            write_timeout: None,
            wake_ups: None,
        }
    }

    /// A waker for reads, which wait for `tcp`, the stream under the transport.
    pub(crate) fn waker(&mut self, tcp: &Arc<TcpStream>) -> io::Result<Waker> {
        if self.wake_ups.is_none() {
            self.wake_ups = Some(Box::new(WakeUps::new(tcp)?));
        }
        Ok(self.wake_ups.as_mut().expect("it was made above").waker())
    }

    /// The wake-ups, if there are wakers.
    pub(crate) fn wake_ups(&self) -> Option<&WakeUps> {
        self.wake_ups.as_deref()
    }

    /// Sets the deadline for the reads that follow.
    pub(crate) fn read_by(&mut self, deadline: Instant) {
        self.read_by = deadline;
        self.asked = false;
        self.has_received = false;
    }

    /// Announces that nothing more will be sent, where the transport has a message for that. Blocks for up to
    /// a second.
    pub(crate) fn finish(&mut self) {
        if self.transport.set_write_timeout(FINISH_TIMEOUT).is_ok() {
            self.transport.finish();
        }
    }

    /// Sets one deadline for everything that is written next, and returns the current time.
    pub(crate) fn write_within(&mut self, timeout: Duration) -> Instant {
        let now = Instant::now();
        self.write_began = Some(now);
        self.write_by = now + timeout;
        now
    }
}

impl Read for TimedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(abort) = self.stop_flags.abort() {
                return Err(abort.into());
            }
            self.read_began = Instant::now();
            let left = self.read_by.saturating_duration_since(self.read_began);
            if left.is_zero() && self.asked {
                return Err(ErrorKind::WouldBlock.into());
            }
            let is_first = !std::mem::replace(&mut self.asked, true);
            if let Some(wake_ups) = &self.wake_ups {
                match wake_ups.wait(left, is_first, self.transport.is_ready())? {
                    Ready::Stream => {}
                    Ready::Woken => return Err(ErrorKind::WouldBlock.into()),
                    Ready::Nothing => continue,
                }
            }
            let left = if left.is_zero() { SHORTEST_WAIT } else { left };
            if self.read_timeout.is_none_or(|set| fires_late(set, left)) {
                self.transport.set_read_timeout(left)?;
                self.read_timeout = Some(left);
            }
            match self.transport.read(buffer) {
                // `shutdown(Read)`, by which another thread wakes this read, looks like an end of file from
                // the peer.
                Ok(0) => return self.stop_flags.abort().map_or(Ok(0), |abort| Err(abort.into())),
                // By a signal, or a TLS record that is not complete.
                Err(error) if error.kind() == ErrorKind::Interrupted => self.has_received = true,
                // The system's time-out was for an earlier deadline: it is set again for the current one.
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.read_timeout = None,
                result => {
                    self.has_received |= result.is_ok();
                    return result;
                }
            }
        }
    }
}

impl Write for TimedStream {
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

/// Whether a time-out of `set` would fire too late for a deadline that is `left` away. One part in 64 too
/// late is tolerated: it saves a system call for each reply.
fn fires_late(set: Duration, left: Duration) -> bool {
    set > left + left / 64
}
