//! Recognises in one step nearly all numbers that are not in a set.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

/// A set of numbers that may seem to have some more, in little memory (a Bloom filter, with two bits in one word).
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    bits: Vec<u64>,
}

impl Filter {
    pub(crate) fn of(numbers: impl Iterator<Item = u64> + Clone) -> Filter {
        // With 16 bits for each number, one in 60 others seems to be there.
        let words = (numbers.clone().count() / 4).next_power_of_two();
        let mut filter = Filter { bits: vec![0; words] };
        for number in numbers {
            let (word, bits) = filter.place(number);
            filter.bits[word] |= bits;
        }
        filter
    }

    pub(crate) fn may_have(&self, number: u64) -> bool {
        let (word, bits) = self.place(number);
        self.bits.get(word).is_some_and(|word| word & bits == bits)
    }

    /// The word for a number, and its bits.
    fn place(&self, number: u64) -> (usize, u64) {
        let hash = FxBuildHasher.hash_one(number);
        let word = (hash >> 12) as usize & self.bits.len().wrapping_sub(1);
        (word, 1 << (hash & 63) | 1 << (hash >> 6 & 63))
    }
}
