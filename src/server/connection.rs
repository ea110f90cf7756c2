//! The life of a connection, from the first byte to the last: head, route, upgrade, session, close.

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

/// Time limit for reading what the client still sends after the last frame. A socket that is closed with unread input is
/// reset, and the reset can destroy the frame on its way.
const LINGER: Duration = Duration::from_secs(2);
/// Limit on the bytes that are read meanwhile.
const LINGER_BYTES: usize = 256 * 1024;
/// Time limit for the same on a connection that was woken, whose reads no longer wait.
const LINGER_WHEN_WOKEN: Duration = Duration::from_secs(1);
/// Delay between two reads of a woken connection.
const PAUSE: Duration = Duration::from_millis(10);
/// Silence after which a woken connection is considered finished.
const QUIET: Duration = Duration::from_millis(100);
/// Time limit for a connection on a reserved thread, which others may be waiting for.
const RESERVED_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves a connection for its whole life.
///
/// One without permits (because the server is full, say) is read as well. If its request needs no permit, it gets the usual
/// answer, otherwise the given refusal. Answering before the head was read could lose the answer to a reset.
pub(super) fn serve(connection: &Arc<Connection>, permits: Result<Permits, Refusal>, handler: &Handler) {
    let registry = &connection.registry;
    let config = registry.config();
    let client =
        ClientId { number: connection.number, address: connection.address, forwarded: None, caller: None };
    log::debug!("Connection accepted ... {client}");

    let transport = match transport(connection, &config) {
        Ok(transport) => transport,
        Err(error) => return log::error!("cannot start TLS: {error} {client}"),
    };
    let mut socket = TimedStream::new(transport, connection.state.stop_flags.clone());
    let timeout = if permits.is_ok() { config.handshake_timeout } else { RESERVED_TIMEOUT };
    let deadline = Instant::now() + timeout;
    socket.read_by(deadline);
    let close_by = if permits.is_ok() { deadline + LINGER } else { deadline };
    let mut exchange = Exchange { connection, socket, client, close_by, with_body: true };
    let (head, leftover) = match Head::read(&mut exchange.socket) {
        Ok(read) => read,
        Err(error) => return exchange.end_without_head(error),
    };
    exchange.apply_head(&head, &config);

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
            return linger(connection, close_by, None);
        }
        // Admitted, but the client disconnected before it got the answer.
        (false, Ok(_)) => return log::info!("Connection ended during the upgrade ... {client}"),
    };
    // They are not needed any more, and would cost memory for as long as the session lasts.
    drop((head, config));
    log::info!("Connection established with client ... {client}");

    converse(stream, connection, &client, handler);
}

/// The second half of a connection's life: the conversation and its end.
#[inline(never)] // As `Head::read`: so that it reuses the stack of the upgrade.
fn converse(stream: GatheringStream, connection: &Arc<Connection>, client: &ClientId, handler: &Handler) {
    let mut session = Session::new(stream, Arc::clone(connection), client.clone());
    // Unwind safe: after a panic the session is only closed.
    let handled = catch_unwind(AssertUnwindSafe(|| handler(&mut session)));
    let ending = session.finish(match handled {
        Ok(Ok(())) => Ending::Finished(1000),
        Ok(Err(error)) => Ending::Failed(error.to_string()),
        // The panic hook has reported the message and the location.
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

/// Has tungstenite answer the upgrade. Returns whether the answer was sent, and the decision.
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
    let limits = session::limits(registry.config().max_message_bytes, session::READ_BUFFER_BYTES);
    let accepted = accept_hdr_with_config(stream, callback, Some(limits)).is_ok();
    (accepted, decision)
}

/// The connection's transport: TLS if there is a certificate, or else plain TCP.
#[inline(never)] // As `Head::read`.
fn transport(connection: &Connection, config: &Config) -> io::Result<SharedTransport> {
    match &config.tls {
        Some(tls) => tls.accept(&connection.stream, config.handshake_timeout),
        None => Ok(Arc::clone(&connection.stream) as SharedTransport),
    }
}

/// Makes a reload end the session if the new settings would not admit it. Checks at once for a reload that came between the
/// decision and this call.
fn bind_caller(admission: Admission, connection: &Connection) {
    let admission = connection.state.admission.get_or_init(|| admission);
    if !connection.registry.still_holds(admission, &connection.registry.config()) {
        connection.state.stop_flags.withdrawn.store(true, Ordering::Release);
    }
}

/// Decides on an upgrade: checks the key and the origin first, so that only admitted clients learn that the server is full,
/// then the permits.
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
    // The address of a client behind a proxy is known only now, after its head was read.
    let address = client.forwarded.filter(|client| permits.address.is_none() && !client.is_loopback());
    let acquire = |client| {
        registry.addresses.acquire(client, config.max_clients_per_ip).ok_or(Refusal::TooManyFromAddress)
    };
    Ok((admission, address.map(acquire).transpose()?))
}

/// The answer to a request that does not ask for an upgrade.
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
        // The caller handles upgrades; one would get the same answer here.
        Route::Probe | Route::Upgrade(_) => {
            admit_upgrade(head, client, registry, permits)?;
            Err(Refusal::UpgradeRequired)
        }
    }
}

/// Metrics are for programs on this machine, and for clients with a key. A forwarded request comes from elsewhere, and the
/// `Host` is checked because a web page's own name may resolve to this machine (DNS rebinding).
fn may_see_metrics(head: &Head, client: &ClientId, registry: &Registry) -> Result<(), Refusal> {
    let is_local = client.address.ip().is_loopback()
        && !is_forwarded(head)
        && head.text("host").is_some_and(is_loopback_host);
    let config = registry.config();
    let rules = Rules { required: true, ..registry.rules(&config) };
    if is_local { Ok(()) } else { admit(head, &rules).map(drop) }
}

/// Chooses one of the offered subprotocols (RFC 6455, section 4.2.2): some clients disconnect if none is chosen.
fn with_subprotocol(mut response: Response, head: &Head) -> Response {
    if let Some(value) = subprotocol(head).and_then(|chosen| HeaderValue::from_str(chosen).ok()) {
        response.headers_mut().insert("Sec-WebSocket-Protocol", value);
    }
    response
}

/// A request that waits for its answer. Methods that answer it consume it, so there is only one answer.
struct Exchange<'a> {
    connection: &'a Connection,
    socket: TimedStream,
    /// The client, as far as it is known.
    client: ClientId,
    /// Deadline for the client to disconnect after its answer.
    close_by: Instant,
    /// Whether the answer has a body, as all but those to `HEAD` do.
    with_body: bool,
}

impl Exchange<'_> {
    /// Sets what depends on the head: the client's own address, and whether the answer has a body.
    fn apply_head(&mut self, head: &Head, config: &Config) {
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

    /// Ends a connection whose head could not be read, with an answer if there can be one.
    #[inline(never)] // As `Head::read`.
    fn end_without_head(mut self, error: HeadError) {
        let Exchange { connection, client, .. } = &self;
        match error {
            _ if connection.state.displaced.load(Ordering::Acquire) => {
                log::debug!("Connection closed in favor of a newer one ... {client}");
            }
            HeadError::Refused { refusal, is_head } => {
                self.with_body = !is_head;
                self.refuse(&refusal);
            }
            HeadError::Silent(why) => log::debug!("Connection ended before a request ... {why} {client}"),
            HeadError::Gone(why) => log::info!("Connection ended before a request ... {why} {client}"),
        }
    }

    /// Counts, logs and sends a refusal.
    #[inline(never)] // As `Head::read`.
    fn refuse(self, refusal: &Refusal) {
        report_refusal(refusal, &self.connection.registry, &self.client);
        let response = refusal.response(self.with_body);
        self.answer(&response);
    }

    /// Sends an answer, and waits for the client to disconnect.
    #[inline(never)] // As `Head::read`.
    fn answer(mut self, response: &ErrorResponse) {
        let _ = self.socket.write_within(self.connection.registry.config().write_timeout);
        if write_answer(&mut self.socket, response).is_ok() {
            self.socket.finish();
            linger(self.connection, self.close_by, None);
        }
    }
}

/// Writes head and body in one piece, so that a short answer is a single packet.
fn write_answer(socket: &mut TimedStream, response: &ErrorResponse) -> io::Result<()> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).map_err(io::Error::other)?;
    bytes.extend_from_slice(response.body().as_deref().unwrap_or_default().as_bytes());
    socket.write_all(&bytes)
}

/// Counts and logs a refusal.
fn report_refusal(refusal: &Refusal, registry: &Registry, client: &ClientId) {
    registry.counters.refused(refusal);
    let detail = refusal.detail();
    log::log!(refusal.level(), "Connection refused ... {} {refusal}{detail} {client}", refusal.status());
}

/// Counts and logs the end of a conversation. Only a handler's own failure is an error.
fn report(ending: &Ending, registry: &Registry, client: &ClientId) {
    registry.counters.ended(ending);
    match ending {
        Ending::Closed => log::info!("Connection closed by client ... {client}"),
        Ending::Failed(_) | Ending::Panicked => log::error!("Connection ended ... {ending} {client}"),
        _ => log::info!("Connection ended ... {ending} {client}"),
    }
}

/// Shuts down the sending side, and discards what the client still sends until it disconnects, or until `close_by`.
/// `session_stream` is the stream of a finished conversation, if there was one.
#[inline(never)] // As `Head::read`.
fn linger(connection: &Connection, close_by: Instant, mut session_stream: Option<&mut GatheringStream>) {
    let Connection { stream, state, .. } = connection;
    let mut buffer = [0; 4096];
    let mut discarded = 0;
    // After a wake-up by `shutdown(Read)`, reads return at once, and input after the close is answered with a reset. The
    // client gets time to read the last frame before that.
    if state.stop_flags.abort().is_some() {
        discarded += discard_when_woken(stream, session_stream.as_deref_mut(), &mut buffer);
    }
    // After the client's Close nothing more comes, so a stop may wake the reads below.
    let has_closed = session_stream.is_some_and(|stream| stream.has_closed());
    state.lingers.store(!has_closed, Ordering::Release);
    if stream.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let close_by = close_by.min(Instant::now() + LINGER);
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

/// Discards input until the client has sent its Close, after which it sends nothing, or until it has sent something and then
/// nothing for a while. Reads do not wait here, and cannot detect that the client disconnected; but after a reset the socket
/// has no peer address any more. Returns the number of bytes.
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
            Some(session_stream) if session_stream.has_closed() => break,
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
