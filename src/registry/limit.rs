//! Permits for clients. A permit is a guard: taking one counts, dropping one frees, whatever happens in between.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Counts the clients that are in.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientLimit(Arc<AtomicUsize>);

/// A client's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicUsize>);

impl ClientLimit {
    /// A permit, unless `most` are taken.
    pub(crate) fn acquire(&self, most: usize) -> Option<Permit> {
        let taken = |count: usize| (count < most).then_some(count + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).ok()?;
        Some(Permit(Arc::clone(&self.0)))
    }

    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Counts the clients of each address.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressLimit(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A client's place among those of its address.
#[derive(Debug)]
pub(crate) struct AddressPermit {
    limit: AddressLimit,
    home: IpAddr,
}

impl AddressLimit {
    /// A permit, unless `most` of this address are taken; 0 is no limit.
    pub(crate) fn acquire(&self, address: IpAddr, most: usize) -> Option<AddressPermit> {
        let home = home(address);
        let mut taken = self.lock();
        let count = taken.entry(home).or_default();
        // An entry made here has room, so none stays behind empty.
        if most > 0 && *count >= most {
            return None;
        }
        *count += 1;
        Some(AddressPermit { limit: self.clone(), home })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut taken = self.limit.lock();
        if let Some(count) = taken.get_mut(&self.home) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.home);
            }
        }
    }
}

/// One home has one IPv4 address, or the 2^64 addresses of one IPv6 network.
pub(crate) fn home(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_seat_is_free_even_after_a_panic() {
        let limit = ClientLimit::default();
        let first = limit.acquire(2).unwrap();
        let second = limit.acquire(2).unwrap();
        assert!(limit.acquire(2).is_none());
        drop(first);
        assert_eq!(limit.taken(), 1);
        let panicked = std::panic::catch_unwind(move || {
            let _seat = second;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.is_err());
        assert_eq!(limit.taken(), 0);
    }

    #[test]
    fn each_address_has_its_own_seats() {
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
        assert!(limit.lock().is_empty());
    }
}
