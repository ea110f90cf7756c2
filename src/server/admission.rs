//! The decision on an upgrade, and its answer.

use std::{any::Any, sync::atomic::Ordering, time::Duration};

use tungstenite::{
    accept_hdr_with_config,
    handshake::server::{Request as WireRequest, Response as WireResponse},
    http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
};

use super::{acceptor::Permits, grant::Entry, program::Program, request::Request};
use crate::{
    auth::{Admission, Rules, admit, subprotocols},
    http::{Head, Refusal},
    registry::{AddressPermit, ClientId, Connection, Permit, Registry},
    session,
    stream::GatheringStream,
};

/// Places beyond `max_clients`, so that clients with a role can see to a server that visitors have filled.
const PLACES_FOR_ROLES: usize = 2;

/// A client that is admitted.
pub(super) struct Admitted {
    pub(super) admission: Admission,
    /// The name for the log, and for the handler.
    pub(super) name: Option<String>,
    pub(super) subprotocol: Option<Box<str>>,
    pub(super) value: Option<Box<dyn Any + Send>>,
    /// Set if the client's address counts and was not known when the connection was accepted.
    pub(super) _address_permit: Option<AddressPermit>,
    /// Set for a client with a role on a server that is full for others.
    pub(super) role_permit: Option<Permit>,
}

/// Has tungstenite answer the upgrade. Returns whether the answer was sent, and the decision.
#[inline(never)] // As `Head::read`.
#[expect(clippy::result_large_err, reason = "tungstenite's callback refuses with a whole response")]
pub(super) fn upgraded(
    stream: &mut GatheringStream,
    head: &Head,
    client: &ClientId,
    registry: &Registry,
    permits: &Result<Permits, Refusal>,
    program: &Program,
) -> (bool, Result<Box<Admitted>, Refusal>) {
    let mut decision = Err(Refusal::Stopping);
    let callback = |_: &WireRequest, mut response: WireResponse| {
        decision = admit_upgrade(head, client, registry, permits, program);
        match &decision {
            Ok(admitted) => {
                let chosen =
                    admitted.subprotocol.as_deref().and_then(|chosen| HeaderValue::from_str(chosen).ok());
                response.headers_mut().extend(chosen.map(|chosen| (SEC_WEBSOCKET_PROTOCOL, chosen)));
                Ok(response)
            }
            Err(refusal) => Err(refusal.response(true)),
        }
    };
    let limits = session::limits(registry.config().max_message_bytes, session::READ_BUFFER_BYTES);
    let accepted = accept_hdr_with_config(stream, callback, Some(limits)).is_ok();
    (accepted, decision)
}

/// Decides on an upgrade: checks the key and the origin first, so that only admitted clients learn that the server is full,
/// then the permits. The program comes last, so that no client that is refused anyway can keep it busy.
#[inline(never)] // As `Head::read`.
pub(super) fn admit_upgrade(
    head: &Head,
    client: &ClientId,
    registry: &Registry,
    permits: &Result<Permits, Refusal>,
    program: &Program,
) -> Result<Box<Admitted>, Refusal> {
    let config = registry.config();
    let rules = registry.rules_for(head, client, &config);
    let mut admission = admit_slowly(head, &rules, client, registry, permits)?;
    if registry.is_draining() {
        return Err(Refusal::Stopping);
    }
    // Where guesses are slowed, a valid key must not be told from a wrong one by an answer that comes at once.
    let has_role = admission.caller.role().is_some() && !registry.guesses.were_too_many(client.client_ip());
    let (address_permit, role_permit) = match all_permits(client, registry, permits) {
        Ok(permit) => (permit, None),
        Err(_) if has_role && permits.is_ok() => (None, None),
        Err(refusal) if has_role => (None, Some(role_permit(registry).ok_or(refusal)?)),
        Err(refusal) => return Err(refusal),
    };
    let request = Request::new(head, client, admission.caller.name());
    let Entry { name, expires, subprotocol, value } = program.judge(&request, registry)?;
    let name = name.or_else(|| admission.caller.name().map(str::to_owned));
    admission.expires = expires;
    // Some clients disconnect if none is chosen (RFC 6455, section 4.2.2).
    let subprotocol =
        subprotocol.map(String::into_boxed_str).or_else(|| subprotocols(head).next().map(Box::from));
    // Boxed, since tungstenite's answer is made beyond it on the stack, pages of which stay with the client once they were touched.
    Ok(Box::new(Admitted {
        admission,
        name,
        subprotocol,
        value,
        _address_permit: address_permit,
        role_permit,
    }))
}

/// A place for a client with a role on a server that is full for others.
pub(super) fn role_permit(registry: &Registry) -> Option<Permit> {
    registry.clients.acquire(registry.config().max_clients.saturating_add(PLACES_FOR_ROLES))
}

/// Time for which a client that guesses keys waits for its answer.
const GUESS_TIME: Duration = Duration::from_secs(2);

/// Checks the key and the origin, slowly for an address from which many wrong keys came.
///
/// A valid key is admitted at once. So a later answer to a wrong one slows only a client that cannot ask again meanwhile: it waits with a
/// permit of its address, of which there are `max_clients_per_ip`, also for the addresses that are not limited otherwise. Where there
/// is no such limit, nobody waits, as that could take the places of all others; and at an address that is not limited, guesses beyond
/// those places are answered at once, as a valid key must be.
pub(super) fn admit_slowly(
    head: &Head,
    rules: &Rules<'_>,
    client: &ClientId,
    registry: &Registry,
    permits: &Result<Permits, Refusal>,
) -> Result<Admission, Refusal> {
    match admit(head, rules) {
        Err(refusal @ Refusal::NoKey { is_wrong: true, .. }) => {
            Err(slow_refusal(refusal, client, registry, permits))
        }
        decision => decision,
    }
}

/// The refusal of a wrong key, which comes late after too many of them.
#[inline(never)] // As `Head::read`.
fn slow_refusal(
    refusal: Refusal,
    client: &ClientId,
    registry: &Registry,
    permits: &Result<Permits, Refusal>,
) -> Refusal {
    if !registry.guesses.are_too_many(client.client_ip()) {
        return refusal;
    }
    let has_permit = permits.as_ref().is_ok_and(|permits| permits.address.is_some());
    let max = registry.config().max_clients_per_ip;
    let permit = match all_permits(client, registry, permits) {
        Err(refusal) => return refusal,
        Ok(None) if !has_permit => registry.addresses.acquire(client.client_ip(), max),
        Ok(permit) => permit,
    };
    if max > 0 && (has_permit || permit.is_some()) {
        let _ = registry.stopping.recv_timeout(GUESS_TIME);
    }
    Refusal::TooManyGuesses
}

/// Checks that a client has its permits. The address of one behind a proxy is known only now, after its head was read, so that the
/// permit for it is acquired here.
pub(super) fn all_permits(
    client: &ClientId,
    registry: &Registry,
    permits: &Result<Permits, Refusal>,
) -> Result<Option<AddressPermit>, Refusal> {
    let permits = permits.as_ref().map_err(Clone::clone)?;
    let address = client.forwarded.filter(|client| permits.address.is_none() && !client.is_loopback());
    let max = registry.config().max_clients_per_ip;
    let acquire = |client| registry.addresses.acquire(client, max).ok_or(Refusal::TooManyFromAddress);
    address.map(acquire).transpose()
}

/// Makes a reload end the session if the new settings would not admit it. Checks at once for a reload that came between the
/// decision and this call.
pub(super) fn bind_caller(admission: Admission, connection: &Connection) {
    let admission = connection.state.admission.get_or_init(|| admission);
    if !connection.registry.still_holds(admission, &connection.registry.config()) {
        connection.state.stop_flags.withdrawn.store(true, Ordering::Release);
    }
}
