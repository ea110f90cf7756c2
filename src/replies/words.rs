//! Normalises messages and phrases, so that `What's up?!` and `whats up` are the same words.

use unicode_normalization::{
    UnicodeNormalization,
    char::{decompose_compatible, is_combining_mark},
};

use super::letters::{
    ASCII_APOSTROPHES, is_accent, is_dropped, is_emoji, is_flag_letter, is_phrase_ligature, is_unspaced,
    push_as_typed,
};

/// The words of a text in two forms: folded, for comparison, and exact, which keeps the accents to decide ties.
///
/// Both forms are in lower case. Full-width and other compatibility forms become plain; zero-width characters and apostrophes
/// of every kind are dropped; other punctuation separates words. The folded form also drops accents and vowel marks, and has
/// letters such as `ł` and `ß` as people type them without their keyboard. In scripts that are written without spaces, each
/// letter is a word of its own, so that phrases are found inside a sentence; so is each emoji. A `+` or `#` directly after a
/// word belongs to it, as in `C++`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    folded: String,
    /// Empty if it is the same as the folded form, as in nearly all messages in ASCII.
    exact: String,
    differs: bool,
    list: Vec<Word>,
}

/// Positions of a word in both forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    folded: (u32, u32),
    exact: (u32, u32),
    /// Number of symbols at the end, each of one byte.
    symbols: u8,
    link: Link,
}

/// How a word is linked to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It is not.
    Apart,
    /// By a hyphen between letters, as in `e-mail`.
    Hyphen,
    /// It is a letter that follows another in a script without spaces, and so is not the start of a word.
    Unspaced,
}

/// Number of symbols that a word can end with. More are decoration.
const MAX_SYMBOLS: u8 = 3;

/// Number of letters up to which a word is likely to be a part of another, as in `e mail`, `wi fi` and `check in`.
const MAX_SHORT_PART: usize = 2;
/// Number of letters of two such parts together, at least.
const MIN_JOINED: usize = 4;

impl Words {
    pub(crate) fn of(text: &str) -> Words {
        let mut words = Words::default();
        words.read(text);
        words
    }

    /// Removes all words, but keeps the allocated memory.
    pub(crate) fn clear(&mut self) {
        self.folded.clear();
        self.exact.clear();
        self.differs = false;
        self.list.clear();
    }

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
        if text.bytes().any(|byte| ASCII_APOSTROPHES.contains(&byte)) {
            // The letters around it are one word.
            text.split(ASCII_APOSTROPHES.map(char::from))
                .fold(before, |before, piece| self.read_piece(piece, before))
        } else {
            self.read_piece(text, before)
        }
    }

    /// Reads ASCII without apostrophes: adds it as a whole, then finds the words in it.
    fn read_piece(&mut self, text: &str, mut before: Between) -> Between {
        let bytes = text.as_bytes();
        let (folded, exact) = (self.folded.len(), self.exact_len());
        self.folded.push_str(text);
        self.folded[folded..].make_ascii_lowercase();
        if self.differs {
            self.exact.push_str(&self.folded[folded..]);
        }
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let end = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            if end > at {
                self.begin_letters(before, char::from(byte), (folded + at) as u32, exact + at as u32);
                before = Between::Letters;
            } else {
                before = match byte {
                    b'-' if before == Between::Letters => Between::Hyphen,
                    b'+' | b'#' if matches!(before, Between::Letters | Between::Symbols) => self.add_symbol(),
                    _ => Between::Words,
                };
            }
            at = end.max(at + 1);
            if let (Some(word), Between::Letters | Between::Symbols) = (self.list.last_mut(), before) {
                (word.folded.1, word.exact.1) = ((folded + at) as u32, exact + at as u32);
            }
        }
        before
    }

    /// Reads any text.
    fn read_marked(&mut self, text: &str, mut before: Between) -> Between {
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

    /// Reads text that is first composed, then decomposed, so that every way of writing a letter gives the same characters.
    fn read_composed(&mut self, text: &str, mut before: Between) -> Between {
        for char in text.chars().filter(|char| !is_dropped(*char)).nfkc() {
            // Letters are separated from their accents, but a Korean syllable stays whole: its parts are letters, and would be
            // more than one character.
            if ('\u{ac00}'..='\u{d7a3}').contains(&char) {
                before = self.read_char(char, before);
            } else {
                decompose_compatible(char, |part| before = self.read_char(part, before));
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
            self.begin_letters(before, char, self.folded.len() as u32, self.exact_len());
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
            '-' | '\u{2010}' if before == Between::Letters => Between::Hyphen,
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

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The number of bytes of memory they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.folded.capacity() + self.exact.capacity() + self.list.capacity() * size_of::<Word>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The words in the folded form.
    pub(crate) fn folded(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.list.len()).map(|at| self.word(at))
    }

    /// A word in the folded form.
    pub(super) fn word(&self, at: usize) -> &str {
        let (start, end) = self.list[at].folded;
        &self.folded[start as usize..end as usize]
    }

    /// The same without the symbols at its end.
    pub(super) fn without_symbols(&self, at: usize) -> &str {
        let word = self.word(at);
        &word[..word.len() - usize::from(self.list[at].symbols)]
    }

    /// How a word is linked to the one before.
    pub(super) fn link(&self, at: usize) -> Link {
        self.list[at].link
    }

    /// Whether there is a word, and it is linked so to the one before.
    pub(super) fn is_linked(&self, at: usize, link: Link) -> bool {
        self.list.get(at).is_some_and(|word| word.link == link)
    }

    /// Whether a word and the next are also written as one: with a hyphen between them, or with a part as short as in `e mail`.
    pub(super) fn is_joinable(&self, at: usize) -> bool {
        let is_short = |at: usize| {
            let word = self.word(at);
            word.len() <= MAX_SHORT_PART && word.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        match self.list.get(at + 1).map(|next| next.link) {
            Some(Link::Hyphen) => true,
            Some(Link::Apart) => {
                (is_short(at) || is_short(at + 1))
                    && self.word(at).len() + self.word(at + 1).len() >= MIN_JOINED
            }
            _ => false,
        }
    }

    /// A word in the exact form.
    pub(crate) fn exact(&self, at: usize) -> &str {
        let (start, end) = self.list[at].exact;
        let exact = if self.differs { &self.exact } else { &self.folded };
        &exact[start as usize..end as usize]
    }

    /// Whether the exact form of a word is in ASCII.
    pub(super) fn is_ascii(&self, at: usize) -> bool {
        !self.differs || self.exact(at).is_ascii()
    }

    /// Appends a word to `text` as it is written without umlauts, `oe` for `ö`; returns whether it has any.
    pub(super) fn push_without_umlauts(&self, at: usize, text: &mut String) -> bool {
        let exact = self.exact(at);
        if exact.is_ascii() {
            text.push_str(exact);
            return false;
        }
        let mut has_umlaut = false;
        for char in exact.chars() {
            let added = match (text.as_bytes().last(), char) {
                (Some(b'a' | b'o' | b'u'), '\u{308}') => "e",
                (Some(b'a'), '\u{30a}') => "a",
                (_, 'ø') => "oe",
                (_, accent) if is_accent(accent) => continue,
                (_, letter) => {
                    push_as_typed(letter, text);
                    continue;
                }
            };
            has_umlaut = true;
            text.push_str(added);
        }
        has_umlaut
    }

    /// The number of words as a person counts them.
    pub(crate) fn count(&self) -> usize {
        self.list.iter().filter(|word| word.link == Link::Apart).count()
    }

    /// The number of letters and digits.
    pub(crate) fn chars(&self) -> usize {
        self.folded().map(|word| word.chars().count()).sum()
    }

    /// The folded form for display, with spaces only where the script has them.
    pub(crate) fn shown(&self) -> String {
        let mut shown = String::new();
        for (word, text) in self.list.iter().zip(self.folded()) {
            if word.link != Link::Unspaced && !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(text);
        }
        shown.nfc().collect()
    }

    /// Begins a word at these places if the letter that follows does not belong to the last one.
    fn begin_letters(&mut self, before: Between, next: char, folded: u32, exact: u32) {
        let link = match before {
            Between::Letters => return,
            Between::Hyphen if next.is_alphabetic() && self.ends_in_letter() => Link::Hyphen,
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

    fn begin_word(&mut self, link: Link) {
        let (folded, exact) = (self.folded.len() as u32, self.exact_len());
        self.list.push(Word { folded: (folded, folded), exact: (exact, exact), symbols: 0, link });
    }

    /// Sets the end of the last word to the end of the text so far.
    fn end_word(&mut self) {
        let exact = self.exact_len();
        if let Some(word) = self.list.last_mut() {
            word.folded.1 = self.folded.len() as u32;
            word.exact.1 = exact;
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

    /// Counts a symbol of the last word. If there are too many, it has none.
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

    /// Adds a letter in lower case. It is converted to upper case first, which unites the two small sigmas of Greek, and the
    /// Turkish i with and without a dot.
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
enum Between {
    Words,
    Letters,
    UnspacedLetters,
    /// A hyphen directly after letters.
    Hyphen,
    /// Symbols that belong to the word before, unless a letter follows.
    Symbols,
    /// The first letter of a flag.
    FlagLetter,
}

/// Length of the ASCII at the beginning of `text`, without its last character if more follows, as that may be an accent.
fn plain_length(text: &str) -> usize {
    text.bytes().position(|byte| !byte.is_ascii()).map_or(text.len(), |marked| marked.saturating_sub(1))
}

/// Length of the first character and all that follows up to the next ASCII, with which nothing composes. Apostrophes do not end
/// it: they are dropped, so that the characters around them may compose.
fn marked_length(text: &str) -> usize {
    let ends = |byte: u8| byte.is_ascii() && !ASCII_APOSTROPHES.contains(&byte);
    text.bytes().enumerate().position(|(at, byte)| at > 0 && ends(byte)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Number of parts up to which a character is decomposed.
    const MOST_PARTS: usize = 7;
    /// Limit on the bytes of each form for a byte of text.
    const MOST_BYTES: usize = 8;
    /// Limit on the words for a byte of text.
    const MOST_WORDS: usize = 2;

    #[track_caller]
    fn check_size(text: &str) {
        let words = Words::of(text);
        let most = MOST_BYTES * text.len();
        assert!(words.folded.len() <= most && words.exact.len() <= most, "{text:?}: {words:?}");
        assert!(words.len() <= MOST_WORDS * text.len(), "{text:?}: {words:?}");
    }

    #[test]
    fn no_character_becomes_many() {
        for char in '\0'..=char::MAX {
            check_size(&[char; 3].iter().collect::<String>());
            let mut parts = 0;
            decompose_compatible(char, |_| parts += 1);
            assert_eq!(parts > MOST_PARTS, is_phrase_ligature(char), "{char:?} has {parts} parts");
        }
    }

    proptest! {
        #[test]
        fn no_text_grows_much(text in "(\\PC|[ㄱ-ㅎ㌀-㏿ﷰ-﷼ᾀ-ᾯßİŉẞ\u{300}-\u{36f}'🎉 ])*") {
            check_size(&text);
        }

        /// The fast path for ASCII changes nothing.
        #[test]
        fn ascii_is_read_as_all_else(text in "(\\PC|[a-c'` .+#1\\-\u{301}\u{327}éÉ가ガカ\u{1100}\u{1161}\u{915}\u{94d}\u{93c}゛\u{200b}ﬁ])*") {
            let mut marked = Words::default();
            marked.read_marked(&text, Between::Words);
            let words = Words::of(&text);
            let list = |words: &Words| {
                let word = |at| (words.word(at).to_owned(), words.exact(at).to_owned(), words.list[at].symbols, words.link(at));
                (0..words.len()).map(word).collect::<Vec<_>>()
            };
            prop_assert_eq!(list(&words), list(&marked));
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Words::of(text).shown(), expected, "{text:?}");
    }

    /// Checks that both have the same words.
    #[track_caller]
    fn check_same(one: &str, other: &str) {
        let [one, other] = [one, other].map(Words::of);
        assert_eq!(one.folded().collect::<Vec<_>>(), other.folded().collect::<Vec<_>>());
    }

    #[test]
    fn words_in_one_form() {
        check("Hi!!", "hi");
        check("  HELLO,\tworld\n", "hello world");
        check("what’s up? What's", "whats up whats");
        check("sí, Ça va", "si ca va");
        check("ＨＥＬＬＯ　ｗｏｒｌｄ", "hello world");
        check("9-5", "9 5");
        check("Q&A at the B&B", "q a at the b b");
        check("e-mail@shop.example", "e mail shop example");
        check("?!", "");
        check("👍🏽", "👍");
        check("I ♥️ 🌹🌹!", "i ♥ 🌹 🌹");
        check("👩‍🍳 🇩🇪🇫🇷 1️⃣", "👩 🍳 🇩🇪 🇫🇷 1");
        check("C++, C# & a+b, x+++++ #1", "c++ c# a b x 1");
        check("", "");
        check("\u{301}a", "a");
    }

    #[test]
    fn the_worlds_scripts() {
        check_same("Straße STRAẞE", "STRASSE strasse");
        check_same("Łódź, Đường, rødgrød, œuf, Þór, Ærø", "lodz duong rodgrod oeuf thor aero");
        check_same("what´s", "whats");
        check_same("Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ");
        check_same("Καλημέρα", "καλημερα");
        // Turkish: all four letters are one, whatever their dots.
        check_same("İSTANBUL ıssız", "istanbul issiz");
        check_same("Ёлка", "елка");
        check_same("مُحَمَّد", "محمد");
        check_same("مـــحمد", "محمد");
        check_same("أهلا", "اهلا");
        check_same("שָׁלוֹם", "שלום");
        check_same("ze\u{200b}ro\u{ad}-wid\u{200d}th", "zero width");
        check_same("ﬁne", "fine");
        check("नमस्ते दुनिया", "नमस्ते दुनिया");
        check("안녕하세요 세계", "안녕하세요 세계");
        check("營業時間", "營業時間");
        check("가게は何時 open", "가게 は何時 open");
        check("ร้านเปิด", "ร้านเปิด");
        check("ガ", "ガ");
        assert_eq!(Words::of("ガカ").folded().count(), 2);
    }

    #[test]
    fn a_phrase_in_one_character_is_a_word() {
        check_same("النبي ﷺ", "النبي\tﷺ!");
        check_same("ﷺ\u{64e}ﷺ", "ﷺﷺ");
        check("ﷺ and ﷻ", "ﷺ and ﷻ");
        check_same("5㌖", "5キロメートル");
    }

    #[test]
    fn words_as_a_person_counts_them() {
        assert_eq!((Words::of("opening hours").count(), Words::of("opening hours").chars()), (2, 12));
        assert_eq!((Words::of("營業時間 open").count(), Words::of("營業時間 open").chars()), (2, 8));
        assert_eq!(Words::of("Sí, no").exact(0), "si\u{301}");
        assert_eq!(Words::of("Sí, no").exact(1), "no");
    }
}
