//! The request head: read within bytes and time, then judged.
//!
//! `accept_hdr` would read it too, but stays silent where a plain answer is due and takes some heads that RFC 9112
//! forbids. So the head is read and judged here, and `accept_hdr` sees [`Upgrade::canonical_head`] instead.

use std::{
    fmt,
    io::{ErrorKind, Read},
};

use data_encoding::BASE64;

use crate::refusal::Refusal;

/// The longest head that is read: twice what browsers send with their largest cookies.
const MAX_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// A request head that follows RFC 9112.
///
/// `Debug` shows neither the query nor any header: both may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Head {
    method: String,
    path: String,
    query: Option<String>,
    minor_version: u8,
    headers: Vec<(String, Vec<u8>)>,
}

/// A head whose upgrade conditions hold.
pub(crate) struct Upgrade<'a> {
    key: &'a str,
    host: &'a str,
}

impl Head {
    /// Reads a head and returns it with the bytes that came behind it; an error when the peer went away before it
    /// said anything.
    ///
    /// `stream` ends the waiting with `WouldBlock` when the time is up.
    pub(crate) fn read(stream: &mut impl Read) -> Result<(Head, Vec<u8>), Unread> {
        let mut bytes = Vec::with_capacity(1024);
        let mut scan = Scan::default();
        let mut chunk = [0; 1024];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) if bytes.is_empty() => return Err(Unread::Gone("it hung up without a request".into())),
                Ok(0) => return Err(bad("The request ends in the middle of its head.").into()),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(Refusal::Timeout.into()),
                Err(error) => return Err(Unread::Gone(error.to_string())),
            }
            if let Some((start, end)) = scan.find_end(&bytes)? {
                let head = Head::parse(&bytes[start..end])?;
                return Ok((head, bytes.split_off(end)));
            }
            if bytes.len() >= MAX_BYTES {
                return Err(Refusal::HeadTooLarge.into());
            }
        }
    }

    fn parse(bytes: &[u8]) -> Result<Head, Refusal> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::HeadTooLarge),
            Ok(httparse::Status::Partial) | Err(_) => return Err(bad("This is not an HTTP/1.1 request.")),
        }
        let (Some(method), Some(target), Some(minor_version)) =
            (request.method, request.path, request.version)
        else {
            return Err(bad("This is not an HTTP/1.1 request."));
        };
        let (path, query) = split_target(method, target)?;
        let head = Head {
            method: method.to_owned(),
            path,
            query,
            minor_version,
            headers: request
                .headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase(), header.value.trim_ascii().to_vec()))
                .collect(),
        };
        head.check_framing()?;
        Ok(head)
    }

    /// What makes two readers of the same bytes see two different requests is refused.
    fn check_framing(&self) -> Result<(), Refusal> {
        let hosts = self.values("host").count();
        if hosts > 1 || (hosts == 0 && self.minor_version == 1) {
            return Err(bad("An HTTP/1.1 request has exactly one Host header."));
        }
        if self.values("transfer-encoding").next().is_some()
            || self.values("content-length").any(|length| length != b"0")
        {
            return Err(bad("A request with a body is not answered here."));
        }
        Ok(())
    }

    /// The upgrade that this head asks for, or why it gets none (RFC 6455, section 4.2.1).
    pub(crate) fn upgrade(&self) -> Result<Upgrade<'_>, Refusal> {
        if self.method != "GET" && self.method != "HEAD" {
            return Err(Refusal::MethodNotAllowed);
        }
        if !self.lists("upgrade", "websocket") || !self.lists("connection", "upgrade") {
            return Err(bad(
                "This is a WebSocket server: the request needs 'Upgrade: websocket' and 'Connection: Upgrade'.",
            ));
        }
        if self.minor_version == 0 {
            return Err(bad("A WebSocket upgrade needs HTTP/1.1."));
        }
        let mut versions = self.values("sec-websocket-version");
        if (versions.next(), versions.next()) != (Some(b"13"), None) {
            return Err(Refusal::WrongVersion);
        }
        let mut keys = self.values("sec-websocket-key");
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return Err(bad("The request needs one Sec-WebSocket-Key header."));
        };
        let key = std::str::from_utf8(key).unwrap_or_default();
        if !BASE64.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16) {
            return Err(bad("Sec-WebSocket-Key must be 16 bytes in base64."));
        }
        if self.method == "HEAD" {
            return Err(bad("A WebSocket upgrade is a GET request."));
        }
        Ok(Upgrade { key, host: self.text("host").unwrap_or_default() })
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// The values of all headers of that name, in lower case, as they came.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |header| header.0 == name).map(|header| &header.1[..])
    }

    /// The values of query parameters of that name, percent-decoded.
    pub(crate) fn query_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> {
        form_urlencoded::parse(self.query.as_deref().unwrap_or_default().as_bytes())
            .filter(move |pair| pair.0 == name)
            .map(|pair| pair.1.into_owned())
    }

    /// The subprotocol to choose: the first that was offered.
    pub(crate) fn subprotocol(&self) -> Option<&str> {
        self.items("sec-websocket-protocol").find(|offered| offered.bytes().all(is_token))
    }

    fn text(&self, name: &'static str) -> Option<&str> {
        std::str::from_utf8(self.values(name).next()?).ok()
    }

    fn lists(&self, name: &'static str, wanted: &str) -> bool {
        self.items(name).any(|item| item.eq_ignore_ascii_case(wanted))
    }

    /// The items of a comma-separated list, which may go over several headers (RFC 9110, section 5.6.1).
    fn items(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.values(name)
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Upgrade<'_> {
    /// The head that `accept_hdr` is shown in place of the judged one.
    pub(crate) fn canonical_head(&self) -> Vec<u8> {
        format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            self.host, self.key
        )
        .into_bytes()
    }
}

/// Why there is no head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The peer gets this answer.
    Refused(Refusal),
    /// There is nobody to answer.
    Gone(String),
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Unread {
        Unread::Refused(refusal)
    }
}

fn bad(sentence: &'static str) -> Refusal {
    Refusal::BadRequest(sentence)
}

/// Finds the end of a head that comes in pieces, looking at each byte once, and refuses at once what no HTTP/1.x
/// client sends: a TLS greeting must not wait for the handshake's deadline.
#[derive(Default)]
struct Scan {
    start: usize,
    seen: usize,
    line_start: usize,
}

impl Scan {
    fn find_end(&mut self, bytes: &[u8]) -> Result<Option<(usize, usize)>, Refusal> {
        while let Some(&byte) = bytes.get(self.seen) {
            let at = self.seen;
            self.seen += 1;
            match byte {
                b'\n' => {
                    if at == 0 || bytes[at - 1] != b'\r' {
                        return Err(bad("A line of the request ends in a bare line feed."));
                    }
                    let line = &bytes[self.line_start..at - 1];
                    let is_first = self.line_start == self.start;
                    self.line_start = self.seen;
                    if line.is_empty() && !is_first {
                        return Ok(Some((self.start, self.seen)));
                    } else if line.is_empty() && self.start == 0 {
                        // One empty line before the request line is skipped (RFC 9112, section 2.2).
                        self.start = self.seen;
                    } else if is_first {
                        check_request_line(line)?;
                    }
                }
                b' ' | b'\t' if at == self.line_start && at != self.start => {
                    return Err(bad("A header is folded over two lines."));
                }
                b'\r' | b'\t' => {}
                byte if byte.is_ascii_control() => {
                    return Err(bad("The request has a control character in its head."));
                }
                _ => {}
            }
            if at > 0 && bytes[at - 1] == b'\r' && byte != b'\n' {
                return Err(bad("A line of the request ends in a bare carriage return."));
            }
        }
        Ok(None)
    }
}

fn check_request_line(line: &[u8]) -> Result<(), Refusal> {
    let mut parts = line.split(|byte| *byte == b' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(_), Some(b"HTTP/1.1" | b"HTTP/1.0"), None) => Ok(()),
        _ => Err(bad("This is not an HTTP/1.1 request.")),
    }
}

/// Splits origin-form and absolute-form targets (RFC 9112, section 3.2) into path and query.
fn split_target(method: &str, target: &str) -> Result<(String, Option<String>), Refusal> {
    let target = match target.split_once("://") {
        Some((scheme, rest))
            if ["http", "https", "ws", "wss"].contains(&scheme.to_ascii_lowercase().as_str()) =>
        {
            rest.find(['/', '?']).map_or("/", |path| &rest[path..])
        }
        _ => target,
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    match path {
        "" => Ok(("/".to_owned(), query)),
        path if path.starts_with('/') => Ok((path.to_owned(), query)),
        // `OPTIONS *` and `CONNECT host:port` are answered by their method.
        path if method == "OPTIONS" || method == "CONNECT" => Ok((path.to_owned(), query)),
        _ => Err(bad("The request target must be a path.")),
    }
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
