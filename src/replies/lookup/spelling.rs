//! Finds words that are spelled like another one: one letter is added, dropped or changed, or two neighbors are swapped.
//!
//! Two such words become the same when a letter is removed from one of them or from both (as in `SymSpell`). So the index
//! has each word, and each word without one of its letters, and a lookup tries the same for the word of a message.

#[cfg(test)]
mod tests;

/// A word of the file, with an even number, or a prefix (`word*`), with an odd one.
pub(crate) type TokenId = u32;

/// Number of letters from which words are corrected. Shorter ones are too often another word.
pub(crate) const MIN_LETTERS: usize = 5;
/// Number of letters up to which words are corrected.
const MAX_LETTERS: usize = 40;
/// Limit on the comparisons for a word. A language has a few words that are one letter apart, hardly ever this many.
const MAX_COMPARISONS: usize = 256;
/// Limit on the entries, of 8 bytes each: about 250,000 words. The words after them are not corrected.
const MAX_ENTRIES: usize = 2_000_000;

/// Number of bits for an entry, of which one is set.
const BITS_OF_ENTRY: usize = 16;

/// The words and prefixes of a file by the hashes of their spellings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spellings {
    /// The hashes, and what is spelled so, sorted by hash.
    entries: Vec<(u32, TokenId)>,
    /// A bit for each hash: nearly all hashes that are not among the entries have none.
    bits: Vec<u64>,
    /// Lengths in letters for which there are words, as bits.
    word_lengths: u64,
    /// By a number of letters, the last letters of the prefixes that have so many, one more or one less, as bits.
    last_letters: Vec<u32>,
}

impl Spellings {
    /// Indexes words and prefixes.
    pub(crate) fn of<'a>(tokens: impl Iterator<Item = (TokenId, &'a str)>) -> Spellings {
        let mut spellings = Spellings { last_letters: vec![0; MAX_LETTERS + 2], ..Spellings::default() };
        for (token, text) in tokens {
            let Some(letters) = Letters::of(text) else { continue };
            if letters.count < MIN_LETTERS || spellings.entries.len() + letters.count >= MAX_ENTRIES {
                continue;
            }
            let is_prefix = token % 2 == 1;
            match text.chars().next_back().filter(|_| is_prefix) {
                None => spellings.word_lengths |= 1 << letters.count,
                Some(last) => {
                    let near = letters.count - 1..=letters.count + 1;
                    spellings.last_letters[near].iter_mut().for_each(|bits| *bits |= letter_bit(last));
                }
            }
            let removable = letters.count - usize::from(is_prefix);
            spellings.entries.push((letters.hash(letters.count), token));
            let without = (0..removable).map(|at| (letters.hash_without(at, letters.count), token));
            spellings.entries.extend(without);
        }
        spellings.entries.sort_unstable();
        spellings.entries.dedup();
        spellings.bits = vec![0; (spellings.entries.len() * BITS_OF_ENTRY).div_ceil(64)];
        for (hash, _) in &spellings.entries {
            let (at, bit) = spellings.place(*hash);
            spellings.bits[at] |= bit;
        }
        spellings
    }

    /// Calls `visit` with words, and with prefixes of words, that may be spelled like `word`, perhaps more than once.
    /// Returns the number of lookups and comparisons.
    pub(crate) fn visit(&self, word: &str, mut visit: impl FnMut(TokenId)) -> usize {
        let letters = Letters::beginning(word);
        let (mut lookups, mut comparisons) = (0, 0);
        let mut look_up = |hash: u32, is_prefix: bool| {
            lookups += 1;
            for token in self.tokens_of(hash).take(MAX_COMPARISONS - comparisons) {
                comparisons += 1;
                if (token % 2 == 1) == is_prefix {
                    visit(token);
                }
            }
        };
        if letters.is_whole && self.word_lengths << 1 & 7_u64 << letters.count != 0 {
            look_up(letters.hash(letters.count), false);
            (0..letters.count).for_each(|at| look_up(letters.hash_without(at, letters.count), false));
        }
        // The last letter of a prefix must be correct, so it is not removed.
        for (end, last) in (1..=letters.count).zip(word.chars()) {
            if self.last_letters.get(end).is_some_and(|bits| bits & letter_bit(last) != 0) {
                look_up(letters.hash(end), true);
                (0..end - 1).for_each(|at| look_up(letters.hash_without(at, end), true));
            }
        }
        lookups + comparisons
    }

    fn tokens_of(&self, hash: u32) -> impl Iterator<Item = TokenId> {
        let (at, bit) = self.place(hash);
        let may_have = self.bits.get(at).is_some_and(|bits| bits & bit != 0);
        let start =
            if may_have { self.entries.partition_point(|entry| entry.0 < hash) } else { self.entries.len() };
        self.entries[start..].iter().take_while(move |entry| entry.0 == hash).map(|entry| entry.1)
    }

    /// The place of a hash in `bits`, and its bit there.
    fn place(&self, hash: u32) -> (usize, u64) {
        let at = u64::from(hash) * (self.bits.len() * 64) as u64 >> 32;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

/// A bit for a letter, the same one for a few others.
fn letter_bit(letter: char) -> u32 {
    1 << (u32::from(letter) % 32)
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
