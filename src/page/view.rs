//! How a request wants the page: in which language and colors, and whether for a frame of another page.

use crate::{
    config::{Config, Theme},
    http::Head,
    languages::Language,
};

pub(super) struct View {
    pub(super) language: Language,
    pub(super) theme: Theme,
    /// Whether the widget asks for it, which has its own button for closing it.
    pub(super) is_embedded: bool,
}

impl View {
    /// The language is that of the settings, or else of the page around the frame, or else of the browser.
    /// The theme is that of the page around the frame, which knows best how it looks, or else of the
    /// settings.
    pub(super) fn of(head: &Head, config: &Config) -> View {
        let target = head.target();
        let around = || target.value("lang").and_then(|tag| Language::of_tag(&tag));
        let of_browser = || Language::preferred(head.weighted("accept-language"));
        View {
            language: config.language.or_else(around).or_else(of_browser).unwrap_or(Language::ENGLISH),
            theme: target.value("theme").and_then(|theme| Theme::parse(&theme).ok()).unwrap_or(config.theme),
            is_embedded: target.value("embedded").is_some(),
        }
    }
}
