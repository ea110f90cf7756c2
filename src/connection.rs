//! The life of a connection, from its first byte to its last.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use tungstenite::{
    accept_hdr_with_config,
    handshake::server::{ErrorResponse, Request, Response, write_response},
    http::HeaderValue,
};

use crate::{
    Session,
    auth::{Rules, admit},
    ending::Ending,
    refusal::Refusal,
    request::{Head, Unread},
    server::{Arrival, Shared},
    session::{self, Peer},
    wire::{Socket, Wire},
};

/// How long and how much is read of what the peer still sends after the last frame. A socket that is closed with
/// unread input is reset, and the reset destroys the frame.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;
/// The same for a stopping server, which cannot tell an end of file from its own wake-up.
const LINGER_WHEN_STOPPING: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);
/// A reserved seat must be free again soon.
const TURN_AWAY_TIME: Duration = Duration::from_secs(2);

/// The whole life of a connection that has a seat.
#[expect(clippy::result_large_err, reason = "tungstenite's callback refuses with a whole response")]
pub(crate) fn serve(arrival: &Arrival) {
    let shared = &arrival.shared;
    let mut peer = Peer { number: arrival.number, address: arrival.address, caller: None };
    log::info!("Incoming connection from client ... {peer}");

    let mut socket = Socket::new(Arc::clone(&arrival.stream), Arc::clone(&shared.stop));
    socket.read_by(Instant::now() + shared.config.handshake_timeout);
    socket.write_within(shared.config.handshake_timeout + shared.config.write_timeout);
    let (head, behind) = match Head::read(&mut socket) {
        Ok(read) => read,
        Err(Unread::Refused(refusal)) => return refuse(socket, arrival, &refusal, true),
        Err(Unread::Gone(why)) => return log::info!("Connection ended before a request: {why} {peer}"),
    };
    let upgrade = match head.upgrade() {
        Ok(_) if shared.draining.load(Ordering::Acquire) => {
            return refuse(socket, arrival, &Refusal::Stopping, true);
        }
        Ok(upgrade) => upgrade,
        Err(refusal) => return refuse(socket, arrival, &refusal, !head.is_head()),
    };

    let mut refused = None;
    let wire = Wire::new(socket, upgrade.canonical_head(), behind, shared.config.write_timeout);
    let callback = |_: &Request, response: Response| match admit(&head, &rules(shared)) {
        Ok(caller) => {
            peer.caller = caller;
            Ok(with_subprotocol(response, &head))
        }
        Err(refusal) => Err(refused.insert(refusal).response(true)),
    };
    let accepted = accept_hdr_with_config(wire, callback, Some(session::limits(&shared.config)));
    let Ok(websocket) = accepted else {
        match refused {
            Some(refusal) => log::info!("Connection refused ... {refusal} {peer}"),
            None => log::info!("Connection ended during the upgrade {peer}"),
        }
        return linger(&arrival.stream, shared);
    };
    log::info!("Connection established with client ... {peer}");

    let mut session =
        Session::new(websocket, Arc::clone(&shared.config), shared.stopping.clone(), peer.clone());
    let handled = catch_unwind(AssertUnwindSafe(|| (shared.handler)(&mut session)));
    let ending = session.finish(match handled {
        Ok(Ok(())) => Ending::Finished(1000),
        Ok(Err(error)) => Ending::Failed(error.to_string()),
        // The panic hook has told what and where.
        Err(_) => Ending::Panicked,
    });
    report(&ending, &peer);
    if ending.close().is_some() || ending == Ending::Closed {
        linger(&arrival.stream, shared);
    }
}

/// The life of a connection for which there is no seat: it is read, so that its answer is not lost, and answered.
pub(crate) fn turn_away(arrival: &Arrival) {
    let mut socket = Socket::new(Arc::clone(&arrival.stream), Arc::clone(&arrival.shared.stop));
    socket.read_by(Instant::now() + TURN_AWAY_TIME);
    socket.write_within(TURN_AWAY_TIME);
    match Head::read(&mut socket) {
        Ok((head, _)) => refuse(socket, arrival, &Refusal::Full, !head.is_head()),
        Err(Unread::Refused(refusal)) => refuse(socket, arrival, &refusal, true),
        Err(Unread::Gone(_)) => {}
    }
}

fn rules(shared: &Shared) -> Rules<'_> {
    let config = &shared.config;
    Rules { keys: &config.keys, required: shared.require_key, query_token: config.query_token }
}

/// Of the subprotocols that were offered one is chosen (RFC 6455, section 4.2.2): some clients leave without one.
fn with_subprotocol(mut response: Response, head: &Head) -> Response {
    if let Some(value) = head.subprotocol().and_then(|chosen| HeaderValue::from_str(chosen).ok()) {
        response.headers_mut().insert("Sec-WebSocket-Protocol", value);
    }
    response
}

/// Answers a request that `accept_hdr` never sees.
fn refuse(mut socket: Socket, arrival: &Arrival, refusal: &Refusal, with_body: bool) {
    log::info!("Connection refused ... {refusal} [#{} {}]", arrival.number, arrival.address);
    if write_refusal(&mut socket, &refusal.response(with_body)).is_ok() {
        linger(&arrival.stream, &arrival.shared);
    }
}

fn write_refusal(socket: &mut Socket, response: &ErrorResponse) -> io::Result<()> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).map_err(io::Error::other)?;
    bytes.extend_from_slice(response.body().as_deref().unwrap_or_default().as_bytes());
    socket.write_all(&bytes)
}

fn report(ending: &Ending, peer: &Peer) {
    match ending {
        Ending::Closed => log::info!("Connection closed by client ... {peer}"),
        Ending::Failed(_) | Ending::Panicked => log::error!("Connection ended ... {ending} {peer}"),
        _ => log::info!("Connection ended ... {ending} {peer}"),
    }
}

/// Says that nothing more comes, and takes in what the peer still sends until it has hung up as well.
fn linger(stream: &TcpStream, shared: &Shared) {
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let deadline = Instant::now() + LINGER;
    let mut buffer = [0; 4096];
    let mut taken = 0;
    while taken < LINGER_BYTES && !shared.is_stopping() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match (&*stream).read(&mut buffer) {
            Ok(0) if !shared.is_stopping() => return,
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
    if shared.is_stopping() {
        linger_when_stopping(stream, &mut buffer);
    }
}

/// Reads return 0 at once here, whether or not the peer has hung up: pauses give its answer time to come. When both
/// sides have hung up the socket is connected to nobody any more, which ends the waiting.
fn linger_when_stopping(stream: &TcpStream, buffer: &mut [u8]) {
    let deadline = Instant::now() + LINGER_WHEN_STOPPING;
    let mut answered = false;
    let mut taken = 0;
    while Instant::now() < deadline && taken < LINGER_BYTES && stream.peer_addr().is_ok() {
        match (&*stream).read(buffer) {
            Ok(0) if answered => return,
            Ok(count) => {
                answered |= count > 0;
                taken += count;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
        thread::sleep(PAUSE);
    }
}
