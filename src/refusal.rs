//! Why a request is not let in, and the HTTP answer that says so.

use std::fmt;

use tungstenite::{handshake::server::ErrorResponse, http::Response};

/// Every way in which a request is turned away; each has one status (RFC 9110, section 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not a request, or not one that may be upgraded: the sentence says what is missing.
    BadRequest(&'static str),
    /// No key, or no right one.
    Forbidden(&'static str),
    MethodNotAllowed,
    /// The head was not whole in time.
    Timeout,
    /// A `Sec-WebSocket-Version` other than 13.
    WrongVersion,
    /// The head is too long or has too many headers.
    HeadTooLarge,
    /// All seats are taken.
    Full,
    Stopping,
}

impl Refusal {
    fn status(&self) -> u16 {
        match self {
            Refusal::BadRequest(_) => 400,
            Refusal::Forbidden(_) => 403,
            Refusal::MethodNotAllowed => 405,
            Refusal::Timeout => 408,
            Refusal::WrongVersion => 426,
            Refusal::HeadTooLarge => 431,
            Refusal::Full | Refusal::Stopping => 503,
        }
    }

    fn header(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Refusal::MethodNotAllowed => Some(("Allow", "GET, HEAD")),
            Refusal::WrongVersion => Some(("Sec-WebSocket-Version", "13")),
            Refusal::Full | Refusal::Stopping => Some(("Retry-After", "5")),
            _ => None,
        }
    }

    /// The answer as `accept_hdr`'s callback gives it back; without a body where the request was `HEAD`.
    pub(crate) fn response(&self, with_body: bool) -> ErrorResponse {
        let sentence = format!("{self}\n");
        let mut response = Response::builder()
            .status(self.status())
            .header("Content-Type", "text/plain; charset=utf-8")
            .header("Content-Length", sentence.len())
            .header("Connection", "close");
        if let Some((name, value)) = self.header() {
            response = response.header(name, value);
        }
        response.body(with_body.then_some(sentence)).expect("all header names and values above are valid")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::BadRequest(sentence) | Refusal::Forbidden(sentence) => sentence,
            Refusal::MethodNotAllowed => "Only GET and HEAD are answered here.",
            Refusal::Timeout => "The request was not whole in time.",
            Refusal::WrongVersion => "Only WebSocket version 13 (RFC 6455) is spoken here.",
            Refusal::HeadTooLarge => "The request head is over 16 KiB or has more than 64 headers.",
            Refusal::Full => "All seats are taken; try again in a few seconds.",
            Refusal::Stopping => "The server is stopping; try again in a few seconds.",
        })
    }
}
