//! What all threads of a server share: the current settings, the open connections, permits and counters.

mod client_id;
mod guesses;
mod limit;
mod system_limits;

use std::{
    collections::HashMap,
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc, MutexGuard, Once, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crossbeam_channel::{Receiver, Sender};

use crate::{
    auth::Admission,
    config::Config,
    error::Error,
    lock::Lock,
    metrics::{Counters, Counts, Traffic},
    stream::StopFlags,
};
pub(crate) use client_id::ClientId;
use guesses::Guesses;
pub(crate) use limit::{AddressLimit, AddressPermit, ClientLimit, Permit, client_network};
pub(crate) use system_limits::warn_of_system_limits;

/// What all threads of a server share.
pub(crate) struct Registry {
    config: Lock<Arc<Config>>,
    /// Number of changes to `config`, by which a session notices a change without locking.
    generation: AtomicU64,
    local_addr: SocketAddr,
    /// New clients are refused, sessions continue.
    draining: AtomicBool,
    /// All connections end. Checked before each read.
    stop: Arc<AtomicBool>,
    /// A channel that closes when `stop` is set, for threads that wait without reading.
    pub(crate) stopping: Receiver<()>,
    pub(crate) counters: Counters,
    pub(crate) addresses: AddressLimit,
    pub(crate) clients: ClientLimit,
    pub(crate) guesses: Guesses,
    connections_so_far: AtomicU64,
    connections: Lock<HashMap<u64, Registered>>,
    /// Each session that can be woken has a clone.
    with_waker: Arc<()>,
    /// The system's limit when the first session got a waker.
    max_open_files: OnceLock<Option<usize>>,
    warned_of_wakers: Once,
}

/// The registry's view of a connection.
struct Registered {
    /// Weak, so that the descriptor is closed as soon as the connection's thread is done with it.
    stream: Weak<TcpStream>,
    state: Arc<ConnectionState>,
}

/// The state of a connection that its own thread shares with others.
#[derive(Default)]
pub(crate) struct ConnectionState {
    pub(crate) traffic: Traffic,
    pub(crate) stop_flags: StopFlags,
    /// The credentials and origin that it was admitted with; a reload checks them again.
    pub(crate) admission: OnceLock<Admission>,
    /// Whether everything has been sent, and the connection only waits for the client to disconnect.
    pub(crate) lingers: AtomicBool,
    /// Whether it was closed because a newer connection needs its reserved thread.
    pub(crate) displaced: AtomicBool,
}

impl Registered {
    /// Wakes its thread (`Shutdown::Read`) or cuts the connection (`Shutdown::Both`). A connection that
    /// lingers is not woken: its reads must go on, since the system would answer further input with a reset,
    /// which destroys the last frame on its way to the client.
    fn shut_down(&self, how: Shutdown) {
        if how == Shutdown::Read && self.state.lingers.load(Ordering::Acquire) {
            return;
        }
        if let Some(stream) = self.stream.upgrade() {
            let _ = stream.shutdown(how);
        }
    }
}

impl Registry {
    /// `stopping` is a channel that closes when the server stops.
    pub(crate) fn new(config: Config, local_addr: SocketAddr, stopping: Receiver<()>) -> Registry {
        Registry {
            local_addr,
            config: Lock::new(Arc::new(config)),
            generation: AtomicU64::new(0),
            counters: Counters::new(),
            clients: ClientLimit::default(),
            guesses: Guesses::default(),
            addresses: AddressLimit::default(),
            connections_so_far: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            stop: Arc::new(AtomicBool::new(false)),
            stopping,
            connections: Lock::default(),
            with_waker: Arc::default(),
            max_open_files: OnceLock::new(),
            warned_of_wakers: Once::new(),
        }
    }

    /// The current settings.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock())
    }

    /// The address that the server listens on.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Counts a session that can be woken for as long as it keeps the result. Warns once, when there are more
    /// of them than the system allows in addition to `max_clients` clients.
    pub(crate) fn count_waker(&self) -> Arc<()> {
        let counted = Arc::clone(&self.with_waker);
        if let Some(allowed) = *self.max_open_files.get_or_init(system_limits::max_open_files)
            && !self.warned_of_wakers.is_completed()
        {
            let (max_clients, count) = (self.config().max_clients, Arc::strong_count(&self.with_waker) - 1);
            if let Some(warning) = system_limits::warning_of_wakers(allowed, max_clients, count) {
                self.warned_of_wakers.call_once(|| log::warn!("{warning}"));
            }
        }
        counted
    }

    /// Number of reloads so far.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Counts and registers a new connection. `alive` is dropped together with it.
    pub(crate) fn register(
        self: &Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        alive: Sender<()>,
    ) -> Arc<Connection> {
        self.counters.accepted();
        let stop_flags = StopFlags { stop: Arc::clone(&self.stop), withdrawn: Arc::default() };
        let connection = Arc::new(Connection {
            registry: Arc::clone(self),
            stream: Arc::new(stream),
            number: self.connections_so_far.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            state: Arc::new(ConnectionState { stop_flags, ..ConnectionState::default() }),
            _alive: alive,
        });
        let registered =
            Registered { stream: Arc::downgrade(&connection.stream), state: Arc::clone(&connection.state) };
        self.connections().insert(connection.number, registered);
        connection
    }

    /// Replaces the settings, ends the sessions that the new ones would not admit, and returns the names of
    /// changed settings that need a restart.
    pub(crate) fn reload(&self, mut config: Config) -> Result<Vec<&'static str>, Error> {
        let mut current = self.config.lock();
        self.check_reload(&current, &config)?;
        let fixed = config.keep_fixed(&current);
        config.replies.share_buffers_of(&current.replies);
        let config = Arc::new(config);
        *current = Arc::clone(&config);
        drop(current);
        self.generation.fetch_add(1, Ordering::AcqRel);
        // A connection that is admitted meanwhile with the old settings checks itself in `bind_caller`.
        for connection in self.connections().values() {
            if connection.state.admission.get().is_some_and(|admission| !self.still_holds(admission, &config))
            {
                connection.state.stop_flags.withdrawn.store(true, Ordering::Release);
                connection.shut_down(Shutdown::Read);
            }
        }
        Ok(fixed)
    }

    /// Checks new settings against the listening address and `current`. Settings that need a restart keep
    /// their current values.
    pub(crate) fn check_reload(&self, current: &Config, new: &Config) -> Result<(), Error> {
        let is_local = self.local_addr.ip().is_loopback();
        new.check_exposure_at(self.local_addr, current.require_key)?;
        let requires_key = |config: &Config| current.require_key.unwrap_or(!is_local || config.has_keys());
        if requires_key(current) && !requires_key(new) {
            return Err(Error::config(vec![
                "without a key the server would accept every client; restart it if that is intended".into(),
            ]));
        }
        Ok(())
    }

    /// Whether these settings would admit a session again.
    pub(crate) fn still_holds(&self, admission: &Admission, config: &Config) -> bool {
        admission.still_holds(&config.rules(self.local_addr))
    }

    /// Whether all connections are to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Refuses new clients from now on, while sessions continue.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Ends all connections at their next read.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether new clients are refused.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<u64, Registered>> {
        self.connections.lock()
    }

    /// Wakes the threads of all connections (`Shutdown::Read`), or cuts all connections (`Shutdown::Both`).
    pub(crate) fn shut_down_connections(&self, how: Shutdown) {
        self.connections().values().for_each(|connection| connection.shut_down(how));
    }

    /// The counts of all connections, open or ended.
    pub(crate) fn counts(&self) -> Counts {
        // An ending connection moves its counts to the totals under the same lock, so none is missed or
        // counted twice.
        let connections = self.connections();
        let mut counts = self.counters.counts();
        connections.values().for_each(|connection| connection.state.traffic.add_to(&mut counts));
        counts.active = self.clients.in_use() as u64;
        counts
    }
}

/// An accepted connection. It is registered until it is dropped.
pub(crate) struct Connection {
    pub(crate) registry: Arc<Registry>,
    pub(crate) stream: Arc<TcpStream>,
    pub(crate) number: u64,
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<ConnectionState>,
    /// Sender of a channel that carries nothing: a stopping server waits until the last one is dropped.
    _alive: Sender<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Locked for both steps: see `counts`.
        let mut connections = self.registry.connections();
        connections.remove(&self.number);
        self.registry.counters.add(&self.state.traffic);
    }
}
