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
    Config, Session,
    auth::{Caller, Rules, admit, subprotocol},
    channel::Channel,
    door::Places,
    ending::Ending,
    forwarded::{client_address, is_forwarded},
    peer::Peer,
    refusal::{Refusal, plain},
    request::{Head, Unread},
    route::{Route, route},
    seats::AddressSeat,
    server::{Arrival, Shared},
    session,
    web::metrics,
    wire::{Socket, Wire},
};

/// How long and how much is read of what the peer still sends after the last frame. A socket that is closed with
/// unread input is reset, and the reset destroys the frame.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;
/// The same for a connection that was woken, which cannot tell an end of file from that.
const LINGER_WHEN_WOKEN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);
const QUIET: Duration = Duration::from_millis(100);
/// A reserved seat must be free again soon.
const TURN_AWAY_TIME: Duration = Duration::from_secs(2);

/// The whole life of a connection. One without places (they are all taken, say) is read all the same, so that its answer
/// is not lost, and gets the answer that its request would get anyway, or else this one.
#[expect(clippy::result_large_err, reason = "tungstenite's callback refuses with a whole response")]
pub(crate) fn serve(arrival: &Arc<Arrival>, places: Result<Places, Refusal>) {
    let shared = &arrival.shared;
    let config = shared.config();
    let mut peer = Peer { number: arrival.number, address: arrival.address, forwarded: None, caller: None };
    log::info!("Incoming connection from client ... {peer}");

    let channel = match channel(arrival, &config) {
        Ok(channel) => channel,
        Err(error) => return log::error!("cannot begin TLS: {error} {peer}"),
    };
    let mut socket = Socket::new(channel, arrival.entry.wishes.clone());
    let patience = if places.is_ok() { config.handshake_timeout } else { TURN_AWAY_TIME };
    let deadline = Instant::now() + patience;
    socket.read_by(deadline);
    let leave_by = if places.is_ok() { deadline + LINGER } else { deadline };
    let (head, behind) = match Head::read(&mut socket) {
        Ok(read) => read,
        Err(Unread::Refused { refusal, is_head }) => {
            return refuse(socket, arrival, leave_by, &refusal, !is_head);
        }
        Err(Unread::Gone(why)) => return log::info!("Connection ended before a request ... {why} {peer}"),
    };
    let client = client_address(&head, peer.address.ip(), &config.trusted_proxies);
    peer.forwarded = (client != peer.address.ip().to_canonical()).then_some(client);

    let with_body = head.method() != "HEAD";
    let upgrade = match route(&head) {
        Ok(Route::Upgrade(upgrade)) => upgrade,
        Ok(Route::Health) if shared.is_draining() => {
            return refuse(socket, arrival, leave_by, &Refusal::Stopping, with_body);
        }
        Ok(Route::Health) => return answer(socket, arrival, leave_by, &plain(200, "ok", with_body)),
        Ok(Route::Metrics) => {
            return match may_see_metrics(&head, &peer, shared) {
                Ok(()) => {
                    let metrics = metrics::response(&shared.counts(), config.replies.len(), with_body);
                    answer(socket, arrival, leave_by, &metrics)
                }
                Err(refusal) => refuse(socket, arrival, leave_by, &refusal, with_body),
            };
        }
        Ok(Route::Asset(asset)) if config.page => {
            return answer(socket, arrival, leave_by, &asset.response(&head, &config));
        }
        Ok(Route::Asset(_)) => return refuse(socket, arrival, leave_by, &Refusal::NotFound, with_body),
        Ok(Route::Probe) => {
            let refusal = let_in(&head, &peer, shared, &places).err().unwrap_or(Refusal::UpgradeRequired);
            return refuse(socket, arrival, leave_by, &refusal, with_body);
        }
        Err(refusal) => return refuse(socket, arrival, leave_by, &refusal, with_body),
    };

    let mut decision = Err(Refusal::Stopping);
    let mut wire = Wire::new(socket, upgrade.canonical_head(), behind, config.write_timeout);
    let callback = |_: &Request, response: Response| {
        decision = let_in(&head, &peer, shared, &places);
        match &decision {
            Ok(_) => Ok(with_subprotocol(response, &head)),
            Err(refusal) => Err(refusal.response(true)),
        }
    };
    // Lent, since the handshake copies its stream to and fro, and what that takes of the stack is memory of each client.
    let accepted = accept_hdr_with_config(&mut wire, callback, Some(session::limits(&config))).is_ok();
    let _address_seat = match (accepted, decision) {
        (true, Ok((caller, address_seat))) => {
            peer.caller = caller.name().map(str::to_owned);
            remember(caller, arrival);
            address_seat
        }
        (_, Err(refusal)) => {
            report_refusal(&refusal, shared, &peer);
            wire.finish();
            return linger(arrival, leave_by, None);
        }
        (false, Ok(_)) => return log::info!("Connection ended during the upgrade ... {peer}"),
    };
    // What was only needed to come in does not stay for as long as the session does.
    drop((head, config));
    log::info!("Connection established with client ... {peer}");

    let mut session = Session::new(wire, Arc::clone(arrival), peer.clone());
    let handled = catch_unwind(AssertUnwindSafe(|| (shared.handler)(&mut session)));
    let (ending, mut wire) = session.finish(match handled {
        Ok(Ok(())) => Ending::Finished(1000),
        Ok(Err(error)) => Ending::Failed(error.to_string()),
        // The panic hook has told what and where.
        Err(_) => {
            shared.counters.panicked();
            Ending::Panicked
        }
    });
    report(&ending, shared, &peer);
    if ending.close().is_some() || ending == Ending::Closed {
        linger(arrival, Instant::now() + LINGER, Some(&mut wire));
    }
}

#[cfg(feature = "tls")]
#[inline(never)] // As `Head::read`.
fn channel(arrival: &Arrival, config: &Config) -> io::Result<Channel> {
    Ok(match &config.tls {
        Some(tls) => Channel::Tls(Arc::new(tls.accept(&arrival.stream, config.handshake_timeout)?)),
        None => Channel::Plain(Arc::clone(&arrival.stream)),
    })
}

#[cfg(not(feature = "tls"))]
fn channel(arrival: &Arrival, _: &Config) -> io::Result<Channel> {
    Ok(Channel::Plain(Arc::clone(&arrival.stream)))
}

/// From now on the session ends when its key is withdrawn; that may have happened since the key was judged.
fn remember(caller: Caller, arrival: &Arrival) {
    let caller = arrival.entry.caller.get_or_init(|| caller);
    if !caller.is_welcome(&arrival.shared.config()) {
        arrival.entry.wishes.withdrawn.store(true, Ordering::Release);
    }
}

/// The last judgement over an upgrade: the key, the origin, and whether there is room.
#[inline(never)] // As `Head::read`.
fn let_in(
    head: &Head,
    peer: &Peer,
    shared: &Shared,
    places: &Result<Places, Refusal>,
) -> Result<(Caller, Option<AddressSeat>), Refusal> {
    let config = shared.config();
    let caller = judge(head, &config, shared.requires_key(&config))?;
    if shared.is_draining() {
        return Err(Refusal::Stopping);
    }
    let places = places.as_ref().map_err(Clone::clone)?;
    // A client that a proxy brings is known only now.
    let address = peer.forwarded.filter(|client| places.address.is_none() && !client.is_loopback());
    let take =
        |client| shared.addresses.take(client, config.max_clients_per_ip).ok_or(Refusal::TooManyFromAddress);
    Ok((caller, address.map(take).transpose()?))
}

fn judge(head: &Head, config: &Config, required: bool) -> Result<Caller, Refusal> {
    let Config { keys, tokens, query_token, origins, .. } = config;
    admit(head, &Rules { keys, tokens, required, query_token: *query_token, origins })
}

/// Metrics are for programs on this machine, and for whoever has a key; what a proxy brings is from elsewhere.
fn may_see_metrics(head: &Head, peer: &Peer, shared: &Shared) -> Result<(), Refusal> {
    if peer.address.ip().to_canonical().is_loopback() && !is_forwarded(head) {
        return Ok(());
    }
    judge(head, &shared.config(), true).map(drop)
}

/// Of the subprotocols that were offered one is chosen (RFC 6455, section 4.2.2): some clients leave without one.
fn with_subprotocol(mut response: Response, head: &Head) -> Response {
    if let Some(value) = subprotocol(head).and_then(|chosen| HeaderValue::from_str(chosen).ok()) {
        response.headers_mut().insert("Sec-WebSocket-Protocol", value);
    }
    response
}

/// Turns a request away that `accept_hdr` never sees.
fn refuse(socket: Socket, arrival: &Arrival, leave_by: Instant, refusal: &Refusal, with_body: bool) {
    let peer = Peer { number: arrival.number, address: arrival.address, forwarded: None, caller: None };
    report_refusal(refusal, &arrival.shared, &peer);
    answer(socket, arrival, leave_by, &refusal.response(with_body));
}

fn answer(mut socket: Socket, arrival: &Arrival, leave_by: Instant, response: &ErrorResponse) {
    let _ = socket.write_within(arrival.shared.config().write_timeout);
    if write_answer(&mut socket, response).is_ok() {
        socket.finish();
        linger(arrival, leave_by, None);
    }
}

fn write_answer(socket: &mut Socket, response: &ErrorResponse) -> io::Result<()> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).map_err(io::Error::other)?;
    bytes.extend_from_slice(response.body().as_deref().unwrap_or_default().as_bytes());
    socket.write_all(&bytes)
}

fn report_refusal(refusal: &Refusal, shared: &Shared, peer: &Peer) {
    shared.counters.refused(refusal);
    log::info!("Connection refused ... {} {refusal} {peer}", refusal.status());
}

fn report(ending: &Ending, shared: &Shared, peer: &Peer) {
    shared.counters.ended(ending);
    match ending {
        Ending::Closed => log::info!("Connection closed by client ... {peer}"),
        Ending::Failed(_) | Ending::Panicked => log::error!("Connection ended ... {ending} {peer}"),
        _ => log::info!("Connection ended ... {ending} {peer}"),
    }
}

/// Says that nothing more comes, and takes in what the peer still sends until it has hung up as well, or until
/// `leave_by`. After a conversation `wire` is what it went over.
#[inline(never)] // As `Head::read`.
fn linger(arrival: &Arrival, leave_by: Instant, mut wire: Option<&mut Wire>) {
    let Arrival { stream, entry, .. } = arrival;
    let mut buffer = [0; 4096];
    let mut taken = 0;
    // A woken connection's reads return at once, and what comes behind its last word would be answered with a reset: its
    // peer is given time to read that word before.
    if entry.wishes.cut().is_some() {
        taken += wait_for_farewell(stream, wire.as_deref_mut(), &mut buffer);
    }
    // A stop may wake this where nothing comes any more.
    let has_closed = wire.is_some_and(|wire| wire.has_closed());
    entry.lingers.store(!has_closed, Ordering::Release);
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let leave_by = leave_by.min(Instant::now() + LINGER);
    while taken < LINGER_BYTES {
        let left = leave_by.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match (&**stream).read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Takes in what comes, until the peer has sent its Close, after which it sends nothing, or else until there is an answer and
/// nothing behind it for a while. A socket that was reset, because the peer is gone, is connected to nobody.
fn wait_for_farewell(stream: &TcpStream, mut wire: Option<&mut Wire>, buffer: &mut [u8]) -> usize {
    let deadline = Instant::now() + LINGER_WHEN_WOKEN;
    let mut quiet_since = None;
    let mut taken = 0;
    while Instant::now() < deadline && taken < LINGER_BYTES && stream.peer_addr().is_ok() {
        let read = match &mut wire {
            Some(wire) if wire.has_closed() => break,
            Some(wire) => wire.read_on(buffer),
            None => (&*stream).read(buffer),
        };
        match read {
            Ok(0) if quiet_since.is_some_and(|since: Instant| since.elapsed() > QUIET) => break,
            Ok(0) => thread::sleep(PAUSE),
            Ok(count) => {
                taken += count;
                quiet_since = Some(Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    taken
}
