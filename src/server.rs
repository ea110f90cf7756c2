//! The listener, a thread for each client, and the stop.

use std::{
    cell::Cell,
    collections::HashMap,
    fmt, fs, io,
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::{
    Config, Counts, Error, HandlerResult, Key, Session, connection,
    counters::{Counters, Traffic},
    forwarded::counts_at_the_door,
    refusal::Refusal,
    seats::{AddressSeat, AddressSeats, Seat, Seats},
    wire::Wishes,
};

/// Enough for tungstenite, the bot and a logger; untouched pages cost nothing.
const STACK_BYTES: usize = 256 * 1024;
/// Threads started in advance that answer when the house is full, or when the system gives no more threads.
const RESERVED_SEATS: usize = 8;
/// How long accepting rests when the system is out of descriptors or memory.
const REST: Duration = Duration::from_millis(100);

pub(crate) type Handler = dyn Fn(&mut Session) -> HandlerResult + Send + Sync;

/// A server that has its port and waits to be started.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    config: Config,
}

impl Server {
    /// Takes a port, with all other settings at their defaults. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Server, Error> {
        let listener = TcpListener::bind(address).map_err(|error| Error::io("cannot listen", error))?;
        Server::new(listener, Config::default())
    }

    /// Takes the port that `config` names.
    ///
    /// # Errors
    ///
    /// When the address cannot be had, or the configuration has a value that no server can work with.
    pub fn with_config(config: Config) -> Result<Server, Error> {
        let listener = TcpListener::bind(&config.listen).map_err(|error| {
            let what = format!("cannot listen on {}", config.listen);
            match error.kind() {
                io::ErrorKind::InvalidInput => Error::config(vec![format!("{what}: write ADDRESS:PORT")]),
                _ => Error::io(what, error),
            }
        })?;
        Server::new(listener, config)
    }

    fn new(listener: TcpListener, config: Config) -> Result<Server, Error> {
        let local_addr = listener.local_addr().map_err(|error| Error::io("cannot listen", error))?;
        Ok(Server { listener, local_addr, config: config.checked()? })
    }

    /// The address and port that it has.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Starts to serve: from now on `handler` runs once for each client, on a thread of its own.
    ///
    /// The handler owns the conversation. When it returns, the conversation ends; an error or a panic ends it with
    /// 1011 and nobody else notices. Its stack is 256 KiB; whoever needs more of it, for a deep recursion say, must start
    /// a thread of their own, since a stack that overflows ends the whole process.
    ///
    /// # Errors
    ///
    /// When the address can be reached from other machines and neither a key nor
    /// [`require_key`](Config::require_key) is set, or when the system gives no threads.
    pub fn start<H>(self, handler: H) -> Result<Running, Error>
    where
        H: Fn(&mut Session) -> HandlerResult + Send + Sync + 'static,
    {
        let Server { listener, local_addr, config } = self;
        check_exposure(&config, local_addr)?;
        warn_of_system_limits(&config);
        let (alive, all_ended) = bounded(0);
        let (stop_sender, stopping) = bounded(0);
        let shared = Arc::new(Shared {
            is_loopback: local_addr.ip().is_loopback(),
            config: Mutex::new(Arc::new(config)),
            generation: AtomicU64::new(0),
            handler: Box::new(handler),
            counters: Counters::default(),
            seats: Seats::default(),
            addresses: AddressSeats::default(),
            arrivals: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            stop: Arc::new(AtomicBool::new(false)),
            stopping,
            connections: Mutex::default(),
        });
        let no_thread = |error| Error::io("cannot start a thread", error);
        // Made now: when it is needed, the system may have no descriptor left.
        let waker = listener.try_clone().map_err(|error| Error::io("cannot listen", error))?;
        let waker = TcpStream::from(OwnedFd::from(waker));
        let door = Door::open(&shared, alive).map_err(no_thread)?;
        let accepting = thread::Builder::new()
            .name("accept".into())
            .stack_size(STACK_BYTES)
            .spawn({
                let shared = Arc::clone(&shared);
                move || accept_clients(&listener, &shared, &door)
            })
            .map_err(no_thread)?;
        log::info!("Waiting for clients ... [ws://{local_addr}]");
        Ok(Running {
            shared,
            local_addr,
            waker,
            accepting: Some(accepting),
            stop_sender: Some(stop_sender),
            all_ended,
        })
    }
}

/// A server at work. Dropping it stops it.
pub struct Running {
    shared: Arc<Shared>,
    local_addr: SocketAddr,
    /// The listening socket, as the type whose `shutdown` std offers.
    waker: TcpStream,
    accepting: Option<JoinHandle<()>>,
    stop_sender: Option<Sender<()>>,
    all_ended: Receiver<()>,
}

impl Running {
    /// The address and port that it has.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.shared.seats.taken()
    }

    /// Puts new settings in place of those that hold, and returns the names of changed settings that need a restart:
    /// `listen`, `max_clients`, `max_clients_per_ip`, `trusted_proxies` and `require_key`.
    ///
    /// Sessions go on and take the new settings with their next event. Those of keys that are not there any more end at
    /// once with 1008.
    ///
    /// # Errors
    ///
    /// When a value is one that no server can work with, or a server that requires a key would be open to everybody. Then
    /// nothing has changed.
    pub fn reload(&self, config: Config) -> Result<Vec<&'static str>, Error> {
        self.shared.reload(config.checked()?)
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Stops the server, and returns when it has.
    ///
    /// For `drain_delay` sessions go on while newcomers get a 503. Then the port is given back and each session
    /// ends with Close 1001; what has not ended after `drain_timeout` is cut, and a handler that is stuck in its own
    /// code is left behind.
    pub fn stop(self) {}

    fn end(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.draining.store(true, Ordering::Release);
        let config = self.shared.config();
        thread::sleep(config.drain_delay);

        self.shared.stop.store(true, Ordering::Release);
        self.stop_sender = None;
        // A listening socket that is shut down wakes its blocked `accept`.
        let _ = self.waker.shutdown(Shutdown::Both);
        let _ = accepting.join();

        self.shared.shut_down_connections(Shutdown::Read);
        if self.all_ended.recv_timeout(config.drain_timeout) == Err(RecvTimeoutError::Timeout) {
            log::warn!("{} clients did not end within drain_timeout and are cut", self.clients());
            self.shared.shut_down_connections(Shutdown::Both);
        }
        log::info!("Stopped");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// What all threads of a server see.
pub(crate) struct Shared {
    config: Mutex<Arc<Config>>,
    /// Counts the changes of `config`, so that a session sees cheaply that there was one.
    generation: AtomicU64,
    is_loopback: bool,
    pub(crate) handler: Box<Handler>,
    /// Newcomers are refused, sessions go on.
    draining: AtomicBool,
    /// Everybody goes: looked at before each read.
    stop: Arc<AtomicBool>,
    /// The same as a channel that closes, for whoever waits for something else.
    pub(crate) stopping: Receiver<()>,
    pub(crate) counters: Counters,
    pub(crate) addresses: AddressSeats,
    seats: Seats,
    arrivals: AtomicU64,
    connections: Mutex<HashMap<u64, Registered>>,
}

/// What is known of a connection from outside its thread.
struct Registered {
    /// Weak: a connection's thread owns its descriptor, and a second one for each client is not spent.
    stream: Weak<TcpStream>,
    entry: Arc<RegistryEntry>,
}

/// What a connection's thread and everybody else share of it.
#[derive(Default)]
pub(crate) struct RegistryEntry {
    pub(crate) traffic: Traffic,
    pub(crate) wishes: Wishes,
    /// With which it came in.
    pub(crate) key: OnceLock<Key>,
    /// Whether it has said its last.
    pub(crate) lingers: AtomicBool,
}

impl Registered {
    /// Wakes its thread (`Shutdown::Read`) or cuts it (`Shutdown::Both`). One that lingers has sent its last: then the system
    /// would answer what still comes with a reset, and need not be woken.
    fn shut_down(&self, how: Shutdown) {
        if how == Shutdown::Read && self.entry.lingers.load(Ordering::Acquire) {
            return;
        }
        if let Some(stream) = self.stream.upgrade() {
            let _ = stream.shutdown(how);
        }
    }
}

impl Shared {
    /// The settings that hold now.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn requires_key(&self, config: &Config) -> bool {
        config.require_key.unwrap_or(!self.is_loopback || !config.keys.is_empty())
    }

    /// Puts new settings in place of the old, and ends the sessions of keys that they do not have any more.
    fn reload(&self, mut config: Config) -> Result<Vec<&'static str>, Error> {
        let mut current = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let fixed = config.keep_fixed(&current);
        if self.requires_key(&current) && !self.requires_key(&config) {
            return Err(Error::config(vec![
                "without a key the server would be open to everybody; restart it if that is meant".into(),
            ]));
        }
        let config = Arc::new(config);
        *current = Arc::clone(&config);
        drop(current);
        self.generation.fetch_add(1, Ordering::AcqRel);
        for connection in self.connections().values() {
            if connection.entry.key.get().is_some_and(|key| !key.is_among(&config.keys)) {
                connection.entry.wishes.withdrawn.store(true, Ordering::Release);
                connection.shut_down(Shutdown::Read);
            }
        }
        Ok(fixed)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<u64, Registered>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shut_down_connections(&self, how: Shutdown) {
        self.connections().values().for_each(|connection| connection.shut_down(how));
    }

    fn counts(&self) -> Counts {
        // A connection that ends is moved from one to the other under the same lock, and is never missed.
        let connections = self.connections();
        let mut counts = self.counters.counts();
        connections.values().for_each(|connection| counts.add(&connection.entry.traffic));
        counts.active = self.seats.taken() as u64;
        counts
    }
}

/// A connection just accepted. It stands in the registry until it is dropped.
pub(crate) struct Arrival {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stream: Arc<TcpStream>,
    pub(crate) number: u64,
    pub(crate) address: SocketAddr,
    pub(crate) entry: Arc<RegistryEntry>,
    /// The stopping server waits until the last of these is dropped.
    _alive: Sender<()>,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut connections = self.shared.connections();
        connections.remove(&self.number);
        self.shared.counters.add(&self.entry.traffic);
    }
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

/// Where arrivals go: to a thread of their own, or to one of the reserved seats.
struct Door {
    reserved: Sender<(Arc<Arrival>, Refusal)>,
    alive: Sender<()>,
    reports: Reports,
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
    fn open(shared: &Arc<Shared>, alive: Sender<()>) -> io::Result<Door> {
        // Without room of its own the channel takes an arrival only while a reserved thread waits for it.
        let (reserved, arrivals) = bounded::<(Arc<Arrival>, Refusal)>(0);
        for number in 1..=RESERVED_SEATS {
            let arrivals = arrivals.clone();
            let shared = Arc::clone(shared);
            thread::Builder::new().name(format!("reserved {number}")).stack_size(STACK_BYTES).spawn(
                move || {
                    let _shared = shared;
                    arrivals.iter().for_each(|(arrival, refusal)| connection::serve(&arrival, Err(refusal)));
                },
            )?;
        }
        Ok(Door { reserved, alive, reports: Reports::default() })
    }

    fn welcome(&self, shared: &Arc<Shared>, stream: TcpStream, address: SocketAddr) {
        // Without it a short answer waits for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        shared.counters.accepted();
        let wishes = Wishes { stop: Arc::clone(&shared.stop), withdrawn: Arc::default() };
        let arrival = Arc::new(Arrival {
            shared: Arc::clone(shared),
            stream: Arc::new(stream),
            number: shared.arrivals.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            entry: Arc::new(RegistryEntry { wishes, ..RegistryEntry::default() }),
            _alive: self.alive.clone(),
        });
        let registered =
            Registered { stream: Arc::downgrade(&arrival.stream), entry: Arc::clone(&arrival.entry) };
        shared.connections().insert(arrival.number, registered);
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
            log::error!("cannot start a thread for a client: {error}");
            self.turn_away(arrival, Refusal::Full);
        }
    }

    /// When the reserved seats are taken too, the connection is closed unanswered.
    fn turn_away(&self, arrival: Arc<Arrival>, refusal: Refusal) {
        let shared = Arc::clone(&arrival.shared);
        if self.reserved.try_send((arrival, refusal)).is_err() {
            shared.counters.unanswered();
            self.reports
                .at_most_once_a_second(|| log::warn!("clients are closed unanswered: there are too many"));
        }
    }
}

fn accept_clients(listener: &TcpListener, shared: &Arc<Shared>, door: &Door) {
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

/// A server that others can reach is not open to all by oversight.
fn check_exposure(config: &Config, address: SocketAddr) -> Result<(), Error> {
    if config.require_key == Some(true) && config.keys.is_empty() {
        log::warn!("require_key is yes and there is no [key NAME] section: nobody can come in");
    }
    if address.ip().is_loopback() || !config.keys.is_empty() || config.require_key.is_some() {
        return Ok(());
    }
    Err(Error::config(vec![format!(
        "{address} can be reached from other machines and no key is set: add a [key NAME] section ('replyd key new NAME' \
         makes one), or write 'require_key = no' under [auth] to let everybody in"
    )]))
}

/// Warns when the system will refuse clients before `max_clients` does.
fn warn_of_system_limits(config: &Config) {
    let Ok(limits) = fs::read_to_string("/proc/self/limits") else { return };
    for (name, what) in [("Max open files", "open files"), ("Max processes", "threads")] {
        let soft = limits
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<usize>().ok());
        if let Some(allowed) = soft.filter(|allowed| *allowed < config.max_clients.saturating_add(32)) {
            log::warn!(
                "max_clients is {}, but the system allows this process {allowed} {what}",
                config.max_clients
            );
        }
    }
}
