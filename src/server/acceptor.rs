//! Accepts connections, and acquires the permits and the thread for each. It never reads, writes or waits for
//! a peer, so that no client can hold up another one here.

use std::{
    cell::Cell,
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;

use super::{
    connection::{self, STACK_BYTES},
    permits::Permits,
    program::Program,
    reserved::Reserved,
};
use crate::{
    http::Refusal,
    registry::{Connection, Registry},
};

/// Delay before the next attempt when the system is out of descriptors or memory.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Accepts connections, and starts a thread for each one or passes it to a reserved thread.
pub(super) struct Acceptor {
    registry: Arc<Registry>,
    program: Arc<Program>,
    reserved: Reserved,
    /// Cloned for each connection: a stopping server waits until the last clone is dropped.
    alive: Sender<()>,
    overloaded: Reports,
    without_thread: Reports,
}

impl Acceptor {
    pub(super) fn new(
        registry: &Arc<Registry>,
        program: Arc<Program>,
        alive: Sender<()>,
    ) -> io::Result<Acceptor> {
        Ok(Acceptor {
            registry: Arc::clone(registry),
            reserved: Reserved::open(registry, &program)?,
            program,
            alive,
            overloaded: Reports::default(),
            without_thread: Reports::default(),
        })
    }

    /// Starts the thread that accepts connections until the server stops.
    pub(super) fn start(self, listener: TcpListener) -> io::Result<JoinHandle<()>> {
        let accepting = thread::Builder::new().name("accept".into()).stack_size(STACK_BYTES);
        accepting.spawn(move || self.accept_all(&listener))
    }

    /// Runs until the server stops; no error ends it.
    fn accept_all(&self, listener: &TcpListener) {
        let reports = Reports::default();
        while !self.registry.is_stopping() {
            match listener.accept() {
                Ok((stream, address)) => self.accept(stream, address),
                Err(_) if self.registry.is_stopping() => {}
                Err(error) if concerns_one_connection(&error) => {
                    log::debug!("a client disconnected before it was accepted: {error}");
                }
                Err(error) => {
                    reports.at_most_once_a_second(|| log::error!("cannot accept clients: {error}"));
                    let _ = self.registry.stopping.recv_timeout(RETRY_DELAY);
                }
            }
        }
    }

    fn accept(&self, stream: TcpStream, address: SocketAddr) {
        // Otherwise a short reply waits until the previous one is acknowledged (Nagle's algorithm).
        let _ = stream.set_nodelay(true);
        let address = canonical(address);
        let connection = self.registry.register(stream, address, self.alive.clone());
        match Permits::acquire(&self.registry, address.ip()) {
            Ok(permits) => self.start_client(connection, permits),
            Err(refusal) => self.refuse(connection, refusal),
        }
    }

    /// Starts the client's thread. If the system has none left, the permits are dropped with the closure, and
    /// a reserved thread sends the refusal.
    fn start_client(&self, connection: Arc<Connection>, permits: Permits) {
        let name = format!("client {}", connection.number);
        let started = thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn({
            let (connection, program) = (Arc::clone(&connection), Arc::clone(&self.program));
            move || connection::serve(&connection, Ok(permits), &program)
        });
        if let Err(error) = started {
            self.without_thread
                .at_most_once_a_second(|| log::error!("cannot start a thread for a client: {error}"));
            self.refuse(connection, Refusal::Full);
        }
    }

    /// Has a reserved thread send the refusal, so that a client that does not read cannot block this thread.
    fn refuse(&self, connection: Arc<Connection>, refusal: Refusal) {
        if self.reserved.serve(connection, refusal) {
            self.registry.counters.overloaded();
            self.overloaded.at_most_once_a_second(|| {
                log::warn!("connections are closed without a response: there are too many")
            });
        }
    }
}

/// Whether an error of `accept` is about one connection that broke in the queue, and not about the listener:
/// see accept(2).
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    let kinds =
        [ConnectionAborted, ConnectionReset, Interrupted, TimedOut, HostUnreachable, NetworkUnreachable];
    kinds.contains(&error.kind())
}

/// Limits the rate of a log message about something that may happen thousands of times a second.
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

/// Undoes the mapping of IPv4 addresses to IPv6 ones by a socket that listens for both.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}
