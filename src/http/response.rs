//! Responses to plain requests, and to upgrades that are refused. The connection closes after each.

use std::fmt;

use tungstenite::{
    Bytes,
    handshake::server::ErrorResponse,
    http::{HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header},
};

/// A response that consists of one sentence.
pub(crate) fn plain(status: u16, sentence: &str, with_body: bool) -> ErrorResponse {
    text_response(status, "text/plain; charset=utf-8", format!("{sentence}\n"), with_body)
}

/// A text response. A request with `HEAD` gets the same headers, but no body (RFC 9110, section 9.3.2).
pub(crate) fn text_response(
    status: u16,
    content_type: &'static str,
    body: String,
    with_body: bool,
) -> ErrorResponse {
    HttpResponse::builder()
        .status(status)
        .header("Content-Type", content_type)
        .header("Content-Length", body.len())
        .header("Connection", "close")
        .header("X-Content-Type-Options", "nosniff")
        .body(with_body.then_some(body))
        .expect("all names and values above are valid")
}

/// The headers that only the server sets, since they frame a response or concern the connection.
const RESERVED_HEADERS: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::TRAILER];

/// An HTTP response by a program: a page of [`Server::pages`](crate::Server::pages), or the refusal of an
/// upgrade by [`Server::admit`](crate::Server::admit).
///
/// The server adds `Content-Length` and `Connection: close`, and unless the response has its own,
/// `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`. A page with status 200 whose
/// `Cache-Control` lets browsers cache it gets an `ETag`, unless it has its own, and is not sent again to a
/// browser that has it (304). A response that is not valid HTTP is not sent: the client gets a 500, and the
/// log says why.
///
/// ```
/// use replyd::Response;
///
/// let found = Response::json(r#"{"rooms":["blue"]}"#).with_header("Access-Control-Allow-Origin", "*");
/// let refused = Response::text(403, "There is no such room.");
/// ```
///
/// `Debug` does not show values of headers and the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) gzip: Option<Bytes>,
}

impl Response {
    /// A response with this status (RFC 9110, section 15; 200 to 599) and a body of this type, `image/png`
    /// for example.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Response { status, headers, body: body.into(), gzip: None }
    }

    /// A response with this status and a text.
    pub fn text(status: u16, text: impl Into<String>) -> Response {
        Response::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// A page, with status 200.
    pub fn html(page: impl Into<String>) -> Response {
        Response::new(200, "text/html; charset=utf-8", page.into())
    }

    /// A document in JSON, with status 200.
    pub fn json(document: impl Into<String>) -> Response {
        Response::new(200, "application/json", document.into())
    }

    /// Adds a header. Others of the same name stay, except for `Content-Type`, which is replaced.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Response {
        if name.eq_ignore_ascii_case("content-type") {
            self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the same body compressed with gzip, which clients that accept it are sent, with `Vary:
    /// Accept-Encoding`.
    #[must_use]
    pub fn with_gzip(mut self, compressed: impl Into<Bytes>) -> Response {
        self.gzip = Some(compressed.into());
        self
    }

    /// Adds a `Content-Security-Policy` (CSP3) for a page that loads scripts, styles and images from its own
    /// host only, and connects to no other. `host` is the request's `Host`, since some browsers do not match
    /// `'self'` with a WebSocket of the same host. Only the sites of `frame_ancestors` may show the page in a
    /// frame; `'none'` means none.
    #[must_use]
    pub fn with_page_policy(self, host: Option<&str>, frame_ancestors: &str) -> Response {
        // The header comes from the client: a semicolon in it could add a directive.
        let is_plain = |char: char| char.is_ascii_alphanumeric() || ".-:[]".contains(char);
        let host = host.filter(|host| !host.is_empty() && host.chars().all(is_plain));
        let sockets = host.map_or(String::new(), |host| format!(" ws://{host} wss://{host}"));
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{sockets}; \
             base-uri 'none'; form-action 'none'; frame-ancestors {frame_ancestors}"
        );
        self.with_header("Content-Security-Policy", &policy)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether browsers may cache it.
    pub(super) fn may_be_kept(&self) -> bool {
        self.header("cache-control").is_some_and(|value| !value.to_ascii_lowercase().contains("no-store"))
    }

    /// The response to a client that already has it (RFC 9110, section 15.4.5).
    pub(super) fn not_modified(self) -> Response {
        Response { status: 304, body: Bytes::new(), ..self }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The response as it is sent.
    ///
    /// # Errors
    ///
    /// A sentence that says why it is not valid.
    pub(crate) fn rendered(&self, with_body: bool) -> Result<HttpResponse<Option<Bytes>>, String> {
        let status = StatusCode::from_u16(self.status).ok().filter(|_| (200..600).contains(&self.status));
        let status = status.ok_or_else(|| format!("{} is not a status from 200 to 599", self.status))?;
        // RFC 9110, section 6.4.1; after a 205, a length of zero says so.
        let has_content =
            ![StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
        if !has_content && !self.body.is_empty() {
            return Err(format!("a response with status {} has no body", self.status));
        }
        let mut response = HttpResponse::new(None);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            let (name, value) = checked(name, value)?;
            headers.append(name, value);
        }
        for (name, value) in
            [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")]
        {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if has_content || status == StatusCode::RESET_CONTENT {
            headers.insert(header::CONTENT_LENGTH, self.body.len().into());
        }
        if !has_content {
            headers.remove(header::CONTENT_TYPE);
        }
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        *response.body_mut() = (with_body && has_content).then(|| self.body.clone());
        Ok(response)
    }

    /// The response in the type that the callback of `accept_hdr` returns.
    ///
    /// # Errors
    ///
    /// The same as [`rendered`](Response::rendered), and when its status is a success, or the body is not
    /// UTF-8, as that type requires.
    pub(crate) fn rendered_as_refusal(&self) -> Result<ErrorResponse, String> {
        if (200..300).contains(&self.status) {
            return Err(format!("a refusal cannot have status {}, which is a success", self.status));
        }
        let (parts, body) = self.rendered(true)?.into_parts();
        let body = body.map(|body| String::from_utf8(body.into())).transpose();
        let body = body.map_err(|_| "the body of a refusal is not UTF-8")?;
        Ok(HttpResponse::from_parts(parts, body))
    }
}

/// A header that is valid and that programs may set. Errors do not show the value, which may be a secret.
fn checked(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let valid_name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("{name:?} is not a valid name of a header"))?;
    if RESERVED_HEADERS.contains(&valid_name) {
        return Err(format!("the header {valid_name} is the server's own"));
    }
    let value = HeaderValue::from_str(value)
        .map_err(|_| format!("the value of the header {valid_name} has a character that is not allowed"))?;
    Ok((valid_name, value))
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &names)
            .finish_non_exhaustive()
    }
}
