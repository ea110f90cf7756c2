//! The permits of a client.

use std::net::IpAddr;

use crate::{
    config::Config,
    http::{Refusal, counts_on_accept},
    registry::{AddressPermit, Permit, Registry},
};

/// The permits that a client acquires when it is accepted.
pub(super) struct Permits {
    _client: Permit,
    /// `None` where the client's own address is not known yet, or is not limited.
    pub(super) address: Option<AddressPermit>,
}

impl Permits {
    pub(super) fn acquire(registry: &Registry, address: IpAddr) -> Result<Permits, Refusal> {
        let Config { max_clients, max_clients_per_ip, trusted_proxies, .. } = &*registry.config();
        let client = registry.clients.acquire(*max_clients).ok_or(Refusal::Full)?;
        // Otherwise `Arrival::address_permit` acquires it, if the client turns out to be behind a proxy.
        let counts = counts_on_accept(address, trusted_proxies);
        let acquire =
            || registry.addresses.acquire(address, *max_clients_per_ip).ok_or(Refusal::TooManyFromAddress);
        Ok(Permits { _client: client, address: counts.then(acquire).transpose()? })
    }
}
