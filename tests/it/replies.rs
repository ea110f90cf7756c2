//! How a reply is found, what is wrong with a table of them, and what its owner is told about it.

use proptest::prelude::*;
use replyd::{FoundBy, Replies};

#[track_caller]
fn check(table: &str, message: &str, expected: &str) {
    let replies = Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap();
    assert_eq!(replies.answer(message).reply.as_str(), expected, "{table:?}: {message:?}");
}

#[track_caller]
fn check_fault(table: &str, line: usize, words: &str) {
    let error = Replies::parse(&format!("[replies]\n{table}"), "f").unwrap_err().to_string();
    let faults: Vec<&str> = error.lines().collect();
    assert_eq!(faults.len(), 1, "{table:?}: {faults:?}");
    assert!(faults[0].starts_with(&format!("f:{line}: ")), "{faults:?}");
    assert!(faults[0].contains(words), "{faults:?}");
}

/// The same without answers by the nearest example.
#[track_caller]
fn check_phrases(table: &str, message: &str, expected: &str) {
    let replies =
        Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap().with_nearest(false);
    assert_eq!(replies.answer(message).reply.as_str(), expected, "{table:?}: {message:?}");
}

/// The warnings of a table, each of which must have these words; lines count from `[replies]`. That there is no `unknown` does not
/// matter here.
#[track_caller]
fn check_warnings(table: &str, expected: &[(usize, &str)]) {
    let mut warnings = Replies::parse(&format!("[replies]\n{table}"), "f").unwrap().warnings();
    warnings.retain(|warning| !warning.contains("there is no 'unknown ='"));
    assert_eq!(warnings.len(), expected.len(), "{table:?}: {warnings:?}");
    for (warning, (line, words)) in warnings.iter().zip(expected) {
        assert!(
            warning.starts_with(&format!("f:{line}: ")) && warning.contains(words),
            "{table:?}: {warnings:?}"
        );
    }
}

#[test]
fn the_article_is_answered() {
    let replies = Replies::default();
    for (message, start) in
        [("hello", "Hi, how"), ("i need help", "Sure, I am"), ("HI!\n", "Hi, how"), ("why", "Sorry")]
    {
        assert!(replies.answer(message).reply.starts_with(start), "{message:?}");
    }
}

#[test]
fn whole_words_next_to_each_other() {
    check_phrases("hi = A", "this thing", "?!");
    check_phrases("hi = A", "Oh, hi there", "A");
    check_phrases("opening hours = A", "What are your opening hours?", "A");
    check_phrases("opening hours = A", "hours of opening", "?!");
    check_phrases("opening hours = A", "opening the hours", "?!");
    check_phrases("what's up = A", "Whats up", "A");
    check_phrases("are you open: today = A", "Are you open today?", "A");
    check_phrases("B&B = A", "Is this a b&b?", "A");
    check_phrases("Q&A = A", "when is the Q & A", "A");
}

#[test]
fn alternatives_answer_alike() {
    for message in ["hey", "good morning", "Hello"] {
        check_phrases("hello | hey|good morning = A", message, "A");
    }
    check_phrases("hello | hey = A", "hello | hey", "A");
}

#[test]
fn prefixes_of_words() {
    for message in ["deliver", "Do you DELIVER?", "deliveries", "your delivery times"] {
        check_phrases("deliver* = A", message, "A");
    }
    check_phrases("deliver* = A", "deliverance", "A");
    check_phrases("deliver* = A", "redeliver", "?!");
    check_phrases("open* hour* = A", "opening hours", "A");
    check_phrases("open* hour* = A", "open late hours", "?!");
    check_phrases("stra* = A", "STRASSE", "A");
    check_phrases("straß* = A", "Strasse", "A");
    check_phrases("5* = A", "50 rolls", "A");
}

#[test]
fn runs_in_any_order() {
    for message in ["deliver on sunday", "on Sunday, do you deliver?", "sunday deliver"] {
        check_phrases("deliver & sunday = A", message, "A");
    }
    check_phrases("deliver & sunday = A", "do you deliver?", "?!");
    check_phrases("deliver* & on sunday & rolls = A", "On Sunday rolls, any deliveries? delivered", "A");
    check_phrases("deliver* & on sunday = A", "deliver sunday on", "?!");
    check_phrases("a & b = A\nb = B", "a b", "A");
    check_phrases("a & b = A\na b = B", "a b", "B");
    check_phrases("a & b = A\na & c = B\na & d = C", "d a", "C");
    check_phrases("a & a = A", "a", "A");
    check_phrases("a1 & a1 = A\nlong word = B", "a1 long word", "B");
    check_phrases("素食 ＆ 蛋糕 ｜ 蛋塔 = A", "蛋糕有素食的嗎", "A");
    check_phrases("素食 ＆ 蛋糕 ｜ 蛋塔 = A", "有蛋塔嗎", "A");
}

#[test]
fn the_winner() {
    check("one = A\none two = B", "one two three", "B");
    check("one two = A\nthree = B", "three", "B");
    check("a b = A\nabcdef = B", "abcdef a b", "A");
    check("open = A\nclosed = B", "open closed", "B");
    check("aaa = A\nbbb = B", "bbb aaa", "A");
    check("one two = A\none two three four = B", "one two three", "A");
    check("deliver & sunday = A\nsunday morning rolls = B", "sunday morning rolls deliver", "B");
    check("a & b = A\naa = B\nc d = C", "aa a b c d", "A");
}

#[test]
fn the_exact_accent_wins_a_tie() {
    let table = "si = if\nsí = yes";
    check(table, "sí", "yes");
    check(table, "si", "if");
    check(table, "SÍ!", "yes");
    check("sí = yes\nsi = if", "si", "if");
    check("sí = yes", "si", "yes");
    check("sí = yes\nsi claro = A", "sí claro", "A");
}

#[test]
fn small_talk_comes_second() {
    let table = "open = A\n[smalltalk]\ngood morning | hi = B\nhow are you = C";
    check(table, "Good morning, when do you open?", "A");
    check(table, "good morning", "B");
    check(table, "hi, how are you", "C");
    check(table, "what", "?!");
}

#[test]
fn the_worlds_scripts() {
    check("營業時間 = A", "請問你們的營業時間是什麼？", "A");
    check("营业 = A\n营业时间 = B", "你们营业时间", "B");
    check_phrases("時間 = A", "時の間", "?!");
    check("เปิด = A", "ร้านเปิดกี่โมง", "A");
    check("なんじ = A", "いまなんじですか", "A");
    check("часы работы = A", "Какие у вас ЧАСЫ РАБОТЫ?", "A");
    check("مواعيد العمل = A", "ما هي مَواعيدُ العَمَل؟", "A");
    check("खुलने का समय = A", "आपका खुलने का समय क्या है", "A");
    check("समय = A", "समयसीमा", "?!");
    check("영업 시간 = A", "영업 시간이 = ?", "?!");
    check("영업 시간* = A", "영업 시간이 어떻게 되나요", "A");
    check("가* = A", "강남", "?!");
    check("가* = A", "가게", "A");
    check("영업* = A", "\u{110b}\u{1167}\u{11bc}\u{110b}\u{1165}\u{11b8}시간", "A");
    check("hour＊ = A", "hours", "A");
    check("ώρες = A", "ΩΡΕΣ", "A");
    check("istanbul = A", "İSTANBUL", "A");
    check("hours = A", "ｈｏｕｒｓ", "A");
    check("hours = A", "ho\u{200b}urs", "A");
}

#[test]
fn symbols_are_compared_as_they_stand() {
    check("? = A\n🎉 = B", "?\n", "A");
    check("? = A\n🎉 = B", " 🎉 ", "B");
    check("❤ = A", "❤\u{fe0f}", "A");
    check("? = A", "??", "?!");
    check("*** = A", "***", "A");
    check("? = A", "", "?!");
    check("hi | ? = A", "?", "A");
    check("x = A\n[smalltalk]\n? = B", "?", "B");
}

#[test]
fn names_stand_for_a_line() {
    let vars = "\n[vars]\nphone = 555 0100\nopen-from = 9\nempty =\n";
    check(&format!("a = Call {{phone}}, from {{open-from}}{{empty}}.{vars}"), "a", "Call 555 0100, from 9.");
    for text in ["{", "}", "{}", "{ phone }", "{phone", "{a b}", "if {x} {", "{{", "}{"] {
        check(&format!("a = {text}{vars}"), "a", text);
    }
    check(&format!("a = {{{{phone}}}}{vars}"), "a", "{555 0100}");
    check(&format!("a = x{vars}self = {{self}}"), "a", "x");
}

#[test]
fn replies_keep_their_lines() {
    check("a = one\n\n  two\n   three", "a", "one\n\ntwo\nthree");
}

#[test]
fn faults() {
    check_fault("a = x\nb =\n", 3, "the reply to \"b\" is empty");
    check_fault("a = x\nA! = y", 3, "already at line 2");
    check_fault("a = x\nb | a = y", 3, "already at line 2");
    check_fault("a & b = x\nb & a = y", 3, "already at line 2");
    check_fault("a & b = x\na & c = x\nb & a = y", 4, "already at line 2");
    check_fault("a* = x\nA* = y", 3, "already at line 2");
    check_fault("? = x\n? = y", 3, "already at line 2");
    check_fault("unknown = x\nUnknown = y", 3, "already at line 2");
    check_fault("a | = x", 2, "no phrase on one side of a '|'");
    check_fault("when * open = x", 2, "write 'one & other'");
    check_fault("w*heel = x", 2, "not at the end of a word");
    check_fault("a ?* = x", 2, "not at the end of a word");
    check_fault("deliver*? = x", 2, "not at the end of a word");
    check_fault("a = {b}\n[vars]\nb =", 2, "is empty once [vars] are filled in");
    check_fault("a & = x", 2, "no word on one side of a '&'");
    check_fault("& = x", 2, "no word on one side of a '&'");
    check_fault("a & ? = x", 2, "no word on one side of a '&'");
    check_fault("a = x\n[other]\nb = y", 3, "[other] is not a section of a file of replies");
    check_fault("a = x\n[vars]\nb c = y", 4, "is not a valid name");
    check_fault("a = {b}\n[vars]\nb = y\nb = z", 5, "already at line 4");
}

#[test]
fn warnings() {
    check_warnings("hi = A\nbye = B", &[]);
    check_warnings("hi, hello = A", &[(2, "write '|' between alternatives")]);
    check_warnings("dog&cat = A\nB&B | Q&A = B", &[(2, "\"dog&cat\" is one run")]);
    check_warnings("dog &cat = A", &[(2, "is one run")]);
    check_warnings("營業，時間 = A", &[(2, "write '|' between alternatives")]);
    check_warnings(
        "unknown | dunno = A\n[smalltalk]\nunknown = B",
        &[(2, "only as a whole phrase"), (4, "can never win"), (4, "only as a whole phrase")],
    );
    check_warnings("si = A\nsí = B", &[(3, "only in its accents")]);
    check_warnings("op* = A\nope* = B", &[(2, "'op*' matches a great many words")]);
    check_warnings("a = {b}", &[(2, "[vars] has no \"b\"")]);
    check_warnings("a = x\n[vars]\nb = y", &[(4, "no reply uses {b}")]);
    check_warnings(&format!("a = {}", "x".repeat(16 * 1024 + 1)), &[(2, "16385 bytes")]);
    check_warnings("a = x\n[smalltalk]\na = y", &[(4, "can never win: \"a\" (line 2)")]);
    check_warnings("morning = x\n[smalltalk]\ngood morning = y", &[(4, "can never win")]);
    check_warnings("good morning = x\n[smalltalk]\nmorning = y", &[]);
    check_warnings("a = x\na & b = y\na b = z", &[]);
    check_warnings("open* = x\nopen = y\nopening = z", &[]);
}

#[test]
fn lines_of_tests() {
    let table = "[replies]\nopening hours | when & open = A\nopen = B\nunknown = C\n[tests]\n";
    let failures = |tests: &str| Replies::parse(&format!("{table}{tests}"), "f").unwrap().failures();
    assert_eq!(failures("Your opening hours? = opening hours\nopen = Open\nwhy = unknown"), [""; 0]);
    assert_eq!(failures("opening hours = opening hours | when & open\nwhen open = when & open"), [""; 0]);
    assert_eq!(
        failures("\nAre you open = opening hours"),
        [
            "f:7: \"Are you open\" should be answered by \"opening hours | when & open\" (line 2), but \"open\" (line 3) answers it"
        ]
    );
    assert_eq!(
        failures("you = unknown\nyou = open\nx = openin hours"),
        [
            "f:7: \"you\" should be answered by \"open\" (line 3), but \"unknown\" (line 4) answers it",
            "f:8: no reply has the phrase \"openin hours\"; did you mean \"opening hours\"?"
        ]
    );
}

#[test]
fn explanations() {
    let table =
        "[replies]\nopen = A\nwhen do you open | opening hours = B\ndo you = C\nyou = D\n[smalltalk]\nhi = E";
    let replies = Replies::parse(table, "faq.ini").unwrap();
    assert_eq!(
        replies.explain("Hi! WHEN do you open today?").to_string(),
        "B\nmessage: hi when do you open today\nphrase:  when do you open (faq.ini:3), 4 words in the message\n\
         not:     do you (faq.ini:4), 2 words against 4\nnot:     open (faq.ini:2), 1 word against 4"
    );
    let why = |message: &str| replies.explain(message).winner.why;
    assert_eq!(why("Opening hours?"), "it is the whole message");
    assert_eq!(why("what"), "no phrase is in the message");
    assert_eq!(replies.explain("what").winner.place, "built-in");
    assert_eq!(replies.explain("hi you").others[0].why, "[replies] come before [smalltalk]");
    assert_eq!(replies.explain("you open").others[0].why, "similarity 0.610 against 0.719");
    let why_not = |table: &str, message: &str| {
        Replies::parse(&format!("[replies]\n{table}"), "f").unwrap().explain(message).others[0].why.clone()
    };
    assert_eq!(why_not("opening = A\nhours = B", "opening hours"), "5 letters against 7");
    assert_eq!(why_not("bread = A\nrolls = B", "rolls bread"), "it comes later");
    assert_eq!(why_not("breads = A\nhoneys = B", "breeds honeys"), "more typos would have to be corrected");
    assert_eq!(why_not("sí = A\nsi = B", "si"), "its accents are not those of the message");
}

#[test]
fn what_changed() {
    let old = Replies::parse("[replies]\na = 1\nb = 2\nc = 3", "f").unwrap();
    let new = Replies::parse("[replies]\na = 1\nb = two\nd = 4\ne = 5", "f").unwrap();
    assert_eq!(new.changes_since(&old), (2, 1, 1));
    assert_eq!(old.changes_since(&old), (0, 0, 0));
    let more = Replies::parse("[replies]\na | one = 1\nb = 2\nc = 3", "f").unwrap();
    assert_eq!(more.changes_since(&old), (0, 1, 0));
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

proptest! {
    #[test]
    fn no_message_panics(message in any::<String>()) {
        let replies = Replies::parse("[replies]\na* & b = {x}\n? = y\n營 = z\nह* = w\n[vars]\nx = 1", "f").unwrap();
        prop_assert!(!replies.answer(&message).reply.is_empty());
        prop_assert_eq!(replies.explain(&message).answer, replies.answer(&message).text().to_string());
    }

    /// A phrase is found if and only if a plain search finds its words in the message.
    #[test]
    fn a_phrase_is_found_where_it_stands(phrase in run(), message in run()) {
        let replies = Replies::parse(&format!("[replies]\n{phrase} = A"), "f").unwrap();
        let plain = |text: &str| format!(" {} ", text.replace('í', "i"));
        prop_assert_eq!(replies.answer(&message).found_by == FoundBy::Phrase, plain(&message).contains(&plain(&phrase)));
    }
}
