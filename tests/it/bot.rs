//! What the built-in bot promises.

use replyd::{Answer, Bot, Config, Event, RunningServer};

use crate::support::{DEADLINE, GREETING, HELP, Opcode, Raw, SORRY, raw::frame, serve, serve_with};

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
    client.send(&frame(0x81, b"help").repeat(110));
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

/// A server with `bot_or`, and the messages for which it asked.
fn serve_or(
    settings: &str,
    fallback: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> (RunningServer, crossbeam_channel::Receiver<String>) {
    let (asked, asks) = crossbeam_channel::unbounded();
    let server = serve_with(Config::parse(settings, "test.ini").unwrap(), move |session| {
        replyd::bot_or(session, |message| {
            asked.send(message.to_owned()).unwrap();
            fallback(message)
        })
    });
    (server, asks)
}

#[test]
fn a_fallback_answers_what_no_reply_does() {
    let settings = "[bot]\ngreeting =\n[replies]\nopening hours = 9 to 5.\nunknown = Pardon?\n";
    let (server, asks) = serve_or(settings, |message| match message {
        "hours of work" => Some("Too long.".to_owned()),
        "hours of fun" => None,
        "empty" => Some(String::new()),
        "blank" => Some(" \r\n\u{a0}".to_owned()),
        other => Some(format!(" <{other}>\n")),
    });
    let mut client = Raw::open(server.local_addr());
    let offers = "Pardon?\nDid you mean:\n> opening hours";
    let expected = [
        ("opening hours", "9 to 5."),
        // Found once a typo is corrected, which is a reply.
        ("openning hours", "9 to 5."),
        ("hours of work", "Too long."),
        ("hours of fun", offers),
        ("hello\r\n", " <hello>\n"),
        ("", " <>\n"),
        ("empty", "Pardon?"),
        ("blank", "Pardon?"),
        ("?!", " <?!>\n"),
    ];
    for (message, _) in expected {
        client.say(Opcode::Text, message.as_bytes());
    }
    client.say(Opcode::Binary, b"binary");
    for (message, answer) in expected {
        assert_eq!(client.text(), answer, "{message:?}");
    }
    assert_eq!(client.text(), " <binary>\n");
    let asked: Vec<String> = asks.try_iter().collect();
    assert_eq!(asked, ["hours of work", "hours of fun", "hello", "", "empty", "blank", "?!", "binary"]);
}

#[test]
fn replies_do_not_wait_for_a_fallback() {
    let (go_on, gone_on) = crossbeam_channel::bounded(0);
    let (server, _asks) = serve_or("", move |_| {
        gone_on.recv_timeout(DEADLINE).ok()?;
        Some("at last".to_owned())
    });
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    client.send(&[frame(0x81, b"help"), frame(0x81, b"what?"), frame(0x81, b"help")].concat());
    assert_eq!(client.text(), HELP);
    go_on.send_timeout((), DEADLINE).unwrap();
    assert_eq!([client.text(), client.text()], ["at last", HELP]);
}

/// A program with a loop of its own observes, falls back and steps in, all in one conversation.
#[test]
fn a_program_can_run_the_loop_of_the_bot() {
    let (observed, observations) = crossbeam_channel::unbounded();
    let settings = "[bot]\ngreeting = Hi\n[replies]\nopening hours = 9 to 5.\nunknown = Pardon?\n";
    let server = serve_with(Config::parse(settings, "test.ini").unwrap(), move |session| {
        let observer = |message: &str, answer: &Answer<'_>| {
            observed.send(format!("{message}: {}", answer.name())).unwrap()
        };
        let mut bot = Bot::new()
            .observed_by(observer)
            .falling_back_to(|message| message.strip_prefix("echo ").map(str::to_owned));
        session.send("before")?;
        bot.greet(session)?;
        while let Some(event) = session.next()? {
            match event {
                Event::Text(text) if text.starts_with('/') => session.send("stepped in")?,
                Event::Text(text) if text.as_str() == "twice" => {
                    bot.answer(session, "tea")?;
                    bot.answer(session, "opening hours")?;
                }
                event => bot.handle(session, &event)?,
            }
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    for message in ["/help", "opening hours\n", "echo me", "twice", "what?"] {
        client.say(Opcode::Text, message.as_bytes());
    }
    let expected = ["before", "Hi", "stepped in", "9 to 5.", "me", "Pardon?", "9 to 5.", "Pardon?"];
    for expected in expected {
        assert!(client.text().starts_with(expected), "{expected}");
    }
    client.say(Opcode::Binary, b"\xff");
    assert_eq!(client.close_code(), Some(1003));
    let observed: Vec<String> = observations.try_iter().collect();
    let expected = [
        "opening hours: opening hours",
        "echo me: unknown",
        "tea: unknown",
        "opening hours: opening hours",
        "what?: unknown",
    ];
    assert_eq!(observed, expected);
}
