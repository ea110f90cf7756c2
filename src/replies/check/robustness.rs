//! Tries the `[tests]` of a table in ways that its owner has not thought of.

use crate::replies::{
    Replies,
    answer::Decision,
    check::{
        tested::{Test, canonical},
        work::Work,
    },
    lookup::search::SearchBuffer,
    lookup::spelling::MIN_LETTERS,
    similar::examples::ExampleId,
    text::letters::is_unspaced,
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

/// Limit on the messages that [`Replies::robustness`] and [`Replies::unproven_tests`] try.
const MAX_TRIED_TESTS: usize = 20_000;

impl Replies {
    /// Tries the sentence of each entry of `[tests]` with one typo, a different one in each round, and without the sentence
    /// itself as an example. The typos are the same in each call. Sentences without a word of five letters are ignored, and messages
    /// beyond 20,000 are left out.
    pub fn robustness(&self, rounds: u32) -> Robustness {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let mut work = Work::on(self);
        let tests = self.resolved_tests();
        let tried = MAX_TRIED_TESTS.min(rounds as usize * tests.len());
        let mut outcomes =
            Robustness { untried: rounds as usize * tests.len() - tried, ..Robustness::default() };
        for (test, reply, example) in tests.iter().cycle().take(tried) {
            let Some(message) = random.typo(&test.sentence) else { continue };
            match work.search(&message) {
                Some(search) => outcomes.count(*reply, self.reply_without(&message, *example, search)),
                None => outcomes.untried += 1,
            }
        }
        outcomes
    }

    /// The entries of `[tests]` that pass only because their sentence is an example itself, each with file and line: they prove
    /// little about other sentences. Also the number of entries that were left out, since trying all would take too long.
    pub fn unproven_tests(&self) -> (Vec<String>, usize) {
        let mut work = Work::on(self);
        let tests = self.resolved_tests();
        let (mut unproven, mut untried) = (Vec::new(), tests.len().saturating_sub(MAX_TRIED_TESTS));
        for (test, reply, example) in tests.into_iter().take(MAX_TRIED_TESTS) {
            let Some(search) = work.search(&test.sentence) else {
                untried += 1;
                continue;
            };
            let with = self.reply_without(&test.sentence, None, search);
            let Some(search) = work.search(&test.sentence).filter(|_| with == reply) else { continue };
            if self.reply_without(&test.sentence, example, search) != with {
                unproven.push(format!("{}: {:?}", self.places.place(test.line), test.sentence));
            }
        }
        (unproven, untried)
    }

    /// The entries of `[tests]` that name a reply, with its number, none for `unknown`, and the examples that they are.
    fn resolved_tests(&self) -> Vec<(&Test, Option<usize>, Option<ExampleId>)> {
        if self.tests.is_empty() {
            return Vec::new();
        }
        let known = self.known_phrases();
        let examples = self.examples.of_tests(self.tests.len());
        let tests = self.tests.iter().zip(examples);
        let resolved = tests.filter_map(|(test, example)| {
            let reply = *known.get(&canonical(&test.expected))?;
            Some((test, (reply < self.entries.len()).then_some(reply), example))
        });
        resolved.collect()
    }

    /// The number of the reply to a message if an example did not exist.
    fn reply_without(
        &self,
        message: &str,
        example: Option<ExampleId>,
        search: &mut SearchBuffer,
    ) -> Option<usize> {
        match self.decide(message, search, example) {
            Decision::Phrase(matched) => Some(self.number_of(matched.phrase)),
            Decision::Nearest(near) => Some(near.reply),
            Decision::Unknown(_) => None,
        }
    }
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

    /// The sentence with a letter added, dropped, changed or swapped with the next, in one of its longer words.
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
            // Swapping two equal letters, say, is no typo.
            if mistyped.to_lowercase() != word.to_lowercase() {
                return mistyped;
            }
        }
    }
}
