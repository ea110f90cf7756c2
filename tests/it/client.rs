//! The client of the library: waiting with a deadline, several senders, and what it offers and is answered.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use replyd::{Client, ClientOptions, ClientReceiver, Config, ErrorKind, Event};
use tungstenite::handshake::derive_accept_key;

use crate::support::{DEADLINE, GREETING, HELP, serve, serve_with, without_waiting};

#[test]
fn a_conversation_goes_on_after_a_timeout() {
    let server = serve("");
    let mut client = Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    let deadline = Instant::now() + DEADLINE;
    assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Text(GREETING.into())));
    for _ in 0..3 {
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(client.next_by(soon).unwrap(), Some(Event::Timeout));
        assert!(Instant::now() >= soon);
        client.send("help").unwrap();
        assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Text(HELP.into())));
    }
    let (sender, mut receiver) = client.split();
    assert_eq!(receiver.next_by(Instant::now()).unwrap(), Some(Event::Timeout));
    let stopping = thread::spawn(move || server.stop());
    assert!(matches!(receiver.next_by(deadline).unwrap(), Some(Event::Close(Some((1001, _))))));
    assert_eq!(receiver.next_by(deadline).unwrap(), None);
    drop((sender, receiver));
    stopping.join().unwrap();
}

#[cfg(unix)]
#[test]
fn another_thread_wakes_a_client() {
    let server = serve("");
    let mut client = Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    let deadline = Instant::now() + DEADLINE;
    assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Text(GREETING.into())));
    let waker = client.waker().unwrap();
    // Before the wait, once for any number of calls; during it; and by being dropped, wherever the client is waited for.
    (0..3).for_each(|_| waker.wake());
    assert_eq!(client.next().unwrap(), Some(Event::Woken));
    assert_eq!(client.next_by(Instant::now()).unwrap(), Some(Event::Timeout));
    let (mut sender, mut receiver) = client.split();
    let (seen, events) = std::sync::mpsc::channel();
    let waiting = thread::spawn(move || {
        while let Some(event) = receiver.next().unwrap() {
            seen.send(event).unwrap();
        }
    });
    waker.wake();
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Woken);
    sender.send("help").unwrap();
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Text(HELP.into()));
    drop(waker);
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Woken);
    sender.close().unwrap();
    assert!(matches!(events.recv_timeout(DEADLINE).unwrap(), Event::Close(Some((1000, _)))));
    waiting.join().unwrap();
}

#[cfg(unix)]
#[test]
fn a_client_that_is_woken_without_end_still_hears_its_server_and_its_deadlines() {
    let server = serve("");
    let mut client = Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    let waker = client.waker().unwrap();
    client.send("help").unwrap();
    let mut seen = Vec::new();
    let (began, soon) = (Instant::now(), Instant::now() + Duration::from_millis(50));
    while !(seen.contains(&Event::Timeout) && seen.contains(&Event::Text(HELP.into()))) {
        waker.wake();
        match client.next_by(soon).unwrap().expect("an event, not the end") {
            Event::Woken => assert!(began.elapsed() < DEADLINE, "{seen:?}"),
            event => seen.push(event),
        }
    }
    // A Close is waited for no longer either.
    let closing = Instant::now();
    client.close().unwrap();
    assert!(closing.elapsed() < DEADLINE);
}

#[cfg(unix)]
#[test]
fn a_deadline_that_has_passed_costs_no_wait() {
    let server = serve("");
    let mut client = Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    assert_eq!(client.next().unwrap(), Some(Event::Text(GREETING.into())));
    let _waker = client.waker().unwrap();
    let began = Instant::now();
    // The shortest time for which a read can wait is a millisecond, or four.
    without_waiting("for a deadline", Duration::from_millis(20), || {
        for _ in 0..2000 {
            assert_eq!(client.next_by(began).unwrap(), Some(Event::Timeout));
        }
    });
}

/// RFC 6455, section 5.5.1: after the answer to the server's Close nothing may be sent, from the other half either.
#[test]
fn nothing_follows_the_answer_to_the_servers_close() {
    let server = serve_with(Config::default(), |session| Ok(session.close(4000, "enough")?));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // In between, to see what the client sends.
    let (upstream, between) = (server.local_addr(), listener.local_addr().unwrap());
    let forwarding = thread::spawn(move || {
        let mut to_client = listener.accept().unwrap().0;
        let mut to_server = std::net::TcpStream::connect(upstream).unwrap();
        let mut back = (to_server.try_clone().unwrap(), to_client.try_clone().unwrap());
        let copying = thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
        let mut sent = Vec::new();
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = to_client.read(&mut buffer) {
            sent.extend_from_slice(&buffer[..count]);
            let _ = to_server.write_all(&buffer[..count]);
        }
        let _ = copying.join().unwrap();
        sent
    });
    let (mut sender, mut receiver) = Client::connect(&between.to_string()).unwrap().split();
    assert!(matches!(close_of(&mut receiver), Event::Close(Some((4000, _)))));
    let mut other = sender.clone();
    for sender in [&mut sender, &mut other] {
        assert_eq!(sender.send("too late").unwrap_err().to_string(), "the connection is closed");
        assert_eq!(sender.ping("too late").unwrap_err().to_string(), "the connection is closed");
        assert_eq!(sender.close().unwrap_err().to_string(), "the connection is closed");
    }
    drop((sender, other, receiver));
    let sent = forwarding.join().unwrap();
    let head = sent.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    // One frame: a Close with a mask, a code and a reason.
    assert_eq!((sent[head], sent.len() - head), (0x88, 2 + 4 + 2 + "enough".len()), "{:?}", &sent[head..]);
}

#[test]
fn a_broken_connection_is_described_as_one_each_time() {
    let server = serve("");
    let (mut sender, _receiver) = Client::connect(&server.local_addr().to_string()).unwrap().split();
    server.stop_within(Duration::ZERO);
    let deadline = Instant::now() + DEADLINE;
    let first = loop {
        match sender.send("x".repeat(10_000)) {
            Err(error) => break error.to_string(),
            Ok(()) => assert!(Instant::now() < deadline, "it never notices"),
        }
    };
    assert!(first.starts_with("the server is gone ("), "{first}");
    assert_eq!(sender.send("again").unwrap_err().to_string(), first);
}

/// Waits for the server's Close after ours, whatever comes before.
#[track_caller]
fn close_of(receiver: &mut ClientReceiver) -> Event {
    loop {
        let event = receiver.next_by(Instant::now() + DEADLINE).unwrap().expect("a Close, not the end");
        match event {
            Event::Close(_) => return event,
            Event::Timeout => panic!("nothing arrives"),
            _ => {}
        }
    }
}

#[test]
fn a_close_has_its_code_and_as_much_of_its_reason_as_fits() {
    let (closed, closes) = crossbeam_channel::unbounded();
    let server = serve_with(Config::default(), move |session| {
        while let Some(event) = session.next()? {
            if let Event::Close(_) = event {
                closed.send(event)?;
            }
        }
        Ok(())
    });
    let connect = || Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    let reason = "é".repeat(100);
    let expected = |code: u16, reason: &str| Event::Close(Some((code, reason.into())));

    let (mut sender, mut receiver) = connect().split();
    assert!(sender.close_with(1005, "").is_err());
    // It has sent nothing, so the conversation continues.
    sender.send("still here").unwrap();
    sender.close_with(4321, &reason).unwrap();
    assert_eq!(closes.recv_timeout(DEADLINE).unwrap(), expected(4321, &reason[..122]));
    assert!(matches!(close_of(&mut receiver), Event::Close(Some((4321, _)))));
    assert_eq!(sender.send("too late").unwrap_err().to_string(), "the connection is closed");

    connect().close_with(1001, "bye").unwrap();
    assert_eq!(closes.recv_timeout(DEADLINE).unwrap(), expected(1001, "bye"));
    connect().close().unwrap();
    assert_eq!(closes.recv_timeout(DEADLINE).unwrap(), expected(1000, ""));
    assert!(connect().close_with(1006, "").is_err());
}

/// Messages that one sender sends: each is one letter, its own, repeated.
const MESSAGES: usize = 20;
/// Shorter than what one write gathers, about as long, and longer than the buffers of the sockets.
const LENGTHS: [usize; 4] = [3, 16 * 1024 - 8, 16 * 1024, 3_000_000];

#[test]
fn messages_of_several_senders_do_not_mix() {
    let mut config = Config::default();
    config.max_message_bytes = 4_000_000;
    config.messages_per_second = 0;
    let server = serve_with(config, |session| {
        let mut received = std::collections::BTreeMap::new();
        while let Some(event) = session.next()? {
            let bytes = match event {
                Event::Text(text) => text.into(),
                Event::Binary(bytes) => bytes,
                _ => continue,
            };
            // Each pong of the client comes between messages of the senders.
            session.ping("a ping")?;
            assert!(bytes.iter().all(|byte| *byte == bytes[0]), "a message of several senders");
            let lengths: &mut Vec<usize> = received.entry(bytes[0]).or_default();
            lengths.push(bytes.len());
            if received.values().map(Vec::len).sum::<usize>() == 4 * MESSAGES {
                break;
            }
        }
        let expected: Vec<usize> = LENGTHS.into_iter().cycle().take(MESSAGES).collect();
        let are_all_there = received.len() == 4 && received.values().all(|lengths| *lengths == expected);
        Ok(session.send(if are_all_there { "all" } else { "not all" })?)
    });
    let (sender, mut receiver) = Client::connect(&format!("ws://{}", server.local_addr())).unwrap().split();
    let senders: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .map(|letter| {
            let mut sender = sender.clone();
            thread::spawn(move || {
                for (length, is_text) in
                    LENGTHS.into_iter().cycle().zip([true, false, false].into_iter().cycle()).take(MESSAGES)
                {
                    if is_text {
                        sender.send(letter.repeat(length)).unwrap();
                    } else {
                        sender.send_binary(letter.repeat(length)).unwrap();
                    }
                }
            })
        })
        .collect();
    let mut pings = 0;
    let answer = loop {
        match receiver.next().unwrap().expect("an answer") {
            Event::Text(text) => break text,
            Event::Ping(_) => pings += 1,
            _ => {}
        }
    };
    assert_eq!((answer.as_str(), pings), ("all", 4 * MESSAGES));
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn no_clone_sends_after_the_close_of_another() {
    let server = serve("");
    let (mut sender, mut receiver) =
        Client::connect(&format!("ws://{}", server.local_addr())).unwrap().split();
    let mut other = sender.clone();
    other.send("help").unwrap();
    sender.close().unwrap();
    assert_eq!(other.send("help").unwrap_err().to_string(), "the connection is closed");
    assert!(other.close().is_err());
    assert_eq!(receiver.next().unwrap(), Some(Event::Text(GREETING.into())));
    assert_eq!(receiver.next().unwrap(), Some(Event::Text(HELP.into())));
    assert!(matches!(close_of(&mut receiver), Event::Close(Some((1000, _)))));
}

/// A server that accepts one client with these additional header lines, and the lines of the client's request.
fn answer_with(more: &[u8]) -> (String, crossbeam_channel::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, asks) = crossbeam_channel::bounded(1);
    let more = more.to_vec();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let key = request.iter().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n",
            derive_accept_key(key.as_bytes())
        );
        stream.write_all(&[head.as_bytes(), &more, b"\r\n"].concat()).unwrap();
        let _ = asked.send(request);
        // The connection stays open until the client closes it.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    (address, asks)
}

fn offering(subprotocols: &[&str]) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.subprotocols = subprotocols.iter().map(|&name| name.to_owned()).collect();
    options
}

#[test]
fn the_headers_of_the_answer() {
    let (address, _asks) = answer_with(b"X-A: one\r\nX-A: two\r\nX-B: \xc3\xa9\r\nX-C: \xff\r\nX-D:\r\n");
    let client = Client::connect(&address).unwrap();
    for (name, value) in [
        ("X-A", Some("one")),
        ("x-b", Some("é")),
        ("x-c", None),
        ("x-d", Some("")),
        ("x-e", None),
        ("not a name", None),
        ("", None),
        ("UPGRADE", Some("websocket")),
    ] {
        assert_eq!(client.header(name), value, "{name:?}");
    }
    assert_eq!(client.subprotocol(), None);
    assert!(!format!("{client:?}").contains("one"));
}

#[test]
fn the_server_chooses_one_of_the_subprotocols() {
    let (address, asks) = answer_with(b"Sec-WebSocket-Protocol: b\r\n");
    let client = Client::connect_with(&address, &offering(&["a", "b", "c"])).unwrap();
    assert_eq!(client.subprotocol(), Some("b"));
    let request = asks.recv_timeout(DEADLINE).unwrap();
    assert!(request.contains(&"Sec-WebSocket-Protocol: a, b, c".to_owned()), "{request:?}");
    let (address, asks) = answer_with(b"Sec-WebSocket-Protocol: b\r\n");
    Client::connect_with(&address, &offering(&["b", "a.B-1!#$%&'*+^_`|~", "B"])).unwrap();
    let request = asks.recv_timeout(DEADLINE).unwrap();
    let offer = "Sec-WebSocket-Protocol: b, a.B-1!#$%&'*+^_`|~, B";
    assert!(request.contains(&offer.to_owned()), "{request:?}");

    let server = serve("");
    let client =
        Client::connect_with(&server.local_addr().to_string(), &offering(&["chat.v2", "chat.v1"])).unwrap();
    assert_eq!(client.subprotocol(), Some("chat.v2"));

    for (chosen, expected) in [
        (&b""[..], "the server chose none of the offered subprotocols"),
        (b"Sec-WebSocket-Protocol: A\r\n", "the server chose a subprotocol that was not offered"),
    ] {
        let (address, _asks) = answer_with(chosen);
        let error = Client::connect_with(&address, &offering(&["a"])).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn only_a_subprotocol_with_a_key_makes_a_refusal_one_of_the_key() {
    let server = serve("[auth]\nrequire_key = yes\n");
    for (subprotocol, expected) in [
        ("chat", "the server requires a key (403)"),
        ("bearer.c2VjcmV0", "the server does not accept this key (403)"),
    ] {
        let error =
            Client::connect_with(&server.local_addr().to_string(), &offering(&[subprotocol])).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn subprotocols_that_cannot_be_offered_are_named_by_their_number() {
    for (subprotocols, expected) in [
        (&["a", ""][..], "subprotocol 2 is empty"),
        (&[" a"], "subprotocol 1 has the character ' ', which is not allowed in a token"),
        (&["a", "b,c"], "subprotocol 2 has the character ',', which is not allowed in a token"),
        (&["a\r\nb: c"], "subprotocol 1 has the character '\\r', which is not allowed in a token"),
        (&["é"], "subprotocol 1 has the character 'é', which is not allowed in a token"),
        (&["a", "b", "a"], "subprotocol 3 is the same as subprotocol 1"),
    ] {
        let error = Client::connect_with("ws://a.example/", &offering(subprotocols)).unwrap_err();
        assert_eq!(error.to_string(), expected, "{subprotocols:?}");
    }
    let mut options = ClientOptions::default();
    options.subprotocols.push("a".into());
    options.headers.push(("sec-websocket-protocol ".into(), "b".into()));
    let error = Client::connect_with("ws://a.example/", &options).unwrap_err().to_string();
    assert!(error.contains("among the headers as well"), "{error}");
}

#[test]
fn debug_shows_no_secret() {
    let mut options = offering(&["bearer.secret4"]);
    options.key = Some("secret 1".into());
    options.headers.push(("A".into(), "secret 2".into()));
    options.ca = Some(b"secret 3".to_vec());
    let shown = format!("{options:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("\"A\"") && shown.contains("10s"), "{shown}");
}

#[test]
fn connecting_has_the_time_limit_of_its_options() {
    // The system accepts the connection, but nobody answers the request.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let connect = |address: &str, timeout: Duration| {
        let mut options = ClientOptions::default();
        options.connect_timeout = timeout;
        Client::connect_with(address, &options)
    };
    for (timeout, shown) in [(Duration::from_millis(250), "0.25 s"), (Duration::from_millis(500), "0.5 s")] {
        let began = Instant::now();
        let error = connect(&silent, timeout).unwrap_err();
        assert!(began.elapsed() >= timeout);
        assert_eq!(
            error.to_string(),
            format!("the upgrade failed: the server did not answer within {shown}")
        );
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
    let server = serve("");
    for address in [server.local_addr().to_string(), format!("localhost:{}", server.local_addr().port())] {
        assert_eq!(connect(&address, Duration::ZERO).unwrap_err().kind(), ErrorKind::Timeout);
        let mut client = connect(&address, Duration::MAX).unwrap();
        assert_eq!(client.next().unwrap(), Some(Event::Text(GREETING.into())));
    }
}
