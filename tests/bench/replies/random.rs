//! Words and numbers, the same ones at each run.

/// A number as a word. Words of a language are rarely one letter apart, so neighboring numbers become very
/// different words.
pub(crate) fn spelled(number: usize) -> String {
    const WORDS: usize = 26_usize.pow(6);
    let mut scrambled = number * 123_456_791 % WORDS;
    let mut word = String::new();
    for _ in 0..6 {
        word.push(char::from(b'a' + (scrambled % 26) as u8));
        scrambled /= 26;
    }
    word
}

/// The same numbers at every run (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub(crate) fn letter(&mut self) -> char {
        char::from(b'a' + self.below(26) as u8)
    }

    /// One of 5,000 words.
    pub(crate) fn word(&mut self) -> String {
        format!("w{}", spelled(self.below(5_000) as usize))
    }

    pub(crate) fn sentence(&mut self, words: usize) -> String {
        let word = |at: usize| {
            if at.is_multiple_of(3) { spelled(self.below(100_000) as usize) } else { self.word() }
        };
        (0..words).map(word).collect::<Vec<_>>().join(" ")
    }
}
