//! Finds words that are spelled like another one: one letter is added, dropped or changed, or two neighbors are swapped.
//!
//! Two such words become the same when a letter is removed from one of them or from both (as in `SymSpell`). So the index
//! has each word, and each word without one of its letters, and a lookup tries the same for the word of a message.

#[cfg(test)]
mod tests;

use crate::replies::{
    lookup::vocabulary::TokenId,
    text::filter::Filter,
    text::texts::{PACKED, mask, packed},
};

/// Number of letters from which words are corrected. Shorter ones are too often another word.
pub(crate) const MIN_LETTERS: usize = 5;
/// Number of letters up to which words are corrected.
const MAX_LETTERS: usize = 40;
/// Limit on the comparisons for a word. A language has a few words that are one letter apart, hardly ever this many.
const MAX_COMPARISONS: usize = 256;
/// Limit on the entries, of 8 bytes each: about 250,000 words. The words after them are not corrected.
const MAX_ENTRIES: usize = 2_000_000;

/// The words and prefixes of a file by the hashes of their spellings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spellings {
    /// The hashes, and what is spelled so, sorted by hash.
    entries: Vec<(u32, TokenId)>,
    /// For the first bits of a hash, the first entry with them.
    starts: Vec<u32>,
    /// Lengths in letters for which there are words and prefixes, as bits.
    word_lengths: u64,
    prefix_lengths: u64,
    /// By the place in a word, the last letters of the prefixes that end there or next to it, as bits; none without prefixes.
    last_letters: Vec<u32>,
    /// Parts of the words, of which at least one is in any spelling.
    parts: Filter,
    /// The same of the prefixes, a bit for each part; none without prefixes.
    parts_of_prefixes: Vec<u64>,
    /// Whether all of them are in ASCII, as those of languages with Latin letters are. Parts are compared only then.
    is_ascii: bool,
}

impl Spellings {
    /// Indexes words and prefixes. Prefixes have odd ids.
    pub(crate) fn of<'a>(tokens: impl Iterator<Item = (TokenId, &'a str)> + Clone) -> Spellings {
        let mut spellings = Spellings { is_ascii: true, ..Spellings::default() };
        for (token, text) in tokens.clone() {
            let Some(letters) = Letters::of(text) else { continue };
            if letters.count < MIN_LETTERS || spellings.entries.len() + letters.count >= MAX_ENTRIES {
                continue;
            }
            spellings.is_ascii &= text.is_ascii();
            let is_prefix = token % 2 == 1;
            let lengths = if is_prefix { &mut spellings.prefix_lengths } else { &mut spellings.word_lengths };
            *lengths |= 1 << letters.count;
            if is_prefix {
                spellings.last_letters.resize(MAX_LETTERS + 1, 0);
                for last in &mut spellings.last_letters[letters.count - 2..=letters.count] {
                    *last |= letter_bit(text.as_bytes()[text.len() - 1]);
                }
            }
            let removable = letters.count - usize::from(is_prefix);
            spellings.entries.push((letters.hash(letters.count), token));
            let without = (0..removable).map(|at| (letters.hash_without(at, letters.count), token));
            spellings.entries.extend(without);
        }
        spellings.entries.sort_unstable();
        spellings.entries.dedup();
        let long = tokens.filter(|(_, text)| text.len() >= MIN_LETTERS);
        let words = long.clone().filter(|(token, _)| token % 2 == 0);
        spellings.parts = Filter::of(words.flat_map(|(_, text)| parts_of_word(text.as_bytes())));
        for (_, text) in long.filter(|(token, _)| token % 2 == 1) {
            spellings.parts_of_prefixes.resize(PREFIX_PARTS / 64, 0);
            for part in parts_of_prefix(text.as_bytes()) {
                spellings.parts_of_prefixes[part / 64] |= 1 << (part % 64);
            }
        }
        let bits = spellings.entries.len().next_power_of_two().trailing_zeros();
        let mut next = 0;
        for bucket in 0..=1_u64 << bits {
            while spellings
                .entries
                .get(next)
                .is_some_and(|(hash, _)| u64::from(*hash) >> (32 - bits) < bucket)
            {
                next += 1;
            }
            spellings.starts.push(next as u32);
        }
        spellings
    }

    /// Calls `visit` with words, and with prefixes of words, that may be spelled like `word`, perhaps more than once. `may_have` is
    /// what there may be. Returns the number of lookups and comparisons.
    pub(crate) fn visit(&self, word: &str, may_have: [bool; 2], mut visit: impl FnMut(TokenId)) -> usize {
        let [of_word, of_prefix] = may_have;
        let letters = Letters::beginning(word);
        let (mut lookups, mut comparisons) = (0, 0);
        let mut look_up = |hash: u32, is_prefix: bool| {
            lookups += 1;
            let found = self.entries_of(hash).take(MAX_COMPARISONS - comparisons);
            found.for_each(|(_, token)| {
                comparisons += 1;
                if (token % 2 == 1) == is_prefix {
                    visit(*token);
                }
            });
        };
        let is_near = |lengths: u64, count: usize| lengths << 1 & 7_u64 << count != 0;
        if of_word && letters.is_whole && is_near(self.word_lengths, letters.count) {
            look_up(letters.hash(letters.count), false);
            (0..letters.count).for_each(|at| look_up(letters.hash_without(at, letters.count), false));
        }
        // The last letter of a prefix must be correct, so it is not removed.
        for end in (MIN_LETTERS - 1..=letters.count).take_while(|_| of_prefix) {
            if is_near(self.prefix_lengths, end) {
                look_up(letters.hash(end), true);
                (0..end - 1).for_each(|at| look_up(letters.hash_without(at, end), true));
            }
        }
        lookups + comparisons
    }

    /// Whether there may be words, and prefixes, that are spelled like one of at least [`MIN_LETTERS`] bytes. A single edit leaves
    /// either the beginning or the end of a word as it is.
    pub(crate) fn may_have(&self, word: &str) -> [bool; 2] {
        if !self.is_ascii || !word.is_ascii() {
            return [true, true];
        }
        let word = word.as_bytes();
        // Each part is looked up, even after one is found: that takes less time than a branch that nobody can predict.
        let of_word = parts_of_spelling(word, word.len())
            .iter()
            .fold(false, |found, part| found | self.parts.may_have(*part));
        let of_prefix = self.may_end_as_prefix(word)
            && parts_of_beginning(word)
                .iter()
                .fold(0, |found, part| found | self.parts_of_prefixes[part / 64] >> (part % 64) & 1)
                != 0;
        [of_word, of_prefix]
    }

    /// Whether a word has the last letter of a prefix, at most one place from where the prefix has it.
    fn may_end_as_prefix(&self, word: &[u8]) -> bool {
        let places = word.iter().zip(&self.last_letters);
        places.fold(0, |common, (letter, last)| common | letter_bit(*letter) & last) != 0
    }

    fn entries_of(&self, hash: u32) -> impl Iterator<Item = &(u32, TokenId)> {
        let bits = self.starts.len().saturating_sub(1).trailing_zeros();
        let bucket = (u64::from(hash) >> (32 - bits.min(32))) as usize;
        let range = match self.starts.get(bucket..bucket + 2) {
            Some(&[start, end]) => start as usize..end as usize,
            _ => 0..0,
        };
        self.entries[range].iter().filter(move |entry| entry.0 == hash)
    }
}

/// Number of letters that a part has at most: a byte of the number stays free for its kind.
const PART_LETTERS: usize = PACKED - 1;
/// Kinds of parts, in a byte that is a letter or 0 in those of both ends.
const BEGINNING: u64 = 1 << (8 * PART_LETTERS);
const END: u64 = 1;
/// Number of parts that prefixes can have: four places of an edit, and three letters of five bits.
const PREFIX_PARTS: usize = 4 << 15;

/// The parts of a word, for each length that its spellings have.
fn parts_of_word(word: &[u8]) -> Vec<u64> {
    (word.len() - 1..=word.len() + 1).flat_map(|length| parts_of_spelling(word, length)).collect()
}

/// The parts of a word of which a spelling of this length has at least one: the first half is as it was if the edit is after it, the
/// last one if it is before it, and if it is in the middle, a few letters at both ends are.
fn parts_of_spelling(word: &[u8], length: usize) -> [u64; 3] {
    let length = length.min(MAX_LETTERS);
    let half = length.div_ceil(2).min(word.len());
    // Swapping edits two letters, at least one of which is in each half.
    let few = length - half - 1;
    let (half, few) = (half.min(PART_LETTERS), few.min(PACKED / 2));
    let packable = word.len().min(PACKED);
    let start = packed(&word[..packable]);
    // The last letter is in the last byte.
    let end = packed(&word[word.len() - packable..]) << (8 * (PACKED - packable));
    let first = |letters: usize| start & mask(letters);
    let last = |letters: usize| end & !mask(PACKED - letters);
    [first(half) | BEGINNING, last(half) | END, first(few) | last(few)]
}

/// The parts of a prefix: three of its first letters that stay as they are if the first letter is edited, the second, the third, or
/// one after it. Swapping edits two.
fn parts_of_prefix(prefix: &[u8]) -> [usize; 4] {
    let [a, b, c, d, e, _] = first_letters(prefix);
    [three(0, c, d, e), three(1, a, d, e), three(2, a, b, e), three(3, a, b, c)]
}

/// The parts of which a word has at least one if it is spelled like a prefix. The letters after the edit are at most one place
/// from where they were.
fn parts_of_beginning(word: &[u8]) -> [usize; 10] {
    let [a, b, c, d, e, f] = first_letters(word);
    let first = [three(0, b, c, d), three(0, c, d, e), three(0, d, e, f)];
    let second = [three(1, a, c, d), three(1, a, d, e), three(1, a, e, f)];
    let third = [three(2, a, b, d), three(2, a, b, e), three(2, a, b, f)];
    let [[g, h, i], [j, k, l], [m, n, o]] = [first, second, third];
    [g, h, i, j, k, l, m, n, o, three(3, a, b, c)]
}

fn first_letters(word: &[u8]) -> [u8; 6] {
    let [a, b, c, d, e, f, ..] = packed(&word[..word.len().min(PACKED)]).to_le_bytes();
    [a, b, c, d, e, f]
}

/// Three letters around an edit, as a number. A few letters have the same number as others.
fn three(edited: usize, one: u8, two: u8, three: u8) -> usize {
    [one, two, three].iter().fold(edited, |number, letter| number << 5 | usize::from(letter & 31))
}

/// A bit for a letter, the same one for a few others.
fn letter_bit(byte: u8) -> u32 {
    1 << (byte & 31)
}

/// The letters of a word as sums, from which the hash of any beginning, with or without one of its letters, is computed in
/// one step. The sum of letters `c` is `c[0] + c[1] * B + c[2] * B * B` and so on.
struct Letters {
    count: usize,
    /// Whether these are all letters of the word.
    is_whole: bool,
    /// The sum of the first letters, by their number.
    sums: [u64; MAX_LETTERS + 1],
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;
const INVERSE_OF_BASE: u64 = inverse(BASE);

impl Letters {
    /// All letters of a word; `None` if there are too many.
    fn of(word: &str) -> Option<Letters> {
        Some(Letters::beginning(word)).filter(|letters| letters.is_whole)
    }

    /// The first letters of a word.
    fn beginning(word: &str) -> Letters {
        let mut letters = Letters { count: 0, is_whole: true, sums: [0; MAX_LETTERS + 1] };
        let mut power = 1_u64;
        for char in word.chars() {
            if letters.count == MAX_LETTERS {
                letters.is_whole = false;
                break;
            }
            letters.sums[letters.count + 1] =
                letters.sums[letters.count].wrapping_add(u64::from(char).wrapping_mul(power));
            letters.count += 1;
            power = power.wrapping_mul(BASE);
        }
        letters
    }

    /// Hash of the first `end` letters.
    fn hash(&self, end: usize) -> u32 {
        mixed(self.sums[end])
    }

    /// Hash of the first `end` letters without the one at `at`. The letters after it move down by one power.
    fn hash_without(&self, at: usize, end: usize) -> u32 {
        let after = self.sums[end].wrapping_sub(self.sums[at + 1]).wrapping_mul(INVERSE_OF_BASE);
        mixed(self.sums[at].wrapping_add(after))
    }
}

/// Spreads a sum over all bits of a hash.
fn mixed(sum: u64) -> u32 {
    let folded = (sum ^ sum >> 32).wrapping_mul(BASE);
    (folded >> 32) as u32
}

/// The inverse of an odd number modulo 2^64, by Newton's method, which doubles the number of correct bits in each step.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

/// Whether two different words become the same when one letter is added, dropped or changed, or two neighbors are swapped.
pub(crate) fn is_one_edit_apart(one: &str, other: &str) -> bool {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
    let start: usize = same.map(|(char, _)| char.len_utf8()).sum();
    let (one, other) = (&one[start..], &other[start..]);
    let (after_one, after_other) = (without_first(one), without_first(other));
    after_one == other
        || one == after_other
        || after_one == after_other
        || (without_first(after_one) == without_first(after_other) && is_swapped(one, other))
}

/// Whether the first two letters are swapped.
fn is_swapped(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.chars(), other.chars());
    let (first, second) = (one.next(), one.next());
    first.is_some() && second.is_some() && (second, first) == (other.next(), other.next())
}

fn without_first(word: &str) -> &str {
    let mut chars = word.chars();
    chars.next();
    chars.as_str()
}
