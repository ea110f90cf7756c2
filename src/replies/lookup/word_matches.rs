//! Reads which words and prefixes of the file the words of a message are, or may be meant as.

use super::{spelling::WordId, steps::Steps, vocabulary::Vocabulary};
use crate::replies::text::words::{Link, Words};

/// Number of bytes whose hashing counts as a step.
const HASHED_BYTES_PER_STEP: usize = 64;

/// A word or prefix of the file at a place in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WordMatch {
    pub(crate) id: WordId,
    /// Number of words of the message that it is: two for `e mail` as `email`.
    pub(crate) words: u8,
    /// Whether the word of the message is a typo of it.
    pub(crate) is_corrected: bool,
}

/// The word matches of a message, word by word.
#[derive(Default)]
pub(crate) struct WordMatches {
    list: Vec<WordMatch>,
    /// Boundaries in `list`: the word matches that begin at word `i` are at `ends[i]..ends[i + 1]`.
    ends: Vec<u32>,
    buffer: String,
}

impl WordMatches {
    /// Reads the word matches of a message in at most `most` steps, and returns the steps spent. Words with
    /// letters repeated for emphasis are shortened to words that the file has.
    pub(crate) fn read(
        &mut self,
        vocabulary: &Vocabulary,
        words: &mut Words,
        typos: bool,
        most: usize,
    ) -> usize {
        let mut matcher = Matcher { vocabulary, list: &mut self.list, steps: Steps { left: most } };
        matcher.list.clear();
        self.ends.clear();
        self.ends.push(0);
        for at in 0..words.len() {
            matcher.read_word(words, at, typos, &mut self.buffer);
            matcher.read_joined(words, at, &mut self.buffer);
            self.ends.push(matcher.list.len() as u32);
        }
        most - matcher.steps.left
    }

    /// The word matches that begin at a word; none after the last.
    pub(crate) fn of(&self, at: usize) -> &[WordMatch] {
        match self.ends.get(at..at + 2) {
            Some(&[start, end]) => &self.list[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The number of bytes of memory they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<WordMatch>() + self.ends.capacity() * 4 + self.buffer.capacity()
    }
}

/// Number of words that are joined by hyphens at most.
const MAX_JOINED: u8 = 4;

/// Adds word matches to a list.
struct Matcher<'a> {
    vocabulary: &'a Vocabulary,
    list: &'a mut Vec<WordMatch>,
    steps: Steps,
}

impl Matcher<'_> {
    /// Adds what a word is, or else what it may be a typo of, or else what it is without emphasis.
    fn read_word(&mut self, words: &mut Words, at: usize, typos: bool, buffer: &mut String) {
        if self.add_known(words, at, buffer) {
            return;
        }
        let word = words.without_symbols(at);
        if !self.steps.spend(word.len()) {
            return;
        }
        if typos && self.add_corrections(word) {
            return;
        }
        if words.squeeze(at, |word| self.vocabulary.has(word)) {
            self.add_known(words, at, buffer);
        }
    }

    /// Adds the words and prefixes that a word is, as it stands or with `oe` for `ö`; returns whether the
    /// file has any, if only in `[tests]`.
    fn add_known(&mut self, words: &Words, at: usize, buffer: &mut String) -> bool {
        let before = self.list.len();
        let (word, plain) = (words.word(at), words.without_symbols(at));
        let mut is_known = self.add_word(word, 1);
        if plain.len() < word.len() {
            is_known |= self.add_word(plain, 1);
        }
        self.add_prefixes(plain, 0, 1);
        if !words.are_ascii(at..at + 1) {
            buffer.clear();
            if words.push_without_umlauts(at, buffer) {
                self.add_word(buffer, 1);
                self.add_prefixes(buffer, 0, 1);
            }
        }
        is_known || self.list.len() > before
    }

    /// Adds the words that a word may be a typo of, those of phrases first; returns whether there are any.
    fn add_corrections(&mut self, word: &str) -> bool {
        let (vocabulary, list) = (self.vocabulary, &mut *self.list);
        let start = list.len();
        let lookups = vocabulary.visit_corrections(word, |id| {
            let word_match = WordMatch { id, words: 1, is_corrected: true };
            if !list[start..].contains(&word_match) {
                list.push(word_match);
            }
        });
        list[start..].sort_unstable_by_key(|word_match| !vocabulary.is_in_phrase(word_match.id));
        self.steps.left = self.steps.left.saturating_sub(lookups);
        list.len() > start
    }

    /// Adds the words that are written as several ones here, such as `e-mail`.
    fn read_joined(&mut self, words: &Words, at: usize, buffer: &mut String) {
        if !words.is_joinable(at) {
            return;
        }
        let (one, other) = (words.word(at), words.word(at + 1));
        let is_chain = words.is_linked(at + 2, Link::Hyphen);
        if !is_chain && !self.vocabulary.may_have_joined(one, other) {
            return;
        }
        buffer.clear();
        buffer.push_str(one);
        let mut count = 1;
        loop {
            let above = buffer.len();
            buffer.push_str(words.word(at + usize::from(count)));
            count += 1;
            self.add_word(buffer, count);
            self.add_prefixes(buffer, above, count);
            if count == MAX_JOINED || !words.is_linked(at + usize::from(count), Link::Hyphen) {
                return;
            }
        }
    }

    /// Adds the word match of a word if a phrase has it; returns whether the file has it at all.
    fn add_word(&mut self, word: &str, words: u8) -> bool {
        let Some(id) = self.vocabulary.word(word) else { return false };
        if self.vocabulary.is_in_phrase(id) {
            self.list.push(WordMatch { id, words, is_corrected: false });
        }
        true
    }

    /// Adds the word matches of the prefixes of more than `above` bytes that a word begins with.
    fn add_prefixes(&mut self, word: &str, above: usize, words: u8) {
        let Matcher { vocabulary, list, steps } = self;
        vocabulary.prefixes.visit_beginnings(
            word,
            above,
            |longest| affordable_prefix(longest, steps),
            |id| list.push(WordMatch { id, words, is_corrected: false }),
        );
    }
}

/// Spends the steps for looking up the prefixes of a word up to `longest` bytes, which is halved until enough
/// steps are left. Each prefix is hashed, so the bytes to hash grow with the square of the length.
fn affordable_prefix(mut longest: usize, steps: &mut Steps) -> usize {
    while !steps.spend(longest + longest.saturating_mul(longest) / 2 / HASHED_BYTES_PER_STEP) {
        longest /= 2;
    }
    longest
}
