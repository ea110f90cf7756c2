//! Normalises messages and phrases, so that `What's up?!` and `whats up` are the same words.

use unicode_normalization::{
    UnicodeNormalization,
    char::{decompose_compatible, is_combining_mark},
};

/// The words of a text in two forms: folded, for comparison, and exact, which keeps the accents to decide ties.
///
/// Both forms are in lower case. Full-width and other compatibility forms become plain; zero-width characters and apostrophes
/// of every kind are dropped; other punctuation separates words. The folded form also drops accents and vowel marks. In
/// scripts that are written without spaces, each letter is a word of its own, so that phrases are found inside a sentence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    folded: String,
    exact: String,
    list: Vec<Word>,
}

/// Positions of a word in both forms.
#[derive(Clone, Copy, Debug)]
struct Word {
    folded: (usize, usize),
    exact: (usize, usize),
    /// Whether it is a letter that follows another in a script without spaces, and so is not the start of a word.
    joined: bool,
}

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
    fn read_plain(&mut self, text: &str, mut before: Between) -> Between {
        let mut at = 0;
        while let Some(byte) = text.as_bytes().get(at) {
            let letters = text[at..].bytes().take_while(u8::is_ascii_alphanumeric).count();
            if letters > 0 {
                if before != Between::Letters {
                    self.begin_word(false);
                }
                self.push_plain(&text[at..at + letters]);
                before = Between::Letters;
            } else if !ASCII_APOSTROPHES.contains(byte) {
                before = Between::Words;
            }
            at += letters.max(1);
        }
        before
    }

    /// Reads any text.
    fn read_marked(&mut self, text: &str, mut before: Between) -> Between {
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
        if !char.is_alphanumeric() && !is_combining_mark(char) && !is_accent(char) {
            return Between::Words;
        }
        let mut now = before;
        if is_accent(char) {
            if before != Between::Words {
                self.exact.push(char);
            }
        } else if is_combining_mark(char) && before != Between::Words {
            self.push(char);
        } else if !char.is_alphanumeric() {
            return Between::Words;
        } else if is_unspaced(char) {
            self.begin_word(before == Between::UnspacedLetters);
            now = Between::UnspacedLetters;
            self.push(char);
        } else {
            if before != Between::Letters {
                self.begin_word(false);
            }
            now = Between::Letters;
            self.push_folded(char);
        }
        self.end_word();
        now
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
    pub(crate) fn folded(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|word| &self.folded[word.folded.0..word.folded.1])
    }

    /// The words `start..end` in the exact form, separated by spaces.
    pub(crate) fn exact(&self, start: usize, end: usize) -> &str {
        match self.list.get(start..end) {
            Some([first, .., last]) => &self.exact[first.exact.0..last.exact.1],
            Some([word]) => &self.exact[word.exact.0..word.exact.1],
            _ => "",
        }
    }

    /// The number of words as a person counts them.
    pub(crate) fn count(&self) -> usize {
        self.list.iter().filter(|word| !word.joined).count()
    }

    /// The number of letters and digits.
    pub(crate) fn chars(&self) -> usize {
        self.folded().map(|word| word.chars().count()).sum()
    }

    /// The folded form for display, with spaces only where the script has them.
    pub(crate) fn shown(&self) -> String {
        let mut shown = String::new();
        for (word, text) in self.list.iter().zip(self.folded()) {
            if !word.joined && !shown.is_empty() {
                shown.push(' ');
            }
            shown.push_str(text);
        }
        shown.nfc().collect()
    }

    fn begin_word(&mut self, joined: bool) {
        if !self.list.is_empty() {
            self.folded.push(' ');
            self.exact.push(' ');
        }
        let (folded, exact) = (self.folded.len(), self.exact.len());
        self.list.push(Word { folded: (folded, folded), exact: (exact, exact), joined });
    }

    /// Sets the end of the last word to the end of the text so far.
    fn end_word(&mut self) {
        if let Some(word) = self.list.last_mut() {
            word.folded.1 = self.folded.len();
            word.exact.1 = self.exact.len();
        }
    }

    fn push(&mut self, char: char) {
        self.folded.push(char);
        self.exact.push(char);
    }

    fn push_plain(&mut self, letters: &str) {
        let start = self.folded.len();
        self.folded.push_str(letters);
        self.folded[start..].make_ascii_lowercase();
        self.exact.push_str(&self.folded[start..]);
        self.end_word();
    }

    /// Adds a letter in lower case. It is converted to upper case first, which unites `ß` with `ss`, the two small sigmas of
    /// Greek, and the Turkish i with and without a dot.
    fn push_folded(&mut self, char: char) {
        if char.is_ascii() {
            return self.push(char.to_ascii_lowercase());
        }
        char.to_uppercase()
            .flat_map(char::to_lowercase)
            .filter(|char| !is_accent(*char))
            .for_each(|char| self.push(char));
    }
}

/// What the next character follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    Words,
    Letters,
    UnspacedLetters,
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

/// A text without letters and digits (`?`, an emoji) in the form in which it is compared.
pub(crate) fn symbols(text: &str) -> String {
    let mut symbols = String::new();
    read_symbols(text, &mut symbols);
    symbols
}

/// Like [`symbols`], but appends to a buffer.
pub(crate) fn read_symbols(text: &str, symbols: &mut String) {
    symbols.extend(text.trim().chars().filter(|char| !is_invisible(*char)));
}

/// The ASCII characters for which [`is_dropped`] is true.
const ASCII_APOSTROPHES: [u8; 2] = *b"'`";

fn is_dropped(char: char) -> bool {
    is_invisible(char) || "'’‘‛ʼʻ`´′＇׳".contains(char)
}

/// Zero-width characters, direction marks, soft hyphens, and the variation selectors of emoji.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Marks that people often leave out: accents of Latin, Greek and Cyrillic letters, vowel marks of Hebrew and Arabic, and the
/// stroke that stretches an Arabic word. The marks of other scripts, such as Devanagari, are part of the word.
fn is_accent(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}'..='\u{6e8}'
        | '\u{6ea}'..='\u{6ed}')
}

/// Characters that stand for a whole sentence, as `ﷺ` does for 18 letters and spaces. Decomposed, a message full of them would
/// become many times as long and as expensive, so they are not decomposed, neither in messages nor in phrases.
fn is_phrase_ligature(char: char) -> bool {
    matches!(char, '\u{fdfa}' | '\u{fdfb}')
}

/// Letters of scripts without spaces between words: Thai, Lao, Myanmar, Khmer, Kana, Han.
fn is_unspaced(char: char) -> bool {
    matches!(char,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
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
        fn ascii_is_read_as_all_else(text in "(\\PC|[a-c'` .\u{301}\u{327}éÉ가ガカ\u{1100}\u{1161}\u{915}\u{94d}\u{93c}゛\u{200b}ﬁ])*") {
            let mut marked = Words::default();
            marked.read_marked(&text, Between::Words);
            let words = Words::of(&text);
            prop_assert_eq!((&words.folded, &words.exact), (&marked.folded, &marked.exact));
            let spans = |words: &Words| words.list.iter().map(|w| (w.folded, w.exact, w.joined)).collect::<Vec<_>>();
            prop_assert_eq!(spans(&words), spans(&marked));
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
        check("👍🏽", "");
        check("", "");
        check("\u{301}a", "a");
    }

    #[test]
    fn the_worlds_scripts() {
        check_same("Straße", "STRASSE");
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
        assert_eq!(Words::of("Sí, no").exact(0, 2), "si\u{301} no");
        assert_eq!(Words::of("Sí, no").exact(1, 2), "no");
        assert_eq!(Words::of("").exact(0, 0), "");
    }
}
