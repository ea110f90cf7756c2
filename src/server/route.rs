//! Routes: what a request asks for.

use crate::{
    http::{Head, Refusal, Upgrade, asks_for_upgrade, upgrade},
    page::Asset,
};

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    Upgrade(Upgrade<'a>),
    /// A plain request for the answer that an upgrade would get: browsers do not tell a page why its
    /// WebSocket was refused.
    Probe,
    /// A health check.
    Health,
    /// The metrics.
    Metrics,
    /// A page of the embedding program, or else a file of the chat page.
    Page(Option<Asset>),
}

/// Finds the route of a request. An upgrade is accepted on any path.
pub(crate) fn route(head: &Head) -> Result<Route<'_>, Refusal> {
    head.check_framing()?;
    if head.method() != "GET" && head.method() != "HEAD" {
        return Err(Refusal::MethodNotAllowed);
    }
    if asks_for_upgrade(head) {
        return upgrade(head).map(Route::Upgrade);
    }
    Ok(match head.target().path() {
        "/healthz" => Route::Health,
        "/metrics" => Route::Metrics,
        "/chat" => Route::Probe,
        path => Route::Page(Asset::at(path)),
    })
}
