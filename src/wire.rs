//! The two thin streams under tungstenite.
//!
//! [`Socket`] is the lower one: deadlines, interrupted calls, time-outs told apart from faults, and the wish to
//! stop. [`Wire`] lies on it: it shows tungstenite the head that was judged, gathers answers so that sixteen
//! questions in one packet do not cost sixteen `send` calls, and counts the bytes that one message may cost.

mod frames;

use std::{
    error, fmt,
    io::{self, ErrorKind, Read, Write},
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tungstenite::{Bytes, Message, WebSocket};

use crate::channel::Channel;
use frames::Frames;

/// Gathered answers are sent at the latest when they reach this size: one `send` call this long costs little more
/// than a short one. What is longer is sent without gathering it.
pub(crate) const GATHER_BYTES: usize = 16 * 1024;

/// A handler that takes longer than this must not hold back answers that are finished.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// How long a read waits that comes after its deadline: the system knows no time-out of nothing.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// How long a last word may take.
pub(crate) const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Why replyd itself ended an I/O call. Travels inside an [`io::Error`] through tungstenite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server is stopping.
    Stop,
    /// The settings no longer let the peer in.
    Withdrawn,
    /// One message took more bytes than it may.
    Budget,
    /// The peer did not read within `write_timeout`.
    Write,
    /// The peer does not speak TLS.
    #[cfg(feature = "tls")]
    NotTls,
}

impl Cut {
    pub(crate) fn of(error: &io::Error) -> Option<Cut> {
        error.get_ref()?.downcast_ref::<Cut>().copied()
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cut::Stop => "stopping",
            Cut::Withdrawn => "no longer let in",
            Cut::Budget => "too many bytes for one message",
            Cut::Write => "the peer does not read",
            #[cfg(feature = "tls")]
            Cut::NotTls => "the peer does not speak TLS",
        })
    }
}

impl error::Error for Cut {}

impl From<Cut> for io::Error {
    fn from(cut: Cut) -> io::Error {
        io::Error::other(cut)
    }
}

/// What others may want of a connection: looked at before each read, and after one that was woken for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Of all connections of a server.
    pub(crate) stop: Arc<AtomicBool>,
    /// Of this one.
    pub(crate) withdrawn: Arc<AtomicBool>,
}

impl Wishes {
    pub(crate) fn cut(&self) -> Option<Cut> {
        if self.stop.load(Ordering::Acquire) {
            Some(Cut::Stop)
        } else if self.withdrawn.load(Ordering::Acquire) {
            Some(Cut::Withdrawn)
        } else {
            None
        }
    }
}

/// Where the bytes come from: a TCP connection, TLS over one, or a script in the tests.
pub(crate) trait Transport {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()>;
    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()>;

    /// Tells the peer that nothing more comes, where the transport has a word for it.
    fn finish(&self) {}
}

/// The lower stream.
///
/// A read returns `WouldBlock` when `read_by` has passed: the caller looks at its clocks and may read again. Every
/// other error is final. The system is asked once at least, since the caller may come late to what has long been there.
pub(crate) struct Socket<T = Channel> {
    transport: T,
    wishes: Wishes,
    read_by: Instant,
    asked: bool,
    read_began: Instant,
    write_by: Instant,
    /// The time, if it was just looked at.
    write_began: Option<Instant>,
    // What the system's time-outs are set to, so that they are set only when they would fire too late.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl<T: Transport> Socket<T> {
    pub(crate) fn new(transport: T, wishes: Wishes) -> Self {
        let now = Instant::now();
        Socket {
            transport,
            wishes,
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

impl<T: Transport> Read for Socket<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(cut) = self.wishes.cut() {
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
                Ok(0) => return self.wishes.cut().map_or(Ok(0), |cut| Err(cut.into())),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Woken for an earlier deadline: the time-out is set afresh for the one that holds now.
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.read_timeout = None,
                result => return result,
            }
        }
    }
}

impl<T: Transport> Write for Socket<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let now = self.write_began.take().unwrap_or_else(Instant::now);
            let left = self.write_by.saturating_duration_since(now);
            if left.is_zero() {
                return Err(Cut::Write.into());
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

/// The upper stream, the one that tungstenite sees.
pub(crate) struct Wire<T = Channel> {
    socket: Socket<T>,
    /// The canonical head, then what the peer sent behind its own, each handed out in a read of its own:
    /// `accept_hdr` takes bytes behind the head for junk.
    head: io::Cursor<Vec<u8>>,
    behind: io::Cursor<Vec<u8>>,
    gathered: Vec<u8>,
    bytes_received: u64,
    bytes_sent: u64,
    write_timeout: Duration,
    heard: Instant,
    sent: Instant,
    frames: Frames,
    idle_since: Instant,
    idle_ended: bool,
    budget: usize,
    message_timeout: Duration,
    message_by: Option<Instant>,
}

impl<T: Transport> Wire<T> {
    pub(crate) fn new(socket: Socket<T>, head: Vec<u8>, behind: Vec<u8>, write_timeout: Duration) -> Self {
        Wire {
            socket,
            head: io::Cursor::new(head),
            behind: io::Cursor::new(behind),
            gathered: Vec::new(),
            bytes_received: 0,
            bytes_sent: 0,
            write_timeout,
            heard: Instant::now(),
            sent: Instant::now(),
            frames: Frames::default(),
            idle_since: Instant::now(),
            idle_ended: false,
            budget: usize::MAX,
            message_timeout: Duration::MAX,
            message_by: None,
        }
    }

    /// The same where the answer to an upgrade comes before the frames.
    pub(crate) fn of_client(socket: Socket<T>, write_timeout: Duration) -> Self {
        Wire { frames: Frames::after_head(), ..Wire::new(socket, Vec::new(), Vec::new(), write_timeout) }
    }

    /// From here on one event may take `budget` bytes, and `message_timeout` from its first byte on. For a message in the
    /// middle of which a ping came, both run on.
    pub(crate) fn begin_event(&mut self, budget: usize, message_timeout: Duration) {
        self.message_timeout = message_timeout;
        if !self.frames.is_amid() {
            self.message_by = None;
        } else if self.frames.is_interleaved() {
            return;
        } else if self.frames.has_reached() {
            // Read with an event before it, whose answer may have taken its time.
            self.message_by = Instant::now().checked_add(message_timeout);
        }
        self.budget = budget;
    }

    /// Reads return `WouldBlock` at `deadline`, or sooner when the message that has begun runs out of time.
    pub(crate) fn read_by(&mut self, deadline: Instant) {
        self.socket.read_by(self.message_by.map_or(deadline, |message_by| message_by.min(deadline)));
    }

    /// When the message that has begun must be whole.
    pub(crate) fn message_by(&self) -> Option<Instant> {
        self.message_by
    }

    /// Whether an event came in the middle of a message that should have been whole by now.
    pub(crate) fn is_late(&self) -> bool {
        self.message_by.is_some_and(|message_by| Instant::now() >= message_by)
    }

    /// When the peer was last heard.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// When the peer was last sent something.
    pub(crate) fn sent(&self) -> Instant {
        self.sent
    }

    /// Since when the peer has been waited for without a message.
    pub(crate) fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// A message has come: idling begins when the peer is waited for again, however long its answer takes.
    pub(crate) fn end_idling(&mut self) {
        self.idle_since = self.heard;
        self.idle_ended = true;
    }

    /// An event has been handed out.
    pub(crate) fn delivered(&mut self) {
        self.frames.delivered();
    }

    /// Whether more of what the peer sent is waiting to become an event.
    pub(crate) fn has_unread(&self) -> bool {
        self.frames.has_undelivered() || self.behind.position() < self.behind.get_ref().len() as u64
    }

    /// Whether finished answers wait to be sent.
    pub(crate) fn has_gathered(&self) -> bool {
        !self.gathered.is_empty()
    }

    /// Whether a finished answer may wait for the next one: while there is a next one, and only for a moment. Tells the
    /// time, which it has to look at.
    pub(crate) fn may_gather(&self) -> Option<Instant> {
        if !self.has_unread() {
            return None;
        }
        let now = Instant::now();
        (now.saturating_duration_since(self.sent.max(self.heard)) < GATHER_TIME).then_some(now)
    }

    pub(crate) fn set_write_timeout(&mut self, timeout: Duration) {
        self.write_timeout = timeout;
    }

    /// Forgets the bytes of the upgrade; those behind the head are the peer's first frames.
    pub(crate) fn begin_counting(&mut self) {
        self.bytes_received = 0;
        self.bytes_sent = 0;
    }

    /// Says that nothing more comes.
    pub(crate) fn finish(&mut self) {
        self.socket.finish();
    }

    /// Whether the peer has sent its Close, be it among what was never handed out.
    pub(crate) fn has_closed(&self) -> bool {
        self.frames.has_closed()
    }

    /// Reads what comes after the end of a conversation, whatever the wishes and deadlines.
    pub(crate) fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.socket.transport.read(buffer)?;
        self.frames.follow(&buffer[..count]);
        Ok(count)
    }

    pub(crate) fn bytes_received(&self) -> u64 {
        self.bytes_received
    }

    pub(crate) fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent = self.socket.write_within(self.write_timeout);
        self.socket.write_all(bytes)?;
        self.bytes_sent += bytes.len() as u64;
        Ok(())
    }

    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.heard = Instant::now();
        self.bytes_received += bytes.len() as u64;
        self.frames.follow(bytes);
        if !self.frames.is_amid() || !self.frames.has_reached() {
            self.message_by = None;
        } else if self.message_by.is_none() {
            self.message_by = self.heard.checked_add(self.message_timeout);
            self.socket.read_by =
                self.message_by.map_or(self.socket.read_by, |due| due.min(self.socket.read_by));
        }
        match self.budget.checked_sub(bytes.len()) {
            Some(left) => self.budget = left,
            None => return Err(Cut::Budget.into()),
        }
        Ok(())
    }
}

impl<T: Transport> Read for Wire<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.head.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let count = self.behind.read(buffer)?;
        if count > 0 {
            self.received(&buffer[..count])?;
            return Ok(count);
        }
        // The read below may wait: whatever is finished goes out first.
        self.flush()?;
        let read = self.socket.read(buffer);
        if self.idle_ended {
            self.idle_ended = false;
            self.idle_since = self.socket.read_began;
        }
        let count = read?;
        if count > 0 {
            self.received(&buffer[..count])?;
        }
        Ok(count)
    }
}

impl<T: Transport> Write for Wire<T> {
    /// Gathers what is short, and sends the rest without keeping a copy of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gathered.len() + bytes.len() > GATHER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= GATHER_BYTES {
            self.send(bytes)?;
            return Ok(bytes.len());
        }
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() == GATHER_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let mut gathered = mem::take(&mut self.gathered);
        let sent = self.send(&gathered);
        // After a failed write nothing may follow what was cut in the middle of a frame.
        gathered.clear();
        self.gathered = gathered;
        sent
    }
}

/// Answers a ping: at once, or together with the pings that came with it. tungstenite has queued the same pong, and would send
/// each by itself.
pub(crate) fn answer_ping<T: Transport>(
    socket: &mut WebSocket<Wire<T>>,
    payload: &Bytes,
) -> Result<(), tungstenite::Error> {
    socket.write(Message::Pong(payload.clone()))?;
    if socket.get_ref().may_gather().is_none() {
        socket.get_mut().flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
