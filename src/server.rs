//! The server: binding, starting, reloading and stopping it.

mod acceptor;
mod connection;
mod reserved;
mod route;

use std::{
    fmt, fs, io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    os::fd::OwnedFd,
    sync::Arc,
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::{
    config::Config,
    error::Error,
    metrics::Counts,
    registry::Registry,
    session::{HandlerResult, Session},
    stream::Tls,
};
use acceptor::Acceptor;

/// A server that is bound to its port but does not accept clients yet.
///
/// Clients that connect before [`start`](Server::start) wait in the system's queue.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    config: Config,
}

impl Server {
    /// Binds to `address`, with all other settings at their defaults. Port 0 lets the system choose a free port.
    ///
    /// # Errors
    ///
    /// When the address is in use, or is not one of this machine.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Server, Error> {
        let listener = TcpListener::bind(address).map_err(|error| Error::io("cannot listen", error))?;
        Server::new(listener, Config::default())
    }

    /// Binds to the address [`listen`](Config::listen) of `config`.
    ///
    /// # Errors
    ///
    /// When the address is invalid, in use, or not one of this machine, or when a setting has an invalid value.
    pub fn with_config(config: Config) -> Result<Server, Error> {
        let listener = TcpListener::bind(&config.listen).map_err(|error| {
            let what = format!("cannot listen on {}", config.listen);
            match error.kind() {
                io::ErrorKind::InvalidInput => Error::config(vec![format!("{what}: expected ADDRESS:PORT")]),
                _ => Error::io(what, error),
            }
        })?;
        Server::new(listener, config)
    }

    fn new(listener: TcpListener, config: Config) -> Result<Server, Error> {
        let local_addr = listener.local_addr().map_err(|error| Error::io("cannot listen", error))?;
        Ok(Server { listener, local_addr, config: config.checked()? })
    }

    /// The address and port that the server is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Starts the server, and returns at once. From now on `handler` runs once for each client, on a separate thread.
    ///
    /// The handler owns the conversation, which ends when it returns: with close code 1000 after `Ok`, with 1011 after an
    /// error or a panic. Other clients are not affected. The thread's stack has 256 KiB, and an overflow ends the whole
    /// process, so a handler that needs more (for deep recursion, say) must start its own thread.
    ///
    /// # Errors
    ///
    /// When the address can be reached from other machines and neither a key nor
    /// [`require_key`](Config::require_key) is set, or when the system cannot start a thread.
    pub fn start<H>(self, handler: H) -> Result<RunningServer, Error>
    where
        H: Fn(&mut Session) -> HandlerResult + Send + Sync + 'static,
    {
        let Server { listener, local_addr, config } = self;
        config.check_exposure_at(local_addr)?;
        if config.require_key == Some(true) && !config.has_keys() {
            log::warn!(
                "require_key is yes and there is neither a [key NAME] section nor a jwt_ file: no client can connect"
            );
        }
        warn_of_system_limits(&config);
        if config.tls.as_ref().is_some_and(Tls::has_expired) {
            log::warn!("tls_certificate has expired: clients will refuse it");
        }
        let scheme = if config.tls.is_some() { "wss" } else { "ws" };
        let (alive, all_ended) = bounded(0);
        let (stop_sender, stopping) = bounded(0);
        let registry = Arc::new(Registry::new(config, local_addr, stopping));
        let no_thread = |error| Error::io("cannot start a thread", error);
        // Cloned in advance: at the stop the system may have no descriptor left.
        let waker = listener.try_clone().map_err(|error| Error::io("cannot listen", error))?;
        let waker = TcpStream::from(OwnedFd::from(waker));
        let acceptor = Acceptor::new(&registry, Arc::new(handler), alive).map_err(no_thread)?;
        let accepting = acceptor.start(listener).map_err(no_thread)?;
        log::info!("Waiting for clients ... [{scheme}://{local_addr}]");
        Ok(RunningServer {
            registry,
            local_addr,
            waker,
            accepting: Some(accepting),
            stop_sender: Some(stop_sender),
            all_ended,
        })
    }
}

/// A running server. Dropping it stops the server, as [`stop`](RunningServer::stop) does.
#[must_use = "dropping it stops the server"]
pub struct RunningServer {
    registry: Arc<Registry>,
    local_addr: SocketAddr,
    /// The listening socket, as a `TcpStream`: std offers `shutdown` for no other type.
    waker: TcpStream,
    accepting: Option<JoinHandle<()>>,
    stop_sender: Option<Sender<()>>,
    all_ended: Receiver<()>,
}

impl RunningServer {
    /// The address and port that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Number of clients that hold a permit of [`max_clients`](Config::max_clients), including those whose upgrade is not
    /// complete.
    pub fn clients(&self) -> usize {
        self.registry.clients.in_use()
    }

    /// The current settings.
    pub fn config(&self) -> Arc<Config> {
        self.registry.config()
    }

    /// Replaces the settings, and returns the names of changed settings that need a restart and keep their values: `listen`,
    /// `max_clients`, `max_clients_per_ip`, `trusted_proxies`, `require_key`, and TLS if it was switched on or off.
    ///
    /// Sessions continue, and use the new settings from their next event on. Those that the new settings would not admit end
    /// at once with close code 1008: their key was removed or has expired, they have no key although one is required now,
    /// or their page's origin is no longer accepted.
    ///
    /// # Errors
    ///
    /// When a setting has an invalid value, or when the server requires a key now but would not any longer. Then
    /// nothing changes.
    pub fn reload(&self, config: Config) -> Result<Vec<&'static str>, Error> {
        let reloaded = config.checked().and_then(|config| self.registry.reload(config));
        self.registry.counters.reloaded(reloaded.is_ok());
        reloaded
    }

    /// Checks whether [`reload`](RunningServer::reload) would accept these settings, without changing anything.
    ///
    /// # Errors
    ///
    /// The same as those of [`reload`](RunningServer::reload).
    pub fn check_reload(&self, config: &Config) -> Result<(), Error> {
        config.check_values()?;
        self.registry.check_reload(&self.registry.config(), config)
    }

    /// What the server has done since it was started.
    pub fn counts(&self) -> Counts {
        self.registry.counts()
    }

    /// Counts a reload that failed before [`reload`](RunningServer::reload) could be called, because the settings could not
    /// be read.
    pub fn count_failed_reload(&self) {
        self.registry.counters.reloaded(false);
    }

    /// Sets the total number of log lines that the program has lost. The library does not write the log itself, but reports
    /// this number among its [`counts`](RunningServer::counts).
    pub fn set_lost_log_lines(&self, count: u64) {
        self.registry.counters.set_log_lines_lost(count);
    }

    /// Stops the server, and returns when it has stopped.
    ///
    /// For `drain_delay` sessions continue while new clients get a 503. Then the port is released, and each session ends with
    /// close code 1001. Connections that are still open after `drain_timeout` are cut; a handler that is stuck in its own
    /// code is abandoned, and its thread keeps running. In all, this takes at most `drain_delay` plus `drain_timeout`.
    ///
    /// The second part usually takes milliseconds, until all clients have answered the Close. It takes up to
    ///
    /// - one second, if a client does not answer, or has sent only part of its request;
    /// - two seconds, if a client already got its Close, or the answer to a plain request, and has not disconnected;
    /// - one second more, if a handler keeps sending and never calls [`next`](Session::next);
    /// - `drain_timeout`, if a handler is busy or a client does not read.
    pub fn stop(self) {}

    fn end(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.registry.drain();
        let config = self.registry.config();
        thread::sleep(config.drain_delay);

        // Before any thread is woken: a woken thread must find the flag set.
        self.registry.stop();
        // Closes the channel, which wakes sessions that are being throttled.
        self.stop_sender = None;
        // A listening socket that is shut down wakes its blocked `accept`.
        let _ = self.waker.shutdown(Shutdown::Both);
        let _ = accepting.join();

        // Wakes the reads of all sessions, which then send their Close.
        self.registry.shut_down_connections(Shutdown::Read);
        // Nothing is ever sent over this channel: it disconnects when the last connection is dropped.
        if self.all_ended.recv_timeout(config.drain_timeout) == Err(RecvTimeoutError::Timeout) {
            log::warn!("{} clients did not end within drain_timeout and are disconnected", self.clients());
            self.registry.shut_down_connections(Shutdown::Both);
        }
        log::info!("Stopped");
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningServer").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

/// Warns when a limit of the system is lower than `max_clients`. Does nothing where there is no `/proc`.
fn warn_of_system_limits(config: &Config) {
    let Ok(limits) = fs::read_to_string("/proc/self/limits") else { return };
    for (name, what) in [("Max open files", "open files"), ("Max processes", "threads")] {
        let soft = limits
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<usize>().ok());
        if let Some(allowed) = soft.filter(|allowed| *allowed < config.max_clients.saturating_add(32)) {
            log::warn!(
                "max_clients is {}, but the system allows this process only {allowed} {what}",
                config.max_clients
            );
        }
    }
}
