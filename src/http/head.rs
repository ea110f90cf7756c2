//! The request head, read within limits on size and time.
//!
//! tungstenite's `accept_hdr` could read it too, but it sends no HTTP response to a bad request, and accepts
//! some heads that RFC 9112 forbids. So the head is read here, and `accept_hdr` is given a canonical one
//! instead.

mod scan;

use std::{
    fmt,
    io::{ErrorKind, Read},
};

use scan::Scan;

use super::{
    excerpt::Excerpt,
    refusal::{Refusal, bad},
    target::Target,
};
use crate::stream::Abort;

/// Maximum size of a head: twice what browsers send with their largest cookies.
const MAX_BYTES: usize = 16 * 1024;
/// Maximum number of headers: well above what browsers and proxies send together.
const MAX_HEADERS: usize = 64;

/// A request head whose lines each follow RFC 9112. [`check_framing`](Head::check_framing) checks them
/// together.
///
/// `Debug` shows neither the query nor any header: both may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Head {
    method: String,
    target: Target,
    minor_version: u8,
    headers: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Reads a head, and returns it with the bytes that came after it.
    ///
    /// The deadline is the stream's: when it has passed, `stream` fails with `WouldBlock`.
    // Not inlined: its buffers would stay on the stack for the whole conversation, which costs memory for
    // each client.
    #[inline(never)]
    pub(crate) fn read(stream: &mut impl Read) -> Result<(Head, Vec<u8>), HeadError> {
        // Most heads fit. The C library would cache smaller blocks for each thread after they are freed.
        let mut bytes = Vec::with_capacity(2048);
        Head::read_into(&mut bytes, stream).map_err(|error| match error {
            HeadError::Refused { refusal, .. } => {
                HeadError::Refused { refusal, is_head: bytes.starts_with(b"HEAD ") }
            }
            error => error,
        })
    }

    fn read_into(bytes: &mut Vec<u8>, stream: &mut impl Read) -> Result<(Head, Vec<u8>), HeadError> {
        let mut scan = Scan::default();
        let mut chunk = [0; 1024];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) if bytes.is_empty() => {
                    return Err(HeadError::Silent("it disconnected without a request".into()));
                }
                Ok(0) => return Err(bad("The request ends in the middle of its head.").into()),
                Ok(count) => bytes.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let silent = bytes.is_empty();
                    return Err(if silent { Refusal::Silence } else { Refusal::Timeout }.into());
                }
                // A peer that has not sent anything needs no response.
                Err(error) if Abort::of(&error) == Some(Abort::Stop) && !bytes.is_empty() => {
                    return Err(Refusal::Stopping.into());
                }
                Err(error) if Abort::of(&error) == Some(Abort::NotTls) => {
                    return Err(bad("This port requires TLS: connect with https:// or wss://.").into());
                }
                // Invalid data comes from TLS: then the peer did send something.
                Err(error) if bytes.is_empty() && error.kind() != ErrorKind::InvalidData => {
                    return Err(HeadError::Silent(error.to_string()));
                }
                Err(error) => return Err(HeadError::Gone(error.to_string())),
            }
            if let Some((start, end)) = scan.find_end(bytes)? {
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
        Ok(Head {
            method: method.to_owned(),
            target: Target::parse(method, target)?,
            minor_version,
            headers: request
                .headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase(), header.value.trim_ascii().to_vec()))
                .collect(),
        })
    }

    /// Refuses a head that a proxy might read as a different request than replyd does (request smuggling; RFC
    /// 9112, section 11.2).
    pub(crate) fn check_framing(&self) -> Result<(), Refusal> {
        let hosts = self.values("host").count();
        if hosts > 1 || (hosts == 0 && self.minor_version == 1) {
            return Err(bad("An HTTP/1.1 request must have exactly one Host header."));
        }
        if self.values("transfer-encoding").next().is_some()
            || self.values("content-length").any(|length| length != b"0")
        {
            return Err(bad("A request with a body is not accepted here."));
        }
        Ok(())
    }

    /// The method as sent: methods are case-sensitive (RFC 9110, section 9.1).
    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub(crate) fn minor_version(&self) -> u8 {
        self.minor_version
    }

    /// The values of all headers called `name` (in lower case), in the order in which they came.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |header| header.0 == name).map(|header| &header.1[..])
    }

    /// All headers, with their names in lower case.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of the first header called `name`, if it is UTF-8.
    pub(crate) fn text(&self, name: &'static str) -> Option<&str> {
        std::str::from_utf8(self.values(name).next()?).ok()
    }

    /// Whether a comma-separated list contains `wanted`, ignoring case.
    pub(crate) fn lists(&self, name: &'static str, wanted: &str) -> bool {
        self.items(name).any(|item| item.eq_ignore_ascii_case(wanted))
    }

    /// The items of a comma-separated list, which may be spread over several headers (RFC 9110, section
    /// 5.6.1).
    pub(crate) fn items(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &str> {
        self.values(name)
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }

    /// The items of a list of preferences with their weights (RFC 9110, section 12.4.2), 0 if that cannot be
    /// read.
    pub(crate) fn weighted(&self, name: &'static str) -> impl Iterator<Item = (&str, f32)> {
        self.items(name).map(|item| {
            let (item, parameter) = item.split_once(';').unwrap_or((item, "q=1"));
            let weight = parameter.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok());
            (item.trim_end(), weight.unwrap_or(0.0))
        })
    }
}

impl fmt::Display for Head {
    /// Formats the request for the log, without the query and headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Excerpt::of(&self.method, 20), self.target)
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// Why no head could be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeadError {
    /// The head is invalid or late. The response has no body if the method was `HEAD`.
    Refused { refusal: Refusal, is_head: bool },
    /// The peer disconnected without sending anything: a port scanner, or a connection that a browser opened
    /// in advance.
    Silent(String),
    /// The connection failed after the peer had sent something.
    Gone(String),
}

impl From<Refusal> for HeadError {
    fn from(refusal: Refusal) -> HeadError {
        HeadError::Refused { refusal, is_head: false }
    }
}
