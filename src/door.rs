//! The door: accepts connections, and gives each a place and a thread. It never reads, writes or waits for a peer.

use std::{
    cell::Cell,
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;

use crate::{
    Config, connection,
    forwarded::counts_at_the_door,
    refusal::Refusal,
    reserved::Reserved,
    seats::{AddressSeat, Seat},
    server::{Arrival, STACK_BYTES, Shared},
};

/// How long accepting rests when the system is out of descriptors or memory.
const REST: Duration = Duration::from_millis(100);

/// Accepts until the server stops; errors of one connection never end it.
pub(crate) fn accept_clients(listener: &TcpListener, shared: &Arc<Shared>, door: &Door) {
    let reports = Reports::default();
    while !shared.is_stopping() {
        match listener.accept() {
            Ok((stream, address)) => door.welcome(shared, stream, address),
            Err(_) if shared.is_stopping() => {}
            Err(error) if concerns_one_connection(&error) => {
                log::debug!("a client left before it came in: {error}")
            }
            Err(error) => {
                reports.at_most_once_a_second(|| log::error!("cannot accept clients: {error}"));
                let _ = shared.stopping.recv_timeout(REST);
            }
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

/// A client's places in the house, as far as they are taken at the door.
pub(crate) struct Places {
    _seat: Seat,
    /// `None` where the client's address is not known yet, or does not count.
    pub(crate) address: Option<AddressSeat>,
}

impl Places {
    fn take(shared: &Shared, address: IpAddr) -> Result<Places, Refusal> {
        let Config { max_clients, max_clients_per_ip, trusted_proxies, .. } = &*shared.config();
        let seat = shared.seats.take(*max_clients).ok_or(Refusal::Full)?;
        let counts = counts_at_the_door(address, trusted_proxies);
        let take = || shared.addresses.take(address, *max_clients_per_ip).ok_or(Refusal::TooManyFromAddress);
        Ok(Places { _seat: seat, address: counts.then(take).transpose()? })
    }
}

/// Where arrivals go: to a thread of their own, or to a reserved one.
pub(crate) struct Door {
    reserved: Reserved,
    alive: Sender<()>,
    unanswered: Reports,
    without_thread: Reports,
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

impl Door {
    pub(crate) fn open(shared: &Arc<Shared>, alive: Sender<()>) -> io::Result<Door> {
        let reserved = Reserved::open(shared)?;
        Ok(Door { reserved, alive, unanswered: Reports::default(), without_thread: Reports::default() })
    }

    fn welcome(&self, shared: &Arc<Shared>, stream: TcpStream, address: SocketAddr) {
        // Without it a short answer waits for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let address = plain(address);
        let arrival = shared.register(stream, address, self.alive.clone());
        match Places::take(shared, address.ip()) {
            Ok(places) => self.serve(arrival, places),
            Err(refusal) => self.turn_away(arrival, refusal),
        }
    }

    fn serve(&self, arrival: Arc<Arrival>, places: Places) {
        let client =
            thread::Builder::new().name(format!("client {}", arrival.number)).stack_size(STACK_BYTES);
        let started = client.spawn({
            let arrival = Arc::clone(&arrival);
            move || connection::serve(&arrival, Ok(places))
        });
        if let Err(error) = started {
            self.without_thread
                .at_most_once_a_second(|| log::error!("cannot start a thread for a client: {error}"));
            self.turn_away(arrival, Refusal::Full);
        }
    }

    fn turn_away(&self, arrival: Arc<Arrival>, refusal: Refusal) {
        let shared = Arc::clone(&arrival.shared);
        if self.reserved.serve(arrival, refusal) {
            shared.counters.unanswered();
            self.unanswered
                .at_most_once_a_second(|| log::warn!("clients are closed unanswered: there are too many"));
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
