//! What a client asks for: the options of a connection, and the upgrade request with them.

use std::fmt;

use tungstenite::{
    client::IntoClientRequest,
    handshake::client::Request,
    http::{HeaderName, HeaderValue, Uri},
};

use crate::error::Error;

/// Options of a connection. `Debug` shows only the names of headers, since their values may be secrets.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// A key, sent as `Authorization: Bearer KEY`.
    pub key: Option<String>,
    /// Additional headers of the upgrade request, as names and values.
    pub headers: Vec<(String, String)>,
    /// Certificates in PEM to trust for `wss://`, in place of the system's certificate authorities. The server's
    /// certificate must be signed by one of them or, if it is self-signed, be one of them.
    pub ca: Option<Vec<u8>>,
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|header| &header.0).collect();
        f.debug_struct("ClientOptions").field("headers", &names).finish_non_exhaustive()
    }
}

/// The request for an upgrade.
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
    Ok(request)
}
