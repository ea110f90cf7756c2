//! Letters that are repeated for emphasis, as in `hellooo`.

use super::Words;

/// Number of equal letters in a row from which they may be emphasis. Two are ordinary in many languages.
const MIN_RUN: usize = 3;
/// Number of such runs in a word for which both one letter and two are tried. The others become two.
const MAX_RUNS: usize = 3;

impl Words {
    /// Shortens each run of three or more equal letters in the folded form of a word to two or to one, if the
    /// word is known then; returns whether it is.
    pub(crate) fn squeeze(&mut self, at: usize, is_known: impl Fn(&str) -> bool) -> bool {
        // Most words have no such run, which shows at a look at their bytes.
        let word = self.word(at).as_bytes();
        if word.is_ascii() && !word.windows(MIN_RUN).any(|bytes| bytes.iter().all(|byte| *byte == bytes[0])) {
            return false;
        }
        let typed = self.list[at].folded;
        let mut runs = runs(self.word(at)).filter(|(_, count)| *count >= MIN_RUN);
        // `www` and `III` are not emphasis.
        if runs.next().is_none_or(|(_, count)| count == self.word(at).chars().count()) {
            return false;
        }
        let tries = 2_u32 << runs.count().min(MAX_RUNS - 1);
        // Two letters in each run first, as they are closer to what was typed.
        for singles in 0..tries {
            let start = self.folded.len();
            self.push_squeezed(typed, singles);
            self.list[at].folded = (start as u32, self.folded.len() as u32);
            if is_known(self.without_symbols(at)) {
                return true;
            }
            self.folded.truncate(start);
        }
        self.list[at].folded = typed;
        false
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
