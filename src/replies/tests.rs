use proptest::prelude::*;

use super::{
    lookup::search::{KEPT_BYTES, KEPT_SHARED_BYTES, PARTS, STEPS, STEPS_PER_WORD},
    text::excerpt::excerpt,
    *,
};

fn read(text: &str, name: &str) -> (Replies, Faults) {
    let (table, faults) = from_file::read(text.to_owned(), name, false);
    (Replies { table }, faults)
}

/// A message of the default maximum length.
fn long(words: &str) -> String {
    words.repeat(16 * 1024 / words.len())
}

/// The number of steps of a lookup.
fn steps(replies: &Replies, message: &str) -> usize {
    SearchBuffer::default().visit(&replies.table.index, true, message, |_| ())
}

/// Checks that a lookup keeps to its limit of steps, and returns the answer.
#[track_caller]
fn answer_within_bounds<'a>(replies: &'a Replies, message: &str) -> &'a str {
    let (steps, most) =
        (steps(replies, message), PARTS * (STEPS + STEPS_PER_WORD * Words::of(message).len()));
    assert!(steps <= most, "{steps} steps");
    replies.answer(message).reply.as_str()
}

fn numbered(phrases: impl Iterator<Item = String>) -> Replies {
    let table: String = phrases.enumerate().map(|(at, phrase)| format!("{phrase} = {}\n", at + 1)).collect();
    Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap()
}

#[test]
fn many_phrases_of_the_same_runs() {
    let letters: Vec<char> = ('a'..='n').collect();
    let mut phrases = Vec::new();
    for (at, a) in letters.iter().enumerate() {
        for (at, b) in letters.iter().enumerate().skip(at + 1) {
            for (at, c) in letters.iter().enumerate().skip(at + 1) {
                phrases.extend(letters[at + 1..].iter().map(|d| format!("{a} & {b} & {c} & {d}")));
            }
        }
    }
    assert_eq!(phrases.len(), 1001);
    let replies = numbered(phrases.into_iter());
    assert_eq!(replies.answer("d, c, b, a?").reply.as_str(), "1");
    assert_eq!(replies.answer("n m l k").reply.as_str(), "1001");
    assert_eq!(replies.answer("a b c").reply.as_str(), "?!");
    // Each phrase is visited once, however often its words occur.
    let once = steps(&replies, "a b c d e f g h i j k l m n");
    let often = long("a b c d e f g h i j k l m n ");
    assert!(steps(&replies, &often) - once < 8192 * STEPS_PER_WORD, "{} steps", steps(&replies, &often));
    assert_eq!(replies.answer(&often).reply.as_str(), "1");
}

#[test]
fn prefixes_of_prefixes() {
    let replies = numbered((1..=4000).map(|letters| "a".repeat(letters) + "*"));
    assert_eq!(replies.answer("what an aardvark").reply.as_str(), "2");
    assert_eq!(answer_within_bounds(&replies, &long("aaa ")), "3");
    assert_eq!(answer_within_bounds(&replies, &"a".repeat(300)), "300");
    // Not all prefixes of such a long word are looked up.
    let answer: usize = answer_within_bounds(&replies, &long("a")).parse().unwrap();
    assert!((1000..4000).contains(&answer), "{answer}");
}

#[test]
fn phrases_that_begin_everywhere() {
    let replies = numbered((1..=300).map(|words| vec!["a*"; words].join(" ")));
    assert_eq!(replies.answer("an answer to an apple").reply.as_str(), "2");
    assert_eq!(answer_within_bounds(&replies, &long("a ")), "300");

    let begin = |letters: usize| "a".repeat(letters) + "*";
    let pairs =
        (1..=40).flat_map(|one| (1..=40).map(move |other| format!("{} {}", begin(one), begin(other))));
    let replies = numbered(pairs);
    assert_eq!(replies.answer("aa a").reply.as_str(), "41");
    assert_eq!(answer_within_bounds(&replies, &long(&("a".repeat(40) + " "))), "1600");

    let replies = numbered([vec!["a"; 2000].join(" ")].into_iter());
    assert_eq!(answer_within_bounds(&replies, &long("a ")), "1");
}

#[test]
fn phrases_of_one_run_do_not_keep_others_from_being_found() {
    let accents =
        |number: usize| (0..10).map(move |bit| if number >> bit & 1 == 1 { "á" } else { "a" }).collect();
    let replies = numbered((0..1024).map(accents).chain(["b & c".to_owned(), "d".to_owned()]));
    assert_eq!(answer_within_bounds(&replies, "b aaaaaaaaaa c d"), "1025");
    assert_eq!(answer_within_bounds(&replies, &("aaaaaaaaaa ".repeat(1000) + "b c")), "1025");
}

#[test]
fn replies_that_people_write_stay_far_below_the_bound() {
    for (text, message) in [
        (include_str!("../../tests/faq/bakery.ini"), "Do you deliver birthday cakes on Sundays? "),
        (include_str!("../../tests/faq/bakery.ini"), "a b c d "),
        (include_str!("../../tests/faq/bakery-zh.ini"), "請問你們的營業時間是什麼，有素食蛋糕嗎"),
    ] {
        let steps = steps(&Replies::parse(text, "f").unwrap(), &long(message));
        assert!(steps < STEPS / 2, "{steps} steps");
    }
}

#[test]
fn no_message_leaves_a_large_buffer_with_a_session() {
    let replies = numbered((1..=100).map(|letters| "a".repeat(letters) + "*"));
    let mut search = SearchBuffer::default();
    for words in ["When do you open? ", "a ", "㌖", "ﷺ", "?!", &"a".repeat(50)] {
        for message in [long(words), long(words).chars().take(80).collect()] {
            replies.answer_with(&message, &mut search);
            assert!(search.bytes() <= KEPT_BYTES, "{message:?}");
        }
    }
    let mut shared = SearchBuffer::default();
    for words in ["When do you open? ", "a ", "㌖", "ﷺ", "?!"] {
        shared.visit(&replies.table.index, true, &long(words), |_| ());
        assert!(shared.bytes() <= KEPT_SHARED_BYTES, "{words:?}: {} bytes", shared.bytes());
    }
}

/// Words from a small vocabulary, so that phrases and messages have much in common.
fn run() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("open"),
        Just("opening"),
        Just("hours"),
        Just("sí"),
        Just("si"),
        Just("you"),
        Just("時"),
        Just("間")
    ];
    proptest::collection::vec(word, 1..4).prop_map(|words| words.join(" "))
}

fn phrase() -> impl Strategy<Value = String> {
    let part = prop_oneof![run(), Just("ope*".to_owned()), run().prop_map(|word| word + "*")];
    proptest::collection::vec(part, 1..3).prop_map(|parts| parts.join(" & "))
}

proptest! {
    #[test]
    fn no_file_panics(text in "(\\[(replies|smalltalk|vars|tests)\\]\n([a-c&|*{} ?é時]{0,6}=?[a-c{}&|=]{0,6}\n){0,6}){0,4}") {
        let (replies, _) = read(&text, "f");
        replies.answer("a b c");
        replies.explain("a b c");
        replies.warnings();
        replies.failures();
        replies.robustness(1);
    }

    /// Except for the last rule: of two phrases that match equally well, the earlier one wins.
    #[test]
    fn the_winner_does_not_depend_on_the_order_of_the_file(phrases in proptest::collection::btree_set(phrase(), 1..12), message in run(), more in run()) {
        let message = format!("{message} {more}");
        let answer = |phrases: Vec<&String>| {
            let lines: Vec<String> = phrases.iter().map(|phrase| format!("{phrase} = <{phrase}>")).collect();
            let (replies, _) = read(&format!("[replies]\n{}", lines.join("\n")), "f");
            replies.table.best(&message, &mut SearchBuffer::default(), None).map(|matched| (matched.rank(), matched.nearness, matched.chars, matched.is_exact))
        };
        prop_assert_eq!(answer(phrases.iter().collect()), answer(phrases.iter().rev().collect()));
    }

}

/// However many words are one letter apart, a message costs little.
#[test]
fn crowded_spellings() {
    let hangul: Vec<String> = ('\u{ac00}'..='\u{d7a3}').map(|last| format!("가나다라{last}")).collect();
    let replies = Replies::parse(&format!("[replies]\n{} = A", hangul.join(" | ")), "f").unwrap();
    let message = "가나다라а ".repeat(900);
    let mut search = SearchBuffer::default();
    let steps = search.visit(&replies.table.index, true, &message, |_| ());
    assert!(steps < 500_000, "{steps} steps");
    assert!(search.bytes() < 4 * 1024 * 1024, "{} bytes", search.bytes());
}

fn warnings(table: &str) -> Vec<String> {
    Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap().warnings()
}

/// Checks that a table has one warning, with its line (from `[replies]`, then `unknown`) and these words.
#[track_caller]
pub(crate) fn check(table: &str, line: usize, words: &[&str]) {
    let warnings = warnings(table);
    assert_eq!(warnings.len(), 1, "{table:?}: {warnings:?}");
    assert!(warnings[0].starts_with(&format!("f:{line}: ")), "{table:?}: {warnings:?}");
    for word in words {
        assert!(warnings[0].contains(word), "{table:?}: {word:?} in {warnings:?}");
    }
}

/// Checks that none of these tables has a warning.
#[track_caller]
pub(crate) fn check_none(tables: &[impl AsRef<str>]) {
    for table in tables.iter().map(AsRef::as_ref) {
        assert_eq!(warnings(table), [""; 0], "{table:?}");
    }
}

#[test]
fn files_without_unknown() {
    let warnings = |text: &str| Replies::parse(text, "f").unwrap().warnings();
    let missing = "there is no 'unknown =' under [replies], so other messages get the built-in \"Sorry, I am unable to understand you.\"";
    assert_eq!(warnings("; x\n[replies]\nhi = A"), [format!("f:2: {missing}")]);
    assert_eq!(warnings("[smalltalk]\nhi = A"), [format!("f:1: {missing}")]);
    let named = format!("f:1: {missing}; was \"default\" (line 2) meant as that?");
    assert_eq!(warnings("[replies]\ndefault = Sorry"), [named]);
    for text in [
        "",
        "[replies]\n",
        "[smalltalk]\n",
        "[replies]\nunknown = A",
        "[tests]\nhi = hi",
        "[replies]\nUNKNOWN! = A\nx = B",
    ] {
        assert_eq!(warnings(text), [""; 0], "{text:?}");
    }
}

#[test]
fn what_is_quoted_is_short() {
    let long = "x".repeat(5000);
    for warning in warnings(&format!("hours/times {long} = A ;  ask {long}\n  **{long}**\n  <b {long}>")) {
        assert!(warning.len() < 250, "{} bytes", warning.len());
    }
    assert_eq!(excerpt(&"é".repeat(61)), format!("\"{}...\"", "é".repeat(60)));
}
