//! What the chat page is told besides the messages of a handler, and nobody else.

use std::sync::{Mutex, mpsc};

use replyd::{Event, Grant, HandlerResult, RunningServer, Server, Session};

use crate::support::{DEADLINE, Opcode, Raw, raw::upgrade};

const TEXT: u8 = 0x80 | Opcode::Text as u8;
const BINARY: u8 = 0x80 | Opcode::Binary as u8;

/// The bytes of frames as they come, each as its first byte and its payload.
#[track_caller]
fn check(client: &mut Raw, expected: &[(u8, &str)]) {
    for (first_byte, payload) in expected {
        let frame = client.frame().expect("a frame, not the end");
        let payload = payload.as_bytes();
        assert_eq!((frame.first_byte, &*frame.payload), (*first_byte, payload), "{expected:?}");
    }
}

#[track_caller]
fn open(server: &RunningServer, offered: &str, chosen: &[&str]) -> Raw {
    let mut client = Raw::connect(server.local_addr());
    let answer = client.ask(&upgrade("/chat", &format!("{offered}\r\n")));
    assert_eq!(
        (answer.status, answer.header("sec-websocket-protocol")),
        (101, chosen.iter().map(|name| (*name).into()).collect())
    );
    client
}

fn offer(names: &str) -> String {
    format!("Sec-WebSocket-Protocol: {names}")
}

fn echo(session: &mut Session) -> HandlerResult {
    session.send("Hi!")?;
    while let Some(event) = session.next()? {
        match event {
            Event::Text(text) => session.send(text)?,
            Event::Binary(bytes) => session.send_binary(bytes)?,
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn the_page_is_told_what_arrives() {
    let (work, done) = mpsc::channel::<()>();
    let done = Mutex::new(done);
    let server = Server::bind("127.0.0.1:0").unwrap().start(move |session| {
        session.send("Hi!")?;
        while let Some(event) = session.next()? {
            let Event::Text(text) = event else { continue };
            done.lock().unwrap().recv_timeout(DEADLINE)?;
            session.send(text)?;
        }
        Ok(())
    });
    let server = server.unwrap();
    let mut client = open(&server, &offer("replyd.page, replyd"), &["replyd.page"]);
    check(&mut client, &[(TEXT, "Hi!"), (BINARY, "1")]);
    client.say(Opcode::Text, b"one");
    client.say(Opcode::Text, b"two");
    // Before the handler has worked on it. The second one is not with it yet.
    check(&mut client, &[(BINARY, "")]);
    work.send(()).unwrap();
    check(&mut client, &[(TEXT, "one"), (BINARY, "1"), (BINARY, "")]);
    work.send(()).unwrap();
    check(&mut client, &[(TEXT, "two"), (BINARY, "1")]);
    // A question about the connection is no message; the handler never sees it.
    client.say(Opcode::Binary, b"");
    check(&mut client, &[(BINARY, "1")]);
    let counts = server.counts();
    assert_eq!((counts.messages_received, counts.messages_sent), (2, 3));
}

#[test]
fn others_are_told_nothing() {
    let server = Server::bind("127.0.0.1:0").unwrap().start(echo).unwrap();
    for (offered, chosen) in [
        ("X-Nothing: 1".into(), vec![]),
        (offer("replyd"), vec!["replyd"]),
        (offer("replyd, replyd.page"), vec!["replyd"]),
        (offer("replyd.pages"), vec!["replyd.pages"]),
    ] {
        let mut client = open(&server, &offered, &chosen);
        check(&mut client, &[(TEXT, "Hi!")]);
        for text in ["one", "two", "three"] {
            client.say(Opcode::Text, text.as_bytes());
            check(&mut client, &[(TEXT, text)]);
        }
        // An empty binary message is the handler's, as any other is.
        client.say(Opcode::Binary, b"");
        check(&mut client, &[(BINARY, "")]);
        client.say(Opcode::Binary, b"1");
        check(&mut client, &[(BINARY, "1")]);
    }
}

#[test]
fn a_program_may_choose_another_subprotocol_for_the_page() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let server = server.admit(|_| Ok(Grant::default().with_subprotocol("replyd"))).start(echo).unwrap();
    let mut client = open(&server, &offer("replyd.page, replyd"), &["replyd"]);
    check(&mut client, &[(TEXT, "Hi!")]);
    client.say(Opcode::Text, b"one");
    check(&mut client, &[(TEXT, "one")]);
}
