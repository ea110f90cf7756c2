//! Reads which words and prefixes of phrases the words of a message are, or may be meant as.

use crate::replies::{
    lookup::vocabulary::{TokenId, Vocabulary},
    text::words::{Link, Words},
};

/// Number of bytes whose hashing counts as a step.
const HASHED_BYTES_PER_STEP: usize = 64;

/// A word or prefix of a phrase at a place in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: TokenId,
    /// Number of words of the message that it is: two for `e mail` as `email`.
    pub(crate) words: u8,
    /// Whether the word of the message is a typo of it.
    pub(crate) is_corrected: bool,
}

/// The tokens of a message, word by word.
#[derive(Default)]
pub(crate) struct Tokens {
    list: Vec<Token>,
    /// Boundaries in `list`: the tokens that begin at word `i` are at `ends[i]..ends[i + 1]`.
    ends: Vec<u32>,
    buffer: String,
}

impl Tokens {
    /// Reads the tokens of a message in at most `most` steps, and returns the steps spent.
    pub(crate) fn read(&mut self, vocabulary: &Vocabulary, words: &Words, typos: bool, most: usize) -> usize {
        let mut steps = Steps { left: most };
        self.list.clear();
        self.ends.clear();
        self.ends.push(0);
        for at in 0..words.len() {
            self.add(vocabulary, words, at, typos, &mut steps);
            self.ends.push(self.list.len() as u32);
        }
        most - steps.left
    }

    /// The tokens that begin at a word; none after the last.
    pub(crate) fn of(&self, at: usize) -> &[Token] {
        match self.ends.get(at..at + 2) {
            Some(&[start, end]) => &self.list[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The number of bytes of memory they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<Token>() + self.ends.capacity() * 4 + self.buffer.capacity()
    }

    fn add(&mut self, vocabulary: &Vocabulary, words: &Words, at: usize, typos: bool, steps: &mut Steps) {
        let before = self.list.len();
        let (word, plain) = (words.word(at), words.without_symbols(at));
        let mut is_known = add_word(vocabulary, word, 1, &mut self.list);
        if plain.len() < word.len() {
            is_known |= add_word(vocabulary, plain, 1, &mut self.list);
        }
        add_prefixes(vocabulary, plain, 0, 1, &mut self.list, steps);
        self.add_without_umlauts(vocabulary, words, at, steps);
        if typos && !is_known && self.list.len() == before {
            self.add_corrections(vocabulary, plain, steps);
        }
        self.add_joined(vocabulary, words, at, steps);
    }

    /// Adds the word with `oe` for `ö`, as a phrase may have it.
    fn add_without_umlauts(&mut self, vocabulary: &Vocabulary, words: &Words, at: usize, steps: &mut Steps) {
        if words.are_ascii(at..at + 1) {
            return;
        }
        let Tokens { list, buffer, .. } = self;
        buffer.clear();
        if words.push_without_umlauts(at, buffer) {
            add_word(vocabulary, buffer, 1, list);
            add_prefixes(vocabulary, buffer, 0, 1, list, steps);
        }
    }

    /// Adds the words that are written as several ones here, such as `e-mail`.
    fn add_joined(&mut self, vocabulary: &Vocabulary, words: &Words, at: usize, steps: &mut Steps) {
        if !words.is_joinable(at) {
            return;
        }
        // The filter knows only words of these two parts.
        if !words.is_linked(at + 1, Link::Hyphen)
            && !words.is_linked(at + 2, Link::Hyphen)
            && !vocabulary.may_have_joined(words.word(at), words.word(at + 1))
        {
            return;
        }
        let Tokens { list, buffer, .. } = self;
        buffer.clear();
        buffer.push_str(words.word(at));
        buffer.push_str(words.word(at + 1));
        let mut count = 2;
        add_word(vocabulary, buffer, count, list);
        let first = words.word(at).len();
        add_prefixes(vocabulary, buffer, first, count, list, steps);
        while count < MAX_JOINED && words.is_linked(at + usize::from(count), Link::Hyphen) {
            let above = buffer.len();
            buffer.push_str(words.word(at + usize::from(count)));
            count += 1;
            add_word(vocabulary, buffer, count, list);
            add_prefixes(vocabulary, buffer, above, count, list, steps);
        }
    }

    fn add_corrections(&mut self, vocabulary: &Vocabulary, word: &str, steps: &mut Steps) {
        if !steps.spend(word.len()) {
            return;
        }
        let start = self.list.len();
        let lookups = vocabulary.visit_corrections(word, |id| {
            let token = Token { id, words: 1, is_corrected: true };
            if vocabulary.is_in_phrase(id) && !self.list[start..].contains(&token) {
                self.list.push(token);
            }
        });
        steps.left = steps.left.saturating_sub(lookups);
    }
}

/// Number of words that are joined by hyphens at most.
const MAX_JOINED: u8 = 4;

/// Adds the token of a word if a phrase has it; returns whether the file has it at all.
fn add_word(vocabulary: &Vocabulary, word: &str, words: u8, list: &mut Vec<Token>) -> bool {
    let Some(id) = vocabulary.word(word) else { return false };
    if vocabulary.is_in_phrase(id) {
        list.push(Token { id, words, is_corrected: false });
    }
    true
}

/// Adds the tokens of the prefixes of more than `above` bytes that a word begins with.
fn add_prefixes(
    vocabulary: &Vocabulary,
    word: &str,
    above: usize,
    words: u8,
    list: &mut Vec<Token>,
    steps: &mut Steps,
) {
    vocabulary.prefixes.visit_beginnings(
        word,
        above,
        |longest| affordable_prefix(longest, steps),
        |id| list.push(Token { id, words, is_corrected: false }),
    );
}

/// Spends the steps for looking up the prefixes of a word up to `longest` bytes, which is halved until enough steps are left.
/// Each prefix is hashed, so the bytes to hash grow with the square of its length.
fn affordable_prefix(mut longest: usize, steps: &mut Steps) -> usize {
    while !steps.spend(longest + longest.saturating_mul(longest) / 2 / HASHED_BYTES_PER_STEP) {
        longest /= 2;
    }
    longest
}

/// The steps that are left.
pub(crate) struct Steps {
    pub(crate) left: usize,
}

impl Steps {
    /// Spends `count` steps, or none and returns false if fewer are left.
    pub(crate) fn spend(&mut self, count: usize) -> bool {
        let left = self.left.checked_sub(count);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}
