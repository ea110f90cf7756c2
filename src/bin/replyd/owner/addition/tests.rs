use proptest::prelude::*;

use super::*;

const FILE: &str = "; Anna's answers\n[replies]\nopening hours | when & open = From 9 to 5.\n  Not on Sundays.\n\n\
    parking = Behind the house.\n; the last resort\nunknown = Call us.\n\n[vars]\nphone = 555\n\n[tests]\n\
    where may I leave my car = parking\n";

fn now() -> Replies {
    Replies::parse(FILE, "f").unwrap()
}

fn proposed(question: &str, answer: &AnswerBy<'_>) -> Result<Proposal, String> {
    propose(FILE, "f", &now(), (question, None), answer)
}

fn with_phrase(phrase: &str, question: &str, answer: &AnswerBy<'_>) -> Result<Proposal, String> {
    propose(FILE, "f", &now(), (question, Some(phrase)), answer)
}

#[test]
fn a_new_reply() {
    let answer = AnswerBy::Text("Yes.\nOn Thursdays, call {phone}.");
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
    let proposal = proposed("Closing time", &AnswerBy::Reply("opening hours")).unwrap();
    let expected = FILE.replace("when & open =", "when & open | closing time =");
    assert_eq!(proposal.text, expected + "Closing time = opening hours\n");
    let old = ChangedLine {
        number: 3,
        is_new: false,
        text: "opening hours | when & open = From 9 to 5.".to_owned(),
    };
    assert_eq!(proposal.lines[0], old);
}

#[test]
fn a_phrase_that_the_owner_has_written() {
    let proposal = with_phrase(" rye*  & bread", "Do you have rye bread?", &AnswerBy::Text("Yes.")).unwrap();
    assert_eq!(proposal.phrase.as_deref(), Some("rye* & bread"));
    assert_eq!(proposal.replies.answer("Is the bread of rye?").reply.as_str(), "Yes.");
    assert!(proposal.text.ends_with("Do you have rye bread? = rye* & bread\n"));

    let proposal = with_phrase("car*", "can I leave my car", &AnswerBy::Reply("parking")).unwrap();
    assert!(proposal.text.contains("\nparking | car* = Behind the house.\n"));
    // Without one, this guess would be confirmed by its test alone.
    assert_eq!(proposal.replies.answer("two cars").name(), "parking");
    assert_eq!(proposal.warnings, [""; 0]);

    // With alternatives, the first one is the name.
    let proposal = with_phrase("rye ｜ wheat*", "Do you have rye bread?", &AnswerBy::Text("Yes.")).unwrap();
    assert!(proposal.text.ends_with("Do you have rye bread? = rye\n"));
    assert_eq!(proposal.replies.answer("wheats").name(), "rye");

    for (phrase, why) in [
        ("rye = wheat", "cannot be a phrase"),
        ("", "cannot be a phrase"),
        ("# rye", "cannot be a phrase"),
        ("| rye", "f:9: "),
        ("Unknown", "\"unknown\" is the reply to everything else"),
        ("unknown | rye", "\"unknown\" is the reply to everything else"),
        ("rye &", "f:9: "),
        ("opening hours", "f:9: "),
        ("parking", "f:9: "),
    ] {
        let refused = with_phrase(phrase, "Do you have rye bread?", &AnswerBy::Text("Yes.")).unwrap_err();
        assert!(refused.contains(why), "{phrase}: {refused}");
    }
}

#[test]
fn doubtful_phrases() {
    let reply = AnswerBy::Text("Yes.");
    let misses = "this phrase does not match the question";
    for (phrase, expected) in [
        ("rye", &[][..]),
        ("*", &["answers only a message that is this sign", misses]),
        ("rye, wheat", &["between alternatives", misses]),
        ("wheat", &[misses]),
        ("rye | unknown", &["is the fallback only as a whole phrase"]),
        ("r*", &["matches a great many words"]),
    ] {
        let found = with_phrase(phrase, "Do you have rye bread?", &reply).unwrap().warnings;
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(found, expected)| found.contains(expected)), "{found:?}");
    }
    // The old phrase does, but not the one that is added.
    let proposal = with_phrase("lorries", "parking lot", &AnswerBy::Reply("parking")).unwrap();
    assert!(proposal.warnings[0].contains(misses), "{:?}", proposal.warnings);
}

#[test]
fn lines_have_the_numbers_that_they_get() {
    let file = "[tests]\ncar = parking\n\n[replies]\nparking | car = Behind the house.\n";
    let now = Replies::parse(file, "f").unwrap();
    for answer in [AnswerBy::Reply("parking"), AnswerBy::Text("x\ny")] {
        let proposal = propose(file, "f", &now, ("lorry park", None), &answer).unwrap();
        let lines: Vec<&str> = proposal.text.lines().collect();
        for line in proposal.lines.iter().filter(|line| line.is_new) {
            assert_eq!(lines[line.number - 1], line.text);
        }
    }
}

#[test]
fn a_guess_is_confirmed_by_a_test() {
    let proposal = proposed("where can I leave my car", &AnswerBy::Reply("parking")).unwrap();
    assert_eq!(proposal.phrase, None);
    assert_eq!(proposal.text, FILE.to_owned() + "where can I leave my car = parking\n");

    // No phrase is needed for that.
    let file = "[replies]\nunknown sender = Ask us.\n[tests]\n";
    let now = Replies::parse(file, "f").unwrap();
    assert_eq!(now.answer("unknown!").name(), "unknown sender");
    let proposal = propose(file, "f", &now, ("unknown!", None), &AnswerBy::Reply("unknown sender")).unwrap();
    assert_eq!(proposal.text, file.to_owned() + "unknown! = unknown sender\n");
}

#[test]
fn what_looks_like_a_section_is_a_line_of_the_reply() {
    let text = "Yes.\n[tests]\nx = y\n; no comment";
    let proposal = proposed("rye", &AnswerBy::Text(text)).unwrap();
    assert_eq!(proposal.replies.answer("rye").reply.as_str(), text);
}

#[test]
fn what_cannot_be_added() {
    for (question, answer, why) in [
        ("", AnswerBy::Text("x"), "cannot be a phrase"),
        ("unknown", AnswerBy::Text("x"), "cannot be a phrase"),
        ("rye", AnswerBy::Text(" \n "), "the reply is empty"),
        ("rye", AnswerBy::Text("> an offer alone"), "f:9: "),
        ("rye", AnswerBy::Text("call {nobody}"), "f:"),
        ("rye", AnswerBy::Text("Yes {x}\r[vars]\rphone = 1"), "control character"),
        ("rye", AnswerBy::Reply("bread"), "there is no reply \"bread\""),
        ("parking", AnswerBy::Text("x"), "\"parking\""),
        ("where may I leave my car", AnswerBy::Reply("opening hours"), "a test would fail"),
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
    let proposal = propose(file, "f", &now, ("c d", None), &AnswerBy::Text("e")).unwrap();
    assert_eq!(proposal.text, "[replies]\r\na = b\r\nc d = e\r\n\r\n[tests]\r\nc d = c d\r\n");
}

/// Arbitrary text, and text that is full of signs of the grammar.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{1,30}", "[a-d \\n=\\[\\];#|&*{}>｜＆＊]{1,30}"]
}

proptest! {
    /// Whatever a visitor asks and an owner answers: it is refused, or exactly that is added.
    #[test]
    fn nothing_else_changes(question in text(), phrase in proptest::option::of(text()), reply in text()) {
        let propose = |answer: &AnswerBy<'_>| propose(FILE, "f", &now(), (&question, phrase.as_deref()), answer);
        if let Ok(proposal) = propose(&AnswerBy::Text(&reply)) {
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
        if let Ok(proposal) = propose(&AnswerBy::Reply("parking")) {
            let new = Replies::parse(&proposal.text, "f").unwrap();
            prop_assert_eq!(new.len(), now().len());
            prop_assert_eq!(new.answer(&question).reply.as_str(), "Behind the house.");
            prop_assert_eq!(new.answer("opening hours").reply.as_str(), "From 9 to 5.\nNot on Sundays.");
            // One line may be longer, and one is new.
            let lines: Vec<&str> = proposal.text.lines().collect();
            let changed = FILE.lines().zip(&lines).filter(|(old, new)| old != *new).count();
            prop_assert!(changed <= 1 && lines.len() == FILE.lines().count() + 1);
        }
    }
}
