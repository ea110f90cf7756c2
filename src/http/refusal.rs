//! Why a request is refused, and the HTTP answer for each reason.

use std::fmt;

use tungstenite::handshake::server::ErrorResponse;

use super::{
    excerpt::{Excerpt, LOGGED_CHARS},
    response::{Response, plain},
};

/// Every reason to refuse a request; each has one status (RFC 9110, section 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not a valid request, or not a valid upgrade: the sentence says what is wrong with it.
    BadRequest(&'static str),
    /// No key or token, or not a valid one.
    NoKey {
        /// Whether `?accessToken=` is accepted too.
        query_token: bool,
        /// Whether one came that is not valid.
        is_wrong: bool,
    },
    /// More keys were tried from this address than people mistype.
    TooManyGuesses,
    /// A page from this origin may not connect, or a request names a host that may be such a page's: the sentence says which.
    ForeignOrigin {
        sentence: &'static str,
        /// Excerpts of `Origin` and `Host`, for the log.
        detail: String,
    },
    NotFound,
    MethodNotAllowed,
    /// The head was not complete in time.
    Timeout,
    /// Nothing was received in time. Browsers open connections in advance and may never use them.
    Silence,
    /// A plain request where only an upgrade is accepted.
    UpgradeRequired,
    /// A `Sec-WebSocket-Version` other than 13.
    WrongVersion,
    /// The head is too long or has too many headers.
    HeadTooLarge,
    /// `max_clients` are connected, or the system has no thread for another one.
    Full,
    /// `max_clients_per_ip` are connected from this address.
    TooManyFromAddress,
    Stopping,
    /// The embedding program refuses it, with this response.
    Program(Box<Response>),
    /// The embedding program panicked, or its response is not valid; the log says which.
    Internal,
}

/// A refusal with status 400; `sentence` is the answer's body.
pub(crate) fn bad(sentence: &'static str) -> Refusal {
    Refusal::BadRequest(sentence)
}

impl Refusal {
    /// A refusal of a page's origin, with excerpts of the headers that it was judged by.
    pub(crate) fn foreign_origin(sentence: &'static str, origin: &[u8], host: &[u8]) -> Refusal {
        let [origin, host] = [origin, host].map(String::from_utf8_lossy);
        let [origin, host] = [&origin, &host].map(|value| Excerpt::of(value, LOGGED_CHARS / 2));
        Refusal::ForeignOrigin { sentence, detail: format!(" Origin: {origin}, Host: {host}") }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Refusal::BadRequest(_) => 400,
            Refusal::NoKey { .. } | Refusal::ForeignOrigin { .. } => 403,
            Refusal::NotFound => 404,
            Refusal::MethodNotAllowed => 405,
            Refusal::Timeout | Refusal::Silence => 408,
            Refusal::UpgradeRequired | Refusal::WrongVersion => 426,
            Refusal::TooManyGuesses => 429,
            Refusal::HeadTooLarge => 431,
            Refusal::Full | Refusal::TooManyFromAddress | Refusal::Stopping => 503,
            Refusal::Program(response) => response.status(),
            Refusal::Internal => 500,
        }
    }

    /// Text that follows the sentence in the log, but is not part of the answer.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Refusal::ForeignOrigin { detail, .. } => detail,
            _ => "",
        }
    }

    /// The level at which it is logged: connections that browsers never used are not worth a line by default.
    pub(crate) fn level(&self) -> log::Level {
        match self {
            Refusal::Silence => log::Level::Debug,
            _ => log::Level::Info,
        }
    }

    /// Label of connections that were closed without an answer, because the reserved threads were taken too.
    pub(crate) const OVERLOADED: &str = "overloaded";

    /// All labels, in alphabetical order. [`Silence`](Refusal::Silence) shares the one of a time-out.
    pub(crate) const LABELS: [&str; 16] = [
        "bad_request",
        "foreign_origin",
        "full",
        "head_too_large",
        "internal",
        "method_not_allowed",
        "no_key",
        "not_found",
        Refusal::OVERLOADED,
        "program",
        "stopping",
        "timeout",
        "too_many_from_address",
        "too_many_guesses",
        "upgrade_required",
        "wrong_version",
    ];

    /// The label under which it is counted.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Refusal::BadRequest(_) => "bad_request",
            Refusal::NoKey { .. } => "no_key",
            Refusal::ForeignOrigin { .. } => "foreign_origin",
            Refusal::NotFound => "not_found",
            Refusal::MethodNotAllowed => "method_not_allowed",
            Refusal::Timeout | Refusal::Silence => "timeout",
            Refusal::UpgradeRequired => "upgrade_required",
            Refusal::WrongVersion => "wrong_version",
            Refusal::HeadTooLarge => "head_too_large",
            Refusal::Full => "full",
            Refusal::TooManyFromAddress => "too_many_from_address",
            Refusal::TooManyGuesses => "too_many_guesses",
            Refusal::Stopping => "stopping",
            Refusal::Program(_) => "program",
            Refusal::Internal => "internal",
        }
    }

    fn header(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Refusal::MethodNotAllowed => Some(("Allow", "GET, HEAD")),
            Refusal::UpgradeRequired => Some(("Upgrade", "websocket")),
            Refusal::WrongVersion => Some(("Sec-WebSocket-Version", "13")),
            Refusal::Full | Refusal::TooManyFromAddress | Refusal::Stopping => Some(("Retry-After", "5")),
            Refusal::TooManyGuesses => Some(("Retry-After", "60")),
            _ => None,
        }
    }

    /// The answer, in the type that the callback of `accept_hdr` returns. A request with `HEAD` gets no body.
    pub(crate) fn response(&self, with_body: bool) -> ErrorResponse {
        if let Refusal::Program(response) = self {
            // `Program::judge` has checked it.
            let rendered = response.rendered_as_refusal().expect("it is a valid response");
            return if with_body { rendered } else { rendered.map(|_| None) };
        }
        let mut response = plain(self.status(), &self.to_string(), with_body);
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value.parse().expect("the values above are valid"));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::BadRequest(sentence) | Refusal::ForeignOrigin { sentence, .. } => sentence,
            Refusal::NoKey { query_token: true, .. } => {
                "A valid key is required, in 'Authorization: Bearer KEY', 'X-WS-AUTH-KEY: KEY', '?accessToken=KEY' or \
                 the subprotocol 'bearer.BASE64URL-OF-KEY'."
            }
            Refusal::NoKey { query_token: false, .. } => {
                "A valid key is required, in 'Authorization: Bearer KEY', 'X-WS-AUTH-KEY: KEY' or the subprotocol \
                 'bearer.BASE64URL-OF-KEY'."
            }
            Refusal::TooManyGuesses => "Too many wrong keys came from your address; try again in a minute.",
            Refusal::NotFound => "There is nothing at this path.",
            Refusal::MethodNotAllowed => "Only GET and HEAD are supported.",
            Refusal::Timeout | Refusal::Silence => "The request was not complete in time.",
            Refusal::UpgradeRequired => {
                "This is a WebSocket endpoint: connect with ws:// instead of http://."
            }
            Refusal::WrongVersion => "Only WebSocket version 13 (RFC 6455) is supported.",
            Refusal::HeadTooLarge => "The request head is longer than 16 KiB or has more than 64 headers.",
            Refusal::Full => "The server is full; try again in a few seconds.",
            Refusal::TooManyFromAddress => "Too many clients from your address; close one, or try again later.",
            Refusal::Stopping => "The server is stopping; try again in a few seconds.",
            Refusal::Program(_) => "The program does not admit it.",
            Refusal::Internal => "The server has an internal fault; its log says more.",
        })
    }
}
