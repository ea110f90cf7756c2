//! Which requests are upgraded, and what the others are told.

use crate::support::{
    GREETING, Opcode, Raw,
    raw::{KEY, frame, upgrade},
    serve,
};

#[track_caller]
fn check(head: &str, status: u16, words: &str) {
    let server = serve("");
    let answer = Raw::connect(server.local_addr()).ask(head);
    assert_eq!(answer.status, status, "{head:?}: {answer:?}");
    if status != 101 && !head.starts_with("HEAD") {
        assert!(answer.body.contains(words), "{head:?}: {answer:?}");
        assert_eq!(answer.header("content-length"), [answer.body.len().to_string()], "{answer:?}");
    }
}

/// A right upgrade, changed.
fn changed(from: &str, to: &str) -> String {
    let head = upgrade("/", "");
    assert!(head.contains(from), "{head:?}");
    head.replacen(from, to, 1)
}

#[test]
fn what_an_upgrade_needs() {
    check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "Upgrade: websocket");
    check(&changed("Upgrade: websocket\r\n", ""), 400, "Upgrade: websocket");
    check(&changed("Upgrade: websocket", "Upgrade: h2c"), 400, "Upgrade: websocket");
    check(&changed("Connection: Upgrade\r\n", ""), 400, "Connection: Upgrade");
    check(&changed(&format!("Sec-WebSocket-Key: {KEY}\r\n"), ""), 400, "Sec-WebSocket-Key");
    check(&changed(KEY, ""), 400, "16 bytes in base64");
    check(&changed(KEY, "c2hvcnQ="), 400, "16 bytes in base64");
    check(&changed(KEY, "not base64 at all, is it"), 400, "16 bytes in base64");
    check(&upgrade("/", &format!("Sec-WebSocket-Key: {KEY}\r\n")), 400, "one Sec-WebSocket-Key");
    check(&changed("Version: 13", "Version: 8"), 426, "version 13");
    check(&changed("GET", "POST"), 405, "GET");
    check(&changed("HTTP/1.1", "HTTP/1.0"), 400, "HTTP/1.1");
    check("hello\r\n\r\n", 400, "not an HTTP/1.1 request");
    check(&changed("GET", "HEAD"), 400, "");
}

#[test]
fn a_right_upgrade() {
    let server = serve("");
    let mut client = Raw::connect(server.local_addr());
    let answer = client.ask(&upgrade("/any?thing", ""));
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("upgrade"), ["websocket"]);
    assert_eq!(answer.header("connection"), ["Upgrade"]);
    // From RFC 6455, section 1.3.
    assert_eq!(answer.header("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    assert_eq!(answer.header("sec-websocket-protocol"), [""; 0]);
    assert_eq!(client.text(), GREETING);
}

#[test]
fn one_of_the_offered_subprotocols() {
    let server = serve("");
    for (offered, chosen) in [
        ("Sec-WebSocket-Protocol: chat, superchat\r\n", "chat"),
        ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n", "chat"),
    ] {
        let answer = Raw::connect(server.local_addr()).ask(&upgrade("/", offered));
        assert_eq!(answer.header("sec-websocket-protocol"), [chosen], "{offered:?}");
    }
}

#[test]
fn a_head_in_single_bytes_and_frames_right_behind_it() {
    let server = serve("");
    let mut client = Raw::connect(server.local_addr());
    let mut bytes = upgrade("/", "").into_bytes();
    bytes.extend(frame(0x80 | Opcode::Text as u8, b"hello"));
    for byte in &bytes {
        client.send(&[*byte]);
    }
    assert_eq!(client.answer().status, 101);
    assert_eq!([client.text(), client.text()], [GREETING, GREETING]);

    let mut client = Raw::connect(server.local_addr());
    client.send(&bytes);
    assert_eq!(client.answer().status, 101);
    assert_eq!([client.text(), client.text()], [GREETING, GREETING]);
}

#[test]
fn a_head_that_never_ends_is_answered() {
    let server = serve("[server]\nhandshake_timeout = 100ms\n");
    let answer = Raw::connect(server.local_addr()).ask("GET / HTTP/1.1\r\nHost: a\r\n");
    assert_eq!(answer.status, 408, "{answer:?}");
    let server = serve("");
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(17 * 1024));
    assert_eq!(Raw::connect(server.local_addr()).ask(&long).status, 431);
}

#[test]
fn a_full_house_says_so_and_empties() {
    let server = serve("[server]\nmax_clients = 1\n");
    let first = Raw::open(server.local_addr());
    let answer = Raw::connect(server.local_addr()).ask(&upgrade("/", ""));
    assert_eq!((answer.status, answer.header("retry-after").len()), (503, 1), "{answer:?}");
    drop(first);
    crate::support::wait_until("the seat is free", || server.clients() == 0);
    Raw::open(server.local_addr());
}
