//! Limits on the number of clients. A permit is a guard that frees its place when it is dropped, even by a
//! panic, so the counts cannot leak.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::lock::Lock;

/// The limit for all clients together.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientLimit(Arc<AtomicUsize>);

/// One client's share of a [`ClientLimit`].
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicUsize>);

impl ClientLimit {
    /// A permit, unless `max` are in use.
    pub(crate) fn acquire(&self, max: usize) -> Option<Permit> {
        let incremented = |count: usize| (count < max).then_some(count + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, incremented).ok()?;
        Some(Permit(Arc::clone(&self.0)))
    }

    /// Number of permits in use.
    pub(crate) fn in_use(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The limit for the clients of each address. IPv6 addresses count by network, see [`client_network`].
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressLimit(Arc<Lock<HashMap<IpAddr, usize>>>);

/// One client's share of an [`AddressLimit`].
#[derive(Debug)]
pub(crate) struct AddressPermit {
    limit: AddressLimit,
    network: IpAddr,
}

impl AddressLimit {
    /// A permit, unless `max` of this address are in use; 0 means no limit.
    pub(crate) fn acquire(&self, address: IpAddr, max: usize) -> Option<AddressPermit> {
        let network = client_network(address);
        let mut taken = self.0.lock();
        let count = taken.entry(network).or_default();
        // This returns for existing entries only, so that it never leaves an empty one in the map.
        if max > 0 && *count >= max {
            return None;
        }
        *count += 1;
        Some(AddressPermit { limit: self.clone(), network })
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut taken = self.limit.0.lock();
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

/// The address, or for IPv6 the /64 network, that stands for one household: it can use any of the 2^64
/// addresses of its network.
pub(crate) fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_is_free_even_after_a_panic() {
        let limit = ClientLimit::default();
        let first = limit.acquire(2).unwrap();
        let second = limit.acquire(2).unwrap();
        assert!(limit.acquire(2).is_none());
        drop(first);
        assert_eq!(limit.in_use(), 1);
        let panicked = std::panic::catch_unwind(move || {
            let _permit = second;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.is_err());
        assert_eq!(limit.in_use(), 0);
    }

    #[test]
    fn each_address_has_its_own_permits() {
        let limit = AddressLimit::default();
        let acquire = |address: &str| limit.acquire(address.parse().unwrap(), 2);
        let first = [acquire("203.0.113.1").unwrap(), acquire("::ffff:203.0.113.1").unwrap()];
        assert!(acquire("203.0.113.1").is_none());
        let other = acquire("203.0.113.2").unwrap();
        let network = [acquire("2001:db8::1").unwrap(), acquire("2001:db8::2").unwrap()];
        assert!(acquire("2001:db8::3").is_none());
        assert!(acquire("2001:db8:0:1::3").is_some());
        drop(first);
        assert!(acquire("203.0.113.1").is_some());
        assert!(limit.acquire("203.0.113.2".parse().unwrap(), 0).is_some());
        drop((other, network));
        assert!(limit.0.lock().is_empty());
    }
}
