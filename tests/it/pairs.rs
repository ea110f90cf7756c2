//! Tables of replies from pairs, without any file.

use proptest::prelude::*;

use replyd::Replies;

/// The texts that some messages get.
#[track_caller]
fn check(pairs: &[(&str, &str)], answers: &[(&str, &str)]) {
    let replies = Replies::from_pairs(pairs.iter().copied()).unwrap();
    for (message, expected) in answers {
        assert_eq!(replies.answer(message).text().as_str(), *expected, "{pairs:?}: {message:?}");
    }
}

#[track_caller]
fn check_error(pairs: &[(&str, &str)], expected: &[&str]) {
    let error = Replies::from_pairs(pairs.iter().copied()).unwrap_err();
    assert!(error.is_config());
    assert_eq!(error.to_string().lines().collect::<Vec<_>>(), expected, "{pairs:?}");
}

#[test]
fn phrases_that_a_line_could_not_begin_with() {
    let pairs = [("a=b", "A"), ("#x", "B"), ("[y]", "C"), ("; z", "D"), ("=", "E"), ("#", "F")];
    check(
        &pairs,
        &[
            ("a=b", "A"),
            ("a b", "A"),
            ("#x", "B"),
            ("x", "B"),
            ("[y]", "C"),
            ("; z", "D"),
            ("=", "E"),
            ("#", "F"),
        ],
    );
    assert_eq!(Replies::from_pairs(pairs).unwrap().answer("is a = b?").phrase, "a=b");
}

#[test]
fn texts_are_sent_as_they_are() {
    for text in [" a ", "a\n", "\n\n# a\r\n\r\n b\t", "[a]", "b = c", "{a} {{b}}", "\u{feff}a", "a\rb"] {
        check(&[("a", text), ("unknown", text)], &[("a", text), ("what", text)]);
    }
    check(&[("a", &"x".repeat(1 << 20))], &[("a", &"x".repeat(1 << 20))]);
}

#[test]
fn the_grammar_and_the_fallback_are_those_of_a_file() {
    let pairs = [
        ("hours | when & open", "A"),
        ("deliver*", "B"),
        ("Unknown!", "C"),
        ("?", "D"),
        ("unknown word", "E"),
    ];
    check(
        &pairs,
        &[
            ("your hours", "A"),
            ("when do you open", "A"),
            ("delivery", "B"),
            ("x", "C"),
            ("?", "D"),
            ("an unknown word", "E"),
        ],
    );
    let none = Replies::from_pairs::<&str, &str>([]).unwrap();
    let empty = Replies::parse("[replies]\n", "f").unwrap();
    assert!(none.is_empty());
    for message in ["", "hi", "help", "unknown"] {
        assert_eq!(none.answer(message), empty.answer(message));
    }
}

#[test]
fn pairs_that_cannot_be_kept_as_they_are() {
    check_error(
        &[
            ("", "a\nb"),
            (" \u{a0}\n", "a"),
            ("fine", "a"),
            (" a ", "b"),
            ("a\u{3000}", "b"),
            ("a\nb", "c"),
            ("a\rb", "c"),
            ("c", ""),
            ("d\t\u{1b}", " \r\n\u{a0}"),
        ],
        &[
            "pair 1: the phrase for the text \"a\\nb\" is empty",
            "pair 2: the phrase for the text \"a\" is empty",
            "pair 4: the phrase \" a \" has blanks around it; remove them",
            "pair 5: the phrase \"a\\u{3000}\" has blanks around it; remove them",
            "pair 6: the phrase \"a\\nb\" has a line break",
            "pair 7: the phrase \"a\\rb\" has a line break",
            "pair 8: the text for the phrase \"c\" is empty",
            "pair 9: the text for the phrase \"d\\t\\u{1b}\" is empty",
        ],
    );
    check_error(
        &[("a | b", "x"), ("c|", "x"), ("B", "x"), ("unknown", "x"), ("d &", "x"), ("UNKNOWN", "x")],
        &[
            "pair 2: \"c|\" has no phrase on one side of a '|'",
            "pair 3: the reply to \"B\" is already in pair 1; remove one of them",
            "pair 5: \"d &\" has no word on one side of a '&'",
            "pair 6: the reply to \"unknown\" is already in pair 4; remove one of them",
        ],
    );
    let long = format!("pair 1: the text for the phrase \"{}...\" is empty", "x".repeat(60));
    check_error(&[(&"x".repeat(1 << 20), "")], &[&long]);
}

#[test]
fn pairs_without_an_end_are_an_error() {
    let error = Replies::from_pairs(std::iter::repeat(("unknown", "a"))).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!((lines.len(), lines[50]), (51, "pairs: and 499950 more"));
}

#[test]
fn places_are_numbers_of_pairs() {
    let replies =
        Replies::from_pairs([("si", "A"), ("sí | x*", "B"), ("unknown", "C"), ("size; or # so", "{D}")]);
    let replies = replies.unwrap();
    let warnings = [
        "pair 2: \"sí\" differs from the phrase in pair 1 only in its accents",
        "pair 2: 'x*' matches a great many words; use a longer prefix",
    ];
    assert_eq!(replies.warnings(), warnings);
    let explanation = replies.explain("si");
    assert_eq!(explanation.winner.place, "pair 1");
    assert_eq!(explanation.others[0].place, "pair 2");
    assert_eq!(replies.explain("what").winner.place, "pair 3");
    let without_unknown =
        Replies::from_pairs((0..20).map(|number| (format!("phrase{number}x"), "A"))).unwrap();
    assert_eq!(without_unknown.warnings(), [""; 0]);
    assert_eq!(without_unknown.explain("?").winner.place, "built-in");
}

/// What a file can hold, so that it need not be quoted.
fn pairs_of_a_file() -> impl Strategy<Value = Vec<(String, String)>> {
    let phrase = "[a-c&|*é時?+]([a-c&|*é時?+ ]{0,5}[a-c&|*é時?+])?";
    let text = "[a-c=#;{}]{1,4}(\n[a-c=#;{}]{1,4})?";
    proptest::collection::vec((phrase, text), 0..8)
}

proptest! {
    #[test]
    fn a_table_is_that_of_the_file_with_the_same_lines(pairs in pairs_of_a_file(), message in "[a-cé時?+ ]{0,12}") {
        let line = |(phrase, text): &(String, String)| format!("{phrase} = {}\n", text.replace('\n', "\n  "));
        let of_file = Replies::parse(&format!("[replies]\n{}", pairs.iter().map(line).collect::<String>()), "f");
        match Replies::from_pairs(pairs.iter().map(|(phrase, text)| (phrase, text))) {
            Ok(replies) => {
                let of_file = of_file.unwrap();
                for message in pairs.iter().map(|(phrase, _)| phrase).chain([&message]) {
                    prop_assert_eq!(replies.answer(message), of_file.answer(message));
                }
            }
            Err(error) => prop_assert_eq!(error.to_string().lines().count(), of_file.unwrap_err().to_string().lines().count()),
        }
    }

    #[test]
    fn a_plain_phrase_is_answered_by_its_text(phrase in "[^|｜&＆*＊\r\n]{1,12}", text in any::<String>()) {
        match Replies::from_pairs([(&phrase, &text)]) {
            Ok(replies) => {
                prop_assert_eq!(replies.answer(&phrase).text().to_string(), text);
            }
            Err(_) => prop_assert!(phrase.trim() != phrase || text.trim().is_empty()),
        }
    }

    #[test]
    fn each_word_is_answered_by_its_text(pairs in proptest::collection::btree_map("[a-z]{1,9}", "\\PC{0,9}x", 1..20)) {
        let replies = Replies::from_pairs(&pairs).unwrap();
        for (phrase, text) in &pairs {
            prop_assert_eq!(&replies.answer(phrase).text().to_string(), text);
        }
    }
}
