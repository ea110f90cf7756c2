//! The decision on an upgrade, and its answer.

use std::{any::Any, sync::atomic::Ordering};

use tungstenite::{
    accept_hdr_with_config,
    handshake::server::{Request as WireRequest, Response as WireResponse},
    http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
};

use super::{arrival::Arrival, grant::Grant, permits::Permits, program::Program, request::Request};
use crate::{
    auth::{Admission, subprotocols},
    http::{Head, Refusal},
    registry::{AddressPermit, ClientId, Connection, Permit},
    session,
    stream::GatheringStream,
};

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

/// Lets tungstenite answer the upgrade. Returns whether the answer was sent, and the decision.
#[inline(never)] // As `Head::read`.
#[expect(clippy::result_large_err, reason = "tungstenite's callback refuses with a whole response")]
pub(super) fn upgraded(
    stream: &mut GatheringStream,
    head: &Head,
    client: &ClientId,
    connection: &Connection,
    permits: &Result<Permits, Refusal>,
    program: &Program,
) -> (bool, Result<Box<Admitted>, Refusal>) {
    let config = &*connection.registry.config();
    let mut decision = Err(Refusal::Stopping);
    let callback = |_: &WireRequest, mut response: WireResponse| {
        decision = admit_upgrade(&Arrival { head, client, connection, permits, config }, program);
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
    let limits = session::limits(config.max_message_bytes, session::READ_BUFFER_BYTES);
    let accepted = accept_hdr_with_config(stream, callback, Some(limits)).is_ok();
    (accepted, decision)
}

/// Decides on an upgrade: checks the key and the origin first, so that only admitted clients learn that the
/// server is full, then the permits. The program comes last, so that clients that are refused anyway cannot
/// keep it busy.
#[inline(never)] // As `Head::read`.
pub(super) fn admit_upgrade(arrival: &Arrival<'_>, program: &Program) -> Result<Box<Admitted>, Refusal> {
    let Arrival { head, client, connection, permits, .. } = *arrival;
    let registry = &connection.registry;
    let mut admission = arrival.admit(&arrival.rules())?;
    if registry.is_draining() {
        return Err(Refusal::Stopping);
    }
    // Where guesses are slowed down, an answer that comes at once must not reveal that a key is valid.
    let has_role = admission.caller.role().is_some() && !registry.guesses.are_too_many(client.client_ip());
    let (address_permit, role_permit) = match arrival.address_permit() {
        Ok(permit) => (permit, None),
        Err(_) if has_role && permits.is_ok() => (None, None),
        Err(refusal) if has_role => (None, Some(arrival.role_permit().ok_or(refusal)?)),
        Err(refusal) => return Err(refusal),
    };
    let request = Request::new(head, client, admission.caller.name());
    let Grant { name, expires, subprotocol, value } = program.authorize(&request, registry)?;
    let name = name.or_else(|| admission.caller.name().map(str::to_owned));
    admission.expires = expires;
    // Some clients disconnect if none is chosen (RFC 6455, section 4.2.2).
    let subprotocol =
        subprotocol.map(String::into_boxed_str).or_else(|| subprotocols(head).next().map(Box::from));
    // Boxed, since tungstenite makes its answer deeper in the stack, and pages of that stay in use once they
    // were touched.
    Ok(Box::new(Admitted {
        admission,
        name,
        subprotocol,
        value,
        _address_permit: address_permit,
        role_permit,
    }))
}

/// Makes a reload end the session if the new settings would not admit it. Checks at once for a reload that
/// came between the decision and this call.
pub(super) fn bind_caller(admission: Admission, connection: &Connection) {
    let admission = connection.state.admission.get_or_init(|| admission);
    if !connection.registry.still_holds(admission, &connection.registry.config()) {
        connection.state.stop_flags.withdrawn.store(true, Ordering::Release);
    }
}
