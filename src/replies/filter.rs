//! Recognises in one step nearly all numbers that are not in a set.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

/// A set of numbers that may seem to have some more (a Bloom filter with one hash), in little memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    bits: Vec<u64>,
}

impl Filter {
    pub(super) fn of(numbers: impl Iterator<Item = u64> + Clone) -> Filter {
        // With 16 bits for each number, one in 16 others seems to be there.
        let words = (numbers.clone().count() / 4).next_power_of_two();
        let mut filter = Filter { bits: vec![0; words] };
        for number in numbers {
            let (word, bit) = filter.place(number);
            filter.bits[word] |= bit;
        }
        filter
    }

    pub(super) fn may_have(&self, number: u64) -> bool {
        let (word, bit) = self.place(number);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn place(&self, number: u64) -> (usize, u64) {
        let hash = FxBuildHasher.hash_one(number);
        ((hash >> 6) as usize & self.bits.len().wrapping_sub(1), 1 << (hash & 63))
    }
}
