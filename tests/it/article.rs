//! The article's conversation, line by line, on both sides.

use std::num::NonZero;

use crate::support::{Program, Replyd, replyd};

/// The lines of a log without time, level, and the client's number and address, and without that of the page, which the
/// article does not have.
fn bare(log: &str) -> Vec<String> {
    let bare = |line: &str| {
        let text = line.split_once("INFO  ").map_or(line, |(_, text)| text);
        text.rsplit_once(" [").map_or(text, |(text, _)| text).to_owned()
    };
    log.lines().filter(|line| !line.contains("Chat page: ")).map(bare).collect()
}

const SERVER_SIDE: [&str; 9] = [
    "Waiting for clients ...",
    "Incoming connection from client ...",
    "Connection established with client ...",
    "SERVER >> Hi, how can I help you today?",
    "CLIENT >> hello",
    "SERVER >> Hi, how can I help you today?",
    "CLIENT >> i need help",
    "SERVER >> Sure, I am here to help. Can you briefly describe the problem.",
    "Connection closed by client ...",
];

#[test]
fn on_a_terminal() {
    let server = Replyd::serve("");
    let mut client = Program::on_terminal(replyd(server.folder.path()).args(["chat", &server.url()]));
    for (wait, answer) in
        [("hello", "Hi, how can I help you today?"), ("i need help", "Sure, I am here to help.")]
    {
        client.stdout.wait_for("Client >> ");
        client.type_in(&format!("{wait}\r"));
        client.stdout.wait_for(&format!("SERVER >> {answer}"));
    }
    client.stdout.wait_for("Client >> ");
    client.type_in("exit\r");
    assert_eq!(client.exit_code(), Some(0));
    assert_eq!(
        lines_on_screen(&client.stdout.all()),
        [
            "Connecting to server ...",
            "Connected to server ...",
            "SERVER >> Hi, how can I help you today?",
            "Client >> hello",
            "SERVER >> Hi, how can I help you today?",
            "Client >> i need help",
            "SERVER >> Sure, I am here to help. Can you briefly describe the problem.",
            "Client >> exit",
            "Disconnected from server ...",
        ]
    );
    server.log().wait_for("Connection closed by client ...");
    assert_eq!(bare(&server.stop())[1..10], SERVER_SIDE);
}

/// What a person sees.
fn lines_on_screen(output: &str) -> Vec<String> {
    let [rows, columns] = [24, 100].map(|size| NonZero::new(size).unwrap());
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    terminal.process(output.as_bytes());
    terminal.screen().contents().lines().map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn piped() {
    let server = Replyd::serve("");
    let mut client = Program::piped(replyd(server.folder.path()).args(["chat", &server.url()]));
    client.type_in("hello\ni need help\nexit\nnever sent\n");
    assert_eq!(client.exit_code(), Some(0));
    assert_eq!(
        client.stdout.all(),
        "Hi, how can I help you today?\nSure, I am here to help. Can you briefly describe the problem.\n"
    );
    assert_eq!(
        client.stderr.all(),
        "Connecting to server ...\nConnected to server ...\nSERVER >> Hi, how can I help you today?\n\
         Disconnected from server ...\n"
    );
    server.log().wait_for("Connection closed by client ...");
    assert_eq!(bare(&server.stop())[1..10], SERVER_SIDE);
}

#[test]
fn without_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Program::piped(replyd(folder.path()).env("REPLYD_LISTEN", "127.0.0.1:0"));
    server.stderr.wait_for("using the built-in replies");
    server.stderr.wait_for("Waiting for clients ...");
}
