//! WebSocket upgrades: which requests ask for one, and the conditions of RFC 6455.

use data_encoding::BASE64;

use super::{
    head::Head,
    refusal::{Refusal, bad},
};

/// A valid upgrade request.
#[derive(Debug)]
pub(crate) struct Upgrade<'a> {
    key: &'a str,
    host: &'a str,
}

/// Whether the request is meant as an upgrade, valid or not. A proxy that drops `Upgrade` and `Connection`
/// forwards the other headers; recognizing those lets the response name the fault.
pub(crate) fn asks_for_upgrade(head: &Head) -> bool {
    head.lists("upgrade", "websocket") || head.values("sec-websocket-key").next().is_some()
}

/// Checks the conditions of RFC 6455, section 4.2.1.
pub(crate) fn upgrade(head: &Head) -> Result<Upgrade<'_>, Refusal> {
    if head.minor_version() == 0 {
        return Err(bad("A WebSocket upgrade requires HTTP/1.1."));
    }
    let mut versions = head.values("sec-websocket-version");
    if (versions.next(), versions.next()) != (Some(b"13"), None) {
        return Err(Refusal::WrongVersion);
    }
    let mut keys = head.values("sec-websocket-key");
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(bad("The request must have exactly one Sec-WebSocket-Key header."));
    };
    let key = std::str::from_utf8(key).unwrap_or_default();
    if !BASE64.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16) {
        return Err(bad("Sec-WebSocket-Key must be 16 bytes in base64."));
    }
    if head.method() == "HEAD" {
        return Err(bad("A WebSocket upgrade must be a GET request."));
    }
    if !head.lists("upgrade", "websocket") || !head.lists("connection", "upgrade") {
        return Err(bad(
            "The request needs 'Upgrade: websocket' and 'Connection: Upgrade'; a proxy in between must forward both.",
        ));
    }
    Ok(Upgrade { key, host: head.text("host").unwrap_or_default() })
}

impl Upgrade<'_> {
    /// The head that `accept_hdr` reads instead of the client's own, which has been checked already. It
    /// contains only what the handshake needs.
    pub(crate) fn canonical_head(&self) -> Vec<u8> {
        format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            self.host, self.key
        )
        .into_bytes()
    }
}
