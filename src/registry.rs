//! What all threads of a server share: the settings in force, the live connections, permits and counters.

mod client_id;
mod limit;

use std::{
    collections::HashMap,
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crossbeam_channel::{Receiver, Sender};

use crate::{
    auth::{Admission, Rules},
    config::Config,
    error::Error,
    metrics::{Counters, Counts, Traffic},
    stream::StopFlags,
};
pub(crate) use client_id::ClientId;
pub(crate) use limit::{AddressLimit, AddressPermit, ClientLimit, Permit, home};

/// What all threads of a server see.
pub(crate) struct Registry {
    config: Mutex<Arc<Config>>,
    /// Counts the changes of `config`, so that a session sees cheaply that there was one.
    generation: AtomicU64,
    local_addr: SocketAddr,
    /// Newcomers are refused, sessions go on.
    draining: AtomicBool,
    /// Everybody goes: looked at before each read.
    stop: Arc<AtomicBool>,
    /// The same as a channel that closes, for whoever waits for something else.
    pub(crate) stopping: Receiver<()>,
    pub(crate) counters: Counters,
    pub(crate) addresses: AddressLimit,
    pub(crate) clients: ClientLimit,
    connections_so_far: AtomicU64,
    connections: Mutex<HashMap<u64, Registered>>,
}

/// What is known of a connection from outside its thread.
struct Registered {
    /// Weak: a connection's thread owns its descriptor, and a second one for each client is not spent.
    stream: Weak<TcpStream>,
    state: Arc<ConnectionState>,
}

/// What a connection's thread and everybody else share of it.
#[derive(Default)]
pub(crate) struct ConnectionState {
    pub(crate) traffic: Traffic,
    pub(crate) stop_flags: StopFlags,
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
        if how == Shutdown::Read && self.state.lingers.load(Ordering::Acquire) {
            return;
        }
        if let Some(stream) = self.stream.upgrade() {
            let _ = stream.shutdown(how);
        }
    }
}

impl Registry {
    /// `stopping` is closed when everybody goes.
    pub(crate) fn new(config: Config, local_addr: SocketAddr, stopping: Receiver<()>) -> Registry {
        Registry {
            local_addr,
            config: Mutex::new(Arc::new(config)),
            generation: AtomicU64::new(0),
            counters: Counters::new(),
            clients: ClientLimit::default(),
            addresses: AddressLimit::default(),
            connections_so_far: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            stop: Arc::new(AtomicBool::new(false)),
            stopping,
            connections: Mutex::default(),
        }
    }

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

    /// What requests are judged by with these settings.
    pub(crate) fn rules<'a>(&self, config: &'a Config) -> Rules<'a> {
        let Config { keys, tokens, query_token, origins, .. } = config;
        Rules { keys, tokens, required: self.requires_key(config), query_token: *query_token, origins }
    }

    /// Counts a new connection and puts it into the registry; `alive` is dropped with it.
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

    /// Puts new settings in place of the old, and ends the sessions that would not come in with them.
    pub(crate) fn reload(&self, mut config: Config) -> Result<Vec<&'static str>, Error> {
        let mut current = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_reload(&current, &config)?;
        let fixed = config.keep_fixed(&current);
        config.replies.share_buffers_of(&current.replies);
        let config = Arc::new(config);
        *current = Arc::clone(&config);
        drop(current);
        self.generation.fetch_add(1, Ordering::AcqRel);
        for connection in self.connections().values() {
            if connection.state.admission.get().is_some_and(|admission| !self.still_holds(admission, &config))
            {
                connection.state.stop_flags.withdrawn.store(true, Ordering::Release);
                connection.shut_down(Shutdown::Read);
            }
        }
        Ok(fixed)
    }

    /// Judges new settings, of which those that need a restart stay as they are.
    pub(crate) fn check_reload(&self, current: &Config, new: &Config) -> Result<(), Error> {
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
        admission.still_holds(&self.rules(config))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// From now on newcomers are refused, and sessions go on.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// From now on everybody goes.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<u64, Registered>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shut_down_connections(&self, how: Shutdown) {
        self.connections().values().for_each(|connection| connection.shut_down(how));
    }

    pub(crate) fn counts(&self) -> Counts {
        // A connection that ends is moved from one to the other under the same lock, and is never missed.
        let connections = self.connections();
        let mut counts = self.counters.counts();
        connections.values().for_each(|connection| counts.add(&connection.state.traffic));
        counts.active = self.clients.taken() as u64;
        counts
    }
}

/// A connection just accepted. It stands in the registry until it is dropped.
pub(crate) struct Connection {
    pub(crate) registry: Arc<Registry>,
    pub(crate) stream: Arc<TcpStream>,
    pub(crate) number: u64,
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<ConnectionState>,
    /// The stopping server waits until the last of these is dropped.
    _alive: Sender<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut connections = self.registry.connections();
        connections.remove(&self.number);
        self.registry.counters.add(&self.state.traffic);
    }
}
