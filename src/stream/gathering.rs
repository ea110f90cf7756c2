//! The upper stream, which tungstenite reads and writes. It replays the request head that was checked,
//! gathers replies so that sixteen messages in one packet do not cost sixteen `send` calls, and limits the
//! bytes of one message.

use std::{
    io::{self, Read, Write},
    mem,
    time::{Duration, Instant},
};

use tungstenite::{Bytes, Message, WebSocket};

use super::{abort::Abort, frames::Frames, timed::TimedStream, waker::WakeUps};

/// Maximum size of gathered replies: a `send` call of this size costs little more than a short one. Anything
/// longer is sent without gathering it.
pub(crate) const GATHER_BYTES: usize = 16 * 1024;

/// Maximum time for which a finished reply is held back while the handler works on the next one.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// The upper stream, which tungstenite reads and writes.
pub(crate) struct GatheringStream {
    pub(crate) timed: TimedStream,
    /// The canonical head. It is read separately from `leftover`, since `accept_hdr` rejects bytes after the
    /// head.
    head: io::Cursor<Vec<u8>>,
    /// The bytes that the peer sent after its own head.
    leftover: io::Cursor<Vec<u8>>,
    /// Finished replies that have not been sent yet.
    gathered: Vec<u8>,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    /// Time limit for each call that sends.
    pub(crate) write_timeout: Duration,
    /// When bytes were last received.
    pub(crate) last_received: Instant,
    /// When bytes were last sent.
    last_sent: Instant,
    pub(crate) frames: Frames,
    /// The beginning of the current wait for a message.
    pub(crate) idle_since: Instant,
    /// A message was received, and idling begins again at the next read.
    idle_ended: bool,
    /// Number of bytes that the current event may still use.
    budget: usize,
    message_timeout: Duration,
    /// Deadline for completing the message that has begun.
    pub(crate) message_by: Option<Instant>,
}

impl GatheringStream {
    /// For a server: `head` is read first, then `leftover`, then `socket`.
    pub(crate) fn new(
        socket: TimedStream,
        head: Vec<u8>,
        leftover: Vec<u8>,
        write_timeout: Duration,
    ) -> Self {
        GatheringStream {
            timed: socket,
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

    /// For a client: the server's frames come after its answer to the upgrade.
    pub(crate) fn of_client(socket: TimedStream, write_timeout: Duration) -> Self {
        GatheringStream {
            frames: Frames::after_head(),
            ..GatheringStream::new(socket, Vec::new(), Vec::new(), write_timeout)
        }
    }

    /// Limits the next event to `budget` bytes, and to `message_timeout` from its first byte on. A message
    /// that was interrupted by a ping keeps the limits that it began with.
    pub(crate) fn begin_event(&mut self, budget: usize, message_timeout: Duration) {
        self.message_timeout = message_timeout;
        if !self.frames.is_mid_message() {
            self.message_by = None;
        } else if self.frames.is_interleaved() {
            return;
        } else if self.frames.has_reached() {
            // Its beginning was read together with the previous event, whose reply may have taken long.
            self.message_by = Instant::now().checked_add(message_timeout);
        }
        self.budget = budget;
    }

    /// Makes reads fail with `WouldBlock` at `deadline`, or at the deadline of the message that has begun, if
    /// that is sooner.
    pub(crate) fn read_by(&mut self, deadline: Instant) {
        self.timed.read_by(self.message_by.map_or(deadline, |message_by| message_by.min(deadline)));
    }

    /// Limits the event that is waited for to `budget` bytes from now on, unless its message has begun.
    pub(crate) fn renew_budget(&mut self, budget: usize) {
        if !self.frames.is_mid_message() {
            self.budget = budget;
        }
    }

    /// Whether the message that has begun is past its deadline.
    pub(crate) fn is_late(&self) -> bool {
        self.message_by.is_some_and(|message_by| Instant::now() >= message_by)
    }

    /// Notes that a message was received. Idling begins again at the next read, so that the time that a reply
    /// takes does not count.
    pub(crate) fn end_idling(&mut self) {
        self.idle_since = self.last_received;
        self.idle_ended = true;
    }

    /// Consumes the pending wake-up, if there is one.
    pub(crate) fn take_wake_up(&self) -> bool {
        self.timed.wake_ups().is_some_and(WakeUps::take)
    }

    /// Sends the gathered replies, unless they may wait for a moment because more events are waiting. Returns
    /// the current time, to save the caller a look at the clock.
    pub(crate) fn send_if_due(&mut self) -> io::Result<Instant> {
        if self.has_unread() {
            let now = Instant::now();
            if now.saturating_duration_since(self.last_sent.max(self.last_received)) < GATHER_TIME {
                return Ok(now);
            }
        }
        self.flush()?;
        Ok(self.last_sent)
    }

    /// Writes a text of [`GATHER_BYTES`] at most in one frame of a server, which is not masked.
    pub(crate) fn write_text(&mut self, text: &str) -> io::Result<()> {
        const FINAL_TEXT: u8 = 0x81;
        const TWO_BYTES_OF_LENGTH: u8 = 126;
        if self.gathered.len() + 4 + text.len() > GATHER_BYTES {
            self.flush()?;
        }
        match text.len() {
            length @ ..126 => self.gathered.extend_from_slice(&[FINAL_TEXT, length as u8]),
            length => {
                let [high, low] = (length as u16).to_be_bytes();
                self.gathered.extend_from_slice(&[FINAL_TEXT, TWO_BYTES_OF_LENGTH, high, low]);
            }
        }
        self.gathered.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Whether the peer has already sent more events.
    fn has_unread(&self) -> bool {
        self.frames.has_undelivered() || self.leftover.position() < self.leftover.get_ref().len() as u64
    }

    /// Resets the counters, so that the bytes of the upgrade do not count. `leftover` has not been counted
    /// yet.
    pub(crate) fn begin_counting(&mut self) {
        self.bytes_received = 0;
        self.bytes_sent = 0;
    }

    /// Reads what comes after the end of a conversation, regardless of stop flags and deadlines.
    pub(crate) fn read_after_end(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.timed.transport.read(buffer)?;
        self.frames.follow(&buffer[..count]);
        Ok(count)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.last_sent = self.timed.write_within(self.write_timeout);
        self.timed.write_all(bytes)?;
        self.bytes_sent += bytes.len() as u64;
        Ok(())
    }

    fn received(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.last_received = Instant::now();
        self.bytes_received += bytes.len() as u64;
        self.frames.follow(bytes);
        if !self.frames.is_mid_message() || !self.frames.has_reached() {
            // No message has begun, or earlier events come first: then `begin_event` sets its deadline.
            self.message_by = None;
        } else if self.message_by.is_none() {
            self.message_by = self.last_received.checked_add(self.message_timeout);
            self.timed.read_by =
                self.message_by.map_or(self.timed.read_by, |due| due.min(self.timed.read_by));
        }
        match self.budget.checked_sub(bytes.len()) {
            Some(left) => self.budget = left,
            None => return Err(Abort::Budget.into()),
        }
        Ok(())
    }
}

impl Read for GatheringStream {
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
        // The read below may wait, and the peer may be waiting for these replies.
        self.flush()?;
        let read = self.timed.read(buffer);
        // Idling begins when the read began, not when it returned.
        if self.idle_ended {
            self.idle_ended = false;
            self.idle_since = self.timed.read_began;
        }
        let count = read?;
        if count > 0 {
            self.received(&buffer[..count])?;
        }
        Ok(count)
    }
}

impl Write for GatheringStream {
    /// Gathers short writes. Sends long ones at once, without copying them.
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
        // Also after a failed write: nothing may follow a frame that was sent only in part.
        gathered.clear();
        self.gathered = gathered;
        sent
    }
}

/// Answers a ping: at once, or together with further pings that have come already. tungstenite has queued the
/// same pong, but would send each one separately; writing it here replaces the queued one.
pub(crate) fn answer_ping(
    socket: &mut WebSocket<GatheringStream>,
    payload: &Bytes,
) -> Result<(), tungstenite::Error> {
    socket.write(Message::Pong(payload.clone()))?;
    socket.get_mut().send_if_due()?;
    Ok(())
}

#[cfg(test)]
mod tests;
