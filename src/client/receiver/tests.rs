use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use super::*;
use crate::client::Client;

/// No event that a test waits for takes longer, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// A client, and the server's end of its connection, through which a test sends frames.
fn connected() -> (Client, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let connecting = thread::spawn(move || Client::connect(&url).unwrap());
    let server = tungstenite::accept(listener.accept().unwrap().0).unwrap().into_inner();
    server.set_read_timeout(Some(DEADLINE)).unwrap();
    (connecting.join().unwrap(), server)
}

/// An unmasked frame, as a server sends it.
fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        length @ 0..126 => vec![length as u8],
        length @ 126..0x1_0000 => [&[126], &(length as u16).to_be_bytes()[..]].concat(),
        length => [&[127], &(length as u64).to_be_bytes()[..]].concat(),
    };
    [&[first_byte], &length[..], payload].concat()
}

const TEXT: u8 = 0x81;
const FRAGMENT: u8 = 0x01;
const MORE: u8 = 0x00;
const PING: u8 = 0x89;

/// Waits until this many bytes can be read without waiting.
#[track_caller]
fn wait_for(client: &Client, count: usize) {
    let tcp = &client.receiver.transport.tcp;
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut buffer = vec![0; count];
    let deadline = Instant::now() + DEADLINE;
    while tcp.peek(&mut buffer).unwrap() < count {
        assert!(Instant::now() < deadline, "{count} bytes have not arrived");
        thread::yield_now();
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(10)
}

#[track_caller]
fn expect_timeouts(client: &mut Client) {
    for deadline in [Instant::now(), soon()] {
        assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Timeout));
        assert!(Instant::now() >= deadline);
    }
}

#[test]
fn an_event_before_the_deadline_is_returned() {
    let (mut client, mut server) = connected();
    expect_timeouts(&mut client);
    server.write_all(&[frame(TEXT, b"one"), frame(PING, b"two")].concat()).unwrap();
    let deadline = Instant::now() + DEADLINE;
    assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Text("one".into())));
    assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Ping("two".into())));
    expect_timeouts(&mut client);
    drop(server);
    assert!(client.next_by(deadline).is_err());
    assert_eq!(client.next_by(deadline).unwrap(), None);
}

#[test]
fn a_deadline_that_has_passed_returns_what_was_received() {
    let (mut client, mut server) = connected();
    // More than one read returns.
    let long = "x".repeat(3 * 16 * 1024);
    let sent = [frame(TEXT, b"one"), frame(TEXT, b"two"), frame(TEXT, long.as_bytes())].concat();
    server.write_all(&sent).unwrap();
    wait_for(&client, sent.len());
    let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    for expected in ["one", "two", &long] {
        assert_eq!(client.next_by(past).unwrap(), Some(Event::Text(expected.into())));
    }
    assert_eq!(client.next_by(past).unwrap(), Some(Event::Timeout));
}

#[test]
fn a_message_that_trickles_in_does_not_delay_a_timeout() {
    let (mut client, mut server) = connected();
    let trickling = thread::spawn(move || {
        server.write_all(&frame(TEXT, &[b'x'; 0x1_0000])[..10]).unwrap();
        while server.write_all(b"x").is_ok() {
            thread::park_timeout(Duration::from_micros(100));
        }
    });
    let began = Instant::now();
    for _ in 0..3 {
        assert_eq!(client.next_by(began).unwrap(), Some(Event::Timeout));
    }
    assert!(began.elapsed() < MESSAGE_TIMEOUT / 3, "{:?}", began.elapsed());
    drop(client);
    trickling.join().unwrap();
}

#[test]
fn a_timeout_keeps_half_a_message_and_its_time_limit() {
    let (mut client, mut server) = connected();
    let sent = frame(TEXT, b"hello");
    for half in [&sent[..1], &sent[1..4]] {
        server.write_all(half).unwrap();
        wait_for(&client, half.len());
        expect_timeouts(&mut client);
    }
    let message_by = client.receiver.socket.get_ref().message_by.expect("a message has begun");
    expect_timeouts(&mut client);
    assert_eq!(client.receiver.socket.get_ref().message_by, Some(message_by));
    server.write_all(&sent[4..]).unwrap();
    assert_eq!(client.next().unwrap(), Some(Event::Text("hello".into())));
    assert_eq!(client.receiver.socket.get_ref().message_by, None);
}

#[test]
fn a_timeout_does_not_renew_the_bytes_of_a_message() {
    let (mut client, mut server) = connected();
    // Both halves together have fewer bytes of text than a message may have, but too many in all.
    let half = frame(MORE, &[b'x'; 100]).repeat(MAX_MESSAGE_BYTES / 2 / 101);
    let first = [frame(FRAGMENT, b""), half.clone()].concat();
    let (go_on, gone_on) = crossbeam_channel::bounded(1);
    let expected = client.receiver.socket.get_ref().bytes_received + first.len() as u64;
    let sending = thread::spawn(move || {
        server.write_all(&first).unwrap();
        gone_on.recv_timeout(DEADLINE).unwrap();
        let _ = server.write_all(&half);
    });
    let began = Instant::now();
    let error = loop {
        match client.next_by(soon()) {
            Ok(Some(Event::Timeout)) if client.receiver.socket.get_ref().bytes_received == expected => {
                // Only the first of several has an effect.
                let _ = go_on.try_send(());
            }
            Ok(Some(Event::Timeout)) => assert!(began.elapsed() < 2 * DEADLINE, "no end"),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(error, "the connection ended: too many bytes without a complete message");
    drop(client);
    sending.join().unwrap();
}

#[test]
fn pings_are_sent_when_they_are_due_and_not_at_each_timeout() {
    let (mut client, mut server) = connected();
    // More of them than pings without an answer end a conversation.
    (0..5).for_each(|_| expect_timeouts(&mut client));
    let now = Instant::now();
    let mut ping = [0; 6];
    for missed in 1..=2 {
        client.receiver.check_deadlines(now + missed * PING_INTERVAL).unwrap();
        server.read_exact(&mut ping).unwrap();
        // Masked and without a payload: no other ping came before it.
        assert_eq!(ping[..2], [PING, 0x80]);
    }
    client.receiver.check_deadlines(now + 2 * PING_INTERVAL).unwrap();
    assert!(matches!(client.receiver.check_deadlines(now + 3 * PING_INTERVAL), Err(Ending::Gone(_))));
    drop(client);
    assert_eq!(server.read(&mut ping).unwrap(), 0);
}

#[test]
fn a_server_that_keeps_sending_does_not_delay_the_end() {
    let (client, mut server) = connected();
    let flooding =
        thread::spawn(move || while server.write_all(&frame(TEXT, b"more").repeat(1000)).is_ok() {});
    let began = Instant::now();
    client.close().unwrap();
    assert!(began.elapsed() < CLOSE_TIMEOUT + DEADLINE, "{:?}", began.elapsed());
    flooding.join().unwrap();
}
