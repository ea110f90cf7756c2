//! Why a request is refused, and the HTTP response for each reason.

use std::fmt;

use tungstenite::{handshake::server::ErrorResponse, http::HeaderValue};

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
        /// Whether the client sent one that is not valid.
        is_wrong: bool,
    },
    /// More wrong keys came from this address than people mistype.
    TooManyGuesses,
    /// Pages of this origin may not connect, or the named host may be such a page's: the sentence says which.
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

/// A refusal with status 400; `sentence` is the body of the response.
pub(crate) fn bad(sentence: &'static str) -> Refusal {
    Refusal::BadRequest(sentence)
}

impl Refusal {
    /// A refusal of a page's origin, with excerpts of the headers that decided it.
    pub(crate) fn foreign_origin(sentence: &'static str, origin: &[u8], host: &[u8]) -> Refusal {
        let [origin, host] = [origin, host].map(String::from_utf8_lossy);
        let [origin, host] = [&origin, &host].map(|value| Excerpt::of(value, LOGGED_CHARS / 2));
        Refusal::ForeignOrigin { sentence, detail: format!(" Origin: {origin}, Host: {host}") }
    }

    /// Text that follows the sentence in the log, but is not part of the response.
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

    /// The response, in the type that the callback of `accept_hdr` returns. A request with `HEAD` gets no
    /// body.
    pub(crate) fn response(&self, with_body: bool) -> ErrorResponse {
        if let Refusal::Program(response) = self {
            // `Program::judge` has checked it.
            let rendered = response.rendered_as_refusal().expect("it is a valid response");
            return if with_body { rendered } else { rendered.map(|_| None) };
        }
        let RefusalRow { status, header, sentence, .. } = self.row();
        let mut response = plain(status, sentence, with_body);
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().sentence)
    }
}

pub(crate) struct RefusalRow<'a> {
    pub(crate) status: u16,
    /// The label under which it is counted.
    pub(crate) label: &'static str,
    /// A header that the status requires or that helps the client.
    header: Option<(&'static str, &'static str)>,
    /// The body of the response.
    sentence: &'a str,
}

/// Makes `row` and `LABELS` from the table.
macro_rules! table {
    ($($refusal:pat => $status:expr, $label:literal, $header:expr, $sentence:expr;)*) => {
        impl Refusal {
            pub(crate) fn row(&self) -> RefusalRow<'_> {
                match self {
                    $($refusal => {
                        RefusalRow { status: $status, label: $label, header: $header, sentence: $sentence }
                    })*
                }
            }

            /// The labels of all refusals, some of them twice.
            pub(crate) const LABELS: &[&str] = &[$($label,)* Refusal::OVERLOADED];
        }
    };
}

impl Refusal {
    /// Label of connections that were closed without a response, because the reserved threads were in use
    /// too.
    pub(crate) const OVERLOADED: &str = "overloaded";
}

const RETRY_SOON: Option<(&str, &str)> = Some(("Retry-After", "5"));

// The status, the label for the metrics, a header, and the sentence.
table! {
    Refusal::BadRequest(sentence) => 400, "bad_request", None, sentence;
    Refusal::NoKey { query_token: true, .. } => 403, "no_key", None,
        "A valid key is required, in 'Authorization: Bearer KEY', 'X-WS-AUTH-KEY: KEY', '?accessToken=KEY' or \
         the subprotocol 'bearer.BASE64URL-OF-KEY'.";
    Refusal::NoKey { query_token: false, .. } => 403, "no_key", None,
        "A valid key is required, in 'Authorization: Bearer KEY', 'X-WS-AUTH-KEY: KEY' or the subprotocol \
         'bearer.BASE64URL-OF-KEY'.";
    Refusal::ForeignOrigin { sentence, .. } => 403, "foreign_origin", None, sentence;
    Refusal::NotFound => 404, "not_found", None, "There is nothing at this path.";
    Refusal::MethodNotAllowed => 405, "method_not_allowed", Some(("Allow", "GET, HEAD")),
        "Only GET and HEAD are supported.";
    Refusal::Timeout | Refusal::Silence => 408, "timeout", None, "The request was not complete in time.";
    Refusal::UpgradeRequired => 426, "upgrade_required", Some(("Upgrade", "websocket")),
        "This is a WebSocket endpoint: connect with ws:// instead of http://.";
    Refusal::WrongVersion => 426, "wrong_version", Some(("Sec-WebSocket-Version", "13")),
        "Only WebSocket version 13 (RFC 6455) is supported.";
    Refusal::TooManyGuesses => 429, "too_many_guesses", Some(("Retry-After", "60")),
        "Too many wrong keys came from your address; try again in a minute.";
    Refusal::HeadTooLarge => 431, "head_too_large", None,
        "The request head is longer than 16 KiB or has more than 64 headers.";
    Refusal::Internal => 500, "internal", None, "The server has an internal fault; its log says more.";
    Refusal::Full => 503, "full", RETRY_SOON, "The server is full; try again in a few seconds.";
    Refusal::TooManyFromAddress => 503, "too_many_from_address", RETRY_SOON,
        "Too many clients from your address; close one, or try again later.";
    Refusal::Stopping => 503, "stopping", RETRY_SOON, "The server is stopping; try again in a few seconds.";
    Refusal::Program(response) => response.status(), "program", None, "The program refuses it.";
}
