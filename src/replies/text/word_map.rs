//! A map from words to numbers. Nearly all words have at most eight bytes, and are compared in one step.

use std::{ops::Range, sync::Arc};

use rustc_hash::FxHashMap;

/// Number of bytes up to which a text is packed into a number.
pub(crate) const PACKED: usize = size_of::<u64>();

/// Number of groups of first bytes: the letters of ASCII have one each.
const FIRSTS: usize = 32;

/// Words with their numbers.
///
/// They are words of the owner's file, which no client can choose, so a fast hash without protection against
/// deliberate collisions is safe.
#[derive(Clone, Debug, Default)]
pub(crate) struct WordMap {
    short: FxHashMap<u64, u32>,
    long: FxHashMap<Arc<str>, u32>,
    /// By the lowest bits of the first byte, the lengths in bytes of the texts that begin so, as bits. All
    /// long ones share one.
    lengths: [u16; FIRSTS],
    /// Length of the longest text in bytes.
    longest: usize,
}

impl WordMap {
    pub(crate) fn get(&self, text: &str) -> Option<u32> {
        // Most words of messages are in no phrase, and this is cheaper than their hash.
        if !self.may_have(text, text.len().saturating_sub(1)..text.len()) {
            return None;
        }
        match text.len() {
            0..=PACKED => self.short.get(&packed(text.as_bytes())).copied(),
            _ => self.long.get(text).copied(),
        }
    }

    pub(crate) fn insert(&mut self, text: &Arc<str>, number: u32) {
        self.longest = self.longest.max(text.len());
        self.lengths[first(text)] |= 1 << text.len().min(PACKED + 1);
        if text.len() <= PACKED {
            self.short.insert(packed(text.as_bytes()), number);
        } else {
            self.long.insert(Arc::clone(text), number);
        }
    }

    /// Whether there may be a text that begins as `start` does, longer than the start of this range of bytes and
    /// as long as its end at most.
    pub(crate) fn may_have(&self, start: &str, bytes: Range<usize>) -> bool {
        self.lengths[first(start)] & up_to(bytes.end) & !up_to(bytes.start.min(PACKED)) != 0
    }

    /// Calls `visit` with the numbers of the texts of more than `above` bytes with which a word begins.
    /// `affordable` returns up to which length texts may be looked up that are longer than eight bytes.
    pub(crate) fn visit_beginnings(
        &self,
        word: &str,
        above: usize,
        affordable: impl FnOnce(usize) -> usize,
        mut visit: impl FnMut(u32),
    ) {
        let mut lengths = self.lengths[first(word)] & up_to(word.len()) & !up_to(above.min(PACKED));
        if lengths == 0 {
            return;
        }
        let start = packed(&word.as_bytes()[..word.len().min(PACKED)]);
        while lengths & up_to(PACKED) != 0 {
            let length = lengths.trailing_zeros() as usize;
            lengths &= lengths - 1;
            self.short.get(&(start & mask(length))).into_iter().for_each(|number| visit(*number));
        }
        let longest = self.longest.min(word.len());
        if lengths != 0 && longest > above {
            let longest = affordable(longest);
            let ends = (PACKED + 1..=longest).filter(|end| *end > above && word.is_char_boundary(*end));
            ends.filter_map(|end| self.long.get(&word[..end])).for_each(|number| visit(*number));
        }
    }
}

/// The bits of lengths up to one.
fn up_to(length: usize) -> u16 {
    (2 << length.min(PACKED + 1)) - 1
}

fn first(text: &str) -> usize {
    usize::from(text.as_bytes().first().copied().unwrap_or_default()) % FIRSTS
}

/// The bytes of a text, at most eight, as a number. The rest of it is 0, which no word has.
fn packed(text: &[u8]) -> u64 {
    // The middle bytes may be in both halves, at the same place.
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let shift = 8 * (text.len() - size_of::<u32>());
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift;
    }
    text.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The bits of the first bytes.
fn mask(bytes: usize) -> u64 {
    u64::MAX.checked_shr(64 - 8 * bytes as u32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn beginnings_are_those_of_a_plain_search(
            texts in proptest::collection::btree_set("[abé]{1,12}", 0..20),
            word in "[abé]{0,14}",
            above in 0_usize..4,
        ) {
            let mut map = WordMap::default();
            for (number, text) in (0..).zip(&texts) {
                map.insert(&text.as_str().into(), number);
            }
            let mut found = Vec::new();
            map.visit_beginnings(&word, above, |longest| longest, |number| found.push(number));
            found.sort_unstable();
            let begins = |text: &String| word.starts_with(&**text) && text.len() > above;
            let expected: Vec<u32> = (0..).zip(&texts).filter(|(_, text)| begins(text)).map(|(number, _)| number).collect();
            prop_assert_eq!(found, expected);
            for (number, text) in (0..).zip(&texts) {
                prop_assert_eq!(map.get(text), Some(number));
            }
            prop_assert_eq!(map.get(&word).is_some(), texts.contains(&word));
        }
    }
}
