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
    auth::{Admission, Rules, admit, subprotocol},
    channel::Channel,
    door::Places,
    ending::Ending,
    forwarded::{client_address, is_forwarded},
    origin::is_loopback_host,
    peer::Peer,
    refusal::{Refusal, plain},
    request::{Head, Unread},
    route::{Route, asks_for_upgrade, route},
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
/// A reserved thread must be free again soon.
const TURN_AWAY_TIME: Duration = Duration::from_secs(2);

/// The whole life of a connection. One without places (they are all taken, say) is read all the same, so that its answer
/// is not lost, and gets the answer that its request would get anyway, or else this one.
pub(crate) fn serve(arrival: &Arc<Arrival>, places: Result<Places, Refusal>) {
    let shared = &arrival.shared;
    let config = shared.config();
    let peer = Peer { number: arrival.number, address: arrival.address, forwarded: None, caller: None };
    log::debug!("Connection accepted ... {peer}");

    let channel = match channel(arrival, &config) {
        Ok(channel) => channel,
        Err(error) => return log::error!("cannot begin TLS: {error} {peer}"),
    };
    let mut socket = Socket::new(channel, arrival.entry.wishes.clone());
    let patience = if places.is_ok() { config.handshake_timeout } else { TURN_AWAY_TIME };
    let deadline = Instant::now() + patience;
    socket.read_by(deadline);
    let leave_by = if places.is_ok() { deadline + LINGER } else { deadline };
    let mut exchange = Exchange { arrival, socket, peer, leave_by, with_body: true };
    let (head, behind) = match Head::read(&mut exchange.socket) {
        Ok(read) => read,
        Err(unread) => return exchange.end_unread(unread),
    };
    exchange.learn(&head, &config);

    let upgrade = match route(&head) {
        Ok(Route::Upgrade(upgrade)) => upgrade,
        Ok(plain) => {
            return match answer_to(&plain, &head, &exchange, &places) {
                Ok(response) => exchange.answer(&response),
                Err(refusal) => exchange.refuse(&refusal),
            };
        }
        Err(refusal) => return exchange.refuse(&refusal),
    };

    let Exchange { socket, mut peer, .. } = exchange;
    let mut wire = Wire::new(socket, upgrade.canonical_head(), behind, config.write_timeout);
    let _address_seat = match upgraded(&mut wire, &head, &peer, shared, &places) {
        (true, Ok((admission, address_seat))) => {
            peer.caller = admission.caller.name().map(str::to_owned);
            remember(admission, arrival);
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

    converse(wire, arrival, &peer);
}

/// The second half of its life: the conversation, and what is left to do when that is over.
#[inline(never)] // As `Head::read`: the upgrade before it needs the same room on the stack.
fn converse(wire: Wire, arrival: &Arc<Arrival>, peer: &Peer) {
    let mut session = Session::new(wire, Arc::clone(arrival), peer.clone());
    let handled = catch_unwind(AssertUnwindSafe(|| (arrival.shared.handler)(&mut session)));
    let ending = session.finish(match handled {
        Ok(Ok(())) => Ending::Finished(1000),
        Ok(Err(error)) => Ending::Failed(error.to_string()),
        // The panic hook has told what and where.
        Err(_) => {
            arrival.shared.counters.panicked();
            Ending::Panicked
        }
    });
    report(&ending, &arrival.shared, peer);
    if ending.close().is_some() || ending == Ending::Closed {
        linger(arrival, Instant::now() + LINGER, Some(session.wire()));
    }
}

/// Has tungstenite answer the upgrade, and returns whether that went well and what was decided.
#[inline(never)] // As `Head::read`.
#[expect(clippy::result_large_err, reason = "tungstenite's callback refuses with a whole response")]
fn upgraded(
    wire: &mut Wire,
    head: &Head,
    peer: &Peer,
    shared: &Shared,
    places: &Result<Places, Refusal>,
) -> (bool, Result<(Admission, Option<AddressSeat>), Refusal>) {
    let mut decision = Err(Refusal::Stopping);
    let callback = |_: &Request, response: Response| {
        decision = let_in(head, peer, shared, places);
        match &decision {
            Ok(_) => Ok(with_subprotocol(response, head)),
            Err(refusal) => Err(refusal.response(true)),
        }
    };
    let limits = session::limits(&shared.config());
    let accepted = accept_hdr_with_config(wire, callback, Some(limits)).is_ok();
    (accepted, decision)
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

/// From now on the session ends when new settings do not let it in; they may have come since it was judged.
fn remember(admission: Admission, arrival: &Arrival) {
    let admission = arrival.entry.admission.get_or_init(|| admission);
    if !arrival.shared.still_holds(admission, &arrival.shared.config()) {
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
) -> Result<(Admission, Option<AddressSeat>), Refusal> {
    let config = shared.config();
    let admission = judge(head, &config, shared.requires_key(&config))?;
    if shared.is_draining() {
        return Err(Refusal::Stopping);
    }
    let places = places.as_ref().map_err(Clone::clone)?;
    // A client that a proxy brings is known only now.
    let address = peer.forwarded.filter(|client| places.address.is_none() && !client.is_loopback());
    let take =
        |client| shared.addresses.take(client, config.max_clients_per_ip).ok_or(Refusal::TooManyFromAddress);
    Ok((admission, address.map(take).transpose()?))
}

fn judge(head: &Head, config: &Config, required: bool) -> Result<Admission, Refusal> {
    let Config { keys, tokens, query_token, origins, .. } = config;
    admit(head, &Rules { keys, tokens, required, query_token: *query_token, origins })
}

/// What a request gets that asks for no upgrade.
#[inline(never)] // As `Head::read`.
fn answer_to(
    route: &Route<'_>,
    head: &Head,
    exchange: &Exchange<'_>,
    places: &Result<Places, Refusal>,
) -> Result<ErrorResponse, Refusal> {
    let Exchange { arrival, peer, with_body, .. } = exchange;
    let shared = &arrival.shared;
    let config = shared.config();
    match route {
        Route::Health if shared.is_draining() => Err(Refusal::Stopping),
        Route::Health => Ok(plain(200, "ok", *with_body)),
        Route::Metrics => {
            may_see_metrics(head, peer, &config)?;
            Ok(metrics::response(&shared.counts(), config.replies.len(), *with_body))
        }
        Route::Asset(asset) if config.page => Ok(asset.response(head, &config)),
        Route::Asset(_) => Err(Refusal::NotFound),
        // An upgrade is no plain request, and would get no other answer here.
        Route::Probe | Route::Upgrade(_) => {
            let_in(head, peer, shared, places)?;
            Err(Refusal::UpgradeRequired)
        }
    }
}

/// Metrics are for programs on this machine, and for whoever has a key. What a proxy brings is from elsewhere, and so is a
/// page whose own name leads to this machine.
fn may_see_metrics(head: &Head, peer: &Peer, config: &Config) -> Result<(), Refusal> {
    let is_local = peer.address.ip().is_loopback()
        && !is_forwarded(head)
        && head.text("host").is_some_and(is_loopback_host);
    if is_local { Ok(()) } else { judge(head, config, true).map(drop) }
}

/// Of the subprotocols that were offered one is chosen (RFC 6455, section 4.2.2): some clients leave without one.
fn with_subprotocol(mut response: Response, head: &Head) -> Response {
    if let Some(value) = subprotocol(head).and_then(|chosen| HeaderValue::from_str(chosen).ok()) {
        response.headers_mut().insert("Sec-WebSocket-Protocol", value);
    }
    response
}

/// A request that waits for its answer, and whoever sent it. Answering it uses it up, and the log names the client as far as
/// it is known.
struct Exchange<'a> {
    arrival: &'a Arrival,
    socket: Socket,
    peer: Peer,
    leave_by: Instant,
    with_body: bool,
}

impl Exchange<'_> {
    /// Takes from the head whose request it is and how it is answered.
    fn learn(&mut self, head: &Head, config: &Config) {
        let Exchange { peer, with_body, .. } = self;
        let client = client_address(head, peer.address.ip(), &config.trusted_proxies);
        peer.forwarded = (client != peer.address.ip()).then_some(client);
        *with_body = head.method() != "HEAD";
        if asks_for_upgrade(head) {
            log::info!("Incoming connection from client ... {peer}");
        } else {
            log::debug!("Incoming request ... {head} {peer}");
        }
    }

    #[inline(never)] // As `Head::read`.
    fn end_unread(mut self, unread: Unread) {
        let Exchange { arrival, peer, .. } = &self;
        match unread {
            _ if arrival.entry.displaced.load(Ordering::Acquire) => {
                log::debug!("Connection closed to make room for another ... {peer}");
            }
            Unread::Refused { refusal, is_head } => {
                self.with_body = !is_head;
                self.refuse(&refusal);
            }
            Unread::Silent(why) => log::debug!("Connection ended before a request ... {why} {peer}"),
            Unread::Gone(why) => log::info!("Connection ended before a request ... {why} {peer}"),
        }
    }

    #[inline(never)] // As `Head::read`.
    fn refuse(self, refusal: &Refusal) {
        report_refusal(refusal, &self.arrival.shared, &self.peer);
        let response = refusal.response(self.with_body);
        self.answer(&response);
    }

    #[inline(never)] // As `Head::read`.
    fn answer(mut self, response: &ErrorResponse) {
        let _ = self.socket.write_within(self.arrival.shared.config().write_timeout);
        if write_answer(&mut self.socket, response).is_ok() {
            self.socket.finish();
            linger(self.arrival, self.leave_by, None);
        }
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
    let detail = refusal.detail();
    log::log!(refusal.level(), "Connection refused ... {} {refusal}{detail} {peer}", refusal.status());
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
