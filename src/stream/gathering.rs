//! The upper stream, the one that tungstenite sees: it shows the head that was judged, gathers answers so that sixteen questions in
//! one packet do not cost sixteen `send` calls, and counts the bytes that one message may cost.

use std::{
    io::{self, Read, Write},
    mem,
    time::{Duration, Instant},
};

use tungstenite::{Bytes, Message, WebSocket};

use super::{
    abort::Abort,
    frames::Frames,
    timed::TimedStream,
    transport::{SharedTransport, Transport},
};

/// Gathered answers are sent at the latest when they reach this size: one `send` call this long costs little more
/// than a short one. What is longer is sent without gathering it.
pub(crate) const GATHER_BYTES: usize = 16 * 1024;

/// A handler that takes longer than this must not hold back answers that are finished.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// The upper stream, the one that tungstenite sees.
pub(crate) struct GatheringStream<T = SharedTransport> {
    socket: TimedStream<T>,
    /// The canonical head, then what the peer sent behind its own, each handed out in a read of its own:
    /// `accept_hdr` takes bytes behind the head for junk.
    head: io::Cursor<Vec<u8>>,
    leftover: io::Cursor<Vec<u8>>,
    gathered: Vec<u8>,
    bytes_received: u64,
    bytes_sent: u64,
    write_timeout: Duration,
    last_received: Instant,
    last_sent: Instant,
    frames: Frames,
    idle_since: Instant,
    idle_ended: bool,
    budget: usize,
    message_timeout: Duration,
    message_by: Option<Instant>,
}

impl<T: Transport> GatheringStream<T> {
    pub(crate) fn new(
        socket: TimedStream<T>,
        head: Vec<u8>,
        leftover: Vec<u8>,
        write_timeout: Duration,
    ) -> Self {
        GatheringStream {
            socket,
            head: io::Cursor::new(head),
            leftover: io::Cursor::new(leftover),
            gathered: Vec::new(),
            bytes_received: 0,
            bytes_sent: 0,
            write_timeout,
            last_received: Instant::now(),
            last_sent: Instant::now(),
            frames: Frames::default(),
            idle_since: Instant::now(),
            idle_ended: false,
            budget: usize::MAX,
            message_timeout: Duration::MAX,
            message_by: None,
        }
    }

    /// The same where the answer to an upgrade comes before the frames.
    pub(crate) fn of_client(socket: TimedStream<T>, write_timeout: Duration) -> Self {
        GatheringStream {
            frames: Frames::after_head(),
            ..GatheringStream::new(socket, Vec::new(), Vec::new(), write_timeout)
        }
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
    pub(crate) fn last_received(&self) -> Instant {
        self.last_received
    }

    /// When the peer was last sent something.
    pub(crate) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// Since when the peer has been waited for without a message.
    pub(crate) fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// A message has come: idling begins when the peer is waited for again, however long its answer takes.
    pub(crate) fn end_idling(&mut self) {
        self.idle_since = self.last_received;
        self.idle_ended = true;
    }

    /// An event has been handed out.
    pub(crate) fn delivered(&mut self) {
        self.frames.delivered();
    }

    /// Whether more of what the peer sent is waiting to become an event.
    pub(crate) fn has_unread(&self) -> bool {
        self.frames.has_undelivered() || self.leftover.position() < self.leftover.get_ref().len() as u64
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
        (now.saturating_duration_since(self.last_sent.max(self.last_received)) < GATHER_TIME).then_some(now)
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

    /// Reads what comes after the end of a conversation, whatever the stop_flags and deadlines.
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
        self.last_sent = self.socket.write_within(self.write_timeout);
        self.socket.write_all(bytes)?;
        self.bytes_sent += bytes.len() as u64;
        Ok(())
    }

    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.last_received = Instant::now();
        self.bytes_received += bytes.len() as u64;
        self.frames.follow(bytes);
        if !self.frames.is_amid() || !self.frames.has_reached() {
            self.message_by = None;
        } else if self.message_by.is_none() {
            self.message_by = self.last_received.checked_add(self.message_timeout);
            self.socket.read_by =
                self.message_by.map_or(self.socket.read_by, |due| due.min(self.socket.read_by));
        }
        match self.budget.checked_sub(bytes.len()) {
            Some(left) => self.budget = left,
            None => return Err(Abort::Budget.into()),
        }
        Ok(())
    }
}

impl<T: Transport> Read for GatheringStream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.head.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let count = self.leftover.read(buffer)?;
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

impl<T: Transport> Write for GatheringStream<T> {
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
    socket: &mut WebSocket<GatheringStream<T>>,
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
