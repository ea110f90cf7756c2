//! A server that runs: reloading and stopping it.

use std::{
    fmt,
    net::{Shutdown, SocketAddr},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::accept_waker::AcceptWaker;
use crate::{config::Config, error::Error, metrics::Counts, registry::Registry};

/// A running server. Dropping it stops the server, as [`stop`](RunningServer::stop) does.
#[must_use = "dropping it stops the server"]
pub struct RunningServer {
    registry: Arc<Registry>,
    accept_waker: AcceptWaker,
    accepting: Option<JoinHandle<()>>,
    stop_sender: Option<Sender<()>>,
    all_ended: Receiver<()>,
    stop_calls: StopCalls,
}

/// A handle with which any thread, including that of a handler, ends [`RunningServer::wait`]. All clones end
/// the same one.
#[derive(Clone, Debug)]
pub struct Stopper(Sender<()>);

/// The channel of the stoppers, which holds one call at most.
pub(super) struct StopCalls {
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl StopCalls {
    pub(super) fn new() -> StopCalls {
        let (sender, receiver) = bounded(1);
        StopCalls { sender, receiver }
    }

    pub(super) fn stopper(&self) -> Stopper {
        Stopper(self.sender.clone())
    }
}

impl Stopper {
    /// Makes [`RunningServer::wait`] return. Returns at once, so that a handler can call it and then end.
    pub fn stop(&self) {
        // A full channel already holds a call.
        let _ = self.0.try_send(());
    }
}

impl RunningServer {
    pub(super) fn new(
        registry: Arc<Registry>,
        accept_waker: AcceptWaker,
        accepting: JoinHandle<()>,
        stop_sender: Sender<()>,
        all_ended: Receiver<()>,
        stop_calls: StopCalls,
    ) -> RunningServer {
        RunningServer {
            registry,
            accept_waker,
            accepting: Some(accepting),
            stop_sender: Some(stop_sender),
            all_ended,
            stop_calls,
        }
    }

    /// The address and port that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.registry.local_addr()
    }

    /// Number of clients that hold a permit of [`max_clients`](Config::max_clients), including those whose
    /// upgrade is not complete.
    pub fn clients(&self) -> usize {
        self.registry.clients.in_use()
    }

    /// The current settings.
    pub fn config(&self) -> Arc<Config> {
        self.registry.config()
    }

    /// Replaces the settings, and returns the names of changed settings that need a restart and keep their
    /// values: `listen`, `max_clients`, `max_clients_per_ip`, `trusted_proxies`, `require_key`, and TLS if it
    /// was switched on or off.
    ///
    /// Sessions continue, and use the new settings from their next event on. Those that the new settings
    /// would not admit end at once with close code 1008: their key was removed or has expired, they have no
    /// key although one is required now, or their page's origin is no longer accepted.
    ///
    /// # Errors
    ///
    /// When a setting has an invalid value, or when the server requires a key now but would not any longer.
    /// Then nothing changes.
    pub fn reload(&self, config: Config) -> Result<Vec<&'static str>, Error> {
        let reloaded = config.checked().and_then(|config| self.registry.reload(config));
        self.registry.counters.reloaded(reloaded.is_ok());
        reloaded
    }

    /// Checks whether [`reload`](RunningServer::reload) would accept these settings, without changing
    /// anything.
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

    /// Counts a reload that failed before [`reload`](RunningServer::reload) could be called, because the
    /// settings could not be read.
    pub fn count_failed_reload(&self) {
        self.registry.counters.reloaded(false);
    }

    /// Sets the total number of log lines that the program has lost. The library does not write the log
    /// itself, but reports this number among its [`counts`](RunningServer::counts).
    pub fn set_lost_log_lines(&self, count: u64) {
        self.registry.counters.set_log_lines_lost(count);
    }

    /// Stops the server, and returns when it has stopped.
    ///
    /// For `drain_delay` sessions continue while new clients get a 503. Then the port is released, and each
    /// session ends with close code 1001. Connections that are still open after `drain_timeout` are cut; a
    /// handler that is stuck in its own code is abandoned, and its thread keeps running. In all, this takes
    /// at most `drain_delay` plus `drain_timeout`.
    ///
    /// The second part usually takes milliseconds, until all clients have answered the Close. It takes up to
    ///
    /// - one second, if a client does not answer, or has sent only part of its request;
    /// - two seconds, if a client already got its Close, or the answer to a plain request, and has not
    ///   disconnected;
    /// - one second more, if a handler keeps sending and never calls [`next`](crate::Session::next);
    /// - `drain_timeout`, if a handler is busy or a client does not read;
    /// - three seconds more, if the address of a listener that others may share cannot be reached from this
    ///   machine itself.
    pub fn stop(self) {}

    /// Stops the server as [`stop`](RunningServer::stop) does, but in `time` at most: there is no
    /// `drain_delay`, and `time` takes the place of `drain_timeout`. Without any time, all connections are
    /// cut at once.
    pub fn stop_within(mut self, time: Duration) {
        self.end(Duration::ZERO, time);
    }

    /// Waits until a [`Stopper`] is called. The server goes on until it is stopped or dropped: as the last
    /// line of `main`, `wait` lets it run until a call, and without any, until the process is ended.
    pub fn wait(&self) {
        // `self` has a sender too, so that the channel is never closed.
        let _ = self.stop_calls.receiver.recv();
    }

    /// A handle with which other threads end [`wait`](RunningServer::wait); see also
    /// [`Server::stopper`](crate::Server::stopper).
    pub fn stopper(&self) -> Stopper {
        self.stop_calls.stopper()
    }

    fn end(&mut self, drain_delay: Duration, drain_timeout: Duration) {
        let Some(accepting) = self.accepting.take() else { return };
        self.registry.drain();
        thread::sleep(drain_delay);

        // Before any thread is woken: a woken thread must find the flag set.
        self.registry.stop();
        // Closes the channel, which wakes sessions that are being throttled.
        self.stop_sender = None;
        self.accept_waker.wake(accepting);

        // Wakes the reads of all sessions, which then send their Close.
        self.registry.shut_down_connections(Shutdown::Read);
        // Nothing is ever sent over this channel: it disconnects when the last connection is dropped.
        if self.all_ended.recv_timeout(drain_timeout) == Err(RecvTimeoutError::Timeout) {
            log::warn!("{} clients did not end in time and are disconnected", self.clients());
            self.registry.shut_down_connections(Shutdown::Both);
        }
        log::info!("Stopped");
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        let config = self.registry.config();
        self.end(config.drain_delay, config.drain_timeout);
    }
}

impl fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningServer").field("local_addr", &self.local_addr()).finish_non_exhaustive()
    }
}
