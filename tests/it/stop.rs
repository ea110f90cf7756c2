//! Signals and the end of the server.

use std::{fs, sync::mpsc};

use nix::sys::signal::Signal;

use crate::support::{DEADLINE, GREETING, Opcode, Raw, Replyd, raw::upgrade, serve_with};

/// Idle clients that have been greeted.
fn idle_clients(server: &Replyd, count: usize) -> Vec<Raw> {
    let clients = (0..count).map(|_| {
        let mut client = Raw::open(server.address);
        assert_eq!(client.text(), GREETING);
        client
    });
    clients.collect()
}

#[test]
fn each_of_200_idle_sessions_is_told_and_a_deaf_peer_holds_nobody_up() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut server = Replyd::serve("[server]\ndrain_timeout = 5s\n");
        let deaf = idle_clients(&server, 1);
        let clients = idle_clients(&server, 200);
        server.program.signal(signal);
        for mut client in clients {
            assert_eq!(client.close_code(), Some(1001));
        }
        assert_eq!(server.program.exit_code(), Some(0));
        drop(deaf);
        let log = server.log().all();
        assert_eq!(log.matches("Connection ended ... the server is stopping").count(), 201, "{log}");
        assert!(log.trim_end().ends_with("Stopped"), "{log}");
    }
}

/// What comes behind the server's last word is answered by the system with a reset, which destroys what is unread.
#[test]
fn a_client_that_still_talks_gets_its_answers_and_its_close() {
    let server = Replyd::serve("[server]\nmessages_per_second = 0\n");
    let mut client = Raw::open(server.address);
    let question = crate::support::raw::frame(0x81, b"help");
    client.send(&question.repeat(200));
    assert_eq!(client.text(), GREETING);
    server.program.signal(Signal::SIGTERM);
    server.log().wait_for("Connection ended ... the server is stopping");
    // It reads late, and says more meanwhile.
    for _ in 0..20 {
        client.send(&question);
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    let mut answers = 0;
    loop {
        let frame = client.frame().expect("a Close, not the end");
        if frame.first_byte == 0x80 | Opcode::Close as u8 {
            assert_eq!(frame.payload[..2], 1001u16.to_be_bytes());
            break;
        }
        answers += 1;
    }
    assert!(answers <= 200);
}

#[test]
fn a_peer_that_asks_and_never_reads_is_cut_in_the_end() {
    let mut server = Replyd::serve("[server]\ndrain_timeout = 300ms\nmessages_per_second = 0\n");
    let deaf = Raw::open(server.address);
    // Until neither side takes more: the server is stuck in its answer.
    deaf.flood(&crate::support::raw::frame(0x81, b"help").repeat(1000), usize::MAX);
    server.program.signal(Signal::SIGTERM);
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn whoever_is_in_the_middle_of_a_request_is_told() {
    let mut server = Replyd::serve("[log]\nlevel = debug\n");
    let mut client = Raw::connect(server.address);
    client.send(b"GET / HTTP/1.1\r\n");
    server.log().wait_for("Connection accepted ...");
    server.program.signal(Signal::SIGTERM);
    assert_eq!(client.answer().status, 503);
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn a_handler_that_is_stuck_is_left_behind() {
    let (stuck, is_stuck) = mpsc::channel();
    let (_hold, held) = crossbeam_channel::bounded::<()>(0);
    let mut config = replyd::Config::default();
    config.drain_timeout = std::time::Duration::from_millis(200);
    let server = serve_with(config, move |session| {
        session.next()?;
        stuck.send(())?;
        Ok(held.recv()?)
    });
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Text, b"be stuck");
    is_stuck.recv_timeout(DEADLINE).unwrap();
    server.stop();
    assert_eq!(client.close_code(), None);
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Replyd::serve("[server]\ndrain_delay = 1h\n");
    let mut client = Raw::open(server.address);
    server.program.signal(Signal::SIGTERM);
    server.log().wait_for("Stopping");
    // Sessions go on, newcomers are told.
    client.say(Opcode::Text, b"hello");
    assert_eq!([client.text(), client.text()], [GREETING, GREETING]);
    crate::support::wait_until("newcomers get a 503", || {
        Raw::connect(server.address).ask(&upgrade("/", "")).status == 503
    });
    server.program.signal(Signal::SIGINT);
    assert_eq!(server.program.exit_code(), Some(130));
}

#[test]
fn idle_sessions_are_not_woken_to_look_whether_to_stop() {
    let server = Replyd::serve("[server]\nping_interval = 1s\n");
    let mut clients = idle_clients(&server, 20);
    let before = wakes(&server);
    for client in &mut clients {
        assert_eq!(client.frame().unwrap().first_byte, 0x80 | Opcode::Ping as u8);
    }
    let after = wakes(&server);
    assert_eq!(before.len(), 20);
    // A second has passed, and each was woken for its ping alone.
    for (before, after) in before.iter().zip(&after) {
        assert!(after - before <= 3, "{before} -> {after}");
    }
}

/// How often each client's thread gave up the processor to wait.
fn wakes(server: &Replyd) -> Vec<u64> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.program.id())).unwrap();
    let mut counts = Vec::new();
    for task in tasks {
        let folder = task.unwrap().path();
        if fs::read_to_string(folder.join("comm")).unwrap().starts_with("client ") {
            let status = fs::read_to_string(folder.join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            counts.push((folder, line.unwrap().trim().parse().unwrap()));
        }
    }
    counts.sort();
    counts.into_iter().map(|(_, count)| count).collect()
}
