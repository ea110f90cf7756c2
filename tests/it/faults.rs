//! What the system may refuse: descriptors, threads, room for the log.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Instant};

use nix::sys::signal::Signal;

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
