//! What the system may refuse: descriptors, threads, room for the log.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Instant};

use nix::sys::signal::Signal;

use crate::files::preload;
use crate::support::{
    GREETING, Opcode, Raw, Replyd, left_out,
    raw::{Answer, upgrade},
    tool, wait_until,
};

/// `replyd` started by a shell, behind these words.
#[track_caller]
fn started_by(words: &str, config: &str) -> Replyd {
    Replyd::serve_with(config, |command| {
        let folder = command.get_current_dir().unwrap();
        // Another user, too, must reach the program and its settings.
        fs::copy(command.get_program(), folder.join("replyd")).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        let mut shell = Command::new("sh");
        shell
            .current_dir(folder)
            .args(["-c", &format!("{words} ./replyd \"$@\""), "sh"])
            .args(command.get_args());
        *command = shell;
    })
}

/// Whether a newcomer is greeted, refused, or neither before it gives up.
fn try_newcomer(server: &Replyd) -> Option<u16> {
    let mut client = Raw::connect(server.address);
    client.impatient();
    client.try_send(upgrade("/", "").as_bytes()).ok()?;
    client.try_answer().map(|answer| answer.status)
}

#[test]
fn no_descriptors() {
    let mut server = started_by("ulimit -n 40; exec", "[server]\ndrain_timeout = 5s\n");
    let mut first = Raw::open(server.address);
    assert_eq!(first.text(), GREETING);
    let start = Instant::now();
    let mut crowd: Vec<Raw> = (0..60).map(|_| Raw::connect(server.address)).collect();
    server.log().wait_for("cannot accept clients: Too many open files");
    // Who is in goes on; the next second brings another line, and so does the one behind it.
    first.say(Opcode::Text, b"hello");
    assert_eq!(first.text(), GREETING);
    let before = server.processor_time();
    server.log().wait_for("cannot accept clients");
    server.log().wait_for("cannot accept clients");
    let lines = server.log().so_far().matches("cannot accept clients").count();
    assert!(lines <= start.elapsed().as_secs() as usize + 1, "{lines} lines in {:?}", start.elapsed());
    let spent = server.processor_time() - before;
    assert!(spent < 50, "{spent} hundredths of a second of work while there was nothing to do");

    for client in &mut crowd[..30] {
        client.try_send(b"x").unwrap();
    }
    crowd.clear();
    wait_until("newcomers are let in", || try_newcomer(&server) == Some(101));

    let _crowd: Vec<Raw> = (0..60).map(|_| Raw::connect(server.address)).collect();
    server.log().wait_for("cannot accept clients");
    server.program.signal(Signal::SIGTERM);
    assert_eq!(first.close_code(), Some(1001));
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn no_threads() {
    // The limit counts all threads of a user, and not root's: so it is a user that nobody else is.
    if !nix::unistd::geteuid().is_root() {
        return left_out("only root may start a program as another user");
    }
    if [tool("setpriv", "apt-get install util-linux"), tool("prlimit", "apt-get install util-linux")]
        .contains(&None)
    {
        return;
    }
    let user = "setpriv --reuid=54321 --regid=54321 --clear-groups prlimit --nproc=30";
    let mut server = started_by(&format!("exec {user}"), "");
    let (mut crowd, refused) = fill_with_clients(&server);
    let refused = refused.expect("a newcomer for whom there is no thread gets an answer");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.header("retry-after").len(), 1, "{refused:?}");
    server.log().wait_for("cannot start a thread for a client");
    the_log_says_so_once_a_second(&server);
    clients_are_served(&mut crowd);
    crowd.truncate(1);
    wait_until("newcomers are let in", || try_newcomer(&server) == Some(101));
    server.program.signal(Signal::SIGTERM);
    assert_eq!(crowd[0].close_code(), Some(1001));
    assert_eq!(server.program.exit_code(), Some(0));
}

/// Clients until one is not accepted, and the answer that it got.
fn fill_with_clients(server: &Replyd) -> (Vec<Raw>, Option<Answer>) {
    let mut accepted = Vec::new();
    for _ in 0..200 {
        let mut client = Raw::connect(server.address);
        client.impatient();
        if client.try_send(upgrade("/", "").as_bytes()).is_err() {
            continue;
        }
        match client.try_answer() {
            Some(answer) if answer.status == 101 => accepted.push(client),
            answer => return (accepted, answer),
        }
    }
    (accepted, None)
}

fn the_log_says_so_once_a_second(server: &Replyd) {
    let start = Instant::now();
    for _ in 0..30 {
        assert_eq!(try_newcomer(server), Some(503));
    }
    let lines = server.log().so_far().matches("cannot start a thread").count();
    assert!(lines <= start.elapsed().as_secs() as usize + 2, "{lines} lines in {:?}", start.elapsed());
}

fn clients_are_served(clients: &mut [Raw]) {
    assert!(!clients.is_empty());
    for client in clients {
        assert_eq!(client.text(), GREETING);
        client.say(Opcode::Text, b"hello");
        assert_eq!(client.text(), GREETING);
    }
}

#[test]
fn health_while_draining() {
    let server = Replyd::serve("[server]\ndrain_delay = 1h\n");
    let mut client = Raw::open(server.address);
    assert_eq!(client.text(), GREETING);
    let ask = |head: &str| Raw::connect(server.address).ask(head).status;
    let health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(ask(health), 200);
    server.program.signal(Signal::SIGTERM);
    wait_until("it says that it stops", || ask(health) == 503);
    assert_eq!(ask(&upgrade("/", "")), 503);
    assert_eq!(ask("GET /chat HTTP/1.1\r\nHost: a\r\n\r\n"), 503);
    client.say(Opcode::Text, b"hello");
    assert_eq!(client.text(), GREETING);
    server.program.signal(Signal::SIGTERM);
}

/// As on a full disk, a write stops in the middle of a line.
#[test]
fn no_room_for_what_is_kept() {
    let Some(prlimit) = tool("prlimit", "apt-get install util-linux") else { return };
    let line = "2026-11-20T10:00:00Z what was asked before\n";
    let words = "trap '' XFSZ; exec prlimit --fsize=8192:";
    let settings = "[bot]\ngreeting =\nunanswered_file = kept.txt\nstatistics_file = kept.tsv\n[replies]\nparking = Here.\n";
    let mut server = started_by(words, settings);
    let folder = server.folder.path().to_owned();
    let kept = || fs::read_to_string(folder.join("kept.txt")).unwrap();
    let counted = || fs::read_to_string(folder.join("kept.tsv")).unwrap_or_default();
    let old: String = (0..150).map(|name| format!("2026-11-20\tname {name}\t1\t0\t0\t0\t0\t9:1\n")).collect();
    wait_until("the statistics are open", || counted().starts_with('#'));
    let old = counted() + &old + &"\n".repeat(8192 - 10 - counted().len() - old.len());
    fs::write(folder.join("kept.tsv"), &old).unwrap();
    fs::write(folder.join("kept.txt"), line.repeat(180) + &"\n".repeat(8192 - 30 - 180 * line.len()))
        .unwrap();

    let mut client = Raw::open(server.address);
    let mut ask = |message: &str| {
        client.say(Opcode::Text, message.as_bytes());
        client.text();
    };
    ask("the first that does not fit");
    ask("nor does this");
    ask("parking");
    server.program.signal(Signal::SIGHUP);
    server.log().wait_for("cannot keep unanswered messages in kept.txt: File too large");
    server.log().wait_for("cannot keep statistics in kept.tsv: File too large");
    assert!(kept().ends_with("before\n\n") || kept().ends_with('\n'), "{}", kept());
    assert_eq!(counted(), old);

    let id = server.program.id().to_string();
    assert!(Command::new(prlimit).args(["--pid", &id, "--fsize=unlimited"]).status().unwrap().success());
    // As a crash leaves it.
    fs::write(folder.join("kept.txt"), line.repeat(2) + "2026-11-20T10:00:00Z tor").unwrap();
    ask("there is room again");
    ask("parking");
    server.program.signal(Signal::SIGTERM);
    assert_eq!(server.program.exit_code(), Some(0));
    let lines: Vec<String> = kept().lines().skip(2).map(str::to_owned).collect();
    assert_eq!(lines[0], "2026-11-20T10:00:00Z tor");
    assert!(lines[1].ends_with("Z there is room again") && lines.len() == 2, "{lines:?}");
    let sum = |name: &str| -> u64 {
        let lines = counted();
        let of_name = lines.lines().filter(|line| line.split('\t').nth(1) == Some(name));
        of_name
            .map(|line| {
                line.split('\t').skip(2).take(4).map(|count| count.parse::<u64>().unwrap()).sum::<u64>()
            })
            .sum()
    };
    assert_eq!((sum("parking"), sum("unknown"), sum("name 149")), (2, 3, 1));
}

#[test]
fn a_clock_that_is_far_ahead() {
    let mut server = Replyd::serve_with(
        "[bot]\ngreeting =\nunanswered_file = kept.txt\nstatistics_file = kept.tsv\n",
        |command| {
            let library = preload(command.get_current_dir().unwrap());
            command.env("LD_PRELOAD", library).env("CLOCK_AHEAD", (9000 * 365 * 86_400u64).to_string());
        },
    );
    let mut client = Raw::open(server.address);
    client.say(Opcode::Text, b"what is the time");
    client.text();
    assert_eq!(
        Raw::connect(server.address).ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
        200
    );
    server.program.signal(Signal::SIGTERM);
    assert_eq!(server.program.exit_code(), Some(0), "{}", server.log().so_far());
    let log = server.log().all();
    assert!(!log.contains("panicked") && log.contains("\n9999-12-30T") && log.contains("Stopped"), "{log}");
    let kept = |name: &str| fs::read_to_string(server.folder.path().join(name)).unwrap();
    assert!(kept("kept.txt").ends_with("Z what is the time\n"), "{}", kept("kept.txt"));
    assert!(kept("kept.tsv").contains("\tunknown\t"), "{}", kept("kept.tsv"));
}

#[test]
fn little_address_space_is_warned_of() {
    let warning = "only 390 MiB of address space (ulimit -v), and it may need ";
    let settings = "[server]\nmax_clients = 1000\n";
    let log = started_by("ulimit -v 400000; exec", settings).stop();
    assert!(
        log.contains(warning) && log.contains("or start it with MALLOC_ARENA_MAX=2 and 377 MiB"),
        "{log}"
    );
    let enough = started_by("ulimit -v 400000; export MALLOC_ARENA_MAX=2; exec", settings);
    // As many as the settings allow.
    let mut crowd: Vec<Raw> = (0..1000).map(|_| Raw::open(enough.address)).collect();
    clients_are_served(&mut crowd);
    assert!(!enough.stop().contains("address space"));
    assert!(!Replyd::serve(settings).stop().contains("address space"));
}
