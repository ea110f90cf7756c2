//! Peers that are slow, silent or deaf: they are told or cut, and everybody else is served.

use std::{io::Write, thread, time::Duration};

use crate::support::{
    GREETING, HELP, Opcode, Raw,
    raw::{frame, upgrade},
    serve, wait_until,
};

/// The pause of a peer that dribbles. Not a wait for anything.
fn dribble() {
    thread::park_timeout(Duration::from_millis(20));
}

#[test]
fn two_hundred_heads_that_dribble() {
    let server = serve("[server]\nhandshake_timeout = 500ms\n");
    let head = upgrade("/", &format!("X: {}\r\n", "x".repeat(4000)));
    let mut slow: Vec<Raw> = (0..200).map(|_| Raw::connect(server.local_addr())).collect();
    for byte in &head.as_bytes()[..10] {
        for client in &mut slow {
            client.send(&[*byte]);
        }
        dribble();
        let mut good = Raw::open(server.local_addr());
        good.say(Opcode::Text, b"help");
        assert_eq!([good.text(), good.text()], [GREETING, HELP]);
    }
    for client in &mut slow {
        assert_eq!(client.answer().status, 408);
    }
    drop(slow);
    wait_until("the seats are free", || server.clients() == 0);
    assert_eq!(server.counts().refused["timeout"], 200);
}

#[test]
fn a_message_that_dribbles() {
    let server = serve("[server]\nmessage_timeout = 200ms\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    // Whole messages may take as long as they like together.
    for _ in 0..30 {
        client.say(Opcode::Text, b"help");
        assert_eq!(client.text(), HELP);
        dribble();
    }
    for byte in frame(0x81, &[b'x'; 100]) {
        if client.try_send(&[byte]).is_err() || server.counts().ended.contains_key("1008") {
            break;
        }
        dribble();
    }
    assert_eq!(client.close_code(), Some(1008));
}

#[test]
fn fragments_that_dribble() {
    let server = serve("[server]\nmessage_timeout = 200ms\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    client.send(&frame(0x01, b""));
    while client.try_send(&frame(0x00, b"")).is_ok() && !server.counts().ended.contains_key("1008") {
        dribble();
    }
    assert_eq!(client.close_code(), Some(1008));
}

#[test]
fn ten_million_empty_fragments() {
    let server = serve("");
    let mut client = Raw::open(server.local_addr());
    let writer = client.stream().try_clone().unwrap();
    let sending = thread::spawn(move || {
        let fragments = frame(0x00, b"").repeat(10_000);
        let _ = (&writer).write_all(&frame(0x01, b""));
        // It fails when the server has hung up.
        for _ in 0..1_000 {
            if (&writer).write_all(&fragments).is_err() {
                break;
            }
        }
    });
    assert_eq!(client.text(), GREETING);
    let close = client.frame().unwrap();
    assert_eq!(close.payload[..2], 1008u16.to_be_bytes());
    drop(client);
    sending.join().unwrap();
    wait_until("it is over", || server.clients() == 0);
    // Of 60 million bytes, hardly more than a message may have was looked at.
    assert!(server.counts().bytes_received < 100_000, "{:?}", server.counts());
}

#[test]
fn who_asks_and_never_reads() {
    let server =
        serve("[server]\nwrite_timeout = 200ms\nmessages_per_second = 0\n[replies]\nhelp = A long answer.\n");
    let deaf = Raw::open(server.local_addr());
    let mut other = Raw::open(server.local_addr());
    assert_eq!(other.text(), GREETING);
    deaf.flood(&frame(0x81, b"help").repeat(1000), usize::MAX);
    wait_until("it is cut", || server.counts().ended.contains_key("unread"));
    other.say(Opcode::Text, b"help");
    assert_eq!(other.text(), "A long answer.");
    assert_eq!(server.clients(), 1);
}

#[test]
fn who_vanishes_is_gone_after_three_pings() {
    let server = serve("[server]\nping_interval = 50ms\n");
    let silent = Raw::open(server.local_addr());
    wait_until("it is gone", || server.counts().ended.contains_key("gone"));
    drop(silent);
}

#[test]
fn who_only_answers_pings_is_not_cut() {
    let server = serve("[server]\nping_interval = 20ms\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    for _ in 0..20 {
        let ping = client.frame().expect("a ping, not the end");
        assert_eq!(ping.first_byte, 0x80 | Opcode::Ping as u8);
        client.say(Opcode::Pong, &ping.payload);
    }
}

/// An hour of a ping a second, scaled down: many times every limit, but always alive.
#[test]
fn who_pings_all_the_time_is_not_cut() {
    let server = serve("[server]\nping_interval = 100ms\nmessage_timeout = 50ms\nidle_timeout = 10s\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    let next = |client: &mut Raw| loop {
        let frame = client.frame().expect("not the end");
        // The server's own pings come in between.
        if frame.first_byte != 0x89 {
            return frame;
        }
        client.say(Opcode::Pong, &frame.payload);
    };
    for number in 0..50_000u32 {
        client.say(Opcode::Ping, &number.to_be_bytes());
        assert_eq!(next(&mut client).payload, number.to_be_bytes());
    }
    client.say(Opcode::Text, b"help");
    assert_eq!(next(&mut client).payload, HELP.as_bytes());
}

#[cfg(feature = "cli")]
#[test]
fn a_hundred_thousand_pings_without_reading_do_not_grow_memory() {
    let server = crate::support::Replyd::serve("[server]\nwrite_timeout = 1s\n");
    let deaf = Raw::open(server.address);
    let before = server.memory();
    let pings = frame(0x89, &[b'x'; 125]);
    deaf.flood(&pings.repeat(100), pings.len() * 100_000);
    server.log().wait_for("the client does not read its answers");
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 4096, "{grown} kB more");
}

#[test]
fn a_stop_is_noticed_while_a_fast_client_is_held_back() {
    let server = serve("[server]\nmessages_per_second = 1\n");
    let mut client = Raw::open(server.local_addr());
    for _ in 0..100 {
        client.say(Opcode::Text, b"help");
    }
    assert_eq!(client.text(), GREETING);
    for _ in 0..5 {
        assert_eq!(client.text(), HELP);
    }
    // The rest would take a minute and a half.
    server.stop();
    assert_eq!(client.close_code(), Some(1001));
}
