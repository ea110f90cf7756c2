//! What the built-in bot promises.

use crate::support::{GREETING, HELP, Opcode, Raw, SORRY, serve};

#[test]
fn it_greets_and_answers_in_order() {
    let server = serve("");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    for _ in 0..20 {
        for message in ["hello", "I need help!", "what?", ""] {
            client.say(Opcode::Text, message.as_bytes());
        }
    }
    for _ in 0..20 {
        assert_eq!([(); 4].map(|()| client.text()), [GREETING, HELP, SORRY, SORRY]);
    }
}

#[test]
fn an_empty_greeting_is_none() {
    let server = serve("[bot]\ngreeting =\n[replies]\nhi = one\n  two\n");
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Text, b"hi\r\n");
    assert_eq!(client.text(), "one\ntwo");
}

#[test]
fn binary_text_is_answered_as_text_and_other_binary_ends_it() {
    let server = serve("");
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Binary, b"help\n");
    assert_eq!([client.text(), client.text()], [GREETING, HELP]);
    client.say(Opcode::Binary, b"\xff\xfe");
    assert_eq!(client.close_code(), Some(1003));
}

#[test]
fn pings_are_answered_behind_the_answers() {
    let server = serve("");
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Text, b"help");
    client.say(Opcode::Ping, b"payload");
    assert_eq!([client.text(), client.text()], [GREETING, HELP]);
    let pong = client.frame().unwrap();
    assert_eq!(pong.first_byte, 0x80 | Opcode::Pong as u8);
    assert_eq!(&pong.payload[..], &b"payload"[..]);
}

#[test]
fn a_close_is_answered_with_its_code() {
    let server = serve("");
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Text, b"help");
    client.say(Opcode::Close, &1001u16.to_be_bytes());
    assert_eq!([client.text(), client.text()], [GREETING, HELP]);
    assert_eq!(client.close_code(), Some(1001));
}

/// 30 messages at 100 a second: a burst of five seconds' worth is free, so more than that are sent.
#[test]
fn who_sends_too_fast_is_answered_more_slowly_and_loses_nothing() {
    let server = serve("[server]\nmessages_per_second = 100\n");
    let mut client = Raw::open(server.local_addr());
    let start = std::time::Instant::now();
    for _ in 0..530 {
        client.say(Opcode::Text, b"help");
    }
    assert_eq!(client.text(), GREETING);
    for _ in 0..530 {
        assert_eq!(client.text(), HELP);
    }
    // The 30 beyond the burst take a hundredth of a second each; they can only take longer.
    assert!(start.elapsed().as_millis() >= 290, "{:?}", start.elapsed());
}

#[test]
fn who_is_held_back_is_not_taken_for_silent() {
    let server = serve("[server]\nmessages_per_second = 20\nping_interval = 100ms\nidle_timeout = 300ms\n");
    let mut client = Raw::open(server.local_addr());
    client.send(&crate::support::raw::frame(0x81, b"help").repeat(110));
    assert_eq!(client.text(), GREETING);
    for _ in 0..110 {
        assert_eq!(client.text(), HELP);
    }
}

#[test]
fn silent_clients_are_pinged_and_gone_clients_are_noticed() {
    let server = serve("[server]\nping_interval = 50ms\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    let ping = client.frame().unwrap();
    assert_eq!(ping.first_byte, 0x80 | Opcode::Ping as u8);
    client.say(Opcode::Pong, &ping.payload);
    // From now on it keeps silent: nobody is told.
    assert_eq!(client.close_code(), None);
}

#[test]
fn who_says_nothing_for_long_is_closed_with_1000() {
    let server = serve("[server]\nidle_timeout = 100ms\n");
    assert_eq!(Raw::open(server.local_addr()).close_code(), Some(1000));
}
