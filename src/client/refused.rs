//! Why there is no connection, in one sentence: what the server answered instead of upgrading.

use std::io;

use tungstenite::{
    Error as WireError, HandshakeError,
    error::{ProtocolError, SubProtocolError},
    handshake::HandshakeRole,
    http::{Response, Uri},
};

use super::{dial::host, options::ClientOptions};
use crate::{auth::is_bearer, error::Error, http::Refusal, stream};

/// Maximum number of characters of a refusal's body in an error.
const SHOWN_CHARS: usize = 200;

/// The error for a failed upgrade.
pub(super) fn refused<R: HandshakeRole>(
    error: HandshakeError<R>,
    uri: &Uri,
    options: &ClientOptions,
) -> Error {
    let error = match error {
        HandshakeError::Interrupted(_) => {
            let limit = options.time_limit().as_secs_f32();
            let late = format!("the server did not answer within {limit} s");
            return Error::io("the upgrade failed", io::Error::new(io::ErrorKind::TimedOut, late));
        }
        HandshakeError::Failure(error) => error,
    };
    if let WireError::Io(io) = &error
        && let Some(sentence) = stream::described(io, host(uri))
    {
        return Error::plain(sentence);
    }
    match error {
        WireError::Http(response) => refusal(&response, uri, options),
        WireError::Protocol(ProtocolError::SecWebSocketSubProtocolError(error)) => {
            Error::plain(match error {
                SubProtocolError::NoSubProtocol => "the server chose none of the offered subprotocols",
                _ => "the server chose a subprotocol that was not offered",
            })
        }
        error => Error::plain(format!("the server did not answer as a WebSocket server: {error}")),
    }
}

/// The error for an HTTP response in place of an upgrade.
fn refusal(response: &Response<Option<Vec<u8>>>, uri: &Uri, options: &ClientOptions) -> Error {
    let status = response.status();
    let line = first_line(response);
    // Other servers use the same status for other reasons.
    let is_own = |refusal: Refusal| !line.is_empty() && refusal.to_string().starts_with(&line);
    let no_key = [true, false].map(|query_token| Refusal::NoKey { query_token, is_wrong: false });
    let sentence = match status.as_u16() {
        403 if no_key.into_iter().any(is_own) => Some(match shows_key(uri, options) {
            true => "the server does not accept this key",
            false => "the server requires a key",
        }),
        404 => Some("there is no chat at this address"),
        503 if is_own(Refusal::Full) || is_own(Refusal::Stopping) => {
            Some("the server is full or stopping; try again in a few seconds")
        }
        502 | 504 => Some("a proxy answers, but it gets no valid answer from the server behind it"),
        200..300 => Some("a web server answers there, but no chat"),
        _ => None,
    };
    let is_shown = !line.trim_start().starts_with('<') && !status.is_success();
    let said = if is_shown { &*line } else { "" };
    let sentence = match sentence {
        Some(sentence) if said.is_empty() || status == 403 || status == 503 || is_own(Refusal::NotFound) => {
            format!("{sentence} ({})", status.as_u16())
        }
        Some(sentence) => format!("{sentence} ({}): {said}", status.as_u16()),
        None => format!("the server refused the connection: {status} {said}").trim_end().to_owned(),
    };
    Error::refused(status.as_u16(), sentence)
}

/// Whether the request contains something that the server may read as a key.
fn shows_key(uri: &Uri, options: &ClientOptions) -> bool {
    options.key.is_some()
        || ["Authorization", "X-WS-AUTH-KEY", "Sec-WebSocket-Protocol"]
            .into_iter()
            .any(|name| options.has_header(name))
        || options.subprotocols.iter().any(|subprotocol| is_bearer(subprotocol))
        || uri.query().is_some_and(|query| query.contains("accessToken="))
}

/// The first line of a refusal's body. Characters that could control a terminal are escaped.
fn first_line(response: &Response<Option<Vec<u8>>>) -> String {
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    let mut sentence = String::new();
    for char in body.lines().next().unwrap_or_default().chars().take(SHOWN_CHARS) {
        match char {
            // Characters that change the direction of text or break lines.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                sentence.extend(char.escape_unicode());
            }
            char if char.is_control() => sentence.extend(char.escape_default()),
            char => sentence.push(char),
        }
    }
    sentence
}
