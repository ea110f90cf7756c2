//! A log that nobody reads, or that cannot be written, holds nobody up.

use std::{
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
};

use nix::sys::signal::{Signal, kill};

use crate::support::{GREETING, HELP, Opcode, Output, Raw, Replyd, replyd, wait_until};

/// Asks `count` questions and reads the answers.
#[track_caller]
fn talk(address: SocketAddr, count: usize) {
    let mut client = Raw::open(address);
    assert_eq!(client.text(), GREETING);
    for _ in 0..count {
        client.say(Opcode::Text, b"help");
        assert_eq!(client.text(), HELP);
    }
    client.say(Opcode::Close, &1000u16.to_be_bytes());
    assert_eq!(client.close_code(), Some(1000));
}

/// The port of a process whose log cannot be read: its listening socket, by way of /proc.
#[track_caller]
fn listening_address(process: u32) -> SocketAddr {
    let find = || {
        let fds = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
        let links: Vec<_> = fds.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()).collect();
        let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).ok()?;
        table.lines().find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // 0A is LISTEN; the tenth column is the socket's inode.
            let ours = links.iter().any(|link| link.to_str() == Some(&format!("socket:[{}]", columns[9])));
            let port = columns[1].split(':').nth(1)?;
            (columns[3] == "0A" && ours).then(|| u16::from_str_radix(port, 16).unwrap())
        })
    };
    wait_until("it listens", || find().is_some());
    SocketAddr::from(([127, 0, 0, 1], find().unwrap()))
}

fn server() -> (tempfile::TempDir, Command) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.ini"), "[server]\nmessages_per_second = 0\n").unwrap();
    let mut command = replyd(folder.path());
    command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::null());
    (folder, command)
}

#[test]
fn a_full_disk() {
    let (_folder, mut command) = server();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = command.stderr(full).spawn().unwrap();
    let address = listening_address(child.id());
    talk(address, 100);
    kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_pipe_that_nobody_reads_and_then_somebody_does() {
    let (_folder, mut command) = server();
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let address = listening_address(child.id());
    // More than the pipe and the channel hold.
    talk(address, 12_000);
    let log = Output::of(child.stderr.take().unwrap());
    log.wait_for(" log lines were lost");
    kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(log.all().trim_end().ends_with("Stopped"));
}

#[test]
fn a_pipe_that_nobody_ever_reads_does_not_hold_the_end_up() {
    let (_folder, mut command) = server();
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let address = listening_address(child.id());
    talk(address, 12_000);
    kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    wait_until("it ends", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn at_a_normal_end_nothing_is_lost() {
    let server = Replyd::serve("[server]\nmessages_per_second = 0\n");
    talk(server.address, 2_000);
    let log = server.stop();
    assert_eq!(log.matches("CLIENT >> help").count(), 2_000);
    assert_eq!(log.matches("SERVER >> ").count(), 2_001);
    assert!(!log.contains("lines were lost"));
    assert!(log.trim_end().ends_with("Stopped"));
}

#[test]
fn what_a_peer_sends_stays_one_line() {
    let server = Replyd::serve("");
    let mut client = Raw::open(server.address);
    let long = "x".repeat(300);
    for message in ["one\ntwo\r\x1b[31m\u{202e}", &long] {
        client.say(Opcode::Text, message.as_bytes());
    }
    server.log().wait_for("CLIENT >> one\\ntwo\\r\\u{1b}[31m\\u{202e} [#1 ");
    server.log().wait_for(&format!("CLIENT >> {} ... [#1 ", "x".repeat(200)));
}

#[test]
fn the_transcript_can_be_switched_off() {
    let server = Replyd::serve("[log]\ntranscript = no\n");
    talk(server.address, 1);
    server.log().wait_for("Connection closed by client ...");
    let log = server.stop();
    assert!(!log.contains(">>"), "{log}");
}

#[test]
fn a_wish_for_one_module_does_not_open_the_others() {
    let (folder, mut command) = server();
    fs::write(folder.path().join("config.ini"), "[log]\nlevel = warn\n").unwrap();
    let mut child = command.env("RUST_LOG", "elsewhere=debug").stderr(Stdio::piped()).spawn().unwrap();
    let log = Output::of(child.stderr.take().unwrap());
    talk(listening_address(child.id()), 1);
    kill(nix::unistd::Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(log.all(), "");
}
