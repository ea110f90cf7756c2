//! How many messages of one address are recorded, so that no client can fill the file.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Number of messages of one address in a minute. Several people may share it.
const MAX_OF_ADDRESS: u32 = 60;
/// Number of addresses that are distinguished within a minute; all others count as one.
const MAX_ADDRESSES: usize = 4096;
const MINUTE: Duration = Duration::from_secs(60);

/// When a minute began, and how many messages of each address were counted in it.
pub(super) struct AddressLimit {
    begun: Instant,
    counts: HashMap<IpAddr, u32>,
}

impl AddressLimit {
    pub(super) fn new() -> AddressLimit {
        AddressLimit { begun: Instant::now(), counts: HashMap::new() }
    }

    /// Counts a message from an address, and returns whether it is within the limit.
    pub(super) fn allows(&mut self, address: IpAddr) -> bool {
        if self.begun.elapsed() >= MINUTE {
            *self = AddressLimit::new();
        }
        let address = network(address);
        let has_place = self.counts.len() < MAX_ADDRESSES || self.counts.contains_key(&address);
        let address = if has_place { address } else { Ipv6Addr::UNSPECIFIED.into() };
        let count = self.counts.entry(address).or_default();
        *count += 1;
        *count <= MAX_OF_ADDRESS
    }
}

/// The address, or for IPv6 its /64 network, all addresses of which one household can use.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}
