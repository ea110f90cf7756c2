//! Tries the `[tests]` of a table in ways that its owner did not think of.

use super::work::Work;
use crate::replies::{
    entry::test::Test, lookup::spelling::MIN_LETTERS, table::ReplyTable, text::letters::is_unspaced,
};

/// How many messages got the reply they should, another one, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Robustness {
    /// Messages with the reply that `[tests]` name.
    pub right: usize,
    /// Messages with another reply.
    pub wrong: usize,
    /// Messages that only `unknown` answers.
    pub unknown: usize,
    /// Messages that were left out, since trying all would take too long.
    pub untried: usize,
}

/// Limit on the messages that are tried.
const MAX_TRIED_TESTS: usize = 20_000;

/// Tries each sentence with one typo in each round; see `Replies::robustness`.
pub(crate) fn robustness(table: &ReplyTable, rounds: u32) -> Robustness {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut work = Work::on(table);
    let tests: Vec<&Test> = resolved_tests(table).collect();
    let all = rounds as usize * tests.len();
    let tried = MAX_TRIED_TESTS.min(all);
    let mut outcomes = Robustness { untried: all - tried, ..Robustness::default() };
    for test in tests.iter().cycle().take(tried) {
        let Some(message) = random.typo(&test.sentence) else { continue };
        match work.decide(&message, test.example) {
            Some(decision) => outcomes.count(expected(table, test), decision.reply(table)),
            None => outcomes.untried += 1,
        }
    }
    outcomes
}

/// The tests that pass only because of their own sentences, and the number of those that were left out; see
/// `Replies::unproven_tests`.
pub(crate) fn unproven_tests(table: &ReplyTable) -> (Vec<String>, usize) {
    let mut work = Work::on(table);
    let mut untried = resolved_tests(table).count().saturating_sub(MAX_TRIED_TESTS);
    let mut unproven = Vec::new();
    for test in resolved_tests(table).take(MAX_TRIED_TESTS) {
        let expected = expected(table, test);
        let Some(with) = work.decide(&test.sentence, None) else {
            untried += 1;
            continue;
        };
        if with.reply(table) == expected
            && let Some(without) = work.decide(&test.sentence, test.example)
            && without.reply(table) != expected
        {
            unproven.push(format!("{}: {:?}", table.places.place(test.line), test.sentence));
        }
    }
    (unproven, untried)
}

/// The entries of `[tests]` that name a reply.
fn resolved_tests(table: &ReplyTable) -> impl Iterator<Item = &Test> {
    table.tests.iter().filter(|test| test.reply.is_some())
}

/// The reply that a test names; `None` for `unknown`.
fn expected(table: &ReplyTable, test: &Test) -> Option<usize> {
    test.reply.filter(|reply| *reply < table.entries.len())
}

impl Robustness {
    fn count(&mut self, expected: Option<usize>, found: Option<usize>) {
        let count = match found {
            found if found == expected => &mut self.right,
            Some(_) => &mut self.wrong,
            None => &mut self.unknown,
        };
        *count += 1;
    }

    /// The number of messages.
    pub fn total(&self) -> usize {
        self.right + self.wrong + self.unknown
    }
}

/// A word without the punctuation around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|char: char| !char.is_alphanumeric())
}

/// The same numbers in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// The sentence with a letter added, dropped, changed or swapped with the next, in one of its longer
    /// words.
    fn typo(&mut self, sentence: &str) -> Option<String> {
        let mut words: Vec<&str> = sentence.split_whitespace().collect();
        let is_letter = |char: char| char.is_alphabetic() && !is_unspaced(char);
        let is_long = |word: &str| {
            let word = bare(word);
            word.chars().count() >= MIN_LETTERS && word.chars().all(is_letter)
        };
        let long: Vec<usize> = (0..words.len()).filter(|at| is_long(words[*at])).collect();
        let chosen = *long.get(self.below(long.len().max(1)))?;
        let word = bare(words[chosen]);
        let mistyped = words[chosen].replacen(word, &self.mistyped(word), 1);
        words[chosen] = &mistyped;
        Some(words.join(" "))
    }

    fn mistyped(&mut self, word: &str) -> String {
        let letters: Vec<char> = word.chars().collect();
        loop {
            let mut letters = letters.clone();
            let at = self.below(letters.len() - 1);
            let any = if word.is_ascii() {
                char::from(b'a' + self.below(26) as u8)
            } else {
                letters[self.below(letters.len())]
            };
            match self.below(4) {
                0 => letters.insert(at, any),
                1 => drop(letters.remove(at)),
                2 => letters[at] = any,
                _ => letters.swap(at, at + 1),
            }
            let mistyped: String = letters.into_iter().collect();
            // Swapping two equal letters, say, is not a typo.
            if mistyped.to_lowercase() != word.to_lowercase() {
                return mistyped;
            }
        }
    }
}
