//! The embedding program: what it does with clients, and what it decides about requests.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tungstenite::{Bytes, http::Response as HttpResponse};

use super::{grant::Grant, request::Request};
use crate::{
    http::{Excerpt, LOGGED_CHARS, Refusal, Response, answer},
    registry::Registry,
    session::{HandlerResult, Session},
};

type Handler = dyn Fn(&mut Session) -> HandlerResult + Send + Sync;
pub(super) type Authorize = dyn Fn(&Request<'_>) -> Result<Grant, Response> + Send + Sync;
pub(super) type Pages = dyn Fn(&Request<'_>) -> Option<Response> + Send + Sync;

/// The functions of the embedding program. None of them can harm other clients by a panic.
pub(super) struct Program {
    pub(super) handler: Box<Handler>,
    pub(super) authorize: Option<Box<Authorize>>,
    pub(super) pages: Option<Box<Pages>>,
}

impl Program {
    /// Lets the program decide about an upgrade.
    pub(super) fn authorize(&self, request: &Request<'_>, registry: &Registry) -> Result<Grant, Refusal> {
        let Some(authorize) = &self.authorize else { return Ok(Grant::default()) };
        match guarded(registry, || authorize(request))? {
            Ok(entry) => match &entry.subprotocol {
                // It is not logged, as it may hold a key.
                Some(chosen) if !request.subprotocols().any(|offered| offered == chosen) => Err(fault(
                    request,
                    format_args!("it chose a subprotocol that is not among those of the request"),
                )),
                _ => Ok(entry),
            },
            Err(response) => match response.rendered_as_refusal() {
                Ok(_) => Err(Refusal::Program(Box::new(response))),
                Err(why) => Err(fault(request, format_args!("its response is not valid: {why}"))),
            },
        }
    }

    /// The program's own page for a request, if it has one.
    pub(super) fn page(
        &self,
        request: &Request<'_>,
        registry: &Registry,
    ) -> Result<Option<HttpResponse<Option<Bytes>>>, Refusal> {
        let Some(pages) = &self.pages else { return Ok(None) };
        let response = guarded(registry, || pages(request))?;
        let rendered = response.map(|response| answer(response, request.head));
        rendered.transpose().map_err(|why| fault(request, format_args!("its response is not valid: {why}")))
    }
}

/// Runs a function of the program. The panic hook has reported a panic.
fn guarded<T>(registry: &Registry, call: impl FnOnce() -> T) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| {
        registry.counters.panicked();
        Refusal::Internal
    })
}

fn fault(request: &Request<'_>, why: fmt::Arguments<'_>) -> Refusal {
    let path = Excerpt::of(request.path(), LOGGED_CHARS);
    log::error!("the program failed at {} {path}: {why} {}", request.method(), request.client);
    Refusal::Internal
}
