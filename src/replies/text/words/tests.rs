use proptest::prelude::*;
use unicode_normalization::char::decompose_compatible;

use super::{super::letters::is_phrase_ligature, reading::Between, *};

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
    fn ascii_is_read_as_all_else(text in "(\\PC|[a-c'` .+#1\\-\u{301}\u{327}éÉ가ガカ\u{1100}\u{1161}\u{915}\u{94d}\u{93c}゛\u{200b}ﬁک\u{200c}])*") {
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
    check("ß {\u{610}", "ss");
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
