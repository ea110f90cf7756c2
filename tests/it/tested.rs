//! What `check` says of `[tests]`, and of replies without one.

use replyd::Replies;

fn warnings(table: &str) -> Vec<String> {
    Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap().warnings()
}

/// Checks that a table has one warning, with its line (from `[replies]`, then `unknown`) and these words.
#[track_caller]
fn check(table: &str, line: usize, words: &[&str]) {
    let warnings = warnings(table);
    assert_eq!(warnings.len(), 1, "{table:?}: {warnings:?}");
    assert!(warnings[0].starts_with(&format!("f:{line}: ")), "{table:?}: {warnings:?}");
    for word in words {
        assert!(warnings[0].contains(word), "{table:?}: {word:?} in {warnings:?}");
    }
}

#[track_caller]
fn check_none(tables: &[impl AsRef<str>]) {
    for table in tables.iter().map(AsRef::as_ref) {
        assert_eq!(warnings(table), [""; 0], "{table:?}");
    }
}

#[track_caller]
fn check_failure(table: &str, expected: &str) {
    assert_eq!(Replies::parse(table, "f").unwrap().failures(), [expected], "{table:?}");
}

#[test]
fn a_text_instead_of_a_phrase() {
    let table = "[vars]\nn = 9\n[replies]\nopening hours | open = We are open:\n  from {n} to 5.\nbye = Ciao\n[tests]\n";
    let phrase = "this is the text of a reply, and its phrase belongs here: 'Are you open? = opening hours'";
    for text in ["We are open:", "We are open", "we are open: from 9 to 5.", "We are open: from {n} to 5."] {
        let failure = format!("f:8: no reply has the phrase {text:?}; {phrase}");
        check_failure(&format!("{table}Are you open? = {text}"), &failure);
    }
    check_failure(
        &format!("{table}See you = Ciao"),
        "f:8: no reply has the phrase \"Ciao\"; this is the text of a reply, and its phrase belongs here: 'See you = bye'",
    );
    check_failure(
        &format!("{table}x = Sorry, I am unable"),
        "f:8: no reply has the phrase \"Sorry, I am unable\"; this is the text of a reply, and its phrase belongs here: 'x = unknown'",
    );
    check_failure(&format!("{table}x = We"), "f:8: no reply has the phrase \"We\"");
    check_failure(&format!("{table}x = We are closed"), "f:8: no reply has the phrase \"We are closed\"");
    check_failure(
        &format!("{table}x = open ; ask Anna"),
        "f:8: no reply has the phrase \"open ; ask Anna\"; \"; ask Anna\" is part of it; write a comment on a line of its own",
    );
}

#[test]
fn built_in_replies_have_no_line() {
    check_failure(
        "[tests]\nI need help = hi",
        "f:2: \"I need help\" should be answered by \"hi\" (built-in), but \"help\" (built-in) answers it",
    );
    check_failure(
        "[replies]\nhi = A\n[tests]\nhi = unknown",
        "f:4: \"hi\" should be answered by \"unknown\" (built-in), but \"hi\" (line 2) answers it",
    );
}

fn replies(count: usize) -> String {
    (0..count).map(|at| format!("phrase{at}x = A\n")).collect()
}

#[test]
fn most_replies_without_a_test() {
    let untested = "12 of 12 replies have no line under [tests]";
    check(&format!("{}# lines count\n", replies(12)), 1, &[untested, "write a sentence for each"]);
    let tests =
        |count: usize| -> String { (0..count).map(|at| format!("phrase{at}x? = phrase{at}x\n")).collect() };
    let table = |count| format!("{}[tests]\nwhat = unknown\n{}", replies(12), tests(count));
    check(&table(5), 15, &["7 of 12 replies have no line"]);
    check_none(&[table(6), replies(9), replies(9) + "[tests]\nwhat = unknown"]);
}

#[test]
fn a_word_that_takes_tests() {
    let table = "cost = A\nwedding = B\nbirthday = C\nrolls = D\n[tests]\n";
    check(
        &format!("{table}cost wed = wedding\ncost of rolls = rolls\nWhat cost = birthday\nhm = cost"),
        3,
        &[
            "\"cost\" answers [tests] of 2 other replies, first at line 8",
            "with '&', or move it to [smalltalk]",
        ],
    );
    check_none(&[
        format!("{table}cost wed = wedding\ncost = wedding"),
        format!("{table}cost = cost\ncost or so = unknown\ncosts = rolls"),
    ]);
}
