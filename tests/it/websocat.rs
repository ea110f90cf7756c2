//! The stock websocat: the lines that the README shows for it, as it shows them, and other ways to call it.

use std::{os::unix::fs::PermissionsExt, process::Command};

use nix::sys::signal::Signal;
use replyd::{Event, Server};

use crate::support::{GREETING, HELP, Program, Replyd, tool};

const INSTALL: &str = "cargo install websocat --version 1.14.0 --no-default-features --root target/tools";

/// websocat, or the end of the test.
macro_rules! websocat {
    () => {
        match tool("websocat", INSTALL) {
            Some(file) => move || Command::new(&file),
            None => return,
        }
    };
}

/// Pipes `input` in and returns what came, with the exit code.
#[track_caller]
fn pipe(command: &mut Command, input: &str) -> (String, Option<i32>) {
    let mut client = Program::piped(command);
    client.type_in(input);
    client.close_input();
    let code = client.exit_code();
    (client.stdout.all(), code)
}

#[test]
fn piped() {
    let websocat = websocat!();
    let server = Replyd::serve("");
    let (answers, code) = pipe(websocat().arg(server.url()), "hello\ni need help\n");
    assert_eq!(answers, format!("{GREETING}\n{GREETING}\n{HELP}\n"));
    assert_eq!(code, Some(0));
    // The line break at the end is not part of the message.
    server.log().wait_for("CLIENT >> hello [#1 ");
    server.log().wait_for("Connection closed by client ...");
}

#[test]
fn a_long_reply_is_one_message() {
    let websocat = websocat!();
    let long = "\u{6642}".repeat(64 * 1024 / 3);
    let server = Replyd::serve(&format!("[replies]\nlong = {long}\n"));
    let (answers, code) = pipe(websocat().args(["-B", "2000000", &server.url()]), "long\n");
    assert!(answers == format!("{GREETING}\n{long}\n"), "{} bytes", answers.len());
    assert_eq!(code, Some(0));
}

#[test]
fn as_binary_frames() {
    let websocat = websocat!();
    let server = Replyd::serve("");
    let (answers, code) = pipe(websocat().args(["-b", &server.url()]), "help\n");
    assert_eq!(answers, format!("{GREETING}{HELP}"));
    assert_eq!(code, Some(0));
}

#[test]
fn by_name() {
    let websocat = websocat!();
    let server = Replyd::serve("");
    let url = format!("ws://localhost:{}", server.address.port());
    assert_eq!(pipe(websocat().arg(url), "help\n"), (format!("{GREETING}\n{HELP}\n"), Some(0)));
}

#[test]
fn interactively() {
    let websocat = websocat!();
    let mut server = Replyd::serve("");
    let mut client = Program::on_terminal(websocat().args(["-E", &server.url()]));
    client.stdout.wait_for(GREETING);
    for (message, answer) in [("hello", GREETING), ("i need help", HELP)] {
        client.type_in(&format!("{message}\n"));
        client.stdout.wait_for(message);
        client.stdout.wait_for(answer);
    }
    // -E: it leaves when the server does, though its input is open.
    server.program.signal(Signal::SIGTERM);
    assert_eq!(client.exit_code(), Some(0));
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn with_pings() {
    let websocat = websocat!();
    let server = Server::bind("127.0.0.1:0").unwrap().start(|session| {
        let mut pings = 0;
        while let Some(event) = session.next()? {
            if let Event::Ping(_) = event {
                pings += 1;
                session.send(format!("ping {pings}"))?;
            }
        }
        Ok(())
    });
    let url = format!("ws://{}", server.as_ref().unwrap().local_addr());
    let pings = ["-E", "--ping-interval", "1", "--ping-timeout", "2", &url];
    let client = Program::on_terminal(websocat().args(pings));
    // It leaves when a pong does not come within two seconds, and the third ping is later than that.
    client.stdout.wait_for("ping 3");
}

#[test]
fn with_a_key() {
    let websocat = websocat!();
    const KEY: &str = "0123456789abcdef";
    let server = Replyd::serve_with(&format!("[key shop]\nsecret = {KEY}\n"), |command| {
        let file = command.get_current_dir().unwrap().join("config.ini");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    });
    let url = server.url();
    let right = [
        vec![url.clone(), "-H".into(), format!("X-WS-AUTH-KEY: {KEY}")],
        vec![format!("-H=X-WS-AUTH-KEY: {KEY}"), url.clone()],
        vec![url.clone(), "-H".into(), format!("Authorization: Bearer {KEY}")],
        vec![format!("{url}?accessToken={KEY}")],
        vec![format!("{url}/?accessToken={KEY}")],
    ];
    for arguments in right {
        let answered = pipe(websocat().args(&arguments), "help\n");
        assert_eq!(answered, (format!("{GREETING}\n{HELP}\n"), Some(0)), "{arguments:?}");
    }
    for arguments in [vec![url.clone()], vec![format!("{url}?accessToken=wrong")]] {
        assert_eq!(pipe(websocat().args(&arguments), "help\n"), (String::new(), Some(1)), "{arguments:?}");
    }
}
