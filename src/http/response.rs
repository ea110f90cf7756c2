//! Answers to requests, after each of which the connection closes.

use tungstenite::{handshake::server::ErrorResponse, http::Response};

/// An answer of one sentence.
pub(crate) fn plain(status: u16, sentence: &str, with_body: bool) -> ErrorResponse {
    text_response(status, "text/plain; charset=utf-8", format!("{sentence}\n"), with_body)
}

/// An answer of text; without a body where the request was `HEAD`.
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
