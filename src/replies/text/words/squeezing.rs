//! Letters that are repeated for emphasis, as in `hellooo`.

use super::Words;

/// Number of equal letters in a row from which they may be emphasis. Two are ordinary in many languages.
const MIN_RUN: usize = 3;
/// Number of such runs in a word for which both one letter and two are tried. The others become two.
const MAX_RUNS: u32 = 3;
/// Number of words of a message that are looked at; people emphasize a few.
const MAX_SQUEEZED: usize = 64;

impl Words {
    /// Shortens each run of three or more equal letters to two or to one, in the folded form of words that are known only so, and are
    /// not meant as they stand.
    pub(crate) fn squeeze(&mut self, is_meant: impl Fn(&str) -> bool, is_known: impl Fn(&str) -> bool) {
        if self.may_have_run() {
            self.squeeze_all(is_meant, is_known);
        }
    }

    /// The same for a message that has such a run. Inlined, it would take stack in every session.
    #[inline(never)]
    fn squeeze_all(&mut self, is_meant: impl Fn(&str) -> bool, is_known: impl Fn(&str) -> bool) {
        let mut squeezed_words = 0;
        for at in 0..self.list.len() {
            let typed = self.list[at].folded;
            let mut runs = runs(self.word(at)).filter(|(_, count)| *count >= MIN_RUN);
            // `www` and `III` are no emphasis.
            let is_word = runs.next().is_some_and(|(_, count)| count < self.word(at).chars().count());
            if !is_word {
                continue;
            }
            if squeezed_words == MAX_SQUEEZED {
                return;
            }
            squeezed_words += 1;
            if is_meant(self.without_symbols(at)) {
                continue;
            }
            let tries = 2_u32 << runs.count().min(MAX_RUNS as usize - 1);
            // Two letters in each run first, as they are closer to what was typed.
            for singles in 0..tries {
                let squeezed = self.folded.len();
                self.push_squeezed(typed, singles);
                self.list[at].folded = (squeezed as u32, self.folded.len() as u32);
                if is_known(self.without_symbols(at)) {
                    break;
                }
                self.folded.truncate(squeezed);
                self.list[at].folded = typed;
            }
        }
    }

    /// A quick look at all words, which rules out nearly all messages.
    fn may_have_run(&self) -> bool {
        if self.differs {
            let mut before = ('\0', '\0');
            return self.folded.chars().any(|char| {
                let is_third = before == (char, char);
                before = (before.1, char);
                is_third
            });
        }
        let bytes = self.folded.as_bytes();
        let triples = bytes.iter().zip(bytes.iter().skip(1)).zip(bytes.iter().skip(2));
        // Without a branch, many bytes are compared at once.
        triples.fold(false, |found, ((a, b), c)| found | ((a == b) & (b == c)))
    }

    /// Appends a word with each run shortened to one letter, if its bit of `singles` is set, or else to two.
    fn push_squeezed(&mut self, (mut start, end): (u32, u32), mut singles: u32) {
        while start < end {
            let Some((letter, mut count)) = runs(&self.folded[start as usize..end as usize]).next() else {
                return;
            };
            start += (count * letter.len_utf8()) as u32;
            if count >= MIN_RUN {
                count = 2 - (singles & 1) as usize;
                singles >>= 1;
            }
            self.folded.extend(std::iter::repeat_n(letter, count));
        }
    }
}

/// The characters of a word, each with the number of times that it comes in a row. Digits are never emphasis.
fn runs(word: &str) -> impl Iterator<Item = (char, usize)> {
    let mut rest = word.chars();
    std::iter::from_fn(move || {
        let letter = rest.next()?;
        let mut count = 1;
        while letter.is_alphabetic() && rest.as_str().starts_with(letter) {
            rest.next();
            count += 1;
        }
        Some((letter, count))
    })
}
