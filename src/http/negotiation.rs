//! Which form of a response a request gets: compressed, or without a body that the client already has.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use tungstenite::{Bytes, http::Response as HttpResponse};

use super::{head::Head, response::Response};

/// The answer to a request for a page or file.
///
/// # Errors
///
/// The same as those of [`Response::rendered`].
pub(crate) fn answer(mut response: Response, head: &Head) -> Result<HttpResponse<Option<Bytes>>, String> {
    if response.status() == 200 {
        if response.header("etag").is_none() && response.may_be_kept() {
            let tag = tag(&response);
            response = response.with_header("ETag", &tag);
        }
        let is_known = response.header("etag").is_some_and(|tag| is_known(head, tag));
        let gzip = response.gzip.take();
        if gzip.is_some() {
            response = response.with_header("Vary", "Accept-Encoding");
        }
        if is_known {
            response = response.not_modified();
        } else if let Some(gzip) = gzip.filter(|_| accepts_gzip(head)) {
            response = response.with_header("Content-Encoding", "gzip");
            response.body = gzip;
        }
    }
    response.rendered(head.method() != "HEAD")
}

/// A tag (RFC 9110, section 8.8.3) of the content and the headers, since a browser may keep its old headers
/// when the content is the same. It is weak because it does not depend on the compression.
fn tag(response: &Response) -> String {
    let mut hash = Sha256::new();
    for (name, value) in &response.headers {
        hash.update(format!("{name}: {value}\n"));
    }
    hash.update(&response.body);
    format!("W/\"{}\"", BASE64URL_NOPAD.encode(&hash.finalize()[..12]))
}

/// Whether the client already has the content with this tag (RFC 9110, section 13.1.2).
fn is_known(head: &Head, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim_start_matches("W/").to_owned();
    head.items("if-none-match").any(|known| known == "*" || strong(known) == strong(tag))
}

/// Whether the client accepts gzip and does not prefer uncompressed content (RFC 9110, section 12.5.3).
fn accepts_gzip(head: &Head) -> bool {
    let weight = |names: &[&str]| {
        let mut weighted = head.weighted("accept-encoding");
        weighted.find(|(coding, _)| names.iter().any(|name| coding.eq_ignore_ascii_case(name)))
    };
    let gzip = weight(&["gzip", "x-gzip"]).or_else(|| weight(&["*"])).map_or(0.0, |(_, weight)| weight);
    gzip > 0.0 && gzip >= weight(&["identity"]).map_or(0.0, |(_, weight)| weight)
}
