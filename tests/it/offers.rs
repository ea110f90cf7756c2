//! Questions to choose from at the end of a reply.

use replyd::{Replies, split_offers};

#[test]
fn offers_are_the_last_lines_with_a_sign_and_text() {
    for (text, before, offers) in [
        ("", "", &[][..]),
        ("Sorry.", "Sorry.", &[]),
        ("Sorry.\n> a\n> b", "Sorry.", &["a", "b"]),
        ("A\n\n> b", "A\n", &["b"]),
        ("> a\n> b", "", &["a", "b"]),
        ("> quoted\nSorry.\n> > b", "> quoted\nSorry.", &["> b"]),
        ("Sorry.\n>b", "Sorry.\n>b", &[]),
        ("Sorry.\n > b", "Sorry.\n > b", &[]),
        ("Sorry.\n>  \u{3000}", "Sorry.\n>  \u{3000}", &[]),
        ("Sorry.\n> b\n", "Sorry.\n> b\n", &[]),
        ("0\n> 1\n> 2\n> 3\n> 4\n> 5\n> 6\n> 7", "0\n> 1", &["2", "3", "4", "5", "6", "7"]),
    ] {
        assert_eq!(split_offers(text), (before, offers.to_vec()), "{text:?}");
    }
}

#[track_caller]
fn fault(table: &str) -> String {
    Replies::parse(&format!("[replies]\n{table}"), "f").unwrap_err().to_string()
}

#[test]
fn a_reply_is_more_than_offers_and_has_six_at_most() {
    let alone = "f:2: the reply to \"hours\" consists of offers alone; write an answer before them";
    assert_eq!(fault("hours =\n  > hours\n  > hours?"), alone);
    assert_eq!(fault("hours = {x}\n  > hours\n[vars]\nx ="), alone);
    let many = format!("hours = From 9 to 5.{}", "\n  > hours".repeat(7));
    assert_eq!(fault(&many), "f:2: the reply to \"hours\" has more than 6 offers; leave some out");
}

#[test]
fn offers_that_nobody_answers_fail() {
    let table = "[replies]\n\
        opening hours = {hours}\n\
        \n  \
          > Where can I park?\n  \
          > Do you have gluten free cake?\n\
        ; a comment\n  \
          > Do you bake at night?\n\
        parking | where & park = Behind the house.\n\
        sundays = No.\n\
        unknown = Sorry.\n  > opening hours\n  > nonsense\n\
        [vars]\nhours = Monday\n  to Friday\n\
        [tests]\nDo you bake at night? = sundays\n";
    let replies = Replies::parse(table, "f").unwrap();
    let nothing =
        |offer: &str| format!("nothing answers the offer {offer:?}; write a reply for it, or other words");
    let guess = "only a guess answers the offer \"Do you bake at night?\", with \"sundays\"; \
                 write it as a phrase of that reply says";
    let expected = [
        format!("f:5: {}", nothing("Do you have gluten free cake?")),
        format!("f:7: {guess}"),
        format!("f:12: {}", nothing("nonsense")),
    ];
    assert_eq!(replies.failed_offers(""), expected);
    let greeting = replies.failed_offers("Hello!\n> Where can I park?\n> Who are you?");
    assert_eq!(greeting[0], format!("greeting: {}", nothing("Who are you?")));
    assert_eq!(greeting[1..], expected);
    // They are sent as they are.
    assert!(replies.answer("opening hours").text().ends_with(
        "Friday\n\n> Where can I park?\n> Do you have gluten free cake?\n> Do you bake at night?"
    ));
    assert_eq!(replies.failures(), [""; 0]);
}

#[test]
fn circles_that_lead_nowhere() {
    let warnings = |table: &str| {
        let table = format!("[replies]\nunknown = ?!\n{table}");
        Replies::parse(&table, "f").unwrap().warnings()
    };
    let own = "f:4: the offer \"apples?\" is answered by its own reply, so choosing it leads nowhere";
    assert_eq!(warnings("apples = A\n  > apples?"), [own]);
    let circle = "f:4: the offer \"pears?\" leads in a circle: 2 replies offer each other and nothing else";
    assert_eq!(warnings("apples = A\n  > pears?\npears = B\n  > apples?"), [circle]);
    for fine in [
        "apples = A\n  > pears?\npears = B",
        "apples = A\n  > pears?\n  > plums?\npears = B\n  > apples?\nplums = C\n  > apples?",
        "apples = A\n  > pears?\npears = B\n  > plums?\n  > apples?\nplums = C",
    ] {
        assert_eq!(warnings(fine), [""; 0], "{fine}");
    }
}
