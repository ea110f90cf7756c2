//! Saving the file is all it takes, and a bad file changes nothing.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::support::{Opcode, Raw, Replyd, raw::upgrade, wait_until};

fn config(reply: &str) -> String {
    format!(
        "[server]\nmessages_per_second = 0\n[bot]\ngreeting =\n[replies]\nhours = {reply}\nparking = behind the house\n"
    )
}

#[track_caller]
fn ask(client: &mut Raw, message: &str) -> String {
    client.say(Opcode::Text, message.as_bytes());
    client.text()
}

/// Saves as editors do: a new file takes the old one's place.
fn save_by_rename(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

#[test]
fn in_place_by_rename_and_through_a_link() {
    let server = Replyd::serve(&config("one"));
    let mut client = Raw::open(server.address);
    assert_eq!(ask(&mut client, "hours"), "one");
    let file = server.folder.path().join("config.ini");

    fs::write(&file, config("two")).unwrap();
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert_eq!(ask(&mut client, "hours"), "two");

    save_by_rename(&file, &(config("three") + "new = yes\nnewer = yes\n"));
    server.log().wait_for("reloaded config.ini: +2 ~1 -0 replies");
    assert_eq!(ask(&mut client, "hours"), "three");

    let elsewhere = server.folder.path().join("elsewhere.ini");
    fs::write(&elsewhere, config("four")).unwrap();
    fs::remove_file(&file).unwrap();
    symlink("elsewhere.ini", &file).unwrap();
    server.log().wait_for("reloaded config.ini: +0 ~1 -2 replies");
    fs::write(&elsewhere, config("five")).unwrap();
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert_eq!(ask(&mut client, "hours"), "five");
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let good = config("one") + "[tests]\nYour hours? = hours\n";
    let server = Replyd::serve(&good);
    let mut client = Raw::open(server.address);
    let file = server.folder.path().join("config.ini");
    for (bad, why) in [
        (String::new(), "config.ini: this file is empty"),
        ("\n \n".to_owned(), "config.ini: this file is empty"),
        (good.replace("parking", "hours"), "config.ini:7: the reply to \"hours\" is already at line 6"),
        (good.replace("greeting", "greting"), "config.ini:4: [bot] has no setting \"greting\""),
        (
            good.replace("= hours\n", "= parking\n"),
            "config.ini:9: \"Your hours?\" should be answered by \"parking\" (line 7)",
        ),
        (good[..good.find("lies]").unwrap()].to_owned(), "config.ini:5: a section is written as [name]"),
        (
            good.clone() + "[key a]\nsecret = 0123456789abcdef\n",
            "a plain secret, and everyone can read this file",
        ),
    ] {
        fs::write(&file, &bad).unwrap();
        server.log().wait_for(why);
        server.log().wait_for("config.ini is not accepted: keeping the previous 2 replies");
        assert_eq!(ask(&mut client, "hours"), "one", "{bad:?}");
    }
    fs::remove_file(&file).unwrap();
    server.log().wait_for("cannot read this file: No such file");
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    server.log().wait_for("this file is not a regular file");
    fs::remove_file(&file).unwrap();
    assert_eq!(ask(&mut client, "hours"), "one");
    fs::write(&file, config("two")).unwrap();
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert_eq!(ask(&mut client, "hours"), "two");
}

#[test]
fn limits_log_and_greeting_are_live_and_the_rest_is_named() {
    let server = Replyd::serve(&config("one"));
    let mut client = Raw::open(server.address);
    assert_eq!(ask(&mut client, "hours"), "one");
    let changed = config("one").replace("greeting =", "greeting = Welcome").replace(
        "[server]\n",
        "[server]\nmax_message_bytes = 200\nmax_clients = 7\nmax_clients_per_ip = 1\n",
    ) + "[log]\nlevel = debug\ntranscript = no\n";
    fs::write(server.folder.path().join("config.ini"), changed).unwrap();
    server.log().wait_for("reloaded config.ini: +0 ~0 -0 replies");
    server.log().wait_for("config.ini: max_clients has changed, which takes effect at the next start");
    server.log().wait_for("config.ini: max_clients_per_ip has changed, which takes effect at the next start");
    assert_eq!(Raw::open(server.address).text(), "Welcome");
    assert_eq!(ask(&mut client, "secretly: parking"), "behind the house");
    assert!(!server.log().so_far().contains("secretly"));
    client.say(Opcode::Text, &[b'x'; 201]);
    assert_eq!(client.close_code(), Some(1009));
}

#[test]
fn a_withdrawn_key_ends_its_sessions_at_once() {
    let keys = ["0123456789abcdef", "another secret key"]
        .map(|secret| replyd::Key::new("x", secret).unwrap().sha256_hex())
        .map(|sha256| format!("secret_sha256 = {sha256}\n"));
    let [gone, stays] = [format!("[key gone]\n{}", keys[0]), format!("[key stays]\n{}", keys[1])];
    let server = Replyd::serve(&(config("one") + &gone + &stays));
    let open = |secret: &str| {
        let mut client = Raw::connect(server.address);
        let answer = client.ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {secret}\r\n")));
        (answer.status, client)
    };
    let mut holders = ["0123456789abcdef", "another secret key"].map(open);
    assert_eq!(holders.each_ref().map(|holder| holder.0), [101, 101]);
    let file = server.folder.path().join("config.ini");

    // Without any key the server would be open to everybody.
    fs::write(&file, config("two")).unwrap();
    server.log().wait_for("without a key the server would accept every client");
    assert_eq!(ask(&mut holders[0].1, "hours"), "one");

    fs::write(&file, config("three") + &stays).unwrap();
    server.log().wait_for("config.ini: the keys have changed; the number of keys is now 1");
    assert_eq!(holders[0].1.close_code(), Some(1008));
    wait_until("it is logged", || server.log().so_far().contains("the settings no longer admit it"));
    assert_eq!(ask(&mut holders[1].1, "hours"), "three");
    assert_eq!(open("0123456789abcdef").0, 403);

    // The same name with another secret is another key.
    fs::write(&file, config("four") + &gone.replace("gone", "stays")).unwrap();
    assert_eq!(holders[1].1.close_code(), Some(1008));
}

#[test]
fn an_open_server_can_be_closed() {
    let server = Replyd::serve(&config("one"));
    let mut guest = Raw::open(server.address);
    let sha256 = replyd::Key::new("x", "0123456789abcdef").unwrap().sha256_hex();
    let closed = config("two") + &format!("[key shop]\nsecret_sha256 = {sha256}\n");
    fs::write(server.folder.path().join("config.ini"), closed).unwrap();
    assert_eq!(guest.close_code(), Some(1008));
    assert_eq!(Raw::connect(server.address).ask(&upgrade("/", "")).status, 403);
    server.log().wait_for("Connection ended ... the settings no longer admit it [#1 ");
}

#[test]
fn typos_nearest_and_offers_are_live_and_hold_for_a_file_of_replies() {
    let settings = "[server]\nping_interval = 10m\n[bot]\ngreeting =\nreplies_file = faq.ini\n";
    let server = Replyd::serve_with(settings, |command| {
        let faq =
            "[replies]\nopening hours = nine\nunknown = ?!\n[tests]\nWhen do you open? = opening hours\n";
        fs::write(command.get_current_dir().unwrap().join("faq.ini"), faq).unwrap();
    });
    let mut client = Raw::open(server.address);
    let mut answers =
        || ["oepning hours", "hours", "some hours of opening time"].map(|text| ask(&mut client, text));
    let offer = "?!\nDid you mean:\n> opening hours";
    assert_eq!(answers(), ["nine", "nine", offer]);
    let file = server.folder.path().join("config.ini");
    fs::write(&file, format!("{settings}typos = no\nnearest = no\ndid_you_mean = Perhaps:\n")).unwrap();
    server.log().wait_for("changed: typos, nearest, did_you_mean");
    let offer = "?!\nPerhaps:\n> opening hours";
    assert_eq!(answers(), [offer; 3]);
    // A file of replies that is refused keeps its replies, with the settings of the other file.
    fs::write(server.folder.path().join("faq.ini"), "[replies]\nhours =\n").unwrap();
    fs::write(&file, format!("{settings}did_you_mean =\n")).unwrap();
    server.log().wait_for("faq.ini is not accepted");
    server.log().wait_for("changed: typos, nearest, did_you_mean");
    wait_until("the settings hold", || answers() == ["nine", "nine", "?!"]);
}

#[test]
fn replies_in_a_file_of_their_own() {
    let server = Replyd::serve_with(
        "[server]\nping_interval = 10m\n[bot]\ngreeting =\nreplies_file = answers/faq.ini\n",
        |command| {
            let folder = command.get_current_dir().unwrap().join("answers");
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("faq.ini"), "[replies]\nhours = one\n").unwrap();
        },
    );
    let mut client = Raw::open(server.address);
    assert_eq!(ask(&mut client, "hours"), "one");
    let file = server.folder.path().join("answers/faq.ini");
    save_by_rename(&file, "[replies]\nhours = {h}\n[vars]\nh = two\n");
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert_eq!(ask(&mut client, "hours"), "two");
    for (bad, why) in [
        ("[replies]\nhours =\n", "faq.ini:2: the reply to \"hours\" is empty"),
        ("[server]\nlisten = x\n", "faq.ini:1: [server] is not a section of a file of replies"),
        ("[smalltalk]\nhi = x\n", "faq.ini:1: there is no [replies]"),
        ("", "faq.ini:1: this file is empty"),
    ] {
        fs::write(&file, bad).unwrap();
        server.log().wait_for(why);
        assert_eq!(ask(&mut client, "hours"), "two");
    }
    // Another file takes its place, and is watched then.
    fs::write(server.folder.path().join("other.ini"), "[replies]\nhours = three\n").unwrap();
    fs::write(
        server.folder.path().join("config.ini"),
        "[server]\nping_interval = 10m\n[bot]\ngreeting =\nreplies_file = other.ini\n",
    )
    .unwrap();
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    fs::write(server.folder.path().join("other.ini"), "[replies]\nhours = four\n").unwrap();
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert_eq!(ask(&mut client, "hours"), "four");
}

#[test]
fn twenty_clients_talk_while_good_and_bad_files_are_saved_a_hundred_times() {
    let server = Replyd::serve(&(config("0") + QUIET));
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..20)
        .map(|_| {
            let (address, over) = (server.address, Arc::clone(&over));
            thread::spawn(move || ask_until(address, &over))
        })
        .collect();
    save_a_hundred_files(&server);
    assert_eq!(ask(&mut Raw::open(server.address), "hours"), "100");
    over.store(true, Ordering::Release);
    for client in clients {
        let (answers, newest) = client.join().unwrap();
        assert!(answers > 0);
        assert!(newest <= 100);
    }
}

const QUIET: &str = "[log]\ntranscript = no\n";

/// Asks for the number in the file, which never goes back; returns how often, and the last one.
fn ask_until(address: SocketAddr, over: &AtomicBool) -> (usize, u32) {
    let mut client = Raw::open(address);
    let (mut answers, mut newest) = (0, 0);
    while !over.load(Ordering::Acquire) {
        let number: u32 = ask(&mut client, "Your hours, please?").parse().unwrap();
        assert!(number >= newest, "an older file came back");
        newest = number;
        answers += 1;
        // Hundreds of questions a second each are enough; the other tests need the machine too.
        thread::park_timeout(Duration::from_millis(2));
    }
    (answers, newest)
}

/// Good ones in two ways, halves, empty ones and broken ones. Some stay long enough to be read, most do not.
fn save_a_hundred_files(server: &Replyd) {
    let file = server.folder.path().join("config.ini");
    for number in 1..=100u32 {
        let good = config(&number.to_string()) + QUIET;
        match number % 5 {
            0 => save_by_rename(&file, &good),
            1 => fs::write(&file, &good).unwrap(),
            2 => fs::write(&file, &good[..good.len() / 2]).unwrap(),
            3 => fs::write(&file, "").unwrap(),
            _ => fs::write(&file, good.replace("hours", "hours |")).unwrap(),
        }
        if number % 25 == 0 {
            let mut asking = Raw::open(server.address);
            wait_until("it is read", || ask(&mut asking, "hours") == number.to_string());
        } else {
            thread::park_timeout(Duration::from_millis(30));
        }
    }
}

#[test]
fn failing_tests_at_the_start_only_warn() {
    let server = Replyd::serve_with(&(config("one") + "[tests]\nparking = hours\n"), |command| {
        let file = command.get_current_dir().unwrap().join("config.ini");
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    });
    assert!(
        server.log().so_far().contains("WARN  config.ini:9: \"parking\" should be answered by \"hours\"")
    );
    assert_eq!(ask(&mut Raw::open(server.address), "parking"), "behind the house");
}
