//! The files served to browsers: the chat page, and the widget that embeds it in other pages.

mod packed;
mod template;
mod view;

use crate::{
    auth::is_site,
    config::{Color, Config, Theme},
    http::{Head, Response},
};
use packed::{SCRIPT, STYLE, WIDGET};
use template::{escaped, filled};
use view::View;

/// A file of the page. All but the logo are compiled into the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    Page,
    Style,
    Script,
    Icon,
    Widget,
    Logo,
}

impl Asset {
    /// The file at this path. The page refers to the others by relative URLs, since a proxy may serve it
    /// under another path.
    pub(crate) fn at(path: &str) -> Option<Asset> {
        match path {
            "/" => Some(Asset::Page),
            "/page.css" => Some(Asset::Style),
            "/page.js" => Some(Asset::Script),
            "/icon.svg" => Some(Asset::Icon),
            "/widget.js" => Some(Asset::Widget),
            "/logo" => Some(Asset::Logo),
            _ => None,
        }
    }

    /// The response with this file, filled in from the settings; `None` if they have no such file.
    pub(crate) fn response(self, head: &Head, config: &Config) -> Option<Response> {
        let content = self.content(&View::of(head, config), config)?;
        // A picture that is opened by itself is a page, in which a script would run.
        let response = match self {
            Asset::Logo => content.with_header("Content-Security-Policy", LOGO_POLICY),
            _ => content.with_page_policy(head.text("host"), &config.embed_origins.to_string()),
        };
        let mut response = response
            .with_header("Referrer-Policy", "no-referrer")
            // A site that isolates itself from others shows only files that allow this.
            .with_header("Cross-Origin-Resource-Policy", "cross-origin")
            // A reload may change the title or color at any time.
            .with_header("Cache-Control", "no-cache");
        if self == Asset::Page {
            response = response.with_header("Cross-Origin-Embedder-Policy", "require-corp");
        }
        if self == Asset::Page && config.language.is_none() {
            response = response.with_header("Vary", "Accept-Language");
        }
        if self == Asset::Widget {
            // Loaded as a module by another site, it would otherwise not even run to report the mistake.
            response = response.with_header("Access-Control-Allow-Origin", "*");
        }
        Some(response)
    }

    /// Its media type and its bytes, compressed too where that was done when the program was built.
    fn content(self, view: &View, config: &Config) -> Option<Response> {
        let color = |name: &str| color(name, config);
        let packed = |kind: &str, (text, gzip): (String, Vec<u8>)| {
            Response::new(200, &format!("text/{kind}; charset=utf-8"), text).with_gzip(gzip)
        };
        Some(match self {
            Asset::Page => Response::html(page(view, config)),
            Asset::Style => packed(
                "css",
                STYLE.filled(|name| match name {
                    "dark" => Some(media_of_dark(view.theme).into()),
                    name => color(name),
                }),
            ),
            Asset::Script => packed("javascript", SCRIPT.filled(|_| None)),
            Asset::Icon => Response::new(200, "image/svg+xml", filled(include_str!("page/icon.svg"), color)),
            Asset::Widget => packed(
                "javascript",
                WIDGET.filled(|name| match name {
                    "theme" => Some(config.theme.to_string()),
                    name => color(name),
                }),
            ),
            Asset::Logo => {
                let logo = config.logo.as_ref()?;
                Response::new(200, logo.content_type(), logo.bytes().clone())
            }
        })
    }
}

/// The site whose frame asks for the page and may not show it, if the browser names it.
pub(crate) fn refused_site<'a>(head: &'a Head, config: &Config) -> Option<&'a str> {
    let referrer = head.text("referer").filter(|_| View::of(head, config).is_embedded)?;
    let (scheme, rest) = referrer.split_once("://")?;
    let host = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    let site = &referrer[..scheme.len() + "://".len() + host.len()];
    (is_site(site) && !config.embed_origins.allow(site.as_bytes(), head.text("host"))).then_some(site)
}

/// The page in the visitor's language. The texts that its HTML does not show are for its script.
fn page(view: &View, config: &Config) -> String {
    let template = include_str!("page/page.html");
    let texts: Vec<(&str, &str)> = view.language.texts(&config.page_texts).collect();
    let text = |name: &str| texts.iter().find(|(known, _)| *known == name).map(|(_, text)| escaped(text));
    filled(template, |name| match name {
        "title" => Some(escaped(&config.title)),
        "language" => Some(view.language.to_string()),
        "direction" => Some(view.language.direction().into()),
        "scheme" => Some(color_scheme(view.theme).into()),
        "theme" => Some(view.theme.to_string()),
        "max_bytes" => Some(config.max_message_bytes.to_string()),
        // Replies are only for clients that may chat.
        "phone" if config.require_key.unwrap_or(config.has_keys()) => Some(String::new()),
        "phone" => {
            let phone = config.replies.phone();
            Some(phone.map_or(String::new(), |phone| format!(" data-phone=\"{}\"", escaped(phone))))
        }
        "embedded" => Some(if view.is_embedded { " data-embedded" } else { "" }.into()),
        "texts_of_script" => {
            let of_script = texts.iter().filter(|(name, _)| !template.contains(&format!("{{{name}}}")));
            let attribute = |(name, text): &(&str, &str)| {
                format!("\n data-{}=\"{}\"", name.replace('_', "-"), escaped(text))
            };
            Some(of_script.map(attribute).collect())
        }
        "logo_image" => Some(config.logo.iter().map(|_| "<img src=\"logo\" alt=\"\">\n").collect()),
        "privacy_link" if config.privacy.is_empty() => Some(String::new()),
        "privacy_link" => Some(format!(
            "<footer><a href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a></footer>\n",
            escaped(&config.privacy),
            text("privacy")?
        )),
        name => text(name),
    })
}

fn color(name: &str, Config { accent, .. }: &Config) -> Option<String> {
    match name {
        "accent" => Some(accent.to_string()),
        "on_accent" => Some(accent.contrasting_text().into()),
        "light_ring" => Some(accent.ring_on(Color::LIGHT_PAGE).to_string()),
        "dark_ring" => Some(accent.ring_on(Color::DARK_PAGE).to_string()),
        _ => None,
    }
}

/// The media query of the dark colors.
fn media_of_dark(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => "(prefers-color-scheme: dark)",
        Theme::Light => "not all",
        Theme::Dark => "all",
    }
}

fn color_scheme(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => "light dark",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

/// The policy of the logo, which may come from anywhere: it may have styles and images of its own, but runs
/// no script.
const LOGO_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";
