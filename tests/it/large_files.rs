//! Files of replies that are valid, but would become too large, or take too long to look at.

use std::{
    fmt::Write,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use replyd::{Client, ClientOptions, Event};
use serde_json::{Value, json};

use crate::support::{Opcode, Program, Raw, Replyd, raw::upgrade, replyd};

/// Many times what these files take without optimisation, on a busy machine too.
const TIME: Duration = Duration::from_secs(180);

/// Runs `check` on these replies: its exit code, what it says, and the most memory in megabytes that it had.
#[track_caller]
fn check(folder: &Path, replies: &str) -> (Option<i32>, String, u64) {
    fs::write(folder.join("replies.ini"), replies).unwrap();
    fs::write(folder.join("config.ini"), "[bot]\nreplies_file = replies.ini\n").unwrap();
    let mut program = Program::piped(replyd(folder).arg("check"));
    let deadline = Instant::now() + TIME;
    let mut memory = 0;
    // It is 0 once the program has ended.
    while let now @ 1.. = program.peak_memory() {
        assert!(Instant::now() < deadline, "still running");
        memory = memory.max(now / 1024);
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let code = program.exit_code();
    (code, program.stdout.all() + &program.stderr.all(), memory)
}

#[test]
fn values_that_replies_repeat_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let long = "a".repeat(32 * 1024);
    let (code, said, memory) = check(
        folder.path(),
        &format!("[replies]\na = b\nx = {}\n[vars]\nv = {long}\n", "{v}".repeat(10_000)),
    );
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains(
            "replies.ini:3: the reply to \"x\" has more than 65536 bytes once [vars] are filled in"
        ),
        "{said}"
    );
    assert!(memory < 60, "{memory} MB");

    // Each reply is short enough, but not all together.
    let many: String = (0..4000).map(|number| format!("x{number} = {{v}}\n")).collect();
    let (code, said, memory) = check(folder.path(), &format!("[replies]\n{many}[vars]\nv = {long}\n"));
    assert_eq!(code, Some(2), "{said}");
    let sentence = "[vars] make the replies up to here more than 4 times as long as they are in the file";
    assert!(
        said.starts_with("replies.ini:") && said.contains(sentence) && said.lines().count() == 1,
        "{said}"
    );
    assert!(memory < 60, "{memory} MB");

    // The right side of a test may have them, too.
    let tests: String = (0..4000).map(|number| format!("q{number} = {{v}}\n")).collect();
    let (code, said, memory) = check(
        folder.path(),
        &format!("[replies]\na = {{v}}\nunknown = ?\n[vars]\nv = {long}\n[tests]\n{tests}"),
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(memory < 60, "{memory} MB");

    // What a shop writes is far from that.
    let shop: String =
        (0..500).map(|number| format!("x{number} = Call {{v}}, or write to {{v}}.\n")).collect();
    let (code, said, _) =
        check(folder.path(), &format!("[replies]\n{shop}unknown = ?\n[vars]\nv = {}\n", "b".repeat(500)));
    assert_eq!(code, Some(0), "{said}");
}

/// Phrases that differ only in their accents, all of six letters.
fn accents(count: usize) -> String {
    const LETTERS: [char; 16] =
        ['a', 'à', 'á', 'â', 'ã', 'å', 'ā', 'ă', 'ą', 'ǎ', 'ạ', 'ả', 'ấ', 'ầ', 'ẩ', 'ẫ'];
    let mut replies = String::from("[replies]\nunknown = ?\n");
    for number in 0..count {
        let word: String = (0..6).map(|place| LETTERS[number >> (4 * place) & 15]).collect();
        writeln!(replies, "{word} = x").unwrap();
    }
    replies
}

/// Words of three letters.
fn words(count: usize) -> Vec<String> {
    let letter = |number: usize| char::from(b'b' + (number % 9) as u8);
    (0..count)
        .map(|number| [letter(number), letter(number / 9), letter(number / 81), 'x'].iter().collect())
        .collect()
}

/// Phrases of two words each, and tests with all words.
fn pairs() -> String {
    let words = words(200);
    let mut replies = String::from("[replies]\nunknown = ?\n");
    for (at, one) in words.iter().enumerate() {
        words[..at].iter().for_each(|other| writeln!(replies, "{one} & {other} = x").unwrap());
    }
    replies.push_str("[tests]\n");
    (0..200).for_each(|number| writeln!(replies, "{number} {} = cbbx & bbbx", words.join(" ")).unwrap());
    replies
}

#[test]
fn what_takes_too_long_is_left_out_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said, _) = check(folder.path(), &accents(6000));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(
            "warning: replies.ini:1: there may be more warnings: looking for all of them would take too long"
        ),
        "{said}"
    );
    assert!(said.contains("differs from the phrase at line 3 only in its accents"), "{said}");

    let (code, said, _) = check(folder.path(), &pairs());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("was not tried: trying all of this file would take too long"), "{said}");
}

/// Files of which each line is short to read, but was compared with, or quoted with, all the others.
#[test]
fn nothing_takes_the_square_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let many = words(700).join(" | ");
    let quoted: String = (0..20_000).map(|number| format!("foo {number} = other\n")).collect();
    let near: String = (0..10_000).map(|number| format!("q = {number:040}\n")).collect();
    let typos: String = (0..2000).map(|number| format!(" | {}", word(number, true))).collect();
    let common: String = (0..2000)
        .map(|number| [1, 2, 3].map(|more| format!("{} {number}{more} = x\n", word(number, false))).concat())
        .collect();
    for (what, replies) in [
        ("bars", format!("[replies]\nx{} = y\n", "|".repeat(200_000))),
        ("a row of signs", format!("[replies]\nx = a {}\n", ";".repeat(60_000))),
        ("AND", format!("[replies]\nX {}Y = y\n", "AND ".repeat(50_000))),
        ("quotes", format!("[replies]\nfoo | {many} = x\nother = y\n[tests]\n{quoted}")),
        (
            "nearest phrases",
            format!(
                "[replies]\n{}[tests]\n{near}",
                words(700).join("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = x\n")
            ),
        ),
        ("misspelt words", format!("[replies]\nunknown = ?\n{common}zz{typos} = y\n")),
    ] {
        let (code, said, memory) = check(folder.path(), &replies);
        assert!(code.is_some(), "{what}");
        assert!(said.len() < 100_000 && memory < 150, "{what}: {} bytes, {memory} MB", said.len());
    }
}

/// A word of nine letters, or the same with two letters swapped.
fn word(number: usize, is_misspelt: bool) -> String {
    let mut letters: Vec<u8> =
        (0..9).map(|place| b'a' + ((number * 7919) >> (2 * place)) as u8 % 26).collect();
    letters.extend(number.to_string().bytes().map(|digit| digit - b'0' + b'a'));
    if is_misspelt {
        letters.swap(3, 4);
    }
    String::from_utf8(letters).unwrap()
}

const KEYS: [&str; 2] = ["0123456789abcdef", "another secret key"];

fn settings(keys: &[&str]) -> String {
    let mut settings = String::from("[bot]\ngreeting =\nreplies_file = replies.ini\n");
    for (number, secret) in keys.iter().enumerate() {
        let sha256 = replyd::Key::new("x", secret).unwrap().sha256_hex();
        write!(settings, "[key k{number}]\nsecret_sha256 = {sha256}\n").unwrap();
    }
    settings
}

#[test]
fn a_key_is_withdrawn_while_the_replies_are_being_read() {
    let server = Replyd::serve_with(&settings(&[KEYS[1], KEYS[0]]), |command| {
        fs::write(command.get_current_dir().unwrap().join("replies.ini"), "[replies]\nhours = one\n")
            .unwrap();
    });
    let open = |secret: &str| {
        let mut client = Raw::connect(server.address);
        (client.ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {secret}\r\n"))).status, client)
    };
    let (status, mut holder) = open(KEYS[0]);
    assert_eq!(status, 101);
    let (_, mut other) = open(KEYS[1]);
    // Without optimisation, reading this takes far longer than a key may stay valid.
    let replies: String = (0..300_000).map(|number| format!("word{number} & other{number} = x\n")).collect();
    fs::write(server.folder.path().join("replies.ini"), format!("[replies]\nhours = two\n{replies}"))
        .unwrap();
    fs::write(server.folder.path().join("config.ini"), settings(&[KEYS[1]])).unwrap();
    assert_eq!(holder.close_code(), Some(1008));
    server.log().wait_for("config.ini: the new settings apply, while the replies are still being read");
    server.log().wait_for("config.ini: the keys have changed; the number of keys is now 1");
    assert_eq!(open(KEYS[0]).0, 403);
    other.say(Opcode::Text, b"hours");
    assert_eq!(other.text(), "one");
}

#[test]
fn the_owners_page_survives_a_text_that_grows() {
    let settings = settings(&[])
        + "[key anna]\nrole = owner\n"
        + &format!("secret_sha256 = {}\n", replyd::Key::new("anna", KEYS[0]).unwrap().sha256_hex());
    let server = Replyd::serve_with(&settings, |command| {
        fs::write(command.get_current_dir().unwrap().join("replies.ini"), "[replies]\nhours = one\n")
            .unwrap();
    });
    let mut options = ClientOptions::default();
    options.key = Some(KEYS[0].to_owned());
    options.headers = vec![("Origin".to_owned(), format!("http://{}", server.address))];
    options.subprotocols = vec!["replyd-owner".to_owned()];
    let mut page = Client::connect_with(&format!("{}/owner", server.url()), &options).unwrap();
    let value = "a".repeat(9000);
    let text = format!("[replies]\nx = {}\n[vars]\nv = {value}\n", "{v}".repeat(3000));
    for part in text.as_bytes().chunks(9000) {
        page.send(json!({ "do": "part", "text": str::from_utf8(part).unwrap() }).to_string()).unwrap();
    }
    page.send(json!({ "do": "check" }).to_string()).unwrap();
    let checked = loop {
        let Some(Event::Text(text)) = page.next().unwrap() else { continue };
        let document: Value = serde_json::from_str(&text).unwrap();
        if document["kind"] == "checked" {
            break document;
        }
    };
    assert_eq!(checked["errors"][0]["line"], 2, "{checked}");
    assert!(server.program.peak_memory() < 60 * 1024, "{} kB", server.program.peak_memory());
}
