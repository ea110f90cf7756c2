//! The files served to browsers: the chat page, and the widget that embeds it in other pages.

use tungstenite::{handshake::server::ErrorResponse, http::header::HeaderMap};

use crate::{
    config::{Color, Config},
    http::{Head, text_response},
};

/// A file of the page. All files are compiled into the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    Page,
    Style,
    Script,
    Icon,
    Widget,
}

impl Asset {
    /// The file at this path. The page refers to the others by relative URLs, since a proxy may serve it under another path.
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

    /// The response with this file, filled in from the settings.
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
            // The title comes last, so that braces in it are not replaced.
            Asset::Page => include_str!("page/page.html")
                .replace("{max_bytes}", &max_message_bytes.to_string())
                .replace("{title}", &escaped(title)),
            Asset::Style => {
                let [light, dark] = [Color::LIGHT_PAGE, Color::DARK_PAGE].map(|page| accent.ring_on(page));
                let colors = format!(
                    ":root {{ --accent: {accent}; --on-accent: {}; --ring: {light}; }}\n\
                     @media (prefers-color-scheme: dark) {{ :root {{ --ring: {dark}; }} }}\n",
                    accent.text_on_it()
                );
                include_str!("page/page.css").to_owned() + &colors
            }
            Asset::Script => include_str!("page/page.js").to_owned(),
            Asset::Icon => include_str!("page/icon.svg").replace("{accent}", &accent.to_string()),
            Asset::Widget => include_str!("page/widget.js").replace("{accent}", &accent.to_string()),
        }
    }
}

/// Escapes text for use between HTML tags. It must not be used in attributes, where quotes matter too.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The Content-Security-Policy (CSP3) of the page: it may load its own scripts and styles and connect to its own host, and
/// only the sites of `embed_origins` may show it in a frame. Some browsers do not match `'self'` with a WebSocket of the same
/// host, so that the host is listed too.
fn policy(head: &Head, config: &Config) -> String {
    // The header comes from the client: a semicolon in it could add a directive.
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
        // A reload may change the title or color at any time.
        ("Cache-Control", "no-cache"),
    ] {
        headers.insert(name, value.parse().expect("the value is visible ASCII"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_small() {
        let all = [Asset::Page, Asset::Style, Asset::Script, Asset::Icon, Asset::Widget];
        let bytes: usize = all.iter().map(|asset| asset.text(&Config::default()).len()).sum();
        assert!(bytes < 34 * 1024, "{bytes}");
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
