//! The secret that a request brings, and the places in which it may be.

use data_encoding::BASE64URL_NOPAD;

use crate::http::{ACCESS_TOKEN, Head, Refusal, bad};

/// The only header of an upgrade that a script in a browser can set.
const SUBPROTOCOLS: &str = "sec-websocket-protocol";
const BEARER: &str = "bearer.";

/// The credential of a request, from any of the places that may have one. The same one may be in several
/// places.
pub(super) fn credential(head: &Head, query_token: bool) -> Result<Option<Vec<u8>>, Refusal> {
    let bearer = head.values("authorization").filter_map(bearer).map(<[u8]>::to_vec);
    let header = head.values("x-ws-auth-key").map(<[u8]>::to_vec);
    let query = head.target().values(ACCESS_TOKEN).filter(|_| query_token).map(String::into_bytes);
    let offered = head.items(SUBPROTOCOLS).filter(|item| is_bearer(item)).map(|item| {
        let encoded = item[BEARER.len()..].trim_end_matches('=').as_bytes();
        // Invalid base64url must count as a wrong key, not as none. This byte makes it wrong, as it never
        // occurs in UTF-8.
        BASE64URL_NOPAD.decode(encoded).unwrap_or_else(|_| [b"\xff", encoded].concat())
    });
    let mut secrets = bearer.chain(header).chain(query).chain(offered).filter(|secret| !secret.is_empty());
    let Some(first) = secrets.next() else { return Ok(None) };
    // Choosing one of them could admit a request about which a proxy in front has decided by the other.
    if secrets.any(|other| other != first) {
        return Err(bad("The request has two different keys; send one."));
    }
    Ok(Some(first))
}

/// The offered subprotocols of which one may be chosen: those that do not contain a secret, which the
/// response would repeat.
pub(crate) fn subprotocols(head: &Head) -> impl Iterator<Item = &str> {
    let secret = credential(head, true).ok().flatten().unwrap_or_default();
    head.items(SUBPROTOCOLS).filter(move |offered| {
        !is_bearer(offered) && offered.bytes().all(is_token) && offered.as_bytes() != secret
    })
}

/// Whether a subprotocol contains a key or token, as pages send it.
pub(crate) fn is_bearer(subprotocol: &str) -> bool {
    subprotocol.get(..BEARER.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEARER))
}

/// The token after `Bearer`, which is not case-sensitive (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Whether a byte may be part of a token in the sense of HTTP (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
