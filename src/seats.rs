//! Places for clients. A seat is a guard: taking one counts, dropping one frees, whatever happens in between.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
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
}
