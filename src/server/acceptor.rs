//! Accepts connections and gives each its permits and its thread. It never reads, writes or waits for a peer.

use std::{
    cell::Cell,
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;

use super::{connection, reserved::Reserved};
use crate::{
    config::Config,
    http::{Refusal, counts_at_the_door},
    registry::{AddressPermit, Connection, Permit, Registry},
    session::{HandlerResult, Session},
};

/// Enough for tungstenite, the bot and a logger; untouched pages cost nothing.
pub(super) const STACK_BYTES: usize = 256 * 1024;

pub(super) type Handler = dyn Fn(&mut Session) -> HandlerResult + Send + Sync;

/// How long accepting rests when the system is out of descriptors or memory.
const REST: Duration = Duration::from_millis(100);

/// Accepts connections, and starts a thread for each, or hands it to a reserved one.
pub(super) struct Acceptor {
    registry: Arc<Registry>,
    handler: Arc<Handler>,
    reserved: Reserved,
    /// A connection keeps a clone: the stopping server waits until the last one is dropped.
    alive: Sender<()>,
    unanswered: Reports,
    without_thread: Reports,
}

impl Acceptor {
    pub(super) fn new(
        registry: &Arc<Registry>,
        handler: Arc<Handler>,
        alive: Sender<()>,
    ) -> io::Result<Acceptor> {
        Ok(Acceptor {
            registry: Arc::clone(registry),
            reserved: Reserved::open(registry, &handler)?,
            handler,
            alive,
            unanswered: Reports::default(),
            without_thread: Reports::default(),
        })
    }

    /// Starts the thread that accepts, until the server stops.
    pub(super) fn start(self, listener: TcpListener) -> io::Result<JoinHandle<()>> {
        let accepting = thread::Builder::new().name("accept".into()).stack_size(STACK_BYTES);
        accepting.spawn(move || self.accept_all(&listener))
    }

    /// Errors of one connection never end it.
    fn accept_all(&self, listener: &TcpListener) {
        let reports = Reports::default();
        while !self.registry.is_stopping() {
            match listener.accept() {
                Ok((stream, address)) => self.accept(stream, address),
                Err(_) if self.registry.is_stopping() => {}
                Err(error) if concerns_one_connection(&error) => {
                    log::debug!("a client left before it was accepted: {error}");
                }
                Err(error) => {
                    reports.at_most_once_a_second(|| log::error!("cannot accept clients: {error}"));
                    let _ = self.registry.stopping.recv_timeout(REST);
                }
            }
        }
    }

    fn accept(&self, stream: TcpStream, address: SocketAddr) {
        // Without it a short answer waits for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let address = plain(address);
        let connection = self.registry.register(stream, address, self.alive.clone());
        match Permits::acquire(&self.registry, address.ip()) {
            Ok(permits) => self.start_client(connection, permits),
            Err(refusal) => self.turn_away(connection, refusal),
        }
    }

    fn start_client(&self, connection: Arc<Connection>, permits: Permits) {
        let name = format!("client {}", connection.number);
        let started = thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn({
            let (connection, handler) = (Arc::clone(&connection), Arc::clone(&self.handler));
            move || connection::serve(&connection, Ok(permits), &*handler)
        });
        if let Err(error) = started {
            self.without_thread
                .at_most_once_a_second(|| log::error!("cannot start a thread for a client: {error}"));
            self.turn_away(connection, Refusal::Full);
        }
    }

    fn turn_away(&self, connection: Arc<Connection>, refusal: Refusal) {
        if self.reserved.serve(connection, refusal) {
            self.registry.counters.unanswered();
            self.unanswered
                .at_most_once_a_second(|| log::warn!("clients are closed unanswered: there are too many"));
        }
    }
}

/// Errors that Linux reports from `accept` for a connection that broke in the queue (accept(2)).
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    let kinds =
        [ConnectionAborted, ConnectionReset, Interrupted, TimedOut, HostUnreachable, NetworkUnreachable];
    kinds.contains(&error.kind())
}

/// A client's permits, as far as they are acquired when it is accepted.
pub(super) struct Permits {
    _client: Permit,
    /// `None` where the client's address is not known yet, or does not count.
    pub(super) address: Option<AddressPermit>,
}

impl Permits {
    fn acquire(registry: &Registry, address: IpAddr) -> Result<Permits, Refusal> {
        let Config { max_clients, max_clients_per_ip, trusted_proxies, .. } = &*registry.config();
        let client = registry.clients.acquire(*max_clients).ok_or(Refusal::Full)?;
        let counts = counts_at_the_door(address, trusted_proxies);
        let acquire =
            || registry.addresses.acquire(address, *max_clients_per_ip).ok_or(Refusal::TooManyFromAddress);
        Ok(Permits { _client: client, address: counts.then(acquire).transpose()? })
    }
}

/// What may happen a thousand times a second is logged once.
#[derive(Default)]
struct Reports(Cell<Option<Instant>>);

impl Reports {
    fn at_most_once_a_second(&self, report: impl FnOnce()) {
        if self.0.get().is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
            report();
            self.0.set(Some(Instant::now()));
        }
    }
}

/// A socket that listens for both shows an IPv4 address as an IPv6 one.
fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}
