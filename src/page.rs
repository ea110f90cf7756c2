//! What is served to browsers beside the WebSocket: the chat page, and the widget that embeds it.

use tungstenite::{handshake::server::ErrorResponse, http::header::HeaderMap};

use crate::{
    config::Config,
    http::{Head, text_response},
};

/// A file of the page. All of them are in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    Page,
    Style,
    Script,
    Icon,
    Widget,
}

impl Asset {
    /// The file at this path. The page itself names the others relatively, since a proxy may have it under another path.
    pub(crate) fn at(path: &str) -> Option<Asset> {
        match path {
            "/" => Some(Asset::Page),
            "/page.css" => Some(Asset::Style),
            "/page.js" => Some(Asset::Script),
            "/icon.svg" => Some(Asset::Icon),
            "/widget.js" => Some(Asset::Widget),
            _ => None,
        }
    }

    /// The file as these settings want it.
    pub(crate) fn response(self, head: &Head, config: &Config) -> ErrorResponse {
        let mut response =
            text_response(200, self.content_type(), self.text(config), head.method() != "HEAD");
        protect(response.headers_mut(), &policy(head, config));
        response
    }

    fn content_type(self) -> &'static str {
        match self {
            Asset::Page => "text/html; charset=utf-8",
            Asset::Style => "text/css; charset=utf-8",
            Asset::Script | Asset::Widget => "text/javascript; charset=utf-8",
            Asset::Icon => "image/svg+xml",
        }
    }

    fn text(self, config: &Config) -> String {
        let Config { title, accent, max_message_bytes, .. } = config;
        match self {
            Asset::Page => include_str!("page/page.html")
                .replace("{max_bytes}", &max_message_bytes.to_string())
                .replace("{title}", &escaped(title)),
            Asset::Style => {
                let colors =
                    format!(":root {{ --accent: {accent}; --on-accent: {}; }}\n", accent.text_on_it());
                include_str!("page/page.css").to_owned() + &colors
            }
            Asset::Script => include_str!("page/page.js").to_owned(),
            Asset::Icon => include_str!("page/icon.svg").replace("{accent}", &accent.to_string()),
            Asset::Widget => include_str!("page/widget.js").replace("{accent}", &accent.to_string()),
        }
    }
}

/// Text between the tags of HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Scripts and styles are the page's own files, connections go to its own host, and only the sites of `embed_origins` may
/// put it into a frame (CSP3). Some browsers do not take `'self'` for a WebSocket of the same host.
fn policy(head: &Head, config: &Config) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || ".-:[]".contains(char);
    let host = head.text("host").filter(|host| !host.is_empty() && host.chars().all(is_plain));
    let sockets = host.map_or(String::new(), |host| format!(" ws://{host} wss://{host}"));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{sockets}; \
         base-uri 'none'; form-action 'none'; frame-ancestors {}",
        config.embed_origins
    )
}

fn protect(headers: &mut HeaderMap, policy: &str) {
    for (name, value) in [
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        // Settings may change at any time.
        ("Cache-Control", "no-cache"),
    ] {
        headers.insert(name, value.parse().expect("it has nothing but visible ASCII"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_small() {
        let all = [Asset::Page, Asset::Style, Asset::Script, Asset::Icon, Asset::Widget];
        let bytes: usize = all.iter().map(|asset| asset.text(&Config::default()).len()).sum();
        assert!(bytes < 25 * 1024, "{bytes}");
    }

    #[test]
    fn a_title_is_text() {
        let config = Config { title: "<b> & {max_bytes}".into(), ..Config::default() };
        let page = Asset::Page.text(&config);
        assert!(page.contains("<h1 dir=\"auto\">&lt;b&gt; &amp; {max_bytes}</h1>"), "{page}");
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for asset in [Asset::Page, Asset::Style, Asset::Icon, Asset::Widget] {
            let text = asset.text(&Config::default());
            assert!(!text.contains("{accent}") && !text.contains("{title}"));
        }
    }
}
