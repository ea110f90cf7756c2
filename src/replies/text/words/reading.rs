//! Reads a text into words.

use unicode_normalization::{
    UnicodeNormalization,
    char::{decompose_compatible, is_combining_mark},
};

use super::{
    super::letters::{
        ASCII_APOSTROPHES, NON_JOINER, is_accent, is_arabic, is_dropped, is_emoji, is_flag_letter,
        is_phrase_ligature, is_unspaced, plain_digit, push_as_typed,
    },
    Link, Word, Words,
};

/// Whether a byte is a letter or digit of ASCII: one look instead of three comparisons.
const IS_LETTER: [bool; 256] = {
    let mut is_letter = [false; 256];
    let mut byte = 0;
    while byte < is_letter.len() {
        is_letter[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    is_letter
};
/// Number of symbols that a word can end with. More are decoration.
const MAX_SYMBOLS: u8 = 3;

impl Words {
    /// Adds the words of `text`.
    pub(crate) fn read(&mut self, text: &str) {
        let mut before = Between::Words;
        let mut rest = text;
        while !rest.is_empty() {
            let (plain, after) = rest.split_at(plain_length(rest));
            before = self.read_plain(plain, before);
            if after.is_empty() {
                return;
            }
            let (marked, after) = after.split_at(marked_length(after));
            before = self.read_marked(marked, before);
            rest = after;
        }
    }

    /// Reads ASCII, for which only the case needs to change. A fast path for most messages.
    fn read_plain(&mut self, text: &str, before: Between) -> Between {
        let (length, before) = self.read_piece(text, before);
        if length == text.len() {
            return before;
        }
        // The letters around an apostrophe are one word.
        let pieces = text[length + 1..].split(ASCII_APOSTROPHES.map(char::from));
        pieces.fold(before, |before, piece| self.read_piece(piece, before).1)
    }

    /// Reads ASCII up to the first apostrophe: adds it as a whole, then finds the words in it. Returns its
    /// length too.
    fn read_piece(&mut self, text: &str, mut before: Between) -> (usize, Between) {
        let bytes = text.as_bytes();
        let (folded, exact) = (self.folded.len(), self.exact_len());
        self.folded.push_str(text);
        self.folded[folded..].make_ascii_lowercase();
        if self.differs {
            self.exact.push_str(&self.folded[folded..]);
        }
        let place = |at: usize| ((folded + at) as u32, exact + at as u32);
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            at += bytes[at..].iter().take_while(|byte| IS_LETTER[usize::from(**byte)]).count();
            if at > start {
                self.begin_letters(before, char::from(byte), place(start));
                self.end_word_at(place(at));
                before = Between::Letters;
                continue;
            }
            before = match byte {
                b'-' if before == Between::Letters => Between::Hyphen,
                b'.' if before == Between::Letters => Between::Dot,
                b'+' | b'#' if matches!(before, Between::Letters | Between::Symbols) => self.add_symbol(),
                _ if ASCII_APOSTROPHES.contains(&byte) => {
                    self.folded.truncate(folded + at);
                    self.exact.truncate(exact as usize + at);
                    break;
                }
                _ => Between::Words,
            };
            at += 1;
            if before == Between::Symbols {
                self.end_word_at(place(at));
            }
        }
        (at, before)
    }

    /// Reads any text.
    pub(crate) fn read_marked(&mut self, text: &str, mut before: Between) -> Between {
        if !self.differs {
            self.differs = true;
            self.exact.clone_from(&self.folded);
        }
        let mut start = 0;
        for (at, ligature) in text.match_indices(is_phrase_ligature) {
            before = self.read_composed(&text[start..at], before);
            before = ligature.chars().fold(before, |before, char| self.read_char(char, before));
            start = at + ligature.len();
        }
        self.read_composed(&text[start..], before)
    }

    /// Reads text that is first composed, then decomposed, so that every way of writing a letter gives the
    /// same characters.
    fn read_composed(&mut self, text: &str, mut before: Between) -> Between {
        let mut follows_arabic = false;
        let is_kept = |char: &char| {
            let is_kept = !is_dropped(*char) || (*char == NON_JOINER && follows_arabic);
            follows_arabic = is_arabic(*char) || (follows_arabic && !is_kept);
            is_kept
        };
        for char in text.chars().filter(is_kept).nfkc() {
            // Letters are separated from their accents, but a Korean syllable stays whole: its parts are
            // letters, and would be more than one character.
            if ('\u{ac00}'..='\u{d7a3}').contains(&char) {
                before = self.read_char(char, before);
            } else {
                decompose_compatible(char, |part| before = self.read_char(plain_digit(part), before));
            }
        }
        before
    }

    /// Reads a character, and returns what is before the next one.
    fn read_char(&mut self, char: char, before: Between) -> Between {
        let follows_letter = matches!(before, Between::Letters | Between::UnspacedLetters);
        let mut now = before;
        if is_accent(char) {
            if follows_letter {
                self.exact.push(char);
            }
        } else if is_combining_mark(char) && follows_letter {
            self.push(char);
        } else if !char.is_alphanumeric() {
            return self.read_sign(char, before);
        } else if is_unspaced(char) {
            let link = if before == Between::UnspacedLetters { Link::Unspaced } else { Link::Apart };
            self.begin_word(link);
            now = Between::UnspacedLetters;
            self.push(char);
        } else {
            self.begin_letters(before, char, (self.folded.len() as u32, self.exact_len()));
            now = Between::Letters;
            self.push_folded(char);
        }
        if follows_letter || now != before {
            self.end_word();
        }
        now
    }

    /// Reads a character that is not a letter or digit.
    fn read_sign(&mut self, sign: char, before: Between) -> Between {
        match sign {
            '-' | '\u{2010}' | NON_JOINER if before == Between::Letters => Between::Hyphen,
            '.' if before == Between::Letters => Between::Dot,
            '+' | '#' if matches!(before, Between::Letters | Between::Symbols) => {
                let before = self.add_symbol();
                if before == Between::Symbols {
                    self.push(sign);
                    self.end_word();
                }
                before
            }
            flag if is_flag_letter(flag) => {
                if before != Between::FlagLetter {
                    self.begin_word(Link::Apart);
                }
                self.push(flag);
                self.end_word();
                // A flag is two of these letters.
                if before == Between::FlagLetter { Between::Words } else { Between::FlagLetter }
            }
            emoji if is_emoji(emoji) => {
                self.begin_word(Link::Apart);
                self.push(emoji);
                self.end_word();
                Between::Words
            }
            _ => Between::Words,
        }
    }

    /// Begins a word at these places if the letter that follows does not belong to the last one.
    #[inline]
    fn begin_letters(&mut self, before: Between, next: char, (folded, exact): (u32, u32)) {
        let link = match before {
            Between::Words => Link::Apart,
            Between::Letters => return,
            Between::Hyphen if next.is_alphabetic() && self.ends_in_letter() => Link::Hyphen,
            Between::Dot if next.is_alphabetic() && self.ends_in_letter() && self.is_last_single() => {
                Link::Dot
            }
            Between::Symbols => {
                // As in `a+b`.
                self.drop_symbols();
                Link::Apart
            }
            _ => Link::Apart,
        };
        self.list.push(Word { folded: (folded, folded), exact: (exact, exact), symbols: 0, link });
    }

    fn ends_in_letter(&self) -> bool {
        self.list.len().checked_sub(1).is_some_and(|last| self.word(last).ends_with(char::is_alphabetic))
    }

    /// Whether the last word is a single character.
    fn is_last_single(&self) -> bool {
        self.list.len().checked_sub(1).is_some_and(|last| self.word(last).chars().nth(1).is_none())
    }

    fn begin_word(&mut self, link: Link) {
        let (folded, exact) = (self.folded.len() as u32, self.exact_len());
        self.list.push(Word { folded: (folded, folded), exact: (exact, exact), symbols: 0, link });
    }

    /// Sets the end of the last word to the end of the text so far.
    fn end_word(&mut self) {
        self.end_word_at((self.folded.len() as u32, self.exact_len()));
    }

    /// Sets the end of the last word in both forms.
    fn end_word_at(&mut self, (folded, exact): (u32, u32)) {
        if let Some(word) = self.list.last_mut() {
            (word.folded.1, word.exact.1) = (folded, exact);
        }
    }

    fn push(&mut self, char: char) {
        self.folded.push(char);
        if self.differs {
            self.exact.push(char);
        }
    }

    fn exact_len(&self) -> u32 {
        if self.differs { self.exact.len() as u32 } else { self.folded.len() as u32 }
    }

    /// LanguageCounts a symbol of the last word. If there are too many, it has none.
    fn add_symbol(&mut self) -> Between {
        let symbols = self.list.last().map_or(0, |word| word.symbols);
        if symbols == MAX_SYMBOLS {
            self.drop_symbols();
            return Between::Words;
        }
        if let Some(word) = self.list.last_mut() {
            word.symbols += 1;
        }
        Between::Symbols
    }

    fn drop_symbols(&mut self) {
        if let Some(word) = self.list.last_mut() {
            let symbols = u32::from(std::mem::take(&mut word.symbols));
            word.folded.1 -= symbols;
            word.exact.1 -= symbols;
        }
    }

    /// Adds a letter in lower case. It is converted to upper case first, which unites the two small sigmas of
    /// Greek, and the Turkish i with and without a dot.
    fn push_folded(&mut self, char: char) {
        if char.is_ascii() {
            return self.push(char.to_ascii_lowercase());
        }
        for char in char.to_uppercase().flat_map(char::to_lowercase).filter(|char| !is_accent(*char)) {
            self.exact.push(char);
            push_as_typed(char, &mut self.folded);
        }
    }
}

/// What the next character follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    Words,
    Letters,
    UnspacedLetters,
    /// A hyphen directly after letters.
    Hyphen,
    /// A dot directly after letters.
    Dot,
    /// Symbols that belong to the word before, unless a letter follows.
    Symbols,
    /// The first letter of a flag.
    FlagLetter,
}

/// Length of the ASCII at the beginning of `text`, without its last character if more follows, as that may be
/// an accent.
fn plain_length(text: &str) -> usize {
    // Much faster than looking for another character, and true of most messages.
    if text.is_ascii() {
        return text.len();
    }
    text.bytes().position(|byte| !byte.is_ascii()).map_or(text.len(), |marked| marked.saturating_sub(1))
}

/// Length of the first character and all that follows up to the next ASCII, with which nothing composes.
/// Apostrophes do not end it: they are dropped, so that the characters around them may compose.
fn marked_length(text: &str) -> usize {
    let ends = |byte: u8| byte.is_ascii() && !ASCII_APOSTROPHES.contains(&byte);
    text.bytes().enumerate().position(|(at, byte)| at > 0 && ends(byte)).unwrap_or(text.len())
}
