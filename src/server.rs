//! The listener, a thread for each client, and the stop.

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
    pub fn start<H>(self, handler: H) -> Result<RunningServer, Error>
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
        if config.tls.as_ref().is_some_and(Tls::has_expired) {
            log::warn!("tls_certificate has expired: clients will refuse it");
        }
        let scheme = if config.tls.is_some() { "wss" } else { "ws" };
        let (alive, all_ended) = bounded(0);
        let (stop_sender, stopping) = bounded(0);
        let registry = Arc::new(Registry::new(config, local_addr, stopping));
        let no_thread = |error| Error::io("cannot start a thread", error);
        // Made now: when it is needed, the system may have no descriptor left.
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

/// A server at work. Dropping it stops it.
#[must_use = "dropping it stops the server"]
pub struct RunningServer {
    registry: Arc<Registry>,
    local_addr: SocketAddr,
    /// The listening socket, as the type whose `shutdown` std offers.
    waker: TcpStream,
    accepting: Option<JoinHandle<()>>,
    stop_sender: Option<Sender<()>>,
    all_ended: Receiver<()>,
}

impl RunningServer {
    /// The address and port that it has.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.registry.clients.taken()
    }

    /// The settings that hold now.
    pub fn config(&self) -> Arc<Config> {
        self.registry.config()
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
        let reloaded = config.checked().and_then(|config| self.registry.reload(config));
        self.registry.counters.reloaded(reloaded.is_ok());
        reloaded
    }

    /// Whether [`reload`](RunningServer::reload) would accept these settings.
    ///
    /// # Errors
    ///
    /// As [`reload`](RunningServer::reload).
    pub fn check_reload(&self, config: &Config) -> Result<(), Error> {
        config.check_values()?;
        self.registry.check_reload(&self.registry.config(), config)
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.registry.counts()
    }

    /// Takes that settings were read which were so bad that [`reload`](RunningServer::reload) never saw them, so that the counts
    /// have it.
    pub fn count_failed_reload(&self) {
        self.registry.counters.reloaded(false);
    }

    /// Takes how many log lines the program has lost in all, so that all counts are in one place: the library has no log
    /// of its own.
    pub fn set_lost_log_lines(&self, count: u64) {
        self.registry.counters.set_log_lines_lost(count);
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
        self.registry.drain();
        let config = self.registry.config();
        thread::sleep(config.drain_delay);

        self.registry.stop();
        self.stop_sender = None;
        // A listening socket that is shut down wakes its blocked `accept`.
        let _ = self.waker.shutdown(Shutdown::Both);
        let _ = accepting.join();

        self.registry.shut_down_connections(Shutdown::Read);
        if self.all_ended.recv_timeout(config.drain_timeout) == Err(RecvTimeoutError::Timeout) {
            log::warn!("{} clients did not end within drain_timeout and are cut", self.clients());
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
