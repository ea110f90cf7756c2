//! The listener, a thread for each client, and the stop.

use std::{
    collections::HashMap,
    fmt, fs, io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    os::fd::OwnedFd,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::{
    Config, Counts, Error, HandlerResult, Session,
    auth::Admission,
    counters::{Counters, Traffic},
    door::{Door, accept_clients},
    seats::{AddressSeats, Seats},
    wire::Wishes,
};

/// Enough for tungstenite, the bot and a logger; untouched pages cost nothing.
pub(crate) const STACK_BYTES: usize = 256 * 1024;

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
        config.check_exposure_at(local_addr)?;
        if config.require_key == Some(true) && !config.has_keys() {
            log::warn!(
                "require_key is yes and there is neither a [key NAME] section nor a jwt_ file: nobody can come in"
            );
        }
        warn_of_system_limits(&config);
        #[cfg(feature = "tls")]
        if config.tls.as_ref().is_some_and(crate::Tls::has_expired) {
            log::warn!("tls_certificate has expired: clients will refuse it");
        }
        #[cfg(feature = "tls")]
        let scheme = if config.tls.is_some() { "wss" } else { "ws" };
        #[cfg(not(feature = "tls"))]
        let scheme = "ws";
        let (alive, all_ended) = bounded(0);
        let (stop_sender, stopping) = bounded(0);
        let shared = Arc::new(Shared {
            local_addr,
            config: Mutex::new(Arc::new(config)),
            generation: AtomicU64::new(0),
            handler: Box::new(handler),
            counters: Counters::new(),
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
        log::info!("Waiting for clients ... [{scheme}://{local_addr}]");
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

    /// The settings that hold now.
    pub fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// Puts new settings in place of those that hold, and returns the names of changed settings that need a restart:
    /// `listen`, `max_clients`, `max_clients_per_ip`, `trusted_proxies`, `require_key`, and TLS where it is switched on or off.
    ///
    /// Sessions go on and take the new settings with their next event. Those that would not come in now end at once with 1008: their
    /// key is not there any more or has run out, a key is needed and they have none, or their page's origin is not accepted.
    ///
    /// # Errors
    ///
    /// When a value is one that no server can work with, or a server that requires a key would be open to everybody. Then
    /// nothing has changed.
    pub fn reload(&self, config: Config) -> Result<Vec<&'static str>, Error> {
        let reloaded = config.checked().and_then(|config| self.shared.reload(config));
        self.shared.counters.reloaded(reloaded.is_ok());
        reloaded
    }

    /// Whether [`reload`](Running::reload) would accept these settings.
    ///
    /// # Errors
    ///
    /// As [`reload`](Running::reload).
    pub fn check_reload(&self, config: &Config) -> Result<(), Error> {
        config.check_values()?;
        self.shared.check_reload(&self.shared.config(), config)
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Takes that settings were read which were so bad that [`reload`](Running::reload) never saw them, so that the counts
    /// have it.
    pub fn tell_failed_reload(&self) {
        self.shared.counters.reloaded(false);
    }

    /// Takes how many log lines the program has lost in all, so that all counts are in one place: the library has no log
    /// of its own.
    pub fn tell_lost_log_lines(&self, count: u64) {
        self.shared.counters.set_log_lines_lost(count);
    }

    /// Stops the server, and returns when it has.
    ///
    /// For `drain_delay` sessions go on while newcomers get a 503. Then the port is given back and each session
    /// ends with Close 1001; what has not ended after `drain_timeout` is cut, and a handler that is stuck in its own
    /// code is left behind. That is `drain_delay` and `drain_timeout` in all at most.
    ///
    /// Mostly the second part takes milliseconds: as long as clients need to answer the Close. It takes up to a second where one
    /// does not answer it, or is in the middle of its request; two where one was told its last before, by a Close or by the
    /// answer to a plain request, and has not hung up; and a second longer where a handler sends all the time and never
    /// calls [`next`](Session::next). Only a handler that is busy or a client that does not read uses up `drain_timeout`.
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
    local_addr: SocketAddr,
    pub(crate) handler: Box<Handler>,
    /// Newcomers are refused, sessions go on.
    draining: AtomicBool,
    /// Everybody goes: looked at before each read.
    stop: Arc<AtomicBool>,
    /// The same as a channel that closes, for whoever waits for something else.
    pub(crate) stopping: Receiver<()>,
    pub(crate) counters: Counters,
    pub(crate) addresses: AddressSeats,
    pub(crate) seats: Seats,
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
    /// With what it came in.
    pub(crate) admission: OnceLock<Admission>,
    /// Whether it has said its last.
    pub(crate) lingers: AtomicBool,
    /// Whether its thread was taken from it for a newcomer.
    pub(crate) displaced: AtomicBool,
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
        config.require_key.unwrap_or(!self.local_addr.ip().is_loopback() || config.has_keys())
    }

    /// Counts a new connection and puts it into the registry; `alive` is dropped with it.
    pub(crate) fn register(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        alive: Sender<()>,
    ) -> Arc<Arrival> {
        self.counters.accepted();
        let wishes = Wishes { stop: Arc::clone(&self.stop), withdrawn: Arc::default() };
        let arrival = Arc::new(Arrival {
            shared: Arc::clone(self),
            stream: Arc::new(stream),
            number: self.arrivals.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            entry: Arc::new(RegistryEntry { wishes, ..RegistryEntry::default() }),
            _alive: alive,
        });
        let registered =
            Registered { stream: Arc::downgrade(&arrival.stream), entry: Arc::clone(&arrival.entry) };
        self.connections().insert(arrival.number, registered);
        arrival
    }

    /// Puts new settings in place of the old, and ends the sessions that would not come in with them.
    fn reload(&self, mut config: Config) -> Result<Vec<&'static str>, Error> {
        let mut current = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_reload(&current, &config)?;
        let fixed = config.keep_fixed(&current);
        let config = Arc::new(config);
        *current = Arc::clone(&config);
        drop(current);
        self.generation.fetch_add(1, Ordering::AcqRel);
        for connection in self.connections().values() {
            if connection.entry.admission.get().is_some_and(|admission| !self.still_holds(admission, &config))
            {
                connection.entry.wishes.withdrawn.store(true, Ordering::Release);
                connection.shut_down(Shutdown::Read);
            }
        }
        Ok(fixed)
    }

    /// Judges new settings, of which those that need a restart stay as they are.
    fn check_reload(&self, current: &Config, new: &Config) -> Result<(), Error> {
        let is_local = self.local_addr.ip().is_loopback();
        new.check_exposure_with(self.local_addr, current.require_key)?;
        let requires_key = |config: &Config| current.require_key.unwrap_or(!is_local || config.has_keys());
        if requires_key(current) && !requires_key(new) {
            return Err(Error::config(vec![
                "without a key the server would be open to everybody; restart it if that is meant".into(),
            ]));
        }
        Ok(())
    }

    /// Whether a session would come in with these settings too.
    pub(crate) fn still_holds(&self, admission: &Admission, config: &Config) -> bool {
        admission.still_holds(config, self.requires_key(config))
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

    pub(crate) fn counts(&self) -> Counts {
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
