//! A request with what is known of its client, before the client is admitted.

use std::time::Duration;

use super::permits::Permits;
use crate::{
    auth::{Admission, Rules, admit},
    config::Config,
    http::{Head, Refusal, is_direct},
    registry::{AddressPermit, ClientId, Connection, Permit},
};

/// Places beyond `max_clients`, so that clients with a role can reach a server that visitors have filled.
const PLACES_FOR_ROLES: usize = 2;
/// Time for which a client that guesses keys waits for its answer.
const GUESS_TIME: Duration = Duration::from_secs(2);

/// A request about which the server decides, with the settings that apply throughout the decision.
pub(super) struct Arrival<'a> {
    pub(super) head: &'a Head,
    pub(super) client: &'a ClientId,
    pub(super) connection: &'a Connection,
    /// The permits that the client acquired when it was accepted, or why it did not.
    pub(super) permits: &'a Result<Permits, Refusal>,
    pub(super) config: &'a Config,
}

impl<'a> Arrival<'a> {
    /// The rules of admission for this request.
    pub(super) fn rules(&self) -> Rules<'a> {
        let address = self.connection.registry.local_addr();
        let is_direct = address.ip().is_loopback() && is_direct(self.head, self.client.address.ip());
        Rules { is_direct, ..self.config.rules(address) }
    }

    /// Checks the key and the origin, slowly for an address from which many wrong keys came.
    ///
    /// A valid key is admitted at once, so a late answer to a wrong one slows down only a client that cannot
    /// ask again in the meantime: it waits with a permit of its address, of which there are
    /// `max_clients_per_ip`, even for addresses that are not limited otherwise. Without such a limit nobody
    /// waits, as that could use up the places of all others. At an address that is not limited, guesses
    /// beyond those places are answered at once, as a valid key must be.
    pub(super) fn admit(&self, rules: &Rules<'_>) -> Result<Admission, Refusal> {
        match admit(self.head, rules) {
            Err(refusal @ Refusal::NoKey { is_wrong: true, .. }) => Err(self.slow_refusal(refusal)),
            decision => decision,
        }
    }

    /// The refusal of a wrong key, which comes late after too many of them.
    #[inline(never)] // As `Head::read`.
    fn slow_refusal(&self, refusal: Refusal) -> Refusal {
        let Arrival { client, connection, permits, config, .. } = self;
        let (registry, max) = (&connection.registry, config.max_clients_per_ip);
        if !registry.guesses.count(client.client_ip()) {
            return refusal;
        }
        let has_permit = permits.as_ref().is_ok_and(|permits| permits.address.is_some());
        let permit = match self.address_permit() {
            Err(refusal) => return refusal,
            Ok(None) if !has_permit => registry.addresses.acquire(client.client_ip(), max),
            Ok(permit) => permit,
        };
        if max > 0 && (has_permit || permit.is_some()) {
            let _ = registry.stopping.recv_timeout(GUESS_TIME);
        }
        Refusal::TooManyGuesses
    }

    /// Checks that the client has its permits. The address of one behind a proxy is known only now, after its
    /// head was read, so that the permit for it is acquired here.
    pub(super) fn address_permit(&self) -> Result<Option<AddressPermit>, Refusal> {
        let permits = self.permits.as_ref().map_err(Clone::clone)?;
        let address =
            self.client.forwarded.filter(|client| permits.address.is_none() && !client.is_loopback());
        let (addresses, max) = (&self.connection.registry.addresses, self.config.max_clients_per_ip);
        let acquire = |client| addresses.acquire(client, max).ok_or(Refusal::TooManyFromAddress);
        address.map(acquire).transpose()
    }

    /// A place for a client with a role on a server that is full for others.
    pub(super) fn role_permit(&self) -> Option<Permit> {
        let max = self.config.max_clients.saturating_add(PLACES_FOR_ROLES);
        self.connection.registry.clients.acquire(max)
    }
}
