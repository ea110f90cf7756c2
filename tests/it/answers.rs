//! The commands with which an owner betters the answers: `ask`, `check`, `unanswered`.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use nix::{sys::stat::Mode, unistd::mkfifo};

use crate::support::{Opcode, Program, Raw, Replyd, raw::upgrade, replyd, wait_until};

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
         phrase:  opening hours (config.ini:5), 2 words in the message\n\
         not:     open (config.ini:6), 1 word against 2\n\
         not:     hi (config.ini:9), [replies] come before [smalltalk]\n"
    );
}

#[test]
fn check_has_three_ends() {
    let (printed, said, code) = run(FAQ, &["check"], "");
    assert_eq!(
        printed,
        "warning: config.ini:4: there is no 'unknown =' under [replies], so other messages get the built-in \"Sorry, I am unable to understand you.\"\n\
         config.ini: 4 replies, 1 warning, 1 of 1 test pass\n3 replies have no line under [tests]\n\
         with a typo in each test (8 different ones): 87 % right, 13 % wrong, 0 % unknown\n"
    );
    assert_eq!(said, "");
    assert_eq!(code, 0);

    let with_unknown = FAQ.replace("[smalltalk]", "unknown = ?!");
    let worse = with_unknown.replace("delivery =", "de* =") + "delivery? = opening hours\n";
    let (printed, said, code) = run(&worse, &["check"], "");
    assert_eq!(
        printed,
        "warning: config.ini:7: 'de*' matches a great many words; use a longer prefix\n\
         failed: config.ini:12: \"delivery?\" should be answered by \"opening hours | when & open\" (line 5), but \"de*\" (line 7) answers it\n\
         config.ini: 4 replies, 1 warning, 1 of 2 tests pass\n3 replies have no line under [tests]\n\
         with a typo in each test (8 different ones): 43 % right, 50 % wrong, 7 % unknown\n"
    );
    assert_eq!(said.as_str(), "1 test fails\n");
    assert_eq!(code, 1);

    let (_, said, code) = run(&format!("[server]\nlisten = 0.0.0.0:0\n{FAQ}"), &["check"], "");
    assert!(code == 2 && said.contains("can be reached from other machines"), "{said}");
    let (printed, said, code) = run(&FAQ.replace("open =", "delivery ="), &["check"], "");
    assert_eq!(printed.as_str(), "");
    assert_eq!(code, 2);
    assert_eq!(said, "config.ini:7: the reply to \"delivery\" is already at line 6; remove one of them\n");
}

#[test]
fn check_fails_for_offers_that_nobody_answers() {
    let faq = |offer: &str| {
        format!(
            "[bot]\ngreeting = Hi\n  > {offer}\n[replies]\nopen = From 9.\n  > {offer}\npark = Behind the house.\nunknown = Sorry.\n"
        )
    };
    let (printed, error, code) = run(&faq("Do you sell cars?"), &["check"], "");
    let nothing = "nothing answers the offer \"Do you sell cars?\"; write a reply for it, or other words";
    assert!(
        printed.contains(&format!("failed: greeting: {nothing}\nfailed: config.ini:6: {nothing}\n")),
        "{printed}"
    );
    assert!(printed.contains("0 of 0 tests pass"), "{printed}");
    assert_eq!((error.trim(), code), ("2 offers fail", 1));
    let (printed, error, code) = run(&faq("May I park there?"), &["check"], "");
    assert!(!printed.contains("failed"), "{printed}");
    assert_eq!((&*error, code), ("", 0));
}

#[test]
fn check_counts_tests_that_prove_little() {
    let faq = FAQ.to_owned() + "where can I leave my car = open\nmay I leave a car = open\n";
    let (printed, ..) = run(&faq, &["check"], "");
    assert!(printed.ends_with("3 of 3 tests pass\n2 replies have no line under [tests]\nwith a typo in each test (8 different ones): 29 % right, 5 % wrong, 66 % unknown\n2 tests pass only because their own sentences are in [tests]; --unproven lists them\n"), "{printed}");
    let (printed, ..) = run(&faq, &["check", "--unproven"], "");
    assert!(printed.ends_with("unproven: config.ini:12: \"where can I leave my car\"\nunproven: config.ini:13: \"may I leave a car\"\n"), "{printed}");
}

/// The greeting and the title are read by visitors as well.
#[test]
fn check_warns_of_texts_in_other_sections() {
    let config = "[bot]\ngreeting = \"Welcome!\"\n  # for the summer\n[web]\ntitle = Shop ; Anna's\n";
    let (printed, _, code) = run(config, &["check"], "");
    assert_eq!(
        printed,
        "warning: config.ini:3: visitors see \"# for the summer\", as an indented line continues the value above it; \
         remove the blanks before a comment\n\
         warning: config.ini:5: visitors see \"; Anna's\" as well; write a comment on a line of its own\n\
         config.ini: 3 replies, 2 warnings, 0 of 0 tests pass\n"
    );
    assert_eq!(code, 0);
    let (printed, ..) = run("[bot]\ngreeting = \"Welcome!\"\n", &["check"], "");
    assert!(printed.contains("config.ini:2: visitors see the quotes around this text"), "{printed}");
}

#[test]
fn check_warns_of_phrases_that_say_little() {
    let warnings = |config: &str| {
        let printed = run(config, &["check"], "").0;
        let warnings = printed.lines().filter_map(|line| line.strip_prefix("warning: config.ini:"));
        warnings.map(str::to_owned).collect::<Vec<_>>()
    };
    let little = |line: usize, phrase: &str| {
        format!(
            "{line}: {phrase:?} is in most sentences, whatever they are about; write a word that only questions for this reply have"
        )
    };
    let table = "[replies]\nunknown = Sorry, I do not know that.\nare | opening hours = We are open from 9.\nthe & is = That.\n\
        where | how are you | car | son = We will find it.\n[smalltalk]\nthanks | you = Thank you.\n";
    assert_eq!(warnings(table), [little(3, "are"), little(4, "the & is"), little(7, "you")]);
    let german = "[replies]\nunknown = Das weiß ich nicht, bitte rufen Sie uns an.\nwo | hilfe | are = Wir sind hier.\ndie | für | hut = Ja.\n";
    assert_eq!(warnings(german), [little(4, "die"), little(4, "für")]);
    let chinese = "[replies]\nunknown = 抱歉，我不知道。\n的 = 是\n營業 | 門 = 九點\n";
    assert_eq!(warnings(chinese), [little(3, "的")]);

    let table = "[replies]\nunknown = Sorry, I do not know that.\nwhat's new = A lot.\nwhat is on | what's on = Music.\nwho is there = Us.\n";
    let (printed, _, code) = run(table, &["check"], "");
    assert_eq!(
        printed,
        "hint: config.ini:3: \"what's new\" is not found in \"what is new\"; write both, with a '|' between them\n\
         hint: config.ini:5: \"who is there\" is not found in \"who's there\"; write both, with a '|' between them\n\
         config.ini: 3 replies, 0 warnings, 0 of 0 tests pass\n"
    );
    assert_eq!(code, 0);

    let table = "[replies]\nunknown = Sorry, I do not know that.\npay = Cash.\nparking = Behind.\n[tests]\nMay I pay for parking? = parking\n";
    assert_eq!(
        warnings(table),
        [
            "6: \"May I pay for parking?\" has \"parking\" and \"pay\" in it, and only their letters decide; write 'pay & parking' before the reply that should answer"
        ]
    );
    assert_eq!(warnings(&table.replace("parking =", "parking | pay & parking =")), [""; 0]);
    // A sentence of customers decides, and not the letters.
    assert_eq!(warnings(&format!("{table}Can I pay for my parking? = parking\n")), [""; 0]);
}

#[test]
fn check_says_where_it_may_not_write() {
    use std::os::unix::process::CommandExt;
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let [state, owned] = ["state", "owned"].map(|name| folder.path().join(name));
    for folder in [&state, &owned] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(state.join("replies.ini"), "[replies]\nopen = From 9.\nunknown = Sorry, I do not know that.\n")
        .unwrap();
    nix::unistd::chown(&owned, Some(65_534.into()), None).unwrap();
    let checked = |state: &str| {
        let digest = "0".repeat(64);
        let config = format!(
            "[bot]\nreplies_file = state/replies.ini\nunanswered_file = {state}/kept.txt\nstatistics_file = {state}/counts.tsv\n\
             [key anna]\nsecret_sha256 = {digest}\nrole = owner\n"
        );
        fs::write(folder.path().join("config.ini"), config).unwrap();
        let mut command = replyd(folder.path());
        let mut program = Program::piped(command.uid(65_534).gid(65_534).arg("check"));
        assert_eq!(program.exit_code(), Some(0), "{}", program.stderr.all());
        program
            .stdout
            .all()
            .lines()
            .filter(|line| line.starts_with("warning"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let warning = |file: &str| {
        format!(
            "warning: cannot keep state/{file}: user 65534 (nobody) may not write to the folder state (Permission denied); check as the \
             user that the server runs as, and give it the folder"
        )
    };
    assert_eq!(checked("state"), ["kept.txt", "counts.tsv", "replies.ini"].map(warning));
    assert_eq!(checked("owned"), [warning("replies.ini")]);
}

#[test]
fn what_is_unanswered_becomes_lines_to_paste() {
    let server = Replyd::serve(FAQ);
    let mut client = Raw::open(server.address);
    let kept = ask_what_nobody_answers(&server, &mut client);
    let shown = shown_unanswered(&server);
    check_shown(&shown, &kept[..10]);

    // Pasted with a reply after each, they are valid, and nothing is unanswered any more.
    let pasted = FAQ.replace("[smalltalk]", &(shown.replace(" =\n", " = Yes.\n") + "[smalltalk]"));
    fs::write(server.folder.path().join("config.ini"), &pasted).unwrap();
    server.log().wait_for("reloaded config.ini: +6 ~0 -0 replies");
    client.say(Opcode::Text, b"do you have rye");
    assert_eq!(client.text(), "Yes.");
    assert_eq!(shown_unanswered(&server), "");
}

/// Returns what the server keeps of the questions.
fn ask_what_nobody_answers(server: &Replyd, client: &mut Raw) -> String {
    let long = "word ".repeat(100);
    for message in [
        "Do you have rye?",
        "opening hours",
        "do you have RYE",
        "opne times",
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
    wait_until("they are kept", || fs::read_to_string(&file).unwrap_or_default().lines().count() == 7);
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept.lines().all(|line| line.len() < 230 && line.contains("Z ")), "{kept}");
    assert!(kept.contains("Z two\\nlines\\u{1b}\n") && !kept.contains("127.0.0.1"), "{kept}");
    kept
}

fn shown_unanswered(server: &Replyd) -> String {
    let mut shown = Program::piped(replyd(server.folder.path()).arg("unanswered"));
    assert_eq!(shown.exit_code(), Some(0), "{}", shown.stderr.all());
    shown.stdout.all()
}

fn check_shown(shown: &str, date: &str) {
    let first = format!("# 2 times, last on {date}\ndo you have rye =\n# once, last on {date}");
    assert!(shown.starts_with(&first), "{shown}");
    let similar = format!(
        "# once, last on {date}; similar to \"open\" (config.ini:6): perhaps add it there after a '|'\nopne times =\n"
    );
    assert!(shown.contains(&similar), "{shown}");
    for line in ["\ntwo lines =\n", "\n🎉 =\n", "\nx y z =\n"] {
        assert!(shown.contains(line), "{line:?}: {shown}");
    }
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
        shown.stdout.all().starts_with("# 32768 times, last on 2026-01-02\nold =\n# once"),
        "{}",
        shown.stdout.all()
    );

    let elsewhere = server.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(server.folder.path().join("config.ini"), FAQ.replace("kept.txt", "elsewhere/kept.txt"))
        .unwrap();
    server.log().wait_for("reloaded config.ini");
    wait_until("it is there", || elsewhere.join("kept.txt").exists());
    fs::remove_dir_all(&elsewhere).unwrap();
    for _ in 0..15 {
        client.say(Opcode::Text, b"and this");
        client.text();
    }
    server.log().wait_for("cannot keep unanswered messages in elsewhere/kept.txt: No such file");
    let log = server.stop();
    assert_eq!(log.matches("cannot keep unanswered messages").count(), 1, "{log}");
}

#[test]
fn only_the_owner_may_read_what_is_kept() {
    let server = Replyd::serve(FAQ);
    let file = server.folder.path().join("kept.txt");
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    let mut client = Raw::open(server.address);
    client.say(Opcode::Text, b"something secret");
    client.text();
    wait_until("it is kept", || {
        fs::read_to_string(&file).is_ok_and(|kept| kept.ends_with(" something secret\n"))
    });
    assert_eq!(mode(&file), 0o600);

    OpenOptions::new().append(true).open(&file).unwrap().write_all(&[b'x'; 1024 * 1024]).unwrap();
    client.say(Opcode::Text, b"something more");
    client.text();
    let before = file.with_extension("txt.1");
    wait_until("it is renamed", || {
        before.exists() && fs::read_to_string(&file).is_ok_and(|kept| !kept.is_empty())
    });
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&before), 0o600);
}

#[test]
fn what_says_nothing_is_not_kept() {
    let server = Replyd::serve(FAQ);
    let file = server.folder.path().join("kept.txt");
    let mut client = Raw::open(server.address);
    for message in [
        "?!",
        "...",
        "\u{200b}",
        "(-;",
        "\u{1b}[",
        "§ €",
        "\u{301}",
        "x9",
        "9",
        "ж",
        "営",
        "🎉",
        "❤\u{fe0f}",
        "🇩🇪",
        "last",
    ] {
        client.say(Opcode::Text, message.as_bytes());
        client.text();
    }
    let kept = || fs::read_to_string(&file).unwrap_or_default();
    wait_until("the last one is kept", || kept().ends_with(" last\n"));
    let messages: Vec<String> =
        kept().lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(messages, ["x9", "9", "ж", "営", "🎉", "❤\u{fe0f}", "🇩🇪", "last"]);
}

#[test]
fn nothing_raw_reaches_the_owner() {
    let server = Replyd::serve(FAQ);
    let file = server.folder.path().join("kept.txt");
    let hostile = [
        "🎉\u{1b}]",
        "🎉\n💥",
        "🎉\u{2028}💥",
        "🎉\u{202e}💥\u{7}",
        "rye\u{202e} \u{1b}[31m bread",
        "🎉\u{9b}",
        "🎉\r",
        "last",
    ];
    let mut client = Raw::open(server.address);
    for message in hostile {
        client.say(Opcode::Text, message.as_bytes());
        client.text();
    }
    wait_until("they are kept", || fs::read_to_string(&file).is_ok_and(|kept| kept.ends_with(" last\n")));
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), hostile.len());
    // Nor what somebody else wrote into the file.
    let mut out = OpenOptions::new().append(true).open(&file).unwrap();
    out.write_all("\u{1b}[2J one\n\u{1b}[2JT two\n2026-01-02T03:04:05Z thr\u{1b}ee\n\u{ff}\n".as_bytes())
        .unwrap();
    let is_raw = |char: char| {
        char.is_control() && char != '\n' || ['\u{202e}', '\u{2028}', '\u{2066}', '\u{200f}'].contains(&char)
    };
    let mut shown = Program::piped(replyd(server.folder.path()).arg("unanswered"));
    assert_eq!(shown.exit_code(), Some(0));
    let shown = shown.stdout.all();
    assert!(!shown.contains(is_raw), "{shown:?}");
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["🎉 =", "🎉 💥 =", "last =", "rye 31m bread =", "thr ee ="], "{shown:?}");

    for message in hostile {
        let (shown, _, _) = run(FAQ, &["ask", "--why", message], "");
        assert!(!shown.contains(is_raw), "{shown:?}");
    }
}

#[test]
fn one_conversation_fills_a_few_lines_a_minute() {
    let server = Replyd::serve(FAQ);
    let file = server.folder.path().join("kept.txt");
    let [mut loud, mut quiet] = [(); 2].map(|()| Raw::open(server.address));
    for number in 0..90 {
        loud.say(Opcode::Text, format!("loud {number}").as_bytes());
        loud.text();
    }
    quiet.say(Opcode::Text, b"quiet");
    quiet.text();
    let kept = || fs::read_to_string(&file).unwrap_or_default();
    wait_until("the other one is kept", || kept().ends_with(" quiet\n"));
    assert_eq!(kept().matches(" loud ").count(), 20);
    assert!(kept().contains(" loud 19\n"), "{}", kept());
}

/// A link that is changed later, or a name in the wrong place, must not let visitors write into another file.
#[test]
fn a_file_of_something_else_is_never_written_to() {
    let replies = "[replies]\nparking = Behind the house.\n";
    for name in ["kept.txt", "kept.txt.1"] {
        let server = Replyd::serve_with(FAQ, |command| {
            let folder = command.get_current_dir().unwrap();
            fs::write(folder.join("kept.txt"), "2026-01-02T03:04:05Z old\n".repeat(50_000)).unwrap();
            fs::write(folder.join(name), replies).unwrap();
        });
        let mut client = Raw::open(server.address);
        client.say(Opcode::Text, b"zzz | good morning = Buy elsewhere");
        client.text();
        let why = "this is not a file of unanswered messages; name another one";
        wait_until("it is a warning", || server.log().so_far().contains(why));
        if name == "kept.txt" {
            let mut check = Program::piped(replyd(server.folder.path()).arg("check"));
            assert_eq!(check.exit_code(), Some(0));
            assert!(
                check.stdout.all().contains(&format!("cannot keep unanswered messages in kept.txt: {why}"))
            );
        }
        assert_eq!(fs::read_to_string(server.folder.path().join(name)).unwrap(), replies);
        server.stop();
    }
}

#[test]
fn one_address_fills_a_few_lines_a_minute_with_any_number_of_conversations() {
    let server = Replyd::serve(FAQ);
    for conversation in 0..6 {
        let mut client = Raw::open(server.address);
        for number in 0..20 {
            client.say(Opcode::Text, format!("loud {conversation} {number}").as_bytes());
            client.text();
        }
    }
    let mut other = Raw::connect(server.address);
    other.ask(&upgrade("/", "X-Forwarded-For: 192.0.2.1\r\n"));
    other.say(Opcode::Text, b"quiet");
    other.text();
    let kept = || fs::read_to_string(server.folder.path().join("kept.txt")).unwrap_or_default();
    wait_until("the other one is kept", || kept().ends_with(" quiet\n"));
    assert_eq!(kept().matches(" loud ").count(), 60);
}

/// Those who have many addresses, and patience, do not erase what was asked on other days.
#[test]
fn a_flood_leaves_room_for_what_was_asked_on_other_days() {
    let server = Replyd::serve(FAQ);
    let file = server.folder.path().join("kept.txt");
    let mut client = Raw::open(server.address);
    let flood = |day: usize, text: &str| -> String {
        (0..12_000)
            .map(|number| format!("2026-03-{day:02}T03:04:05Z {text} {number} {}\n", "x".repeat(60)))
            .collect()
    };
    let mut asked: String = (1..=9).map(|day| format!("2026-02-0{day}T03:04:05Z question {day}\n")).collect();
    asked += &"2026-02-10T03:04:05Z rye bread\n".repeat(5);
    for (day, text) in [(1, "zzz"), (1, "yyy"), (2, "xxx")] {
        fs::write(&file, asked.clone() + &flood(day, text) + &"2026-03-03T03:04:05Z same\n".repeat(1000))
            .unwrap();
        asked = String::new();
        let last = format!("and {text}");
        client.say(Opcode::Text, last.as_bytes());
        client.text();
        wait_until("there is room", || {
            fs::read_to_string(&file)
                .is_ok_and(|kept| kept.ends_with(&format!(" {last}\n")) && kept.lines().count() == 1)
        });
    }
    let older = fs::read_to_string(file.with_extension("txt.1")).unwrap();
    assert!(older.len() <= 1024 * 1024 && older.len() > 512 * 1024, "{}", older.len());
    for day in 1..=9 {
        assert!(older.contains(&format!("Z question {day}\n")), "{day}");
    }
    assert_eq!(older.matches("Z rye bread\n").count(), 5);
    assert!(older.matches("Z same\n").count() <= 8 && older.contains("Z same\n"));
    assert!(older.contains(" yyy ") && older.contains(" xxx "));
}

#[test]
fn a_link_to_the_file_stays_when_it_is_renamed() {
    let server = Replyd::serve_with(FAQ, |command| {
        let folder = command.get_current_dir().unwrap();
        fs::create_dir(folder.join("data")).unwrap();
        symlink("data/real.txt", folder.join("kept.txt")).unwrap();
    });
    let folder = server.folder.path();
    let real = folder.join("data/real.txt");
    let mut client = Raw::open(server.address);
    client.say(Opcode::Text, b"something old");
    client.text();
    let kept = || fs::read_to_string(&real).unwrap_or_default();
    wait_until("it is kept", || kept().ends_with(" something old\n"));
    OpenOptions::new().append(true).open(&real).unwrap().write_all(&[b'x'; 1024 * 1024]).unwrap();
    client.say(Opcode::Text, b"something new");
    client.text();
    wait_until("it is renamed", || kept().ends_with(" something new\n") && kept().lines().count() == 1);
    assert_eq!(fs::read_link(folder.join("kept.txt")).unwrap(), Path::new("data/real.txt"));
    assert!(fs::read_to_string(folder.join("data/real.txt.1")).unwrap().contains(" something old\n"));
    assert!(!folder.join("kept.txt.1").exists());
    let mut shown = Program::piped(replyd(folder).arg("unanswered"));
    assert_eq!(shown.exit_code(), Some(0));
    let shown = shown.stdout.all();
    assert!(shown.contains("something new =\n") && shown.contains("something old =\n"), "{shown}");
}

#[test]
fn what_is_not_a_file_is_named_and_never_waited_for() {
    let make = |name: &str, file: &Path| match name {
        "folder" => fs::create_dir(file).unwrap(),
        "pipe" => mkfifo(file, Mode::S_IRWXU).unwrap(),
        _ => {}
    };
    for (name, why) in [
        ("folder", "this is a folder"),
        ("pipe", "this is not a regular file"),
        ("/dev/full", "this is not a regular file"),
        ("/dev/zero", "this is not a regular file"),
    ] {
        let config = FAQ.replace("kept.txt", name);
        let server =
            Replyd::serve_with(&config, |command| make(name, &command.get_current_dir().unwrap().join(name)));
        let sentence = format!("cannot keep unanswered messages in {name}: {why}; name a file");
        let told = || server.log().so_far().matches(&sentence).count();
        wait_until("it is named at the start", || told() == 1);
        let mut client = Raw::open(server.address);
        for _ in 0..3 {
            client.say(Opcode::Text, b"what");
            client.text();
        }
        fs::write(server.folder.path().join("config.ini"), config.clone() + "hi = hi\n").unwrap();
        wait_until("it is named at a reload", || told() == 2);
        for (command, code) in [("unanswered", 1), ("check", 0)] {
            let mut program = Program::piped(replyd(server.folder.path()).arg(command));
            assert_eq!(program.exit_code(), Some(code), "{command} {name}");
            let said = program.stdout.all() + &program.stderr.all();
            assert!(said.contains(&format!("{name}: {why}; name a file")), "{said}");
        }
        let log = server.stop();
        assert_eq!(log.matches(&sentence).count(), 2, "{log}");
    }
}

#[test]
fn without_a_file_there_is_nothing_to_show() {
    let (printed, said, code) = run("[bot]\ngreeting =\n", &["unanswered"], "");
    assert_eq!(printed.as_str(), "");
    assert_eq!(code, 2);
    assert!(said.contains("write 'unanswered_file = unanswered.txt' under [bot]"), "{said}");
}
