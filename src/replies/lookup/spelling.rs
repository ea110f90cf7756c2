//! Finds words that are spelled like another one: one letter is added, dropped or changed, or two neighbors
//! are swapped.
//!
//! Two such words become the same when a letter is removed from one of them or from both (as in `SymSpell`).
//! So the index has each word, and each word without one of its letters, and a lookup tries the same for the
//! word of a message.

#[cfg(test)]
mod tests;

/// A word of the file, with an even number, or a prefix (`word*`), with an odd one.
pub(crate) type WordId = u32;

/// Number of letters from which words are corrected. Shorter ones are too often another word.
pub(crate) const MIN_LETTERS: usize = 5;
/// Number of letters up to which words are corrected.
const MAX_LETTERS: usize = 40;
/// Limit on the comparisons for a word. A language has a few words that are one letter apart, hardly ever
/// this many.
const MAX_COMPARISONS: usize = 256;
/// Limit on the entries, of 8 bytes each: about 250,000 words. The words after them are not corrected.
const MAX_ENTRIES: usize = 2_000_000;

/// Number of bits for an entry, of which one is set.
const BITS_OF_ENTRY: usize = 16;

/// The words and prefixes of a file by the hashes of their spellings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spellings {
    /// The hashes, and what is spelled so, sorted by hash.
    entries: Vec<(u32, WordId)>,
    /// A bit for each hash: nearly all hashes that are not among the entries have none.
    bits: Vec<u64>,
    /// Lengths in letters for which there are words, as bits.
    word_lengths: u64,
    /// By a number of letters, the last letters of the prefixes of about that length (give or take one), as
    /// bits.
    last_letters: Vec<u32>,
}

impl Spellings {
    /// Indexes words and prefixes.
    pub(crate) fn of<'a>(words: impl Iterator<Item = (WordId, &'a str)>) -> Spellings {
        let mut spellings = Spellings { last_letters: vec![0; MAX_LETTERS + 2], ..Spellings::default() };
        let mut letters = ['\0'; MAX_LETTERS];
        for (id, text) in words {
            let letters = read(text, &mut letters);
            let is_corrected = letters.len() >= MIN_LETTERS && text.chars().nth(MAX_LETTERS).is_none();
            if !is_corrected || spellings.entries.len() + letters.len() >= MAX_ENTRIES {
                continue;
            }
            let is_prefix = id % 2 == 1;
            if is_prefix {
                let near = &mut spellings.last_letters[letters.len() - 1..=letters.len() + 1];
                near.iter_mut().for_each(|bits| *bits |= letter_bit(letters[letters.len() - 1]));
            } else {
                spellings.word_lengths |= 1 << letters.len();
            }
            spellings.entries.extend(hashes(letters, is_prefix).map(|hash| (hash, id)));
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

    /// Calls `visit` with words, and with prefixes of words, that may be spelled like `word`, perhaps more
    /// than once. Returns the number of lookups and comparisons.
    pub(crate) fn visit(&self, word: &str, mut visit: impl FnMut(WordId)) -> usize {
        let mut letters = ['\0'; MAX_LETTERS];
        let letters = read(word, &mut letters);
        let (mut lookups, mut comparisons) = (0, 0);
        let mut look_up = |hash: u32, is_prefix: bool| {
            lookups += 1;
            for id in self.ids_of(hash).take(MAX_COMPARISONS - comparisons) {
                comparisons += 1;
                if (id % 2 == 1) == is_prefix {
                    visit(id);
                }
            }
        };
        let is_whole = word.chars().nth(MAX_LETTERS).is_none();
        if is_whole && self.word_lengths << 1 & 7_u64 << letters.len() != 0 {
            hashes(letters, false).for_each(|hash| look_up(hash, false));
        }
        for (end, last) in (1..).zip(letters) {
            if self.last_letters.get(end).is_some_and(|bits| bits & letter_bit(*last) != 0) {
                hashes(&letters[..end], true).for_each(|hash| look_up(hash, true));
            }
        }
        lookups + comparisons
    }

    fn ids_of(&self, hash: u32) -> impl Iterator<Item = WordId> {
        let (at, bit) = self.place(hash);
        let may_have = self.bits.get(at).is_some_and(|bits| bits & bit != 0);
        let start =
            if may_have { self.entries.partition_point(|entry| entry.0 < hash) } else { self.entries.len() };
        self.entries[start..].iter().take_while(move |entry| entry.0 == hash).map(|entry| entry.1)
    }

    /// The place of a hash in `bits`, and its bit there.
    fn place(&self, hash: u32) -> (usize, u64) {
        let at = (u64::from(hash) * (self.bits.len() * 64) as u64) >> 32;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

/// A bit for a letter, the same one for a few others.
fn letter_bit(letter: char) -> u32 {
    1 << (u32::from(letter) % 32)
}

/// The first letters of a word.
fn read<'a>(word: &str, buffer: &'a mut [char; MAX_LETTERS]) -> &'a [char] {
    let places = buffer.iter_mut().zip(word.chars());
    let count = places.map(|(place, letter)| *place = letter).count();
    &buffer[..count]
}

/// The hashes of a word or prefix, whole and without each of its letters. The last one of a prefix must be
/// correct, so it stays.
fn hashes(letters: &[char], is_prefix: bool) -> impl Iterator<Item = u32> {
    let removable = letters.len() - usize::from(is_prefix);
    let mut before = 0;
    let without = (0..removable).map(move |at| {
        let hash = spread(letters[at + 1..].iter().fold(before, add));
        before = add(before, &letters[at]);
        hash
    });
    std::iter::once(spread(letters.iter().fold(0, add))).chain(without)
}

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Adds a letter to a hash.
fn add(hash: u64, letter: &char) -> u64 {
    (hash ^ u64::from(*letter)).wrapping_mul(ODD)
}

fn spread(hash: u64) -> u32 {
    ((hash ^ hash >> 32).wrapping_mul(ODD) >> 32) as u32
}

/// Whether two different words become the same when one letter is added, dropped or changed, or two neighbors
/// are swapped.
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
