//! The end of a connection: nothing that was sent may be lost because of what the client still sends.

use std::{
    io::{ErrorKind, Read},
    net::{Shutdown, TcpStream},
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use crate::{registry::Connection, stream::GatheringStream};

/// Time limit for reading what the client still sends after the last frame. A socket that is closed with
/// unread input is reset, and the reset can destroy the frame on its way.
const LINGER: Duration = Duration::from_secs(2);
/// Limit on the bytes that are read meanwhile.
const LINGER_BYTES: usize = 256 * 1024;
/// Time limit for the same on a connection that was woken, whose reads no longer wait.
const LINGER_WHEN_WOKEN: Duration = Duration::from_secs(1);
/// Delay between two reads of a woken connection.
const PAUSE: Duration = Duration::from_millis(10);
/// Silence after which a woken connection is considered finished.
const QUIET: Duration = Duration::from_millis(100);

/// Shuts down the sending side, and discards what the client still sends until it disconnects, for two
/// seconds or until `close_by` at most. `session_stream` is the stream of a finished conversation, if there
/// was one.
#[inline(never)] // As `Head::read`.
pub(super) fn linger(
    connection: &Connection,
    close_by: Option<Instant>,
    mut session_stream: Option<&mut GatheringStream>,
) {
    let Connection { stream, state, .. } = connection;
    let mut buffer = [0; 4096];
    let mut discarded = 0;
    // After a wake-up by `shutdown(Read)`, reads return at once, and input after the close is answered with a
    // reset. The client gets time to read the last frame before that.
    if state.stop_flags.abort().is_some() {
        discarded += discard_when_woken(stream, session_stream.as_deref_mut(), &mut buffer);
    }
    // After the client's Close nothing more comes, so a stop may wake the reads below.
    let has_closed = session_stream.is_some_and(|stream| stream.frames.has_closed());
    state.lingers.store(!has_closed, Ordering::Release);
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let latest = Instant::now() + LINGER;
    let close_by = close_by.map_or(latest, |close_by| close_by.min(latest));
    while discarded < LINGER_BYTES {
        let left = close_by.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match (&**stream).read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => discarded += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Discards input until the client has sent its Close, after which it sends nothing, or until it has sent
/// something and then nothing for a while. Reads do not wait here, and cannot detect that the client
/// disconnected; but after a reset the socket has no peer address any more. Returns the number of bytes.
fn discard_when_woken(
    stream: &TcpStream,
    mut session_stream: Option<&mut GatheringStream>,
    buffer: &mut [u8],
) -> usize {
    let deadline = Instant::now() + LINGER_WHEN_WOKEN;
    let mut quiet_since = None;
    let mut discarded = 0;
    while Instant::now() < deadline && discarded < LINGER_BYTES && stream.peer_addr().is_ok() {
        let read = match &mut session_stream {
            Some(session_stream) if session_stream.frames.has_closed() => break,
            Some(session_stream) => session_stream.read_after_end(buffer),
            None => (&*stream).read(buffer),
        };
        match read {
            Ok(0) if quiet_since.is_some_and(|since: Instant| since.elapsed() > QUIET) => break,
            Ok(0) => thread::sleep(PAUSE),
            Ok(count) => {
                discarded += count;
                quiet_since = Some(Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    discarded
}
