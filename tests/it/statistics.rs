//! Statistics: what a server counts, how it is kept, and how `replyd statistics` shows it.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use replyd::{Client, ClientOptions, Event};
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
    let notes = "[replies]\nparking = Behind the house.\n";
    let mut server = Replyd::serve_with(SHOP, |command| write(command, "kept.tsv", notes));
    let warning = "cannot keep statistics in kept.tsv: this is not a file of statistics; name another one";
    wait_until("it is a warning", || server.log().so_far().contains(warning));
    ask(&server, &["parking"]);
    let mut check = Program::piped(replyd(server.folder.path()).arg("check"));
    assert_eq!(check.exit_code(), Some(0));
    assert!(check.stdout.all().contains(warning));
    let mut shown = Program::piped(replyd(server.folder.path()).arg("statistics"));
    assert_eq!(shown.exit_code(), Some(1));
    assert!(shown.stderr.all().contains("this is not a file of statistics"));
    end(&mut server);
    assert_eq!(fs::read_to_string(server.folder.path().join("kept.tsv")).unwrap(), notes);
}

/// Writes a file into the folder in which a command is run.
fn write(command: &Command, name: &str, text: impl AsRef<[u8]>) {
    fs::write(command.get_current_dir().unwrap().join(name), text).unwrap();
}

/// The questions in a file, all of which a phrase has answered.
fn questions(file: &Path) -> u64 {
    let kept = fs::read_to_string(file).unwrap();
    kept.lines().filter_map(|line| line.split('\t').nth(2)?.parse::<u64>().ok()).sum()
}

/// What LibreOffice, Excel and Numbers make of the file in several countries.
#[test]
fn a_file_that_a_spreadsheet_has_saved_is_read() {
    let header =
        "# day or month\treply\tanswered\tcorrected\tnearest\tunknown\tconversations\thour:questions";
    for (lines, day) in [
        ("20.11.2026\tparking\t7\t0\t0\t0\t1\t09:07:00\r\n", "2026-11-20"),
        ("20.11.2026\tparking\t7\t0\t0\t0\t1\t9:7\n", "2026-11-20"),
        ("2026/11/20\tparking\t7\t0\t0\t0\t1\t09:07\n", "2026-11-20"),
        ("2026. 11. 20.\tparking\t7\t0\t0\t0\t1\t9:7\n", "2026-11-20"),
        ("20-11-2026\tparking\t7\t0\t0\t0\t1\t9:7\n", "2026-11-20"),
        ("11/20/2026\tparking\t7\t0\t0\t0\t1\t9:07:00 PM\n", "2026-11-20"),
        ("20/11/2026\tparking\t7\t0\t0\t0\t1\t12:07 AM\n", "2026-11-20"),
        ("2026-11-20;parking;7;0;0;0;1;9:7\n", "2026-11-20"),
        ("\"2026-11-20\",\"parking\",7,0,0,0,1,\"9:5 10:2\"\n", "2026-11-20"),
        // What comes first shows in another line.
        ("11/05/2026\tparking\t7\t0\t0\t0\t1\t9:7\n11/20/2026\tparking\t1\t0\t0\t0\t0\t9:1\n", "2026-11-05"),
        ("05/11/2026\tparking\t7\t0\t0\t0\t1\t9:7\n20/11/2026\tparking\t1\t0\t0\t0\t0\t9:1\n", "2026-11-05"),
    ] {
        let file = format!("\u{feff}{header}\r\n{lines}");
        let mut server = Replyd::serve_with(SHOP, |command| write(command, "kept.tsv", &file));
        end(&mut server);
        let folder = server.folder.path();
        let kept = fs::read_to_string(folder.join("kept.tsv")).unwrap();
        let expected = format!("{header}\n{day}\tparking\t7\t0\t0\t0\t1\t");
        assert!(kept.starts_with(&expected), "{lines:?}: {kept}");
        assert!(!folder.join("kept.tsv.unread").exists(), "{lines:?}");
    }
    let quoted = "2026-11-20,\"say \"\"hi\"\", or hello\",7,0,0,0,1,9:7\n";
    let mut server = Replyd::serve_with(SHOP, |command| write(command, "kept.tsv", quoted));
    end(&mut server);
    let kept = fs::read_to_string(server.folder.path().join("kept.tsv")).unwrap();
    assert!(kept.contains("\n2026-11-20\tsay \"hi\", or hello\t7\t"), "{kept}");
}

#[test]
fn what_cannot_be_read_is_set_aside_and_never_lost() {
    let good = "2026-11-20\tparking\t7\t0\t0\t0\t1\t9:7\n";
    // One of two days, a number that a spreadsheet has shortened, another encoding, a note, and what is no whole line.
    let bad = [
        &b"11/05/2026\tparking\t7\t0\t0\t0\t1\t9:7\n2026-11-20\tparking\t1E+09\t0\t0\t0\t1\t9:7\n"[..],
        b"2026-11-20\t\xf6ffnen\t7\t0\t0\t0\t1\t9:7\n# my notes\n2026-11-27\n2026-11-27\ta\t1\t0\t0\t0\t1\n",
        b"2026-11-27\ta\t1\t0\t0\t0\t1\t\n2026-11-27\ta\t1\t0\t0\t0\t1\t9:\n2026-11-27\ta\t11\t0\t0\t0\t1\t9:1\n",
        b"2026-11-27\ta\t1\t0\t0\t0\t1\t24:1\n2026-11-27\ta\t1\t0\t0\t0\t1\t9:1\tx\n2026-11-27\ta\t0\t0\t0\t0\t1\t9:0\n",
        b"2026-13-27\ta\t1\t0\t0\t0\t1\t9:1\n2026-11-27T00\ta\t1\t0\t0\t0\t1\t9:1\n2026-11-27\ta\t-1\t0\t0\t0\t1\t9:1\n",
        b"20261127\ta\t1\t0\t0\t0\t1\t9:1\n",
    ]
    .concat();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.ini"), SHOP).unwrap();
    let (file, unread) = (folder.path().join("kept.tsv"), folder.path().join("kept.tsv.unread"));
    fs::write(&file, [good.as_bytes(), &bad].concat()).unwrap();
    let warning = "kept.tsv:2: this line is not counted: it does not begin with a day such as 2026-11-27, or is incomplete; \
        15 more lines are not counted either";
    let run = |arguments: &[&str]| {
        let mut program = Program::piped(replyd(folder.path()).args(arguments));
        assert_eq!(program.exit_code(), Some(0));
        program.stdout.all() + &program.stderr.all()
    };
    for command in [&["check"][..], &["statistics"]] {
        let said = run(command);
        assert!(said.contains(&format!("warning: {warning}\n")), "{said}");
    }
    let serve = || {
        let mut server = Program::piped(replyd(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
        server.stderr.wait_for("Waiting for clients");
        server.signal(Signal::SIGTERM);
        assert_eq!(server.exit_code(), Some(0));
        server.stderr.all()
    };
    let log = serve();
    assert!(log.contains(&format!("{warning}; moved to ")) && log.contains("kept.tsv.unread"), "{log}");
    assert!(fs::read_to_string(&file).unwrap().ends_with(&format!("questions\n{good}")));
    assert_eq!(fs::read(&unread).unwrap(), bad);
    assert_eq!(fs::metadata(&unread).unwrap().mode() & 0o777, 0o600);

    assert!(!serve().contains("not counted"));
    // What was set aside before stays.
    fs::write(&file, [good.as_bytes(), b"2026-11-20\tpar"].concat()).unwrap();
    serve();
    assert_eq!(fs::read(&unread).unwrap(), [&bad[..], b"2026-11-20\tpar\n"].concat());
}

/// A line of a past day for each of these.
fn rows(days: impl IntoIterator<Item = (i64, String, u64)>) -> String {
    let today = jiff::Zoned::now().date();
    let day = |back: i64| today.saturating_sub(jiff::Span::new().days(back));
    days.into_iter()
        .map(|(back, name, count)| format!("{}\t{name}\t{count}\t0\t0\t0\t1\t9:{count}\n", day(back)))
        .collect()
}

/// What a server makes of a file without a heading when it starts.
#[track_caller]
fn tidied(text: &str) -> String {
    let server = Replyd::serve_with(SHOP, |command| write(command, "kept.tsv", text));
    wait_until_tidied(&server);
    fs::read_to_string(server.folder.path().join("kept.tsv")).unwrap()
}

#[track_caller]
fn wait_until_tidied(server: &Replyd) {
    let mut first = [0];
    let mut read =
        || File::open(server.folder.path().join("kept.tsv")).unwrap().read_exact(&mut first).map(|()| first);
    wait_long("it is written anew", || read().ok() == Some(*b"#"));
}

/// Waits longer than usual, and leaves the processor to the server: it is a lot of work without optimization.
#[track_caller]
fn wait_long(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < deadline, "still not: {what}");
        // Nothing tells of it.
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn lines_of_a_day_are_joined_and_old_days_become_months() {
    let of = |back: i64, count: u64| (back, "a".to_owned(), count);
    let kept = tidied(&rows([of(0, 2), of(700, 1), of(0, 3), of(800, 4), of(800, 5)]));
    let line = |back: i64, length: usize, count: u64| {
        let day = &rows([of(back, 1)])[..length];
        let conversations = if count == 1 { 1 } else { 2 };
        format!("{day}\ta\t{count}\t0\t0\t0\t{conversations}\t9:{count}\n")
    };
    assert!(kept.ends_with(&[line(800, 7, 9), line(700, 10, 1), line(0, 10, 5)].concat()), "{kept}");
    // Once more, it is the same.
    assert_eq!(tidied(kept.split_once('\n').unwrap().1), kept);
}

/// Whatever a reply is called, it stays the same reply, and no part of a line is read as another line.
#[test]
fn a_line_is_read_as_it_was_written() {
    let names = [
        "a",
        "",
        " ",
        "\\u{22}hi\"",
        "a \"b\" c",
        "a;b;c",
        "a,b,c",
        "\\t",
        "\\\\t",
        "\\u{7}",
        "# day",
        "9:1",
        "营业时间",
        "🌹",
        "\\u{202e}eyr",
        "'",
        "1",
        "2026-11-27",
    ];
    let mut names = names.map(str::to_owned).to_vec();
    names.push("é".repeat(200));
    names.sort();
    let lines = rows(names.iter().map(|name| (1, name.clone(), 11)));
    assert_eq!(tidied(&lines).split_once('\n').unwrap().1, lines);

    let line = "2026-11-27\ta\t1\t2\t66\t0\t1\t9:11 10:58";
    let parts: Vec<&str> = (1..line.len()).map(|end| &line[..end]).collect();
    let server =
        Replyd::serve_with(SHOP, |command| write(command, "kept.tsv", parts.join("\n") + "\n" + line));
    wait_until_tidied(&server);
    let read = |name: &str| fs::read_to_string(server.folder.path().join(name)).unwrap();
    assert!(read("kept.tsv").ends_with(&format!("questions\n{line}\n")), "{}", read("kept.tsv"));
    assert_eq!(read("kept.tsv.unread").lines().collect::<Vec<_>>(), parts);
}

#[test]
fn days_without_questions_are_shown_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.ini"), SHOP).unwrap();
    let day = |back: i64| rows([(back, String::new(), 1)])[..10].to_owned();
    let of = |back: i64| rows([(back, "parking".to_owned(), 2)]);
    let month = format!("{}\tparking\t2\t0\t0\t0\t1\t9:2\n", &day(300)[..7]);
    for (lines, expected) in [
        (of(3) + &of(1), vec![(day(3), " 2"), (day(2), ""), (day(1), " 2"), (day(0), "")]),
        (month.clone() + &of(0), vec![(day(300)[..7].to_owned(), " 2"), (day(0), " 2")]),
        (month, vec![(day(300)[..7].to_owned(), " 2")]),
        (of(200), (0..31).rev().map(|back| (day(back), "")).collect()),
    ] {
        fs::write(folder.path().join("kept.tsv"), lines).unwrap();
        let printed = statistics(folder.path(), &["--since", "365d"]);
        let days = printed.split("Questions by day\n").nth(1).unwrap().split("\n\n").next().unwrap();
        let days: Vec<(String, &str)> = days
            .lines()
            .map(|line| {
                (
                    line.split_whitespace().next().unwrap().to_owned(),
                    line.split_once('█').map_or("", |_| " 2"),
                )
            })
            .collect();
        assert_eq!(days, expected, "{printed}");
    }
}

#[test]
fn the_file_is_bounded_and_nothing_is_lost() {
    let many = |days: i64, step: i64, names: u64, letters: &str| {
        let letters = letters.to_owned();
        (0..days).flat_map(move |day| {
            let letters = letters.clone();
            (0..names).map(move |name| (day * step, format!("{name} {letters}"), 1))
        })
    };
    // The more there is, the fewer days are kept one by one, and at last the fewer replies.
    for (lines, is_merged) in [
        (rows(many(150, 2, 100, &"🌹".repeat(150))), false),
        (rows(many(14, 2, 1000, &"🌹".repeat(150))), true),
    ] {
        let kept = tidied(&lines);
        assert!(kept.len() <= 8 * 1024 * 1024, "{}", kept.len());
        let sum: u64 =
            kept.lines().skip(1).map(|line| line.split('\t').nth(2).unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!(sum, lines.lines().count() as u64);
        assert_eq!(kept.contains("\t(others)\t"), is_merged);
        let today = &rows([(0, String::new(), 1)])[..10];
        assert!(kept.contains(&format!("\n{today}\t1 ")), "{}", &kept[kept.len() - 300..]);
    }
}

#[test]
fn a_day_has_so_many_replies_and_others() {
    let lines = rows((0..1000).map(|name| (0, name.to_string(), 1)));
    let mut server = Replyd::serve_with(SHOP, |command| write(command, "kept.tsv", &lines));
    ask(&server, &["parking", "delivery", "opening hours"]);
    end(&mut server);
    let kept = fs::read_to_string(server.folder.path().join("kept.tsv")).unwrap();
    assert!(!kept.contains("parking") && kept.matches("\t(others)\t1\t").count() == 3, "{kept}");
}

#[test]
fn seven_days_are_today_and_the_six_before() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.ini"), SHOP).unwrap();
    let of = |back: i64| rows([(back, "parking".to_owned(), 1)]);
    // A clock that was wrong for a while has counted days that have not come yet.
    fs::write(folder.path().join("kept.tsv"), [40, 7, 6, 1, 0, -1, -2, -4000].map(of).concat()).unwrap();
    for (since, first, count) in
        [("7d", 6, 3), ("8d", 7, 4), ("1d", 0, 1), ("1h", 0, 1), ("36h", 1, 2), ("0s", 0, 1)]
    {
        let document: Value =
            serde_json::from_str(&statistics(folder.path(), &["--json", "--since", since])).unwrap();
        assert_eq!(document["all"]["questions"], count, "{since}");
        assert_eq!(document["first"], of(first)[..10], "{since}");
    }
}

#[test]
fn instances_that_share_a_file_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.tsv");
    // Long enough for a while to pass until it is written anew.
    let others: String =
        (0..5000).map(|name| format!("2026-11-01\tother {name}\t1\t0\t0\t0\t0\t9:1\n")).collect();
    fs::write(&file, others).unwrap();
    let settings = SHOP.replace("kept.tsv", file.to_str().unwrap());
    let one = Replyd::serve(&settings);
    let mut asked = 0;
    for _ in 0..3 {
        // It writes the file anew, while the other one appends to it.
        let other = Replyd::serve(&settings);
        for _ in 0..20 {
            ask(&one, &["parking"]);
            ask(&other, &["parking"]);
            one.program.signal(Signal::SIGHUP);
            asked += 2;
        }
        wait_long("nothing is lost", || {
            one.program.signal(Signal::SIGHUP);
            other.program.signal(Signal::SIGHUP);
            questions(&file) == 5000 + asked
        });
    }
}

/// At the bound of the file, with as many different lines as fit.
#[test]
fn statistics_take_little_memory() {
    let owner = "[key anna]\nrole = owner\n\
        secret_sha256 = 2ab866fe1a2e72eeb2f0dc5ed3f6c4d57a0df18475c98f21980fa6b4abe92eac\n";
    let tail = "字".repeat(60);
    let lines = rows((0..38_000).map(|number| (number % 300, format!("{number:05}{tail}"), 1)));
    let without = Replyd::serve(owner).program.peak_memory();
    let mut server = Replyd::serve_with(&format!("{SHOP}{owner}"), |command| {
        write(command, "kept.tsv", &lines);
    });
    wait_until_tidied(&server);
    let mut options = ClientOptions::default();
    options.key = Some("the owner's own key".to_owned());
    options.headers = vec![("Origin".to_owned(), format!("http://{}", server.address))];
    options.subprotocols = vec!["replyd-owner".to_owned()];
    let url = format!("{}/owner", server.url());
    let mut pages: Vec<Client> = (0..4).map(|_| Client::connect_with(&url, &options).unwrap()).collect();
    for page in &mut pages {
        page.send(r#"{"do":"statistics","since":"365d"}"#).unwrap();
    }
    for page in &mut pages {
        let shown = loop {
            match page.next().unwrap() {
                Some(Event::Text(text)) if text.contains("\"kind\":\"statistics\"") => break text,
                Some(_) => {}
                None => panic!("the page was closed"),
            }
        };
        assert!(shown.contains("\"questions\":38000"), "{}", &shown[..300]);
    }
    let grown = server.program.peak_memory() - without;
    assert!(grown < 26 * 1024, "{grown} kB");
    end(&mut server);
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
