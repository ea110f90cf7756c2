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
        .with_header("Content-Security-Policy", &policy(request))
        .with_header("Referrer-Policy", "no-referrer")
        // A page that has opened this one must not have a hold on its window.
        .with_header("Cross-Origin-Opener-Policy", "same-origin")
        .with_header("X-Robots-Tag", "noindex")
        .with_header("Cache-Control", "no-cache");
    Some(response)
}

/// The Content-Security-Policy of the page. No other site may show it, whatever `embed_origins` says. Some
/// browsers do not match `'self'` with a WebSocket of the same host, so the host is listed too.
fn policy(request: &Request<'_>) -> String {
    // The header comes from the client: a semicolon in it could add a directive.
    let is_plain = |char: char| char.is_ascii_alphanumeric() || ".-:[]".contains(char);
    let host = request.header("host").filter(|host| host.chars().all(is_plain));
    let sockets = host.map_or(String::new(), |host| format!(" ws://{host} wss://{host}"));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{sockets}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
