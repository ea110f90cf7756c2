//! The commands with which an owner betters the answers: `ask`, `check`, `unanswered`.

use std::fs;

use crate::support::{Opcode, Program, Raw, Replyd, replyd, wait_until};

const FAQ: &str = "[bot]\ngreeting =\nunanswered_file = kept.txt\n[replies]\n\
    opening hours | when & open = We open at 9.\nopen = We are open.\ndelivery = We deliver.\n[smalltalk]\nhi = Hello!\n\
    [tests]\nHi, your opening hours? = opening hours\n";

/// Runs a command over these settings: what it printed, what it said, and its exit code.
#[track_caller]
fn run(config: &str, arguments: &[&str], input: &str) -> (String, String, i32) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.ini"), config).unwrap();
    let mut program = Program::piped(replyd(folder.path()).args(arguments));
    program.type_in(input);
    program.close_input();
    let code = program.exit_code().unwrap();
    (program.stdout.all(), program.stderr.all(), code)
}

#[test]
fn ask_prints_just_the_answer() {
    let answer = |arguments: &[&str], input: &str| run(FAQ, arguments, input);
    assert_eq!(answer(&["ask", "Opening hours?"], ""), ("We open at 9.\n".into(), String::new(), 0));
    assert_eq!(answer(&["ask", "when", "open"], "").0, "We open at 9.\n");
    assert_eq!(
        answer(&["ask"], "open\nhi\nwhat").0,
        "We are open.\nHello!\nSorry, I am unable to understand you.\n"
    );
}

#[test]
fn ask_says_why() {
    assert_eq!(
        run(FAQ, &["ask", "--why", "Hi! Are you open? Opening hours, please."], "").0,
        "We open at 9.\n\
         message: hi are you open opening hours please\n\
         key:     opening hours (config.ini:5), 2 words in the message\n\
         not:     open (config.ini:6), 1 word against 2\n\
         not:     hi (config.ini:9), [replies] come before [smalltalk]\n"
    );
}

#[test]
fn check_has_three_ends() {
    let (printed, said, code) = run(FAQ, &["check"], "");
    assert_eq!(
        (printed.as_str(), said.as_str(), code),
        ("config.ini: 4 replies, 0 warnings, 1 of 1 test pass\n", "", 0)
    );

    let worse = FAQ.replace("delivery =", "de* =") + "delivery? = opening hours\n";
    let (printed, said, code) = run(&worse, &["check"], "");
    assert_eq!(
        printed,
        "warning: config.ini:7: 'de*' is the beginning of very many words; write more of it\n\
         failed: config.ini:12: \"delivery?\" should be answered by \"opening hours | when & open\" (line 5), but \"de*\" (line 7) answers it\n\
         config.ini: 4 replies, 1 warning, 1 of 2 tests pass\n"
    );
    assert_eq!((said.as_str(), code), ("1 test fails\n", 1));

    let (_, said, code) = run(&format!("[server]\nlisten = 0.0.0.0:0\n{FAQ}"), &["check"], "");
    assert!(code == 2 && said.contains("can be reached from other machines"), "{said}");
    let (printed, said, code) = run(&FAQ.replace("open =", "delivery ="), &["check"], "");
    assert_eq!((printed.as_str(), code), ("", 2));
    assert_eq!(
        said,
        "config.ini:7: the reply to \"delivery\" stands at line 6 already; remove one of them\n"
    );
}

#[test]
fn what_is_unanswered_becomes_lines_to_paste() {
    let server = Replyd::serve(FAQ);
    let mut client = Raw::open(server.address);
    let long = "word ".repeat(100);
    for message in [
        "Do you have rye?",
        "opening hours",
        "do you have RYE",
        "delivry times",
        "two\nlines\x1b",
        &long,
        "?!",
        "[x] = #y | z",
        "🎉",
    ] {
        client.say(Opcode::Text, message.as_bytes());
        client.text();
    }
    let file = server.folder.path().join("kept.txt");
    wait_until("they are kept", || fs::read_to_string(&file).unwrap_or_default().lines().count() == 8);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.lines().all(|line| line.len() < 230 && line.contains("Z ")), "{kept}");
    assert!(kept.contains("Z two\\nlines\\u{1b}\n") && !kept.contains("127.0.0.1"), "{kept}");

    let mut shown = Program::piped(replyd(server.folder.path()).arg("unanswered"));
    assert_eq!(shown.exit_code(), Some(0), "{}", shown.stderr.all());
    let shown = shown.stdout.all();
    let date = &kept[..10];
    assert!(
        shown.starts_with(&format!("# 2 times, last on {date}\ndo you have rye =\n# once, last on {date}")),
        "{shown}"
    );
    let near = format!(
        "# once, last on {date}; near \"delivery\" (config.ini:7), perhaps another alternative of it\ndelivry times =\n"
    );
    assert!(shown.contains(&near), "{shown}");

    assert!(
        shown.contains("\ntwo lines =\n") && shown.contains("\n🎉 =\n") && shown.contains("\nx y z =\n"),
        "{shown}"
    );

    // Pasted with a reply behind each, they are valid, and nothing is unanswered any more.
    let pasted = FAQ.replace("[smalltalk]", &(shown.replace(" =\n", " = Yes.\n") + "[smalltalk]"));
    fs::write(server.folder.path().join("config.ini"), &pasted).unwrap();
    server.log().wait_for("reloaded config.ini: +7 ~0 -0 replies");
    assert_eq!(
        {
            client.say(Opcode::Text, b"do you have rye");
            client.text()
        },
        "Yes."
    );
    let mut shown = Program::piped(replyd(server.folder.path()).arg("unanswered"));
    assert_eq!((shown.exit_code(), shown.stdout.all()), (Some(0), String::new()));
}

#[test]
fn the_file_is_bounded_and_a_disk_that_is_full_stops_nobody() {
    let server = Replyd::serve(FAQ);
    let file = server.folder.path().join("kept.txt");
    fs::write(&file, "2026-01-02T03:04:05Z old\n".repeat(50_000)).unwrap();
    let mut client = Raw::open(server.address);
    client.say(Opcode::Text, b"something new");
    client.text();
    wait_until("it is renamed", || {
        fs::read_to_string(&file).is_ok_and(|kept| kept.ends_with(" something new\n"))
    });
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
    assert!(file.with_extension("txt.1").exists());
    let mut shown = Program::piped(replyd(server.folder.path()).arg("unanswered"));
    assert_eq!(shown.exit_code(), Some(0));
    assert!(
        shown.stdout.all().starts_with("# 50000 times, last on 2026-01-02\nold =\n# once"),
        "{}",
        shown.stdout.all()
    );

    let full = FAQ.replace("kept.txt", "/dev/full");
    fs::write(server.folder.path().join("config.ini"), full).unwrap();
    server.log().wait_for("reloaded config.ini");
    for _ in 0..100 {
        client.say(Opcode::Text, b"and this");
        client.text();
    }
    server.log().wait_for("cannot keep unanswered messages in /dev/full: No space left on device");
    let log = server.stop();
    assert_eq!(log.matches("cannot keep unanswered messages").count(), 1, "{log}");
}

#[test]
fn without_a_file_there_is_nothing_to_show() {
    let (printed, said, code) = run("[bot]\ngreeting =\n", &["unanswered"], "");
    assert_eq!((printed.as_str(), code), ("", 2));
    assert!(said.contains("write 'unanswered_file = unanswered.txt' under [bot]"), "{said}");
}
