//! The server: binding and starting it.

mod accept_waker;
mod acceptor;
mod admission;
mod arrival;
mod connection;
mod grant;
mod exchange;
mod linger;
mod permits;
mod plain_request;
mod program;
mod request;
mod reserved;
mod route;
mod running;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
};

use crossbeam_channel::bounded;

use crate::{
    config::Config,
    error::Error,
    http::Response,
    registry::{self, Registry},
    session::{HandlerResult, Session},
    stream::Tls,
};
use accept_waker::AcceptWaker;
use acceptor::Acceptor;
pub use grant::Grant;
use program::{Authorize, Pages, Program};
pub use request::Request;
use running::StopCalls;
pub use running::{RunningServer, Stopper};

/// A server that is bound to its port but does not accept clients yet.
///
/// Clients that connect before [`start`](Server::start) wait in the system's queue.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    /// Nobody else uses the listener.
    is_own: bool,
    config: Config,
    authorize: Option<Box<Authorize>>,
    pages: Option<Box<Pages>>,
    stop_calls: StopCalls,
}

impl Server {
    /// Binds to `address`, with the settings of [`Config::plain`]. Port 0 lets the system choose a free port.
    ///
    /// # Errors
    ///
    /// When the address is in use, or is not one of this machine.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Server, Error> {
        let listener = TcpListener::bind(address).map_err(|error| Error::io("cannot listen", error))?;
        Server::new(listener, true, Config::plain())
    }

    /// Binds to the address [`listen`](Config::listen) of `config`.
    ///
    /// # Errors
    ///
    /// When the address is invalid, in use, or not one of this machine, or when a setting has an invalid
    /// value.
    pub fn with_config(config: Config) -> Result<Server, Error> {
        let listener = TcpListener::bind(&config.listen).map_err(|error| {
            let what = format!("cannot listen on {}", config.listen);
            match error.kind() {
                io::ErrorKind::InvalidInput => Error::config(vec![format!("{what}: expected ADDRESS:PORT")]),
                _ => Error::io(what, error),
            }
        })?;
        Server::new(listener, true, config)
    }

    /// Uses a listener that is already bound, for example one inherited from another process. The setting
    /// [`listen`](Config::listen) of `config` is not used. Other processes may share the listener, and
    /// continue after this server has stopped. It is made blocking.
    ///
    /// # Errors
    ///
    /// When the listener cannot be used, or a setting has an invalid value.
    pub fn from_listener(listener: TcpListener, config: Config) -> Result<Server, Error> {
        Server::new(listener, false, config)
    }

    fn new(listener: TcpListener, is_own: bool, config: Config) -> Result<Server, Error> {
        let cannot_listen = |error| Error::io("cannot listen", error);
        let local_addr = listener.local_addr().map_err(cannot_listen)?;
        // An inherited one may be non-blocking, and `accept` would then fail again and again.
        listener.set_nonblocking(false).map_err(cannot_listen)?;
        let config = config.checked()?;
        let stop_calls = StopCalls::new();
        Ok(Server { listener, local_addr, is_own, config, authorize: None, pages: None, stop_calls })
    }

    /// Lets `authorize` decide about each upgrade after the key, the origin and all limits have admitted the
    /// client. It returns how the client is admitted, or the response that refuses it.
    ///
    /// It is also called for a plain request to `/chat`, with which a page finds out why its upgrade was
    /// refused. It runs on the client's thread. A panic, a subprotocol that was not offered, and a refusal
    /// that is a success (2xx) are answered with a 500, and the log says why.
    ///
    /// This does not replace [`require_key`](Config::require_key), which must be set for a server without
    /// keys that other machines can reach: to `Some(false)` if `authorize` alone decides.
    ///
    /// ```no_run
    /// # let is_valid = |ticket: &str| ticket.len() > 20;
    /// let server = replyd::Server::bind("127.0.0.1:0")?.admit(move |request| {
    ///     match request.query("ticket").filter(|ticket| is_valid(ticket)) {
    ///         Some(_) => Ok(replyd::Grant::named("a guest")),
    ///         None => Err(replyd::Response::text(403, "This needs a ticket.")),
    ///     }
    /// });
    /// # Ok::<(), replyd::Error>(())
    /// ```
    #[must_use]
    pub fn admit(
        self,
        authorize: impl Fn(&Request<'_>) -> Result<Grant, Response> + Send + Sync + 'static,
    ) -> Server {
        Server { authorize: Some(Box::new(authorize)), ..self }
    }

    /// Lets `pages` answer plain requests (`GET` and `HEAD`) to all paths but `/healthz`, `/metrics` and
    /// `/chat`. Where it returns `None`, the chat page is served if [`page`](Config::page) is set, else a
    /// 404.
    ///
    /// A server on a loopback address refuses direct requests for another host name, unless
    /// [`origins`](Config::origins) lists it. That does not protect against a page that points its own name
    /// at this machine and claims, with a header, to come through a proxy. Otherwise keys and origins do not
    /// guard pages, since a browser that opens one sends no key: [`Request::caller`] says whether a valid one
    /// came. `pages` runs on a thread of the client, and only if the client has the permits of one: a full
    /// server answers with the files of its own chat page, lets `pages` answer for the page of a
    /// [`Role`](crate::Role) and its files while there is a key with that role, and answers everything else
    /// with a 503. A panic is answered with a 500. A page must reach the client within
    /// [`write_timeout`](Config::write_timeout).
    ///
    /// ```no_run
    /// let server = replyd::Server::bind("127.0.0.1:0")?.pages(|request| match request.path() {
    ///     "/" => Some(replyd::Response::html("<h1>Hello</h1>")),
    ///     _ => None,
    /// });
    /// # Ok::<(), replyd::Error>(())
    /// ```
    #[must_use]
    pub fn pages(self, pages: impl Fn(&Request<'_>) -> Option<Response> + Send + Sync + 'static) -> Server {
        Server { pages: Some(Box::new(pages)), ..self }
    }

    /// A handle with which a handler ends [`RunningServer::wait`], and so the program.
    ///
    /// ```no_run
    /// let server = replyd::Server::bind("127.0.0.1:0")?;
    /// let stopper = server.stopper();
    /// let running = server.start(move |session| {
    ///     session.send("That was the last one.")?;
    ///     stopper.stop();
    ///     Ok(())
    /// })?;
    /// running.wait();
    /// running.stop_within(std::time::Duration::from_secs(2));
    /// # Ok::<(), replyd::Error>(())
    /// ```
    pub fn stopper(&self) -> Stopper {
        self.stop_calls.stopper()
    }

    /// The address and port that the server is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Starts the server, and returns at once. From now on `handler` runs once for each client, on a separate
    /// thread.
    ///
    /// The handler owns the conversation, which ends when it returns: with close code 1000 after `Ok`, with
    /// 1011 after an error or a panic. Other clients are not affected. The thread's stack has 256 KiB, and an
    /// overflow ends the whole process, so a handler that needs more (for deep recursion, say) must start its
    /// own thread.
    ///
    /// # Errors
    ///
    /// When the address can be reached from other machines and neither a key nor
    /// [`require_key`](Config::require_key) is set, or when the system cannot start a thread.
    pub fn start<H>(self, handler: H) -> Result<RunningServer, Error>
    where
        H: Fn(&mut Session) -> HandlerResult + Send + Sync + 'static,
    {
        let Server { listener, local_addr, is_own, config, authorize, pages, stop_calls } = self;
        config.check_exposure_at(local_addr, config.require_key)?;
        if config.require_key == Some(true) && !config.has_keys() {
            log::warn!(
                "require_key is yes and there is neither a [key NAME] section nor a jwt_ file: no client can connect"
            );
        }
        registry::warn_of_system_limits(config.max_clients);
        if config.tls.as_ref().is_some_and(Tls::has_expired) {
            log::warn!("tls_certificate has expired: clients will refuse it");
        }
        let scheme = if config.tls.is_some() { "wss" } else { "ws" };
        let (alive, all_ended) = bounded(0);
        let (stop_sender, stopping) = bounded(0);
        let registry = Arc::new(Registry::new(config, local_addr, stopping));
        let no_thread = |error| Error::io("cannot start a thread", error);
        // Made in advance: when the server stops, the system may have no descriptor left.
        let accept_waker =
            AcceptWaker::new(&listener, is_own).map_err(|error| Error::io("cannot listen", error))?;
        let program = Program { handler: Box::new(handler), authorize, pages };
        let acceptor = Acceptor::new(&registry, Arc::new(program), alive).map_err(no_thread)?;
        let accepting = acceptor.start(listener).map_err(no_thread)?;
        log::info!("Waiting for clients ... [{scheme}://{local_addr}]");
        Ok(RunningServer::new(registry, accept_waker, accepting, stop_sender, all_ended, stop_calls))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}
