//! Places for clients. A seat is a guard: taking one counts, dropping one frees, whatever happens in between.

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
pub(crate) struct Seats(Arc<AtomicUsize>);

/// A client's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Seats {
    /// A seat, unless `most` are taken.
    pub(crate) fn take(&self, most: usize) -> Option<Seat> {
        let taken = |count: usize| (count < most).then_some(count + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken).ok()?;
        Some(Seat(Arc::clone(&self.0)))
    }

    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Counts the clients of each address.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressSeats(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A client's place among those of its address.
#[derive(Debug)]
pub(crate) struct AddressSeat {
    seats: AddressSeats,
    home: IpAddr,
}

impl AddressSeats {
    /// A seat, unless `most` of this address are taken; 0 is no limit.
    pub(crate) fn take(&self, address: IpAddr, most: usize) -> Option<AddressSeat> {
        let home = home(address);
        let mut taken = self.lock();
        let count = taken.entry(home).or_default();
        // An entry made here has room, so none stays behind empty.
        if most > 0 && *count >= most {
            return None;
        }
        *count += 1;
        Some(AddressSeat { seats: self.clone(), home })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressSeat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
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
        let seats = Seats::default();
        let first = seats.take(2).unwrap();
        let second = seats.take(2).unwrap();
        assert!(seats.take(2).is_none());
        drop(first);
        assert_eq!(seats.taken(), 1);
        let panicked = std::panic::catch_unwind(move || {
            let _seat = second;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.is_err());
        assert_eq!(seats.taken(), 0);
    }

    #[test]
    fn each_address_has_its_own_seats() {
        let seats = AddressSeats::default();
        let take = |address: &str| seats.take(address.parse().unwrap(), 2);
        let first = [take("203.0.113.1").unwrap(), take("::ffff:203.0.113.1").unwrap()];
        assert!(take("203.0.113.1").is_none());
        let other = take("203.0.113.2").unwrap();
        let network = [take("2001:db8::1").unwrap(), take("2001:db8::2").unwrap()];
        assert!(take("2001:db8::3").is_none());
        assert!(take("2001:db8:0:1::3").is_some());
        drop(first);
        assert!(take("203.0.113.1").is_some());
        assert!(seats.take("203.0.113.2".parse().unwrap(), 0).is_some());
        drop((other, network));
        assert!(seats.lock().is_empty());
    }
}
