//! Brings messages and keys to one form, so that `What's up?!` and `whats up` are the same words.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The words of `text` in lower case, one blank between them.
///
/// Accents and full-width forms are folded, apostrophes of every kind are dropped, other punctuation separates words.
/// Empty when `text` has neither letters nor digits.
pub(crate) fn normalise(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut gap = false;
    for char in text.nfkd() {
        if is_word_char(char) {
            if gap && !words.is_empty() {
                words.push(' ');
            }
            gap = false;
            words.extend(char.to_lowercase());
        } else if !is_dropped(char) {
            gap = true;
        }
    }
    words
}

/// Marks that carry a vowel or a consonant (Hindi, say) are part of their word; accents are not.
fn is_word_char(char: char) -> bool {
    char.is_alphanumeric() || (is_combining_mark(char) && !is_accent(char))
}

fn is_dropped(char: char) -> bool {
    is_accent(char) || "'’‘ʼ`´＇".contains(char)
}

/// The combining diacritical marks of Latin, Greek and Cyrillic letters.
fn is_accent(char: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&char)
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(normalise(text), expected, "{text:?}");
    }

    #[test]
    fn words_in_one_form() {
        check("Hi!!", "hi");
        check("  HELLO,\tworld\n", "hello world");
        check("what’s up? What's", "whats up whats");
        check("sí, Ça va", "si ca va");
        check("ＨＥＬＬＯ", "hello");
        check("हिन्दी में", "हिन्दी में");
        check("9-5", "9 5");
        check("?!", "");
        check("", "");
    }
}
