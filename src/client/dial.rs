//! Reaching a server: its address, its name, and a connection to it, all by one deadline.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{RecvTimeoutError, bounded};
use tungstenite::http::Uri;

use crate::error::Error;

/// Where replyd listens unless it is told otherwise.
const REPLYD_PORT: u16 = 5000;

/// The URL itself stays out of the errors: its query may be a secret.
pub(super) fn parse_url(url: &str) -> Result<Uri, Error> {
    let has_scheme = url.find("://").is_some_and(|at| !url[..at].contains(['/', '?', '#']));
    let uri = if has_scheme { url.parse() } else { format!("ws://{url}").parse() };
    let uri: Uri = uri.map_err(|_| Error::plain("this is not a URL; write ws://HOST:PORT"))?;
    match uri.scheme_str() {
        Some("ws" | "wss") if has_wrong_port(&uri) => {
            Err(Error::plain("the port in this URL is not a number from 1 to 65535"))
        }
        Some("wss") if cfg!(not(feature = "tls")) => {
            Err(Error::plain("wss:// (TLS) is not part of this build; write ws://HOST:PORT"))
        }
        Some("ws" | "wss") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        _ => Err(Error::plain("the URL must begin with ws:// or wss://, as in ws://127.0.0.1:5000")),
    }
}

/// `http` takes a port that is out of range for none at all.
fn has_wrong_port(uri: &Uri) -> bool {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let behind_host = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    behind_host.contains(':') && uri.port_u16().is_none_or(|port| port == 0)
}

/// Without the brackets of an IPv6 address.
pub(super) fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// Tries all addresses of the host: `localhost` is often two, of which the server has one.
pub(super) fn dial(uri: &Uri, deadline: Instant) -> Result<TcpStream, Error> {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("wss") { 443 } else { 80 });
    addresses(host(uri), port, deadline)
        .and_then(|addresses| first_reachable(&addresses, deadline, TcpStream::connect_timeout))
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|error| {
            let what = format!("cannot reach {}:{port}", uri.host().unwrap_or_default());
            Error::io(what, explained(error, uri, port))
        })
}

/// The addresses of a host. The system's look-up has no deadline of its own, so that a name is looked up on a thread,
/// which is left to itself when it takes too long.
fn addresses(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let host = host.to_owned();
    look_up_by(deadline, move || Ok((host.as_str(), port).to_socket_addrs()?.collect()))
}

/// What `look_up` finds on a thread of its own before the deadline.
fn look_up_by<T: Send + 'static>(
    deadline: Instant,
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (found, finding) = bounded(1);
    thread::Builder::new().name("look-up".into()).spawn(move || found.send(look_up()))?;
    finding.recv_deadline(deadline).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => {
                io::Error::new(ErrorKind::TimedOut, "looking up its name takes too long")
            }
            RecvTimeoutError::Disconnected => io::Error::other("its name cannot be looked up"),
        })
    })
}

/// Gives each address an equal share of the time that is left, so that one that swallows everything leaves some for
/// the next.
fn first_reachable<T>(
    addresses: &[SocketAddr],
    deadline: Instant,
    connect: impl Fn(&SocketAddr, Duration) -> io::Result<T>,
) -> io::Result<T> {
    let mut failure = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let untried = (addresses.len() - tried) as u32;
        let share = deadline.saturating_duration_since(Instant::now()) / untried;
        if share.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match connect(address, share) {
            Ok(connection) => return Ok(connection),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Says what may help where nobody answers.
fn explained(error: io::Error, uri: &Uri, port: u16) -> io::Error {
    let what = match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there; is the server running?",
        ErrorKind::TimedOut if error.get_ref().is_none() => {
            "nothing answers there; is the server running, and no firewall in between?"
        }
        _ => return error,
    };
    let hint = match uri.port() {
        Some(_) => String::new(),
        None => format!(
            " A URL without a port means {port}, and replyd's own is {REPLYD_PORT}: {}://{}:{REPLYD_PORT}",
            uri.scheme_str().unwrap_or("ws"),
            uri.host().unwrap_or_default()
        ),
    };
    io::Error::new(error.kind(), format!("{what}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough to be told from a hang on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn urls() {
        for (url, expected) in [
            ("ws://a.example", "ws://a.example/"),
            ("a.example", "ws://a.example/"),
            ("a.example:5000", "ws://a.example:5000/"),
            ("127.0.0.1:5000/chat?x=http://b", "ws://127.0.0.1:5000/chat?x=http://b"),
            ("[::1]:5000", "ws://[::1]:5000/"),
        ] {
            assert_eq!(parse_url(url).unwrap().to_string(), expected, "{url:?}");
        }
        for url in ["", "ws://", "://", "http://a", "a:b", "a:0", "::1", "a b", "/path", "?query"] {
            assert!(parse_url(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn a_look_up_that_hangs_is_left_behind() {
        let (wake, woken) = bounded::<()>(0);
        let begin = Instant::now();
        let found: io::Result<()> = look_up_by(begin + Duration::from_millis(50), move || {
            let _ = woken.recv_timeout(2 * LONG);
            Ok(())
        });
        assert_eq!(found.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(begin.elapsed() < LONG);
        drop(wake);
    }

    #[test]
    fn all_addresses_share_the_time() {
        let addresses: Vec<SocketAddr> = (1..=4).map(|port| ([127, 0, 0, 1], port).into()).collect();
        let deadline = Instant::now() + LONG;
        // Those that fail at once leave their time to the rest.
        let shares = std::cell::RefCell::new(Vec::new());
        let failed = first_reachable::<()>(&addresses, deadline, |_, share| {
            shares.borrow_mut().push(share);
            Err(ErrorKind::ConnectionRefused.into())
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let shares = shares.into_inner();
        assert!(shares.iter().zip(1..).all(|(share, at)| *share <= LONG / (5 - at)), "{shares:?}");
        assert!(shares.is_sorted() && shares.len() == 4, "{shares:?}");
        // Where no time is left, none is tried.
        let late = first_reachable(&addresses, Instant::now(), |_, _| Ok(()));
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(
            first_reachable(&addresses, deadline, |address, _| match address.port() {
                3 => Ok(3),
                _ => Err(ErrorKind::TimedOut.into()),
            })
            .unwrap(),
            3
        );
    }

    #[test]
    fn hints() {
        let check = |url: &str, port: u16, kind: ErrorKind, expected: &str| {
            let error = explained(kind.into(), &parse_url(url).unwrap(), port);
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.kind(), kind);
        };
        check(
            "a.example",
            80,
            ErrorKind::ConnectionRefused,
            "nothing listens there; is the server running? A URL without a port means 80, and replyd's own is 5000: \
             ws://a.example:5000",
        );
        check(
            "ws://[::1]",
            80,
            ErrorKind::TimedOut,
            "nothing answers there; is the server running, and no firewall in between? A URL without a port means 80, \
             and replyd's own is 5000: ws://[::1]:5000",
        );
        check(
            "ws://a.example:80",
            80,
            ErrorKind::ConnectionRefused,
            "nothing listens there; is the server running?",
        );
    }
}
