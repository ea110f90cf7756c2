//! Statistics: what a server counts, how it is kept, and how `replyd statistics` shows it.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{Opcode, Program, Raw, Replyd, replyd, wait_until};

const SHOP: &str = "[bot]\ngreeting =\nstatistics_file = kept.tsv\n[replies]\n\
    opening hours | when do you open = We open at 9.\nparking = Behind the house.\ndelivery = No.\n\
    [tests]\nWhere can I leave my car? = parking\n";

/// Sends messages of one conversation, each of which is answered before the next.
fn ask(server: &Replyd, messages: &[&str]) {
    let mut client = Raw::open(server.address);
    for message in messages {
        client.say(Opcode::Text, message.as_bytes());
        client.text();
    }
}

/// Runs `replyd statistics` in a folder, and returns what it prints.
#[track_caller]
fn statistics(folder: &Path, arguments: &[&str]) -> String {
    let mut program = Program::piped(replyd(folder).arg("statistics").args(arguments));
    assert_eq!(program.exit_code(), Some(0), "{}", program.stderr.all());
    program.stdout.all()
}

/// The same as a document, without the days and hours.
#[track_caller]
fn sums(folder: &Path) -> Value {
    let mut document: Value = serde_json::from_str(&statistics(folder, &["--json"])).unwrap();
    let hours: u64 = document["hours"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(document["all"]["questions"], hours);
    let of_days = document["days"].as_array().unwrap().iter().map(|day| day["questions"].as_u64().unwrap());
    assert_eq!(of_days.sum::<u64>(), hours);
    for part in ["hours", "days", "first", "last"] {
        document.as_object_mut().unwrap().remove(part);
    }
    document
}

fn counts(answered: u64, corrected: u64, nearest: u64, unknown: u64, conversations: u64) -> Value {
    json!({
        "questions": answered + corrected + nearest + unknown,
        "answered": answered, "corrected": corrected, "nearest": nearest, "unknown": unknown, "conversations": conversations,
    })
}

fn reply(name: &str, mut counts: Value) -> Value {
    counts["reply"] = name.into();
    counts
}

/// Ends a server as a person would, so that all is written.
#[track_caller]
fn end(server: &mut Replyd) {
    server.program.signal(Signal::SIGTERM);
    assert_eq!(server.program.exit_code(), Some(0), "{}", server.log().so_far());
}

#[test]
fn they_add_up_to_what_was_asked() {
    let mut server = Replyd::serve(SHOP);
    ask(&server, &["When do you open?", "opening hours", "openning hours", "parking"]);
    ask(&server, &["leave my car where?", "Do you sell bread?"]);
    ask(&server, &["Do you sell cake?", "PARKING!"]);
    // Without a question there is no conversation.
    ask(&server, &[]);
    end(&mut server);
    let folder = server.folder.path();
    let expected = json!({
        "all": counts(4, 1, 1, 2, 3),
        "percent_answered": 75.0,
        "replies": [reply("opening hours", counts(2, 1, 0, 0, 1)), reply("parking", counts(2, 0, 1, 0, 1))],
        "unused": ["delivery"],
    });
    assert_eq!(sums(folder), expected);

    let kept = fs::read_to_string(folder.join("kept.tsv")).unwrap();
    assert!(!["bread", "cake", "127.0.0.1", "When", "car"].iter().any(|word| kept.contains(word)), "{kept}");
    assert_eq!(fs::metadata(folder.join("kept.tsv")).unwrap().mode() & 0o777, 0o600);
    let printed = statistics(folder, &[]);
    assert!(printed.contains("3 conversations, 8 questions, 75.0 % of them answered."), "{printed}");
    for line in [
        "      4   50.0 %  answered by a phrase",
        "      1   12.5 %  answered by the nearest sentence: a guess",
        "      2   25.0 %  not answered",
        "      3  opening hours",
        "         delivery",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}: {printed}");
    }
    assert!(printed.contains(&format!("  {} 8\n", "█".repeat(40))), "{printed}");

    // The files of two servers are joined, and an old day is not part of the last ones.
    let old = "2024-01-02\topening hours\t7\t0\t0\t0\t1\t9:7\n";
    fs::write(folder.join("kept.tsv"), format!("{kept}{old}{kept}")).unwrap();
    assert_eq!(sums(folder)["all"], counts(8, 2, 2, 4, 6));
}

#[test]
fn a_server_that_is_killed_loses_what_is_not_written_and_nothing_else() {
    let mut server = Replyd::serve(SHOP);
    let file = server.folder.path().join("kept.tsv");
    ask(&server, &["parking", "parking", "parking"]);
    // Each reload writes them, and so does each minute.
    server.program.signal(Signal::SIGHUP);
    wait_until("they are kept", || sums(server.folder.path())["all"] == counts(3, 0, 0, 0, 1));
    ask(&server, &["parking"]);
    server.program.signal(Signal::SIGKILL);
    server.program.exit_code();
    // As if it had been killed while it wrote.
    let kept = fs::read_to_string(&file).unwrap();
    fs::write(&file, kept.clone() + &kept.lines().last().unwrap()[..20]).unwrap();
    let mut again = replyd(server.folder.path());
    let mut again = Program::piped(again.args(["serve", "--listen", "127.0.0.1:0"]));
    again.stderr.wait_for("Waiting for clients");
    again.signal(Signal::SIGTERM);
    assert_eq!(again.exit_code(), Some(0));
    assert_eq!(sums(server.folder.path())["all"], counts(3, 0, 0, 0, 1));
}

#[test]
fn a_file_that_cannot_be_written_stops_nobody() {
    let mut server = Replyd::serve(&SHOP.replace("kept.tsv", "elsewhere/kept.tsv"));
    let warning = "cannot keep statistics in elsewhere/kept.tsv: No such file";
    wait_until("it is a warning", || server.log().so_far().contains(warning));
    ask(&server, &["parking"]);
    let settings = server.folder.path().join("config.ini");
    fs::write(settings, SHOP).unwrap();
    server.log().wait_for("changed: statistics_file");
    ask(&server, &["parking", "parking"]);
    end(&mut server);
    // What was asked in the minute before is not lost either.
    assert_eq!(sums(server.folder.path())["all"], counts(3, 0, 0, 0, 2));
}

/// A name written in the wrong place must not cost the file that has it.
#[test]
fn a_file_of_something_else_is_not_touched() {
    let mut server = Replyd::serve(&SHOP.replace("kept.tsv", "config.ini"));
    let warning = "cannot keep statistics in config.ini: this is not a file of statistics; name another one";
    wait_until("it is a warning", || server.log().so_far().contains(warning));
    ask(&server, &["parking"]);
    let mut check = Program::piped(replyd(server.folder.path()).arg("check"));
    assert_eq!(check.exit_code(), Some(0));
    assert!(check.stdout.all().contains(warning));
    end(&mut server);
    assert!(
        fs::read_to_string(server.folder.path().join("config.ini")).unwrap().contains("parking = Behind")
    );
}

#[test]
fn without_a_file_the_command_says_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let run = |config: &str, arguments: &[&str]| {
        fs::write(folder.path().join("config.ini"), config).unwrap();
        let mut program = Program::piped(replyd(folder.path()).arg("statistics").args(arguments));
        (program.exit_code(), program.stdout.all() + &program.stderr.all())
    };
    let (code, printed) = run("[bot]\ngreeting =\n", &[]);
    assert_eq!(code, Some(2));
    assert!(printed.contains("write 'statistics_file = statistics.tsv' under [bot]"), "{printed}");
    let (code, printed) = run(SHOP, &["--since", "soon"]);
    assert_eq!(code, Some(2));
    assert!(printed.contains("--since: expected a number with a unit"), "{printed}");
    let (code, printed) = run(SHOP, &["--since", "2d"]);
    assert_eq!(code, Some(0));
    assert!(printed.ends_with(": 0 conversations, 0 questions.\n"), "{printed}");
}

#[test]
fn answers_by_kind_are_metrics() {
    let server = Replyd::serve(SHOP);
    ask(&server, &["parking", "openning hours", "leave my car where?", "bread", "bread"]);
    let metrics =
        || Raw::connect(server.address).ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
    for line in [
        "replyd_answers_total{kind=\"phrase\"} 1",
        "replyd_answers_total{kind=\"corrected\"} 1",
        "replyd_answers_total{kind=\"nearest\"} 1",
        "replyd_answers_total{kind=\"unknown\"} 2",
    ] {
        wait_until(line, || metrics().lines().any(|found| found == line));
    }
}

#[test]
fn a_transcript_says_which_phrase_answered_when_it_is_asked_to() {
    let server = Replyd::serve(&(SHOP.to_owned() + "[log]\nlevel = debug\n"));
    ask(&server, &["When do you open", "openning hours", "bread"]);
    for line in [
        "SERVER >> We open at 9. [when do you open] [#",
        "SERVER >> We open at 9. [opening hours, corrected] [#",
        "SERVER >> Sorry, I am unable to understand you. [no phrase] [#",
    ] {
        server.log().wait_for(line);
    }
}
