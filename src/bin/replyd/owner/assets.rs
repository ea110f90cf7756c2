//! The files of the owner's page: its HTML, its style sheet and its script.

use replyd::{Request, Response};

/// The file at the path of a request, if there is one.
pub(super) fn response(request: &Request<'_>) -> Option<Response> {
    // The build script makes both.
    macro_rules! file {
        ($name:literal) => {
            (
                include_str!(concat!(env!("OUT_DIR"), "/", $name)),
                &include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))[..],
            )
        };
    }
    let (content_type, (text, compressed)) = match request.path() {
        "/owner" => ("text/html; charset=utf-8", file!("owner.html")),
        "/owner.css" => ("text/css; charset=utf-8", file!("owner.css")),
        "/owner.js" => ("text/javascript; charset=utf-8", file!("owner.js")),
        _ => return None,
    };
    let response = Response::new(200, content_type, text)
        .with_gzip(compressed)
        // No other site may show it, whatever `embed_origins` says.
        .with_page_policy(request.header("host"), "'none'")
        .with_header("Referrer-Policy", "no-referrer")
        // A page that has opened this one must not have a hold on its window.
        .with_header("Cross-Origin-Opener-Policy", "same-origin")
        .with_header("X-Robots-Tag", "noindex")
        .with_header("Cache-Control", "no-cache");
    Some(response)
}
