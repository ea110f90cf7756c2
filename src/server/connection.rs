//! The life of a connection, from the first byte to the last: head, route, upgrade, session, close.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    admission::{Admitted, bind_caller, upgraded},
    exchange::{Exchange, report_refusal},
    linger::linger,
    permits::Permits,
    plain_request::answer_to,
    program::Program,
    route::{Route, route},
};
use crate::{
    config::Config,
    http::{Head, Refusal},
    registry::{ClientId, Connection, Permit, Registry},
    session::{Opening, Session},
    stream::{Ending, GatheringStream, SharedTransport, TimedStream},
};

/// Stack size of a connection's thread: enough for tungstenite, the bot and a logger. Untouched pages cost
/// nothing.
pub(super) const STACK_BYTES: usize = 256 * 1024;

/// Time limit for a connection on a reserved thread, which others may be waiting for.
const RESERVED_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves a connection for its whole life.
///
/// One without permits (because the server is full, say) is read as well. If its request needs no permit, it
/// gets the usual answer, otherwise the given refusal. An answer that is sent before the head was read could
/// be lost to a reset.
pub(super) fn serve(connection: &Arc<Connection>, permits: Result<Permits, Refusal>, program: &Arc<Program>) {
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
    // A program may take long to make its answer, after which the client has as much time as any other.
    let close_by = permits.is_err().then_some(deadline);
    let mut exchange = Exchange { connection, socket, client, close_by, with_body: true };
    let (head, leftover) = match Head::read(&mut exchange.socket) {
        Ok(read) => read,
        Err(error) => return exchange.end_without_head(error),
    };
    exchange.apply_head(&head, &config);

    let upgrade = match route(&head) {
        Ok(Route::Upgrade(upgrade)) => upgrade,
        Ok(plain) => {
            return match answer_to(&plain, &head, &exchange, &permits, program) {
                Ok(response) => exchange.answer(&response),
                Err(refusal) => exchange.refuse(&refusal),
            };
        }
        Err(refusal) => return exchange.refuse(&refusal),
    };

    let Exchange { socket, mut client, .. } = exchange;
    let mut stream = GatheringStream::new(socket, upgrade.canonical_head(), leftover, config.write_timeout);
    let admitted = match upgraded(&mut stream, &head, &client, connection, &permits, program) {
        (true, Ok(admitted)) => admitted,
        (_, Err(refusal)) => {
            report_refusal(&refusal, registry, &client);
            stream.timed.finish();
            return linger(connection, close_by, None);
        }
        // Admitted, but the client disconnected before it got the answer.
        (false, Ok(_)) => return log::info!("Connection ended during the upgrade ... {client}"),
    };
    let Admitted { admission, name, subprotocol, value, _address_permit, role_permit } = *admitted;
    client.caller = name;
    bind_caller(admission, connection);
    let opening = Opening { target: head.target().without_secrets(), subprotocol, value };
    // They are not needed any more, and would cost memory for as long as the session lasts.
    drop((head, config));
    log::info!("Connection established with client ... {client}");

    match permits {
        Ok(_permits) => converse(stream, connection, &client, opening, program),
        Err(_) => converse_elsewhere(stream, connection, &client, opening, program, role_permit),
    }
}

/// The conversation of a client with a role on a full server, on a thread of its own: others wait for the
/// reserved thread.
#[inline(never)] // As `Head::read`.
fn converse_elsewhere(
    stream: GatheringStream,
    connection: &Arc<Connection>,
    client: &ClientId,
    opening: Opening,
    program: &Arc<Program>,
    role_permit: Option<Permit>,
) {
    let started = thread::Builder::new().name(format!("client {}", client.number)).stack_size(STACK_BYTES);
    let started = started.spawn({
        let (connection, client, program) = (Arc::clone(connection), client.clone(), Arc::clone(program));
        move || {
            let _permit = role_permit;
            converse(stream, &connection, &client, opening, &program);
        }
    });
    if let Err(error) = started {
        log::error!("cannot start a thread for a client: {error} {client}");
    }
}

/// The second half of a connection's life: the conversation and its end.
#[inline(never)] // As `Head::read`: so that it reuses the stack of the upgrade.
fn converse(
    stream: GatheringStream,
    connection: &Arc<Connection>,
    client: &ClientId,
    opening: Opening,
    program: &Program,
) {
    let mut session = Session::new(stream, Arc::clone(connection), client.clone(), opening);
    // Unwind safe: after a panic the session is only closed.
    let handled = catch_unwind(AssertUnwindSafe(|| (program.handler)(&mut session)));
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
        linger(connection, None, Some(session.stream()));
    }
}

/// The connection's transport: TLS if there is a certificate, or else plain TCP.
#[inline(never)] // As `Head::read`.
fn transport(connection: &Connection, config: &Config) -> io::Result<SharedTransport> {
    match &config.tls {
        Some(tls) => tls.accept(&connection.stream, config.handshake_timeout),
        None => Ok(Arc::clone(&connection.stream) as SharedTransport),
    }
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
