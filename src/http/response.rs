//! Answers to plain requests. The connection closes after each.

use tungstenite::{handshake::server::ErrorResponse, http::Response};

/// An answer that consists of one sentence.
pub(crate) fn plain(status: u16, sentence: &str, with_body: bool) -> ErrorResponse {
    text_response(status, "text/plain; charset=utf-8", format!("{sentence}\n"), with_body)
}

/// A text answer. A request with `HEAD` gets the same headers, but no body (RFC 9110, section 9.3.2).
pub(crate) fn text_response(
    status: u16,
    content_type: &'static str,
    body: String,
    with_body: bool,
) -> ErrorResponse {
    Response::builder()
        .status(status)
        .header("Content-Type", content_type)
        .header("Content-Length", body.len())
        .header("Connection", "close")
        .body(with_body.then_some(body))
        .expect("all names and values above are valid")
}
