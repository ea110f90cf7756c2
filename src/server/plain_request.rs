//! Answers to requests that do not ask for an upgrade: health, metrics, pages.

use tungstenite::{Bytes, http::Response as HttpResponse};

use super::{
    admission::admit_upgrade, arrival::Arrival, exchange::Exchange, permits::Permits, program::Program,
    request::Request, route::Route,
};
use crate::{
    auth::{Rules, is_loopback_host},
    config::Config,
    http::{Excerpt, Head, LOGGED_CHARS, Refusal, answer, is_direct, plain},
    metrics,
    page::{Asset, refused_site},
    registry::ClientId,
    stream::Tls,
};

/// The answer to a request that does not ask for an upgrade.
#[inline(never)] // As `Head::read`.
pub(super) fn answer_to(
    route: &Route<'_>,
    head: &Head,
    exchange: &Exchange<'_>,
    permits: &Result<Permits, Refusal>,
    program: &Program,
) -> Result<HttpResponse<Option<Bytes>>, Refusal> {
    let Exchange { connection, client, with_body, .. } = exchange;
    let registry = &connection.registry;
    let config = &*registry.config();
    let arrival = Arrival { head, client, connection, permits, config };
    let response = match route {
        Route::Health if registry.is_draining() => return Err(Refusal::Stopping),
        Route::Health => plain(200, "ok", *with_body),
        Route::Metrics => {
            may_see_metrics(&arrival)?;
            let expiry = config.tls.as_ref().and_then(Tls::expiry);
            metrics::response(&registry.counts(), config.replies.len(), expiry, *with_body)
        }
        Route::Page(asset) => return page(*asset, &arrival, program),
        // The caller handles upgrades; here one gets the same answer as a probe.
        Route::Probe | Route::Upgrade(_) => {
            admit_upgrade(&arrival, program)?;
            return Err(Refusal::UpgradeRequired);
        }
    };
    Ok(response.map(|body| body.map(Bytes::from)))
}

/// A page of the program, or else a file of the chat page.
fn page(
    asset: Option<Asset>,
    arrival: &Arrival<'_>,
    program: &Program,
) -> Result<HttpResponse<Option<Bytes>>, Refusal> {
    let Arrival { head, client, connection, config, .. } = *arrival;
    // The script of such a page requests it to find out why an upgrade was refused.
    let is_of_role = config.role_of_page(head.target().path()).is_some();
    if is_of_role && connection.registry.is_draining() {
        return Err(Refusal::Stopping);
    }
    let permit = match arrival.address_permit() {
        Ok(permit) => Some(permit),
        Err(refusal) if is_of_role => {
            arrival.role_permit().ok_or(refusal)?;
            Some(None)
        }
        // The chat page says in words that the server is full.
        Err(_) if asset.is_some() && config.page => None,
        Err(refusal) => return Err(refusal),
    };
    arrival.rules().check_host(head)?;
    if permit.is_some()
        && let Some(response) = page_of_program(arrival, program)?
    {
        return Ok(response);
    }
    if asset == Some(Asset::Page) && config.page {
        report_refused_site(head, config, client);
    }
    let response = asset.filter(|_| config.page).and_then(|asset| asset.response(head, config));
    Ok(answer(response.ok_or(Refusal::NotFound)?, head).expect("the headers are visible ASCII"))
}

/// The embedding program's page for a request, if it has one. Making it may take long, so the caller must
/// have the permits of a client.
fn page_of_program(
    arrival: &Arrival<'_>,
    program: &Program,
) -> Result<Option<HttpResponse<Option<Bytes>>>, Refusal> {
    if program.pages.is_none() {
        return Ok(None);
    }
    let Arrival { head, client, connection, .. } = *arrival;
    let admission = match arrival.admit(&Rules { required: true, ..arrival.rules() }) {
        Err(refusal @ Refusal::TooManyGuesses) => return Err(refusal),
        // Apart from that, keys and origins do not guard pages: the program decides to whom it shows them.
        admission => admission.ok(),
    };
    let caller = admission.as_ref().and_then(|admission| admission.caller.name());
    program.page(&Request::new(head, client, caller), &connection.registry)
}

/// Browsers say why a frame stays empty only in their console.
fn report_refused_site(head: &Head, config: &Config, client: &ClientId) {
    if let Some(site) = refused_site(head, config) {
        let site = Excerpt::of(site, LOGGED_CHARS);
        log::info!(
            "Frame refused ... a page of {site} shows the chat, and embed_origins does not list it: add it there, under [web] {client}"
        );
    }
}

/// Metrics are for programs on this machine, and for clients with a key. A forwarded request comes from
/// elsewhere, and the `Host` is checked because a web page's own name may resolve to this machine (DNS
/// rebinding).
fn may_see_metrics(arrival: &Arrival<'_>) -> Result<(), Refusal> {
    let Arrival { head, client, .. } = arrival;
    if is_direct(head, client.address.ip()) && head.text("host").is_some_and(is_loopback_host) {
        return Ok(());
    }
    arrival.admit(&Rules { required: true, ..arrival.rules() }).map(drop)
}
