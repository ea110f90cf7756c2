//! What a request asks for.

use crate::{
    http::{Head, Refusal, Upgrade, asks_for_upgrade, upgrade},
    page::Asset,
};

/// What a request asks for, and may be answered with.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    Upgrade(Upgrade<'a>),
    /// Whether an upgrade would be let in: a browser cannot see why its WebSocket was refused.
    Probe,
    /// Whether the server is well.
    Health,
    /// What it has counted.
    Metrics,
    /// A file of the chat page.
    Asset(Asset),
}

/// Sorts a request; an upgrade is taken on any path.
pub(crate) fn route(head: &Head) -> Result<Route<'_>, Refusal> {
    head.check_framing()?;
    if head.method() != "GET" && head.method() != "HEAD" {
        return Err(Refusal::MethodNotAllowed);
    }
    if asks_for_upgrade(head) {
        return upgrade(head).map(Route::Upgrade);
    }
    match head.path() {
        "/healthz" => Ok(Route::Health),
        "/metrics" => Ok(Route::Metrics),
        "/chat" => Ok(Route::Probe),
        path => Asset::at(path).map(Route::Asset).ok_or(Refusal::NotFound),
    }
}
