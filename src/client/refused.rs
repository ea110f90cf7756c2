//! Why there is no connection, in one sentence: what the server answered instead of upgrading.

use tungstenite::{
    Error as WireError, HandshakeError,
    handshake::HandshakeRole,
    http::{Response, Uri},
};

use super::{CONNECT_TIMEOUT, dial::host, options::ClientOptions};
use crate::{error::Error, stream};

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
            return Error::plain(format!("the server did not answer within {} s", CONNECT_TIMEOUT.as_secs()));
        }
        HandshakeError::Failure(error) => error,
    };
    if let WireError::Io(io) = &error
        && let Some(sentence) = stream::described(io, host(uri))
    {
        return Error::plain(sentence);
    }
    let WireError::Http(response) = error else {
        return Error::plain(format!("the server did not answer as a WebSocket server: {error}"));
    };
    let status = response.status();
    let has_origin = options.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case("Origin"));
    let sentence = match status.as_u16() {
        // The status does not say whether the key or the origin was refused; the body may.
        401 | 403 if has_origin => None,
        401 | 403 if shows_key(uri, options) => Some("the server does not accept this key"),
        401 | 403 => Some("the server requires a key"),
        404 => Some("there is no chat at this address"),
        503 => Some("the server is full or stopping; try again in a few seconds"),
        502 | 504 => Some("a proxy answers, but the server behind it does not"),
        200..300 => Some("a web page answers there, not a chat"),
        _ => None,
    };
    let sentence = match sentence {
        Some(sentence) => format!("{sentence} ({})", status.as_u16()),
        None => format!("the server refused the connection: {status} {}", first_line(&response))
            .trim_end()
            .to_owned(),
    };
    Error::refused(status.as_u16(), sentence)
}

/// Whether the request contains something that the server may read as a key.
fn shows_key(uri: &Uri, options: &ClientOptions) -> bool {
    let has_header =
        |wanted: &str| options.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
    options.key.is_some()
        || ["Authorization", "X-WS-AUTH-KEY", "Sec-WebSocket-Protocol"].into_iter().any(has_header)
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
