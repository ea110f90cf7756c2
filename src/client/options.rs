//! What a client asks for: the options of a connection, and the upgrade request with them.

use std::{fmt, time::Duration};

use tungstenite::{
    client::IntoClientRequest,
    handshake::client::Request,
    http::{HeaderName, HeaderValue, Uri, header::SEC_WEBSOCKET_PROTOCOL},
};

use crate::{auth::is_token, error::Error};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest `connect_timeout`. A deadline that is much later might not be representable.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Options of a connection.
///
/// `Debug` shows only the names of headers and the number of subprotocols, since any of them may hold a
/// secret.
///
/// ```no_run
/// let mut options = replyd::ClientOptions::default();
/// options.key = Some("0123456789abcdef".into());
/// options.connect_timeout = std::time::Duration::from_secs(3);
/// let client = replyd::Client::connect_with("ws://127.0.0.1:5000", &options)?;
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ClientOptions {
    /// A key, sent as `Authorization: Bearer KEY`. None by default.
    pub key: Option<String>,
    /// Additional headers of the upgrade request, as names and values. None by default.
    pub headers: Vec<(String, String)>,
    /// Certificates in PEM to trust for `wss://`, in place of the system's certificate authorities. The
    /// server's certificate must be signed by one of them or, if it is self-signed, be one of them.
    pub ca: Option<Vec<u8>>,
    /// Time limit for the look-up of the server's name, the connection and the upgrade together. 10 seconds
    /// by default; more than a day counts as a day.
    pub connect_timeout: Duration,
    /// Subprotocols to offer, the preferred one first; none by default. Each must be a token (RFC 9110,
    /// section 5.6.2) and different from the others. [`Client::subprotocol`](crate::Client::subprotocol) is
    /// the one that the server chooses. A server that chooses none of them is not connected to, as in
    /// browsers.
    pub subprotocols: Vec<String>,
}

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            key: None,
            headers: Vec::new(),
            ca: None,
            connect_timeout: CONNECT_TIMEOUT,
            subprotocols: Vec::new(),
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|header| &header.0).collect();
        f.debug_struct("ClientOptions")
            .field("headers", &names)
            .field("connect_timeout", &self.connect_timeout)
            .field("subprotocols", &self.subprotocols.len())
            .finish_non_exhaustive()
    }
}

impl ClientOptions {
    pub(super) fn time_limit(&self) -> Duration {
        self.connect_timeout.min(MAX_CONNECT_TIMEOUT)
    }

    pub(super) fn has_header(&self, wanted: &str) -> bool {
        self.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
    }
}

pub(super) fn request(uri: Uri, options: &ClientOptions) -> Result<Request, Error> {
    let mut request =
        uri.into_client_request().map_err(|error| Error::plain(format!("the URL is not valid: {error}")))?;
    let bearer = options.key.as_ref().map(|key| ("Authorization".to_owned(), format!("Bearer {key}")));
    for (name, value) in bearer.iter().chain(&options.headers) {
        let header_name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| Error::plain(format!("{name:?} is not a valid header name")))?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| {
            Error::plain(format!(
                "the value of header {name} has a character that is not allowed in a header"
            ))
        })?;
        // Keeps the value out of the `Debug` output of the request.
        value.set_sensitive(true);
        request.headers_mut().append(header_name, value);
    }
    if let Some(offer) = offer(options)? {
        request.headers_mut().append(SEC_WEBSOCKET_PROTOCOL, offer);
    }
    Ok(request)
}

/// The value of `Sec-WebSocket-Protocol`. As a subprotocol may hold a key, an error names it by its number.
fn offer(options: &ClientOptions) -> Result<Option<HeaderValue>, Error> {
    let subprotocols = &options.subprotocols;
    if subprotocols.is_empty() {
        return Ok(None);
    }
    if options.has_header(SEC_WEBSOCKET_PROTOCOL.as_str()) {
        return Err(Error::plain(
            "Sec-WebSocket-Protocol is among the headers as well; name all subprotocols in one place",
        ));
    }
    for (number, subprotocol) in (1..).zip(subprotocols) {
        let is_allowed = |char: char| u8::try_from(char).is_ok_and(is_token);
        if let Some(char) = subprotocol.chars().find(|char| !is_allowed(*char)) {
            return Err(Error::plain(format!(
                "subprotocol {number} has the character {char:?}, which is not allowed in a token"
            )));
        }
        if subprotocol.is_empty() {
            return Err(Error::plain(format!("subprotocol {number} is empty")));
        }
        if let Some(first) = subprotocols[..number - 1].iter().position(|other| other == subprotocol) {
            return Err(Error::plain(format!(
                "subprotocol {number} is the same as subprotocol {}",
                first + 1
            )));
        }
    }
    let mut value = HeaderValue::from_str(&subprotocols.join(", ")).expect("a token is in ASCII");
    value.set_sensitive(true);
    Ok(Some(value))
}
