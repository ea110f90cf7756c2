//! Messages that were answered by a guess: how they are kept, and how `replyd unanswered` lets the owner confirm them.

use std::{fs, path::Path, time::Duration};

use tempfile::TempDir;

use crate::support::{Opcode, Program, Raw, Replyd, replyd, wait_until};

const SHOP: &str = "[bot]\ngreeting =\nunanswered_file = kept.txt\n[replies]\n\
    opening hours | when do you open = We open at 9.\ndeliver* & sunday* = Not on Sundays.\nsunday* = Closed.\n\
    parking = Behind the house.\n[tests]\nWhere can I leave my car? = parking\n";
const HEADING: &str = "# Answered by a guess; lines for [tests]. Paste what is right; for what is wrong, add a phrase to the reply that \
    should answer.\n";

/// Sends messages, each of which is answered before the next.
fn ask(server: &Replyd, messages: &[&str]) {
    let mut client = Raw::open(server.address);
    for message in messages {
        client.say(Opcode::Text, message.as_bytes());
        client.text();
    }
}

/// What is kept once there are so many lines, without their times.
#[track_caller]
fn kept(server: &Replyd, lines: usize) -> Vec<String> {
    let read = || fs::read_to_string(server.folder.path().join("kept.txt")).unwrap_or_default();
    wait_until("they are kept", || read().lines().count() >= lines && read().ends_with('\n'));
    read().lines().map(|line| line.split_once("Z ").unwrap().1.to_owned()).collect()
}

/// A folder with settings, and with what a server has kept.
fn folder(config: &str, kept: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.ini"), config).unwrap();
    fs::write(folder.path().join("kept.txt"), kept).unwrap();
    folder
}

#[track_caller]
fn shown(folder: &Path) -> String {
    let mut program = Program::piped(replyd(folder).arg("unanswered"));
    assert_eq!(program.exit_code(), Some(0), "{}", program.stderr.all());
    program.stdout.all()
}

#[test]
fn what_was_guessed_is_kept_with_its_phrase_and_what_stays_unknown_with_its_offers() {
    let server = Replyd::serve(SHOP);
    ask(
        &server,
        &[
            "Your opning hours?",
            "opening hours",
            "Where may I leave the car?",
            "Is your car there?",
            "tell me a joke",
        ],
    );
    assert_eq!(
        kept(&server, 4),
        [
            "Your opning hours?\ttypo\topening hours",
            "Where may I leave the car?\tnearest\tparking",
            "Is your car there?\toffered\tWhere can I leave my car?",
            "tell me a joke",
        ]
    );
}

#[test]
fn guesses_become_tests_to_paste() {
    let folder = folder(
        SHOP,
        "2026-11-20T10:00:00Z Your opning hours?\ttypo\topening hours\n\
         2026-11-21T10:00:00Z where may i leave the car\tnearest\tparking\n\
         2026-11-22T10:00:00Z your OPENIGN hours\ttypo\topening hours\n\
         2026-11-23T10:00:00Z delivrey on Sunday\ttypo\tdeliver* & sunday*\n\
         2026-11-23T11:00:00Z tell me a joke\n",
    );
    let guesses = format!(
        "{HEADING}\
         # 2 times, last on 2026-11-22; typo: \"openign\" read as \"opening\"\n\
         your opening hours = opening hours\n\
         # once, last on 2026-11-23; typo: \"delivrey\" read as \"deliver\"\n\
         deliver on sunday = deliver* & sunday*\n\
         # once, last on 2026-11-21; nearest: \"Where can I leave my car?\" (config.ini:10)\n\
         where may i leave the car = parking\n"
    );
    assert_eq!(shown(folder.path()), format!("# once, last on 2026-11-23\ntell me a joke =\n{guesses}"));

    // Pasted, with its comments, all of it passes and is confirmed.
    let file = folder.path().join("config.ini");
    fs::write(&file, format!("{SHOP}{guesses}")).unwrap();
    let mut check = Program::piped(replyd(folder.path()).arg("check"));
    assert_eq!(check.exit_code(), Some(0), "{}", check.stdout.all());
    assert!(check.stdout.all().contains("4 of 4 tests pass\n"), "{}", check.stdout.all());
    assert_eq!(shown(folder.path()), "# once, last on 2026-11-23\ntell me a joke =\n");
}

#[test]
fn the_present_replies_decide_what_is_a_guess() {
    let folder = folder(
        SHOP,
        "2026-11-20T10:00:00Z opening hours\tnearest\tparking\n\
         2026-11-20T10:00:00Z your opning hours\toffered\tparking\n\
         2026-11-21T10:00:00Z where may I leave the car\tnearest\ttaxi\n\
         2026-11-22T10:00:00Z sing a song\tnearest\tmusic\n\
         2026-11-23T10:00:00Z is your car there\toffered\tWhere can I leave my car?\tWhere is it?\n",
    );
    assert_eq!(
        shown(folder.path()),
        format!(
            "# once, last on 2026-11-23; offered: \"Where can I leave my car?\", \"Where is it?\"\n\
             is your car there =\n\
             # once, last on 2026-11-22; answered by \"music\" then\n\
             sing a song =\n\
             {HEADING}\
             # once, last on 2026-11-21; nearest: \"Where can I leave my car?\" (config.ini:10); answered by \"taxi\" then\n\
             where may i leave the car = parking\n\
             # once, last on 2026-11-20; typo: \"opning\" read as \"opening\"\n\
             your opening hours = opening hours\n"
        )
    );
}

/// The owner may write the sentence as people do, and have the replies in a file of their own.
#[test]
fn a_sentence_of_tests_is_confirmed_however_it_is_written() {
    let folder = folder(
        "[bot]\nunanswered_file = kept.txt\nreplies_file = replies.ini\n",
        "2026-11-20T10:00:00Z where may i leave the car\tnearest\tparking\n\
         2026-11-20T10:00:00Z when do you oppen\ttypo\twhen do you open\n\
         2026-11-20T10:00:00Z a comment\n",
    );
    let (_, replies) = SHOP.split_once("[replies]").unwrap();
    let replies = format!(
        "[replies]{replies}# A comment =\nWhere MAY I leave the car...? = parking\nWhen do you oppen? = opening hours\n"
    );
    fs::write(folder.path().join("replies.ini"), replies).unwrap();
    assert_eq!(shown(folder.path()), "# once, last on 2026-11-20\na comment =\n");
}

#[test]
fn no_message_can_look_like_a_mark() {
    let server = Replyd::serve(SHOP);
    ask(
        &server,
        &[
            "a joke\ttypo\tmusic",
            "a joke\\ttypo\\tmusic",
            "a joke\noffered\tmusic",
            "a joke\r\n2026-01-01T00:00:00Z more\tnearest\tmusic",
        ],
    );
    assert_eq!(
        kept(&server, 4),
        [
            "a joke\\ttypo\\tmusic",
            "a joke\\\\ttypo\\\\tmusic",
            "a joke\\noffered\\tmusic",
            "a joke\\r\\n2026-01-01T00:00:00Z more\\tnearest\\tmusic",
        ]
    );
    assert!(!shown(server.folder.path()).contains(['\t', ';']));
}

#[test]
fn what_is_kept_of_a_message_is_bounded() {
    let long = "very ".repeat(200);
    let sentence = format!("Where can I leave my car {long}");
    let server = Replyd::serve(&SHOP.replace("Where can I leave my car?", &sentence));
    ask(&server, &[&format!("is your car there {long}"), &format!("your opning hours {long}")]);
    let cut = |text: &str| text[..200].to_owned();
    assert_eq!(
        kept(&server, 2),
        [
            format!("{}\toffered\t{}", cut(&format!("is your car there {long}")), cut(&sentence)),
            format!("{}\ttypo\topening hours", cut(&format!("your opning hours {long}"))),
        ]
    );
}

#[test]
fn one_conversation_fills_a_few_lines_a_minute_with_guesses_too() {
    let server = Replyd::serve(SHOP);
    ask(&server, &["your opning hours"; 30]);
    ask(&server, &["the last one"]);
    wait_until("the other one is kept", || kept(&server, 1).ends_with(&["the last one".to_owned()]));
    assert_eq!(kept(&server, 21).len(), 21);
}

#[test]
fn nothing_raw_of_a_mark_reaches_the_owner() {
    let folder = folder(
        SHOP,
        "2026-11-20T10:00:00Z sing\toffered\t\u{1b}[2J\\u{1b}\\n# x\n\
         2026-11-20T10:00:00Z dance\ttypo\t\u{202e}\\u{202e}\n\
         2026-11-20T10:00:00Z cook\t\u{1b}\t\n",
    );
    let shown = shown(folder.path());
    let is_raw = |char: char| char.is_control() && char != '\n' || char == '\u{202e}';
    assert!(!shown.contains(is_raw), "{shown:?}");
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines, ["cook =", "dance =", "sing ="]);
}

/// What is printed can be pasted: a phrase has no signs of the file's grammar, and what is no line of the file is left out.
#[test]
fn only_what_can_be_pasted_is_shown() {
    let folder = folder(
        SHOP,
        "2026-11-20T10:00:00Z do you teach c#\n2026-11-20T10:00:00Z rye & wheat | oat*\n2026-11-20T10:00:00Z unknown\n\
         2026-11-20T10:00:00Z a = b\n2026-11-20T10:00:00Z [tests]\n2026-11-20T10:00:00Z ; barley\n\
         2026-11-20T10:00:00Z two\\nlines\n2026-11-20T10:00:00Z \\u{202e}eyr\n2026-11-20T10:00:00Z cut\tty\n\
         2026-11-20T10:00:00Z torn\ttypo\n\nrye\n2026-11-23\n2026-11-23T10:00:00Z\n2026-13-01T10:00:00Z maize\nNOT a date\n",
    );
    let shown = shown(folder.path());
    let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            "a b =",
            "barley =",
            "cut =",
            "do you teach c# =",
            "eyr =",
            "rye wheat oat =",
            "tests =",
            "torn =",
            "two lines ="
        ]
    );
}

/// Comparing every message with every phrase would take minutes.
#[test]
fn hints_take_a_bounded_time() {
    let alternatives: Vec<String> =
        (0..20_000).map(|number| format!("variant{number} 早上好{number}")).collect();
    let config =
        format!("[bot]\nunanswered_file = kept.txt\n[replies]\n{} = Yes.\n", alternatives.join(" | "));
    let texts = (0..1000u32).map(|number| {
        let letters =
            (0..200).map(|at| char::from_u32(0x4e00 + (number * 7919 + at * 104_729) % 20_000).unwrap());
        format!("2026-11-20T10:00:00Z {}\n", letters.collect::<String>())
    });
    let kept = "2026-11-20T10:00:00Z varient7\n".repeat(2) + &texts.collect::<String>();
    let folder = folder(&config, &kept);
    let mut program = Program::piped(replyd(folder.path()).arg("unanswered"));
    assert_eq!(program.exit_code_within(Duration::from_secs(90)), Some(0));
    let shown = program.stdout.all();
    assert!(shown.lines().count() == 2002, "{shown}");
}
