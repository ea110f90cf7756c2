//! The kinds of characters that normalising distinguishes, and how letters are typed without their keyboard.

/// Appends a small letter as people type it where their keyboard has only the letters of ASCII.
pub(crate) fn push_as_typed(letter: char, text: &mut String) {
    match letter {
        'ß' => text.push_str("ss"),
        'æ' => text.push_str("ae"),
        'œ' => text.push_str("oe"),
        'þ' => text.push_str("th"),
        'ø' => text.push('o'),
        'đ' | 'ð' | 'ɖ' => text.push('d'),
        'ł' => text.push('l'),
        'ħ' => text.push('h'),
        'ŧ' => text.push('t'),
        'ŋ' => text.push('n'),
        'ı' | 'ɨ' => text.push('i'),
        'ə' | 'ɛ' => text.push('e'),
        'ɔ' => text.push('o'),
        'ɓ' => text.push('b'),
        'ɗ' => text.push('d'),
        'ƙ' => text.push('k'),
        // The same letters on the keyboards of Arabic, Persian and Urdu, or at the end of a word as people
        // write it.
        'ى' | 'ی' | 'ے' => text.push('ي'),
        'ک' => text.push('ك'),
        'ة' | 'ہ' | 'ە' => text.push('ه'),
        letter => text.push(letter),
    }
}

/// The zeros of all scripts, after which their other nine digits come (general category Nd of Unicode 16).
/// Those of ASCII and what decomposes to them are left out.
const ZEROS: [u32; 66] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0,
    0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0,
    0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1e140,
    0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950,
];

/// A digit of any script as one of ASCII; other characters as they are.
pub(crate) fn plain_digit(char: char) -> char {
    let code = u32::from(char);
    // Most letters come before these, or are in one of two gaps.
    if matches!(code, 0..0x660 | 0x1c5a..0xa620 | 0xabfa..0x104a0) {
        return char;
    }
    let zero = ZEROS.partition_point(|zero| *zero <= code).checked_sub(1).map_or(0, |at| ZEROS[at]);
    char::from_digit(code - zero, 10).unwrap_or(char)
}

/// A text without letters and digits (`?`) in the form in which it is compared.
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
pub(crate) const ASCII_APOSTROPHES: [u8; 2] = *b"'`";

/// Keeps two letters of a word apart where neither a blank nor a joint belongs between them: the hyphen of
/// the Arabic script.
pub(crate) const NON_JOINER: char = '\u{200c}';

pub(crate) fn is_dropped(char: char) -> bool {
    is_invisible(char) || "'’‘‛ʼʻ`´′＇׳".contains(char)
}

/// Zero-width characters, direction marks, soft hyphens, and what only varies an emoji: variation selectors,
/// skin tones and the frame of a key.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Marks that people often leave out: accents of Latin, Greek and Cyrillic letters, vowel marks of Hebrew and
/// Arabic, and the stroke that stretches an Arabic word. The marks of other scripts, such as Devanagari, are
/// part of the word.
pub(crate) fn is_accent(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{6e7}'..='\u{6e8}'
        | '\u{6ea}'..='\u{6ed}')
}

/// Characters that stand for a whole sentence, as `ﷺ` does for 18 letters and spaces. Decomposed, a message
/// full of them would become many times as long and as expensive, so they are not decomposed, neither in
/// messages nor in phrases.
pub(crate) fn is_phrase_ligature(char: char) -> bool {
    matches!(char, '\u{fdfa}' | '\u{fdfb}')
}

/// Letters of scripts without spaces between words: Thai, Lao, Myanmar, Khmer, Kana, Han.
pub(crate) fn is_unspaced(char: char) -> bool {
    is_han(char)
        || matches!(char,
            '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}')
}

/// Letters of the Arabic script, with which Persian and Urdu are written too.
pub(crate) fn is_arabic(char: char) -> bool {
    matches!(char, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' | '\u{fb50}'..='\u{fefc}')
}

/// Letters of the Han script, each of which has a meaning.
pub(crate) fn is_han(char: char) -> bool {
    matches!(char,
        '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Letters of which two make the flag of a country.
pub(crate) fn is_flag_letter(char: char) -> bool {
    matches!(char, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Whether a character is in a block with emoji, except blocks of punctuation (Unicode's emoji-data.txt).
pub(crate) fn is_emoji(char: char) -> bool {
    matches!(char,
        '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23fa}' | '\u{25aa}'..='\u{27bf}' | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b55}' | '\u{1f000}'..='\u{1faff}')
}
