//! Why a request is not let in, and the HTTP answer that says so.

use std::fmt;

use tungstenite::handshake::server::ErrorResponse;

use super::{
    excerpt::{Excerpt, LOGGED_CHARS},
    response::plain,
};

/// Every way in which a request is turned away; each has one status (RFC 9110, section 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not a request, or not one that may be upgraded: the sentence says what is missing.
    BadRequest(&'static str),
    /// No key, or no right one.
    NoKey {
        query_token: bool,
    },
    /// The page that asks is not one of ours.
    ForeignOrigin {
        /// Its `Origin` and `Host`, as far as the log shows them.
        detail: String,
    },
    NotFound,
    MethodNotAllowed,
    /// The head was not whole in time.
    Timeout,
    /// Nothing came in time. Browsers open connections in advance and may never use them.
    Silence,
    /// Nothing is here but a WebSocket, and the request did not ask for one.
    UpgradeRequired,
    /// A `Sec-WebSocket-Version` other than 13.
    WrongVersion,
    /// The head is too long or has too many headers.
    HeadTooLarge,
    /// All seats are taken.
    Full,
    /// One address has as many clients as it may.
    TooManyFromAddress,
    Stopping,
}

/// A request that breaks a rule.
pub(crate) fn bad(sentence: &'static str) -> Refusal {
    Refusal::BadRequest(sentence)
}

impl Refusal {
    pub(crate) fn foreign_origin(origin: &[u8], host: &[u8]) -> Refusal {
        let [origin, host] = [origin, host].map(String::from_utf8_lossy);
        let [origin, host] = [&origin, &host].map(|value| Excerpt::of(value, LOGGED_CHARS / 2));
        Refusal::ForeignOrigin { detail: format!(" Origin: {origin}, Host: {host}") }
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Refusal::BadRequest(_) => 400,
            Refusal::NoKey { .. } | Refusal::ForeignOrigin { .. } => 403,
            Refusal::NotFound => 404,
            Refusal::MethodNotAllowed => 405,
            Refusal::Timeout | Refusal::Silence => 408,
            Refusal::UpgradeRequired | Refusal::WrongVersion => 426,
            Refusal::HeadTooLarge => 431,
            Refusal::Full | Refusal::TooManyFromAddress | Refusal::Stopping => 503,
        }
    }

    /// What the log has behind the sentence, and the answer has not.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Refusal::ForeignOrigin { detail } => detail,
            _ => "",
        }
    }

    pub(crate) fn level(&self) -> log::Level {
        match self {
            Refusal::Silence => log::Level::Debug,
            _ => log::Level::Info,
        }
    }

    /// All labels, of which each refusal has one.
    pub(crate) const LABELS: [&str; 12] = [
        "bad_request",
        "foreign_origin",
        "full",
        "head_too_large",
        "method_not_allowed",
        "no_key",
        "not_found",
        "stopping",
        "timeout",
        "too_many_from_address",
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
            Refusal::Stopping => "stopping",
        }
    }

    fn header(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Refusal::MethodNotAllowed => Some(("Allow", "GET, HEAD")),
            Refusal::UpgradeRequired => Some(("Upgrade", "websocket")),
            Refusal::WrongVersion => Some(("Sec-WebSocket-Version", "13")),
            Refusal::Full | Refusal::TooManyFromAddress | Refusal::Stopping => Some(("Retry-After", "5")),
            _ => None,
        }
    }

    /// The answer as `accept_hdr`'s callback gives it back; without a body where the request was `HEAD`.
    pub(crate) fn response(&self, with_body: bool) -> ErrorResponse {
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
            Refusal::BadRequest(sentence) => sentence,
            Refusal::NoKey { query_token: true } => {
                "A right key is needed, in 'Authorization: Bearer KEY', 'X-WS-AUTH-KEY: KEY', '?accessToken=KEY' or the \
                 subprotocol 'bearer.BASE64URL-OF-KEY'."
            }
            Refusal::NoKey { query_token: false } => {
                "A right key is needed, in 'Authorization: Bearer KEY', 'X-WS-AUTH-KEY: KEY' or the subprotocol \
                 'bearer.BASE64URL-OF-KEY'."
            }
            Refusal::ForeignOrigin { .. } => "Pages of this origin may not connect here.",
            Refusal::NotFound => "There is nothing here.",
            Refusal::MethodNotAllowed => "Only GET and HEAD are answered here.",
            Refusal::Timeout | Refusal::Silence => "The request was not whole in time.",
            Refusal::UpgradeRequired => "This is a WebSocket: connect with ws:// instead of http://.",
            Refusal::WrongVersion => "Only WebSocket version 13 (RFC 6455) is spoken here.",
            Refusal::HeadTooLarge => "The request head is over 16 KiB or has more than 64 headers.",
            Refusal::Full => "All seats are taken; try again in a few seconds.",
            Refusal::TooManyFromAddress => "Too many clients from your address; close one, or try again later.",
            Refusal::Stopping => "The server is stopping; try again in a few seconds.",
        })
    }
}
