//! Connecting to a server: parsing its URL, looking its name up and opening the TCP connection, all before
//! one deadline.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{RecvTimeoutError, bounded};
use tungstenite::http::Uri;

use crate::error::Error;

/// Default port of a replyd server, for a hint in errors.
const REPLYD_PORT: u16 = 5000;

/// Parses a URL, with `ws://` as the default scheme; the address of a page means the chat on it. Errors do
/// not show the URL, whose query may contain a secret.
pub(super) fn parse_url(url: &str) -> Result<Uri, Error> {
    let with_scheme = url.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '#']));
    let (scheme, rest) = with_scheme.unwrap_or(("ws", url));
    let scheme = match &*scheme.to_ascii_lowercase() {
        "http" => "ws".to_owned(),
        "https" => "wss".to_owned(),
        scheme => scheme.to_owned(),
    };
    let uri = format!("{scheme}://{rest}").parse();
    let uri: Uri = uri.map_err(|_| Error::plain("the address is not a URL; write ws://HOST:PORT"))?;
    match uri.scheme_str() {
        Some("ws" | "wss") if has_wrong_port(&uri) => {
            Err(Error::plain("the port in the URL is not a number from 1 to 65535"))
        }
        Some("wss") if cfg!(not(feature = "tls")) => {
            Err(Error::plain("wss:// (TLS) is not part of this build; write ws://HOST:PORT"))
        }
        Some("ws" | "wss") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(uri),
        _ => Err(Error::plain("the URL must begin with ws:// or wss://, as in ws://127.0.0.1:5000")),
    }
}

/// Whether the port is out of range. The crate `http` then returns no port at all.
fn has_wrong_port(uri: &Uri) -> bool {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let after_host = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    after_host.contains(':') && uri.port_u16().is_none_or(|port| port == 0)
}

/// The host of a URL, without the brackets of an IPv6 address.
pub(super) fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// Opens a TCP connection to the first address of the host that accepts one: `localhost` often has two, of
/// which a server may listen on one.
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

/// The addresses of a host. The system's look-up has no time limit, so that it runs on a separate thread,
/// which is abandoned at the deadline.
fn addresses(host: &str, port: u16, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let host = host.to_owned();
    look_up_by(deadline, move || Ok((host.as_str(), port).to_socket_addrs()?.collect()))
}

/// The result of `look_up`, which runs on a separate thread, or an error at the deadline.
fn look_up_by<T: Send + 'static>(
    deadline: Instant,
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (found, finding) = bounded(1);
    thread::Builder::new().name("look-up".into()).spawn(move || found.send(look_up()))?;
    finding.recv_deadline(deadline).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => {
                io::Error::new(ErrorKind::TimedOut, "its name could not be looked up in time")
            }
            RecvTimeoutError::Disconnected => io::Error::other("its name could not be looked up"),
        })
    })
}

/// Tries the addresses in order. Each gets an equal share of the remaining time, so that one that never
/// answers leaves some for the next.
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

/// Adds advice to errors that are caused by a wrong address or a stopped server.
fn explained(error: io::Error, uri: &Uri, port: u16) -> io::Error {
    let what = match error.kind() {
        ErrorKind::ConnectionRefused => "nothing accepts connections there; is the server running?",
        ErrorKind::TimedOut if error.get_ref().is_none() => {
            "nothing answers there; is the server running, or is a firewall in between?"
        }
        _ => return error,
    };
    let hint = match uri.port() {
        Some(_) => String::new(),
        None => format!(
            " The URL has no port, which means {port}; the default of replyd is {REPLYD_PORT}: {}://{}:{REPLYD_PORT}",
            uri.scheme_str().unwrap_or("ws"),
            uri.host().unwrap_or_default()
        ),
    };
    io::Error::new(error.kind(), format!("{what}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough to distinguish success from a hang on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn urls() {
        for (url, expected) in [
            ("ws://a.example", "ws://a.example/"),
            ("a.example", "ws://a.example/"),
            ("a.example:5000", "ws://a.example:5000/"),
            ("127.0.0.1:5000/chat?x=http://b", "ws://127.0.0.1:5000/chat?x=http://b"),
            ("[::1]:5000", "ws://[::1]:5000/"),
            ("WS://a.example", "ws://a.example/"),
            ("http://a.example:5000/#q=x", "ws://a.example:5000/"),
            #[cfg(feature = "tls")]
            ("Https://a.example/chat", "wss://a.example/chat"),
        ] {
            assert_eq!(parse_url(url).unwrap().to_string(), expected, "{url:?}");
        }
        for url in ["", "ws://", "://", "ftp://a", "http://", "a:b", "a:0", "::1", "a b", "/path", "?query"] {
            assert!(parse_url(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn a_look_up_that_hangs_is_abandoned() {
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
        // Addresses that fail at once leave their time to the others.
        let shares = std::cell::RefCell::new(Vec::new());
        let failed = first_reachable::<()>(&addresses, deadline, |_, share| {
            shares.borrow_mut().push(share);
            Err(ErrorKind::ConnectionRefused.into())
        });
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let shares = shares.into_inner();
        assert!(shares.iter().zip(1..).all(|(share, at)| *share <= LONG / (5 - at)), "{shares:?}");
        assert!(shares.is_sorted() && shares.len() == 4, "{shares:?}");
        // At the deadline, no address is tried.
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
            "nothing accepts connections there; is the server running? The URL has no port, which means 80; the default of replyd is 5000: \
             ws://a.example:5000",
        );
        check(
            "ws://[::1]",
            80,
            ErrorKind::TimedOut,
            "nothing answers there; is the server running, or is a firewall in between? The URL has no port, which means 80; \
             the default of replyd is 5000: ws://[::1]:5000",
        );
        check(
            "ws://a.example:80",
            80,
            ErrorKind::ConnectionRefused,
            "nothing accepts connections there; is the server running?",
        );
    }
}
