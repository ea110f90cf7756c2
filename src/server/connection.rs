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

use super::{
    acceptor::{Handler, Permits},
    route::{Route, route},
};
use crate::{
    auth::{Admission, Rules, admit, is_loopback_host, subprotocol},
    config::Config,
    http::{Head, HeadError, Refusal, asks_for_upgrade, client_address, is_forwarded, plain},
    metrics,
    registry::{AddressPermit, ClientId, Connection, Registry},
    session::{self, Session},
    stream::{Ending, GatheringStream, SharedTransport, TimedStream},
};

/// How long and how much is read of what the client still sends after the last frame. A socket that is closed with
/// unread input is reset, and the reset destroys the frame.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;
/// The same for a connection that was woken, which cannot tell an end of file from that.
const LINGER_WHEN_WOKEN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);
const QUIET: Duration = Duration::from_millis(100);
/// A reserved thread must be free again soon.
const RESERVED_TIME: Duration = Duration::from_secs(2);

/// The whole life of a connection. One without permits (they are all taken, say) is read all the same, so that its answer
/// is not lost, and gets the answer that its request would get anyway, or else this one.
pub(super) fn serve(connection: &Arc<Connection>, permits: Result<Permits, Refusal>, handler: &Handler) {
    let registry = &connection.registry;
    let config = registry.config();
    let client =
        ClientId { number: connection.number, address: connection.address, forwarded: None, caller: None };
    log::debug!("Connection accepted ... {client}");

    let transport = match transport(connection, &config) {
        Ok(transport) => transport,
        Err(error) => return log::error!("cannot begin TLS: {error} {client}"),
    };
    let mut socket = TimedStream::new(transport, connection.state.stop_flags.clone());
    let patience = if permits.is_ok() { config.handshake_timeout } else { RESERVED_TIME };
    let deadline = Instant::now() + patience;
    socket.read_by(deadline);
    let leave_by = if permits.is_ok() { deadline + LINGER } else { deadline };
    let mut exchange = Exchange { connection, socket, client, leave_by, with_body: true };
    let (head, leftover) = match Head::read(&mut exchange.socket) {
        Ok(read) => read,
        Err(unread) => return exchange.end_unread(unread),
    };
    exchange.learn(&head, &config);

    let upgrade = match route(&head) {
        Ok(Route::Upgrade(upgrade)) => upgrade,
        Ok(plain) => {
            return match answer_to(&plain, &head, &exchange, &permits) {
                Ok(response) => exchange.answer(&response),
                Err(refusal) => exchange.refuse(&refusal),
            };
        }
        Err(refusal) => return exchange.refuse(&refusal),
    };

    let Exchange { socket, mut client, .. } = exchange;
    let mut stream = GatheringStream::new(socket, upgrade.canonical_head(), leftover, config.write_timeout);
    let _address_permit = match upgraded(&mut stream, &head, &client, registry, &permits) {
        (true, Ok((admission, address_permit))) => {
            client.caller = admission.caller.name().map(str::to_owned);
            bind_caller(admission, connection);
            address_permit
        }
        (_, Err(refusal)) => {
            report_refusal(&refusal, registry, &client);
            stream.finish();
            return linger(connection, leave_by, None);
        }
        (false, Ok(_)) => return log::info!("Connection ended during the upgrade ... {client}"),
    };
    // What was only needed to come in does not stay for as long as the session does.
    drop((head, config));
    log::info!("Connection established with client ... {client}");

    converse(stream, connection, &client, handler);
}

/// The second half of its life: the conversation, and what is left to do when that is over.
#[inline(never)] // As `Head::read`: the upgrade before it needs the same room on the stack.
fn converse(stream: GatheringStream, connection: &Arc<Connection>, client: &ClientId, handler: &Handler) {
    let mut session = Session::new(stream, Arc::clone(connection), client.clone());
    let handled = catch_unwind(AssertUnwindSafe(|| handler(&mut session)));
    let ending = session.finish(match handled {
        Ok(Ok(())) => Ending::Finished(1000),
        Ok(Err(error)) => Ending::Failed(error.to_string()),
        // The panic hook has told what and where.
        Err(_) => {
            connection.registry.counters.panicked();
            Ending::Panicked
        }
    });
    report(&ending, &connection.registry, client);
    if ending.close().is_some() || ending == Ending::Closed {
        linger(connection, Instant::now() + LINGER, Some(session.stream()));
    }
}

/// Has tungstenite answer the upgrade, and returns whether that went well and what was decided.
#[inline(never)] // As `Head::read`.
#[expect(clippy::result_large_err, reason = "tungstenite's callback refuses with a whole response")]
fn upgraded(
    stream: &mut GatheringStream,
    head: &Head,
    client: &ClientId,
    registry: &Registry,
    permits: &Result<Permits, Refusal>,
) -> (bool, Result<(Admission, Option<AddressPermit>), Refusal>) {
    let mut decision = Err(Refusal::Stopping);
    let callback = |_: &Request, response: Response| {
        decision = admit_upgrade(head, client, registry, permits);
        match &decision {
            Ok(_) => Ok(with_subprotocol(response, head)),
            Err(refusal) => Err(refusal.response(true)),
        }
    };
    let limits = session::limits(&registry.config());
    let accepted = accept_hdr_with_config(stream, callback, Some(limits)).is_ok();
    (accepted, decision)
}

#[inline(never)] // As `Head::read`.
fn transport(connection: &Connection, config: &Config) -> io::Result<SharedTransport> {
    match &config.tls {
        Some(tls) => tls.accept(&connection.stream, config.handshake_timeout),
        None => Ok(Arc::clone(&connection.stream) as SharedTransport),
    }
}

/// From now on the session ends when new settings do not let it in; they may have come since it was judged.
fn bind_caller(admission: Admission, connection: &Connection) {
    let admission = connection.state.admission.get_or_init(|| admission);
    if !connection.registry.still_holds(admission, &connection.registry.config()) {
        connection.state.stop_flags.withdrawn.store(true, Ordering::Release);
    }
}

/// The last judgement over an upgrade: the key, the origin, and whether there is room.
#[inline(never)] // As `Head::read`.
fn admit_upgrade(
    head: &Head,
    client: &ClientId,
    registry: &Registry,
    permits: &Result<Permits, Refusal>,
) -> Result<(Admission, Option<AddressPermit>), Refusal> {
    let config = registry.config();
    let admission = admit(head, &registry.rules(&config))?;
    if registry.is_draining() {
        return Err(Refusal::Stopping);
    }
    let permits = permits.as_ref().map_err(Clone::clone)?;
    // A client that a proxy brings is known only now.
    let address = client.forwarded.filter(|client| permits.address.is_none() && !client.is_loopback());
    let take = |client| {
        registry.addresses.acquire(client, config.max_clients_per_ip).ok_or(Refusal::TooManyFromAddress)
    };
    Ok((admission, address.map(take).transpose()?))
}

/// What a request gets that asks for no upgrade.
#[inline(never)] // As `Head::read`.
fn answer_to(
    route: &Route<'_>,
    head: &Head,
    exchange: &Exchange<'_>,
    permits: &Result<Permits, Refusal>,
) -> Result<ErrorResponse, Refusal> {
    let Exchange { connection, client, with_body, .. } = exchange;
    let registry = &connection.registry;
    let config = registry.config();
    match route {
        Route::Health if registry.is_draining() => Err(Refusal::Stopping),
        Route::Health => Ok(plain(200, "ok", *with_body)),
        Route::Metrics => {
            may_see_metrics(head, client, registry)?;
            Ok(metrics::response(&registry.counts(), config.replies.len(), *with_body))
        }
        Route::Asset(asset) if config.page => Ok(asset.response(head, &config)),
        Route::Asset(_) => Err(Refusal::NotFound),
        // An upgrade is no plain request, and would get no other answer here.
        Route::Probe | Route::Upgrade(_) => {
            admit_upgrade(head, client, registry, permits)?;
            Err(Refusal::UpgradeRequired)
        }
    }
}

/// Metrics are for programs on this machine, and for whoever has a key. What a proxy brings is from elsewhere, and so is a
/// page whose own name leads to this machine.
fn may_see_metrics(head: &Head, client: &ClientId, registry: &Registry) -> Result<(), Refusal> {
    let is_local = client.address.ip().is_loopback()
        && !is_forwarded(head)
        && head.text("host").is_some_and(is_loopback_host);
    let config = registry.config();
    let rules = Rules { required: true, ..registry.rules(&config) };
    if is_local { Ok(()) } else { admit(head, &rules).map(drop) }
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
    connection: &'a Connection,
    socket: TimedStream,
    client: ClientId,
    leave_by: Instant,
    with_body: bool,
}

impl Exchange<'_> {
    /// Takes from the head whose request it is and how it is answered.
    fn learn(&mut self, head: &Head, config: &Config) {
        let Exchange { client, with_body, .. } = self;
        let address = client_address(head, client.address.ip(), &config.trusted_proxies);
        client.forwarded = (address != client.address.ip()).then_some(address);
        *with_body = head.method() != "HEAD";
        if asks_for_upgrade(head) {
            log::info!("Incoming connection from client ... {client}");
        } else {
            log::debug!("Incoming request ... {head} {client}");
        }
    }

    #[inline(never)] // As `Head::read`.
    fn end_unread(mut self, unread: HeadError) {
        let Exchange { connection, client, .. } = &self;
        match unread {
            _ if connection.state.displaced.load(Ordering::Acquire) => {
                log::debug!("Connection closed to make room for another ... {client}");
            }
            HeadError::Refused { refusal, is_head } => {
                self.with_body = !is_head;
                self.refuse(&refusal);
            }
            HeadError::Silent(why) => log::debug!("Connection ended before a request ... {why} {client}"),
            HeadError::Gone(why) => log::info!("Connection ended before a request ... {why} {client}"),
        }
    }

    #[inline(never)] // As `Head::read`.
    fn refuse(self, refusal: &Refusal) {
        report_refusal(refusal, &self.connection.registry, &self.client);
        let response = refusal.response(self.with_body);
        self.answer(&response);
    }

    #[inline(never)] // As `Head::read`.
    fn answer(mut self, response: &ErrorResponse) {
        let _ = self.socket.write_within(self.connection.registry.config().write_timeout);
        if write_answer(&mut self.socket, response).is_ok() {
            self.socket.finish();
            linger(self.connection, self.leave_by, None);
        }
    }
}

fn write_answer(socket: &mut TimedStream, response: &ErrorResponse) -> io::Result<()> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).map_err(io::Error::other)?;
    bytes.extend_from_slice(response.body().as_deref().unwrap_or_default().as_bytes());
    socket.write_all(&bytes)
}

fn report_refusal(refusal: &Refusal, registry: &Registry, client: &ClientId) {
    registry.counters.refused(refusal);
    let detail = refusal.detail();
    log::log!(refusal.level(), "Connection refused ... {} {refusal}{detail} {client}", refusal.status());
}

fn report(ending: &Ending, registry: &Registry, client: &ClientId) {
    registry.counters.ended(ending);
    match ending {
        Ending::Closed => log::info!("Connection closed by client ... {client}"),
        Ending::Failed(_) | Ending::Panicked => log::error!("Connection ended ... {ending} {client}"),
        _ => log::info!("Connection ended ... {ending} {client}"),
    }
}

/// Says that nothing more comes, and takes in what the client still sends until it has hung up as well, or until
/// `leave_by`. After a conversation `wire` is what it went over.
#[inline(never)] // As `Head::read`.
fn linger(connection: &Connection, leave_by: Instant, mut wire: Option<&mut GatheringStream>) {
    let Connection { stream, state, .. } = connection;
    let mut buffer = [0; 4096];
    let mut taken = 0;
    // A woken connection's reads return at once, and what comes behind its last word would be answered with a reset: its
    // client is given time to read that word before.
    if state.stop_flags.abort().is_some() {
        taken += wait_for_farewell(stream, wire.as_deref_mut(), &mut buffer);
    }
    // A stop may wake this where nothing comes any more.
    let has_closed = wire.is_some_and(|wire| wire.has_closed());
    state.lingers.store(!has_closed, Ordering::Release);
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

/// Takes in what comes, until the client has sent its Close, after which it sends nothing, or else until there is an answer and
/// nothing behind it for a while. A socket that was reset, because the client is gone, is connected to nobody.
fn wait_for_farewell(stream: &TcpStream, mut wire: Option<&mut GatheringStream>, buffer: &mut [u8]) -> usize {
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
