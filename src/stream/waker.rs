//! Waking a connection's thread while it waits for its peer.
//!
//! A thread that waits in `recv` can be woken only by its socket. So a connection that asked for a waker
//! waits for more descriptors: its socket, a pipe into which wakers write, and perhaps a client's socket. All
//! others make no other system call.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as system;
#[cfg(not(unix))]
mod unsupported;
#[cfg(not(unix))]
use unsupported as system;

use std::{
    fmt,
    io::{self, PipeReader, PipeWriter, Read, Write},
    net::TcpStream,
    sync::{Arc, MutexGuard, Weak},
    thread::{self, ThreadId},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::lock::Lock;

/// A handle with which other threads wake a session that waits, or a client; see
/// [`Session::waker`](crate::Session::waker).
///
/// All clones wake the same session. When another thread drops the last one, the session is woken as well, so
/// that it can find that the channel that was dropped before is closed, for example: to ensure that, put the
/// sender before the waker in a tuple, whose fields are dropped in order. Waking a session that has ended
/// does nothing.
#[derive(Clone)]
pub struct Waker(Arc<Handle>);

impl Waker {
    /// Makes the session's [`next`](crate::Session::next) or [`next_by`](crate::Session::next_by) return
    /// [`Event::Woken`](crate::Event::Woken): the call that is waiting, or else the next one.
    ///
    /// Never blocks. What the session should do is not part of a wake-up: before the call, put it where the
    /// handler looks, in a channel for example.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// Has the session woken whenever `source` can be read, and once now.
    pub(crate) fn watch(&self, source: &Arc<TcpStream>) {
        self.0.0.lock().source = Arc::downgrade(source);
        self.wake();
    }
}

/// What all clones of a waker share.
struct Handle(Arc<WakeChannel>);

impl Handle {
    fn wake(&self) {
        // It fails if the session has yet to notice an earlier wake-up, or has ended.
        if self.0.wake_ups.try_send(()).is_ok()
            && let Some(pipe) = &mut self.0.lock().pipe
        {
            // The pipe does not block, and is hardly ever full: for each byte, the session has taken a
            // wake-up since.
            let _ = pipe.write(&[0]);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // A session that drops its own waker does not have to be woken, and would never rest if it did so at
        // each wake-up.
        let session_thread = self.0.lock().session_thread;
        if thread::current().id() != session_thread {
            self.wake();
        }
    }
}

/// What wakers and the session share.
struct WakeChannel {
    /// Holds one wake-up at most: any number of them before the session notices are one.
    wake_ups: Sender<()>,
    locked: Lock<Locked>,
}

struct Locked {
    /// `None` once the session has ended.
    pipe: Option<PipeWriter>,
    /// The thread of its latest wait.
    session_thread: ThreadId,
    /// What wakes it whenever it can be read, until it is dropped.
    source: Weak<TcpStream>,
}

impl WakeChannel {
    fn lock(&self) -> MutexGuard<'_, Locked> {
        self.locked.lock()
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waker").finish_non_exhaustive()
    }
}

/// The session's end of its wakers.
pub(crate) struct WakeUps {
    stream: Arc<TcpStream>,
    pipe: PipeReader,
    received: Receiver<()>,
    shared: Arc<WakeChannel>,
    /// The handle of the wakers, while there are any.
    handle: Weak<Handle>,
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    /// The stream can be read without waiting, if only to find that it has ended.
    Stream,
    /// A waker was called.
    Woken,
    /// Neither: it took too long, or a signal came.
    Nothing,
}

impl WakeUps {
    /// Prepares to wait for `stream` and for wakers.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left, or cannot wait for two of them: see the module `unsupported`.
    pub(super) fn new(stream: &Arc<TcpStream>) -> io::Result<WakeUps> {
        let (pipe, writer) = system::pipe()?;
        let (wake_ups, received) = bounded(1);
        let session_thread = thread::current().id();
        let locked = Locked { pipe: Some(writer), session_thread, source: Weak::new() };
        let shared = WakeChannel { wake_ups, locked: Lock::new(locked) };
        let (stream, shared) = (Arc::clone(stream), Arc::new(shared));
        Ok(WakeUps { stream, pipe, received, shared, handle: Weak::new() })
    }

    /// A clone of the waker, which is made if there is none.
    pub(super) fn waker(&mut self) -> Waker {
        Waker(self.handle.upgrade().unwrap_or_else(|| {
            let handle = Arc::new(Handle(Arc::clone(&self.shared)));
            self.handle = Arc::downgrade(&handle);
            handle
        }))
    }

    /// Takes the wake-up that was received, if there is one.
    pub(crate) fn take(&self) -> bool {
        self.received.try_recv().is_ok()
    }

    /// The channel over which wake-ups come, for waits without the stream.
    pub(crate) fn received(&self) -> &Receiver<()> {
        &self.received
    }

    /// Waits for the stream or a wake-up, for `time` at most. If both are ready, it is the wake-up, unless
    /// `stream_first`. With `is_ready`, the transport has something to read that is no longer in the stream.
    pub(super) fn wait(&self, time: Duration, stream_first: bool, is_ready: bool) -> io::Result<Ready> {
        // A wake-up may be in the channel while its byte is not in the pipe: see below.
        let time = if is_ready || !self.received.is_empty() { Duration::ZERO } else { time };
        self.shared.lock().session_thread = thread::current().id();
        let source = self.shared.lock().source.upgrade();
        let streams = [&*self.stream, source.as_ref().unwrap_or(&self.stream)];
        let [can_read, can_read_source, has_bytes] = match system::poll(streams, &self.pipe, time) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Ready::Nothing),
            polled => polled?,
        };
        if can_read_source && source.is_some() {
            let _ = self.shared.wake_ups.try_send(());
        }
        if has_bytes {
            // Before the channel is checked: the byte of a wake-up that comes in between is then read by the
            // next wait, not lost.
            let _ = (&self.pipe).read(&mut [0; 16]);
        }
        let can_read = can_read || is_ready;
        Ok(match self.received.is_empty() {
            true if can_read => Ready::Stream,
            true => Ready::Nothing,
            false if can_read && stream_first => Ready::Stream,
            false => Ready::Woken,
        })
    }
}

impl Drop for WakeUps {
    fn drop(&mut self) {
        // Before the reader is closed: writing to a pipe without a reader may end the process with SIGPIPE.
        self.shared.lock().pipe = None;
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{net::TcpListener, time::Instant};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn pair() -> (WakeUps, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (WakeUps::new(&Arc::new(listener.accept().unwrap().0)).unwrap(), peer)
    }

    #[test]
    fn any_number_of_calls_is_one_wake_up() {
        let (mut wake_ups, _peer) = pair();
        let waker = wake_ups.waker();
        assert_eq!(wake_ups.wait(Duration::ZERO, false, false).unwrap(), Ready::Nothing);
        for _ in 0..3 {
            (0..100_000).for_each(|_| waker.wake());
            assert_eq!(wake_ups.wait(LONG, false, false).unwrap(), Ready::Woken);
            assert!(wake_ups.take());
            assert!(!wake_ups.take());
            assert_eq!(wake_ups.wait(Duration::ZERO, false, false).unwrap(), Ready::Nothing);
        }
    }

    #[test]
    fn the_last_clone_wakes_when_it_is_dropped() {
        let (mut wake_ups, _peer) = pair();
        let (sender, receiver) = bounded::<()>(1);
        let wakers = [wake_ups.waker(), wake_ups.waker()];
        let [waker, other] = wakers;
        thread::spawn(|| drop(other)).join().unwrap();
        assert_eq!(wake_ups.wait(Duration::ZERO, false, false).unwrap(), Ready::Nothing);
        // Fields are dropped in their order.
        thread::spawn(|| drop((sender, waker))).join().unwrap();
        assert_eq!(wake_ups.wait(LONG, false, false).unwrap(), Ready::Woken);
        assert!(wake_ups.take() && receiver.recv().is_err());
        // The session's own thread.
        drop(wake_ups.waker());
        assert_eq!(wake_ups.wait(Duration::ZERO, false, false).unwrap(), Ready::Nothing);
    }

    #[test]
    fn neither_the_stream_nor_wakers_can_hold_up_the_other() {
        let (mut wake_ups, mut peer) = pair();
        let waker = wake_ups.waker();
        waker.wake();
        peer.write_all(b"x").unwrap();
        while wake_ups.wait(LONG, true, false).unwrap() != Ready::Stream {}
        assert_eq!(wake_ups.wait(LONG, false, false).unwrap(), Ready::Woken);
        assert_eq!(wake_ups.wait(LONG, true, true).unwrap(), Ready::Stream);
        assert!(wake_ups.take());
        assert_eq!(wake_ups.wait(LONG, false, false).unwrap(), Ready::Stream);
        assert_eq!(wake_ups.wait(LONG, false, true).unwrap(), Ready::Stream);
    }

    #[test]
    fn no_wake_up_is_lost_among_threads() {
        let (mut wake_ups, _peer) = pair();
        let (sender, receiver) = bounded(1);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (waker, sender) = (wake_ups.waker(), sender.clone());
                thread::spawn(move || {
                    for _ in 0..2000 {
                        sender.send(()).unwrap();
                        waker.wake();
                    }
                })
            })
            .collect();
        let began = Instant::now();
        let mut received = 0;
        while received < 4 * 2000 {
            // The byte of a wake-up may come after the wake-up itself was taken, and then ends another wait
            // with nothing.
            match wake_ups.wait(LONG, false, false).unwrap() {
                Ready::Woken => assert!(wake_ups.take()),
                ready => assert!(ready == Ready::Nothing && began.elapsed() < LONG, "after {received}"),
            }
            received += receiver.try_iter().count();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn after_the_end_a_waker_does_nothing() {
        let (mut wake_ups, _peer) = pair();
        let waker = wake_ups.waker();
        drop(wake_ups);
        waker.wake();
        assert!(waker.0.0.lock().pipe.is_none());
    }
}
