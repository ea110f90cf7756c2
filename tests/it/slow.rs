//! Peers that are slow, silent or deaf: they are told or cut, and everybody else is served.

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    DEADLINE, GREETING, HELP, Opcode, Raw, SORRY,
    raw::{frame, upgrade},
    serve, serve_with, wait_until,
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

/// Waits for the end of a session while it is told more, and returns its close code.
#[track_caller]
fn close_code_after(
    server: &replyd::RunningServer,
    mut client: Raw,
    mut more: impl FnMut(&mut Raw),
) -> Option<u16> {
    let deadline = Instant::now() + DEADLINE;
    while server.clients() > 0 && server.counts().ended.is_empty() {
        assert!(Instant::now() < deadline, "it goes on and on");
        more(&mut client);
    }
    client.close_code()
}

#[test]
fn pings_between_fragments_buy_no_time() {
    let ping = frame(0x89, b"");
    // One now and then, and so many that they are held back.
    for (count, settings) in [(1, "message_timeout = 500ms"), (100, "message_timeout = 2s")] {
        let server = serve(&format!("[server]\n{settings}\n"));
        let mut client = Raw::open(server.local_addr());
        client.send(&frame(0x01, b"he"));
        let code = close_code_after(&server, client, |client| {
            let _ = client.try_send(&ping.repeat(count));
            dribble();
        });
        assert_eq!(code, Some(1008), "{count} at once");
    }
}

#[test]
fn pings_between_fragments_buy_no_bytes() {
    let server = serve("[server]\nmax_message_bytes = 125\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    client.send(&frame(0x01, b"he"));
    client.send(&frame(0x89, &[b'x'; 125]).repeat(600));
    assert_eq!(client.close_code(), Some(1008));
    assert!(server.counts().bytes_received < 100_000, "{:?}", server.counts());
}

#[test]
fn half_a_frame_after_a_ping_has_its_time_too() {
    let server = serve("[server]\nmessage_timeout = 200ms\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    let half = &frame(0x81, b"help")[..7];
    client.send(&[&frame(0x89, b"ping"), half].concat());
    assert_eq!(client.frame().unwrap().payload, b"ping");
    assert_eq!(client.close_code(), Some(1008));
}

#[test]
fn a_client_that_is_held_back_is_not_too_slow() {
    // 60 messages more than a burst: three seconds.
    const MESSAGES: usize = 160;
    let server = serve("[server]\nmessage_timeout = 200ms\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    let ping = frame(0x89, &[b'x'; 60]);
    let fragmented = [frame(0x01, b"he"), ping.clone(), frame(0x80, b"lp")].concat();
    client.send(&fragmented.repeat(MESSAGES));
    // Longer than is read at once, and the end of it comes late.
    let long = frame(0x81, &[b'x'; 16_000]);
    client.send(&long);
    let mut answers = 0;
    while answers <= MESSAGES {
        let frame = client.frame().expect("not the end");
        assert!([0x81, 0x8a].contains(&frame.first_byte), "{frame:?}");
        answers += usize::from(frame.first_byte == 0x81);
    }
    // No message is under way: pings alone may take as long as they like.
    for _ in 0..30 {
        client.say(Opcode::Ping, b"still here");
        assert_eq!(client.frame().unwrap().payload, b"still here");
        dribble();
    }
}

#[test]
fn a_handler_that_takes_its_time_does_not_use_up_that_of_a_message() {
    let mut config = replyd::Config::default();
    config.message_timeout = Duration::from_millis(200);
    let server = serve_with(config, |session| {
        while let Some(event) = session.next()? {
            if let replyd::Event::Text(text) = event {
                thread::park_timeout(Duration::from_millis(400));
                session.send(text.len().to_string())?;
            }
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    let long = frame(0x81, &[b'x'; 16_000]);
    client.send(&[frame(0x81, b"first"), long.clone(), frame(0x01, b"he"), frame(0x80, b"lp")].concat());
    assert_eq!([client.text(), client.text(), client.text()], ["5", "16000", "4"]);
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
    for number in 0..700u32 {
        client.say(Opcode::Ping, &number.to_be_bytes());
        assert_eq!(next(&mut client).payload, number.to_be_bytes());
    }
    client.say(Opcode::Text, b"help");
    assert_eq!(next(&mut client).payload, HELP.as_bytes());
}

#[test]
fn pings_are_paced_and_none_is_lost() {
    // Also where messages are not.
    let server = serve("[server]\nmessages_per_second = 0\n");
    let mut client = Raw::open(server.local_addr());
    let mut other = Raw::open(server.local_addr());
    assert_eq!([client.text(), other.text()], [GREETING, GREETING]);
    let began = Instant::now();
    let pings: Vec<u8> = (0..700u16).flat_map(|number| frame(0x89, &number.to_be_bytes())).collect();
    client.send(&pings);
    for number in 0..700u16 {
        assert_eq!(client.frame().expect("not the end").payload, number.to_be_bytes());
        if number == 600 {
            other.say(Opcode::Text, b"help");
            assert_eq!(other.text(), HELP);
        }
    }
    // 200 beyond a burst of 500, at 100 a second.
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
    let began = Instant::now();
    client.send(&frame(0x8a, b"").repeat(200));
    client.say(Opcode::Text, b"help");
    assert_eq!(client.text(), HELP);
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_ping_with_each_question_costs_nothing() {
    let server = serve("[server]\nmessages_per_second = 0\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    // At the pace of pings alone this would take 45 seconds.
    let both = [frame(0x81, b"help"), frame(0x89, b"")].concat();
    let writer = client.stream().try_clone().unwrap();
    let sending = thread::spawn(move || (&writer).write_all(&both.repeat(5_000)));
    let began = Instant::now();
    for _ in 0..5_000 {
        assert_eq!(client.text(), HELP);
        assert_eq!(client.frame().unwrap().first_byte, 0x8a);
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    sending.join().unwrap().unwrap();
}

#[test]
fn a_client_that_only_pings_is_idle_however_fast() {
    let server = serve("[server]\nidle_timeout = 300ms\n");
    let client = Raw::open(server.local_addr());
    let pings = frame(0x89, b"").repeat(50);
    let code = close_code_after(&server, client, |client| {
        let _ = client.try_send(&pings);
        dribble();
    });
    assert_eq!(code, Some(1000));
}

#[cfg(feature = "cli")]
#[test]
fn a_hundred_thousand_pings_without_reading_do_not_grow_memory() {
    let server = crate::support::Replyd::serve("");
    let deaf = Raw::open(server.address);
    let before = server.memory();
    let pings = frame(0x89, &[b'x'; 125]);
    // Until neither side takes more: they are read no faster than they are paced.
    deaf.flood(&pings.repeat(100), pings.len() * 100_000);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 4096, "{grown} kB more");
    let mut other = Raw::open(server.address);
    assert_eq!(other.text(), GREETING);
}

/// A text of so many bytes, whose characters take three each.
fn long_reply(bytes: usize) -> String {
    "\u{6642}".repeat(bytes / 3)
}

#[test]
fn a_long_reply_goes_out_in_pieces() {
    // One that a program has made: those of a file are shorter.
    let long_reply = || long_reply(1 << 20);
    let mut config = replyd::Config::default();
    config.replies = replyd::Replies::from_pairs([("long", &*long_reply()), ("unknown", SORRY)]).unwrap();
    let server = serve_with(config, replyd::bot);
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    // Also in the middle of others.
    client.send(&[frame(0x81, b"help"), frame(0x81, b"long"), frame(0x81, b"help")].concat());
    assert_eq!(client.text(), SORRY);
    let mut whole = String::new();
    let mut first_byte = 0x01;
    loop {
        let piece = client.frame().unwrap();
        assert!(piece.payload.len() <= 16 * 1024);
        assert_eq!(piece.first_byte & 0x7f, first_byte);
        // Each is UTF-8 by itself, for peers that judge them one by one.
        whole += std::str::from_utf8(&piece.payload).unwrap();
        first_byte = 0x00;
        if piece.first_byte & 0x80 != 0 {
            break;
        }
    }
    assert!(whole == long_reply());
    assert_eq!(client.text(), SORRY);
    assert_eq!(server.counts().messages_sent, 4);

    let mut client = replyd::Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    client.send("long").unwrap();
    client.next().unwrap();
    assert!(matches!(client.next().unwrap(), Some(replyd::Event::Text(text)) if text == long_reply()));
}

#[cfg(feature = "cli")]
#[test]
fn a_long_reply_costs_little_however_many_do_not_read_it() {
    const DEAF: usize = 100;
    let server = crate::support::Replyd::serve(&format!(
        "[server]\nmax_clients = 200\n[replies]\nlong = {}\n",
        long_reply(64 * 1024)
    ));
    let mut clients: Vec<Raw> = (0..DEAF).map(|_| Raw::open(server.address)).collect();
    for client in &mut clients {
        assert_eq!(client.text(), GREETING);
    }
    let before = server.memory();
    for client in &mut clients {
        // More than the system holds for a connection.
        client.send(&frame(0x81, b"long").repeat(100));
        // It is under way, and the rest stays unread.
        client.piece();
    }
    // Each has the first of its replies, or is stuck in it.
    thread::park_timeout(Duration::from_secs(1));
    let grown = server.memory().saturating_sub(before);
    assert!(grown < DEAF as u64 * 100, "{grown} kB more");
}

#[test]
fn all_pieces_of_a_message_have_one_deadline() {
    let mut config = replyd::Config::default();
    config.write_timeout = Duration::from_millis(500);
    let server = serve_with(config, |session| Ok(session.send_binary(vec![0; 256 << 20])?));
    let client = Raw::open(server.local_addr());
    let mut buffer = vec![0; 64 * 1024];
    let deadline = Instant::now() + DEADLINE;
    // It reads a little all the time, but would need minutes for all of it.
    while server.clients() > 0 {
        assert!(Instant::now() < deadline, "it goes on and on");
        let _ = client.stream().read(&mut buffer);
        dribble();
    }
    assert!(server.counts().ended.contains_key("unread"), "{:?}", server.counts());
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

#[test]
fn a_withdrawn_key_is_noticed_while_a_fast_client_is_held_back() {
    let settings = "[server]\nmessages_per_second = 1\n";
    let server = serve(&format!("{settings}[key old]\nsecret = 0123456789abcdef\n"));
    let mut client = Raw::connect(server.local_addr());
    assert_eq!(client.ask(&upgrade("/?accessToken=0123456789abcdef", "")).status, 101);
    client.send(&frame(0x81, b"help").repeat(100));
    assert_eq!(client.text(), GREETING);
    for _ in 0..5 {
        assert_eq!(client.text(), HELP);
    }
    // The rest would take a minute and a half.
    let other = format!("{settings}[key new]\nsecret = fedcba9876543210\n");
    server.reload(replyd::Config::parse(&other, "test.ini").unwrap()).unwrap();
    let mut answers = 0;
    let code = loop {
        let frame = client.frame().expect("a Close, not the end");
        if frame.first_byte == 0x88 {
            break u16::from_be_bytes([frame.payload[0], frame.payload[1]]);
        }
        answers += 1;
    };
    assert_eq!(code, 1008);
    assert!(answers < 10, "{answers}");
}
