use proptest::prelude::*;

use super::*;

const FILE: &str = "; Anna's answers\n[replies]\nopening hours | when & open = From 9 to 5.\n  Not on Sundays.\n\n\
    parking = Behind the house.\n; the last resort\nunknown = Call us.\n\n[vars]\nphone = 555\n\n[tests]\n\
    where may I leave my car = parking\n";

fn now() -> Replies {
    Replies::parse(FILE, "f").unwrap()
}

fn proposed(question: &str, answer: &Answer<'_>) -> Result<Proposal, String> {
    propose(FILE, "f", &now(), (question, None), answer)
}

fn with_phrase(phrase: &str, question: &str, answer: &Answer<'_>) -> Result<Proposal, String> {
    propose(FILE, "f", &now(), (question, Some(phrase)), answer)
}

#[test]
fn a_new_reply() {
    let answer = Answer::Text("Yes.\nOn Thursdays, call {phone}.");
    let proposal = proposed("Do you have rye bread?", &answer).unwrap();
    assert_eq!(proposal.phrase.as_deref(), Some("do you have rye bread"));
    let added = "Call us.\ndo you have rye bread = Yes.\n  On Thursdays, call {phone}.\n";
    let test = "Do you have rye bread? = do you have rye bread\n";
    assert_eq!(proposal.text, FILE.replace("Call us.\n", added) + test);
    assert_eq!(proposal.replies.answer("rye bread, do you have rye bread?").name(), "do you have rye bread");
    let lines: Vec<(usize, bool)> = proposal.lines.iter().map(|line| (line.number, line.is_new)).collect();
    assert_eq!(lines, [(9, true), (10, true), (17, true)]);
}

#[test]
fn another_phrase_of_a_reply() {
    let proposal = proposed("Closing time", &Answer::Reply("opening hours")).unwrap();
    let expected = FILE.replace("when & open =", "when & open | closing time =");
    assert_eq!(proposal.text, expected + "Closing time = opening hours\n");
    let old =
        Line { number: 3, is_new: false, text: "opening hours | when & open = From 9 to 5.".to_owned() };
    assert_eq!(proposal.lines[0], old);
}

#[test]
fn a_phrase_that_the_owner_has_written() {
    let proposal = with_phrase(" rye*  & bread", "Do you have rye bread?", &Answer::Text("Yes.")).unwrap();
    assert_eq!(proposal.phrase.as_deref(), Some("rye* & bread"));
    assert_eq!(proposal.replies.answer("Is the bread of rye?").reply.as_str(), "Yes.");
    assert!(proposal.text.ends_with("Do you have rye bread? = rye* & bread\n"));

    let proposal = with_phrase("car*", "can I leave my car", &Answer::Reply("parking")).unwrap();
    assert!(proposal.text.contains("\nparking | car* = Behind the house.\n"));
    // Without one, this guess would be confirmed by its test alone.
    assert_eq!(proposal.replies.answer("two cars").name(), "parking");
    assert_eq!(proposal.warnings, [""; 0]);

    let doubtful = with_phrase("*", "Do you have rye bread?", &Answer::Text("Yes.")).unwrap().warnings;
    assert!(
        matches!(&doubtful[..], [star, misses] if star.contains("this sign") && misses.contains("only its test")),
        "{doubtful:?}"
    );

    for (phrase, why) in [
        ("rye | wheat", "one at a time"),
        ("rye = wheat", "cannot be a phrase"),
        ("", "cannot be a phrase"),
        ("# rye", "cannot be a phrase"),
        ("unknown", "cannot be a phrase"),
        ("rye &", "f:9: "),
        ("opening hours", "f:9: "),
        ("parking", "f:9: "),
    ] {
        let refused = with_phrase(phrase, "Do you have rye bread?", &Answer::Text("Yes.")).unwrap_err();
        assert!(refused.contains(why), "{phrase}: {refused}");
    }
}

#[test]
fn a_guess_is_confirmed_by_a_test() {
    let proposal = proposed("where can I leave my car", &Answer::Reply("parking")).unwrap();
    assert_eq!(proposal.phrase, None);
    assert_eq!(proposal.text, FILE.to_owned() + "where can I leave my car = parking\n");
}

#[test]
fn what_looks_like_a_section_is_a_line_of_the_reply() {
    let text = "Yes.\n[tests]\nx = y\n; no comment";
    let proposal = proposed("rye", &Answer::Text(text)).unwrap();
    assert_eq!(proposal.replies.answer("rye").reply.as_str(), text);
}

#[test]
fn what_cannot_be_added() {
    for (question, answer, why) in [
        ("", Answer::Text("x"), "cannot be a phrase"),
        ("unknown", Answer::Text("x"), "cannot be a phrase"),
        ("rye", Answer::Text(" \n "), "the reply is empty"),
        ("rye", Answer::Text("> an offer alone"), "f:9: "),
        ("rye", Answer::Text("call {nobody}"), "f:"),
        ("rye", Answer::Text("Yes {x}\r[vars]\rphone = 1"), "control character"),
        ("rye", Answer::Reply("bread"), "there is no reply \"bread\""),
        ("parking", Answer::Text("x"), "\"parking\""),
        ("where may I leave my car", Answer::Reply("opening hours"), "a test would fail"),
    ] {
        match proposed(question, &answer) {
            Err(found) => assert!(found.contains(why), "{question}: {found}"),
            // A name that is not in [vars] is text.
            Ok(proposal) => assert_eq!(proposal.replies.answer(question).reply.as_str(), "call {nobody}"),
        }
    }
}

#[test]
fn a_file_without_tests_gets_them() {
    let file = "[replies]\r\na = b";
    let now = Replies::parse(file, "f").unwrap();
    let proposal = propose(file, "f", &now, ("c d", None), &Answer::Text("e")).unwrap();
    assert_eq!(proposal.text, "[replies]\r\na = b\r\nc d = e\r\n\r\n[tests]\r\nc d = c d\r\n");
}

/// Arbitrary text, and text that is full of signs of the grammar.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{1,30}", "[a-d \\n=\\[\\];#|&*{}>]{1,30}"]
}

proptest! {
    /// Whatever a visitor has asked and an owner answers: it is refused, or exactly that is added and all else stays.
    #[test]
    fn nothing_else_changes(question in text(), phrase in proptest::option::of(text()), reply in text()) {
        let propose = |answer: &Answer<'_>| propose(FILE, "f", &now(), (&question, phrase.as_deref()), answer);
        if let Ok(proposal) = propose(&Answer::Text(&reply)) {
            let (now, new) = (now(), Replies::parse(&proposal.text, "f").unwrap());
            prop_assert_eq!((new.len(), new.tests()), (now.len() + 1, 2));
            let phrase = proposal.phrase.unwrap();
            for known in ["opening hours", "parking", "where may I leave my car"] {
                if !known.contains(&phrase) {
                    prop_assert_eq!(new.answer(known).text(), now.answer(known).text());
                }
            }
            // Every line of before is still there, in its order.
            let mut lines = proposal.text.lines();
            prop_assert!(FILE.lines().all(|old| lines.any(|line| line == old)));
        }
        if let Ok(proposal) = propose(&Answer::Reply("parking")) {
            let new = Replies::parse(&proposal.text, "f").unwrap();
            prop_assert_eq!(new.len(), now().len());
            prop_assert_eq!(new.answer(&question).reply.as_str(), "Behind the house.");
        }
    }
}
