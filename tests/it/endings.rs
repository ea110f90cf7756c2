//! Each way in which a conversation ends has its close code, and the code always arrives.

use replyd::{Config, Event, RunningServer};

use crate::support::{
    Opcode, Raw,
    raw::{frame, upgrade},
    serve, serve_with, wait_until,
};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

/// Ten lines on the library: everything comes back.
fn echo(max_message_bytes: usize) -> RunningServer {
    let mut config = Config::default();
    config.messages_per_second = 0;
    config.max_message_bytes = max_message_bytes;
    serve_with(config, |session| {
        while let Some(event) = session.next()? {
            match event {
                Event::Text(text) if text == "fail" => return Err("as it was told".into()),
                Event::Text(text) if text == "panic" => std::panic::resume_unwind(Box::new("as it was told")),
                Event::Text(text) => session.send(text)?,
                Event::Binary(bytes) => session.send_binary(bytes)?,
                _ => {}
            }
        }
        Ok(())
    })
}

/// Sends `bytes`, alone and with 50 messages behind them, and expects these frames and then a Close with this code.
#[track_caller]
fn check(name: &str, bytes: &[u8], before: &[(Opcode, &[u8])], code: Option<u16>) {
    let server = echo(16384);
    for behind in [0, 50] {
        let mut client = Raw::open(server.local_addr());
        client.send(&[bytes.to_vec(), frame(TEXT, b"behind").repeat(behind)].concat());
        for (opcode, payload) in before {
            let frame = client.frame().unwrap_or_else(|| panic!("{name}: the end came too early"));
            assert_eq!(frame.first_byte, 0x80 | *opcode as u8, "{name}");
            assert_eq!(&frame.payload[..], *payload, "{name}");
        }
        let last = client.frame().unwrap_or_else(|| panic!("{name}, {behind} behind: no Close"));
        assert_eq!(last.first_byte, CLOSE, "{name}, {behind} behind: {last:?}");
        let found = last.payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
        assert_eq!(found, code, "{name}, {behind} behind: {last:?}");
        assert_eq!(client.frame(), None, "{name}, {behind} behind");
    }
    wait_until("the seats are free", || server.clients() == 0);
}

/// Sends `bytes` and expects these frames; then everything still works.
#[track_caller]
fn check_goes_on(name: &str, bytes: &[u8], expected: &[(Opcode, &[u8])]) {
    let server = echo(1 << 20);
    let mut client = Raw::open(server.local_addr());
    // The bytes whole, then in odd pieces.
    for pieces in [bytes.len().max(1), 997] {
        for piece in bytes.chunks(pieces) {
            client.send(piece);
        }
        for (opcode, payload) in expected {
            let frame = client.message().unwrap_or_else(|| panic!("{name}: the end came too early"));
            assert_eq!(frame.first_byte, 0x80 | *opcode as u8, "{name}");
            assert!(frame.payload == *payload, "{name}: {} bytes came", frame.payload.len());
        }
    }
    client.say(Opcode::Close, &1000u16.to_be_bytes());
    assert_eq!(client.close_code(), Some(1000), "{name}");
}

fn close_payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

#[test]
fn framing() {
    for length in [0, 1, 125, 126, 127, 128, 65535, 65536] {
        let payload = vec![b'*'; length];
        check_goes_on("a text", &frame(TEXT, &payload), &[(Opcode::Text, &payload)]);
        let payload = vec![0xfe; length];
        check_goes_on("a binary", &frame(0x82, &payload), &[(Opcode::Binary, &payload)]);
    }
}

#[test]
fn pings_and_pongs() {
    for payload in [&b""[..], b"hello", &[0, 255, 254, 253], &[0xfe; 125]] {
        check_goes_on("a ping", &frame(0x89, payload), &[(Opcode::Pong, payload)]);
        check_goes_on("a pong", &[frame(0x8a, payload), frame(TEXT, b"x")].concat(), &[(Opcode::Text, b"x")]);
    }
    let pings: Vec<u8> = (0..10).flat_map(|number| frame(0x89, &[number])).collect();
    let payloads: Vec<[u8; 1]> = (0..10).map(|number| [number]).collect();
    let pongs: Vec<(Opcode, &[u8])> = payloads.iter().map(|payload| (Opcode::Pong, &payload[..])).collect();
    check_goes_on("ten pings", &pings, &pongs);
    check("a ping too long", &frame(0x89, &[0xfe; 126]), &[], Some(1002));
    check("a pong too long", &frame(0x8a, &[0xfe; 126]), &[], Some(1002));
}

#[test]
fn reserved_bits() {
    for bits in 1..8 {
        for opcode in [0x81, 0x82, 0x88, 0x89, 0x8a] {
            let bytes = [frame(TEXT, b"before"), frame(opcode | bits << 4, b"")].concat();
            check("reserved bits", &bytes, &[(Opcode::Text, b"before")], Some(1002));
        }
    }
}

#[test]
fn unknown_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in [&b""[..], b"hello"] {
            let bytes = [frame(TEXT, b"before"), frame(0x80 | opcode, payload)].concat();
            check("an unknown opcode", &bytes, &[(Opcode::Text, b"before")], Some(1002));
        }
    }
}

#[test]
fn fragments() {
    let two = [frame(0x01, b"one "), frame(0x80, b"two")].concat();
    check_goes_on("two fragments", &two, &[(Opcode::Text, b"one two")]);
    let binary = [frame(0x02, b"\xff"), frame(0x00, b""), frame(0x80, b"\xfe")].concat();
    check_goes_on("three binary fragments", &binary, &[(Opcode::Binary, b"\xff\xfe")]);
    let pinged = [frame(0x01, b"one "), frame(0x89, b"ping"), frame(0x80, b"two")].concat();
    check_goes_on("a ping between", &pinged, &[(Opcode::Pong, b"ping"), (Opcode::Text, b"one two")]);
    let empty = [frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")].concat();
    check_goes_on("empty fragments", &empty, &[(Opcode::Text, b"")]);

    for first_byte in [0x08, 0x09, 0x0a] {
        check("a fragmented control frame", &frame(first_byte, b""), &[], Some(1002));
    }
    for first_byte in [0x00, 0x80] {
        check("a continuation without a start", &frame(first_byte, b"x"), &[], Some(1002));
        let behind = [two.clone(), frame(first_byte, b"x")].concat();
        check("a continuation behind the end", &behind, &[(Opcode::Text, b"one two")], Some(1002));
    }
    for first_byte in [0x01, 0x81, 0x02, 0x82] {
        let inside = [frame(0x01, b"one"), frame(first_byte, b"two")].concat();
        check("a message inside a fragmented one", &inside, &[], Some(1002));
    }
}

#[test]
fn a_message_in_many_frames() {
    let payload = vec![b'*'; 65536];
    let mut bytes = Vec::new();
    for (index, piece) in payload.chunks(1300).enumerate() {
        bytes.extend(frame(u8::from(index == 0), piece));
    }
    bytes.extend(frame(0x80, b""));
    check_goes_on("65536 bytes by 1300", &bytes, &[(Opcode::Text, &payload)]);
}

#[test]
fn text_is_utf8() {
    let greek = "κόσμε \u{0} \u{7f} \u{80} \u{7ff} \u{800} \u{ffff} \u{10000} \u{10ffff} \u{fffd}".as_bytes();
    check_goes_on("text", &frame(TEXT, greek), &[(Opcode::Text, greek)]);
    let bytes: Vec<u8> = greek
        .iter()
        .enumerate()
        .flat_map(|(index, byte)| frame(u8::from(index == 0), &[*byte]))
        .chain(frame(0x80, b""))
        .collect();
    check_goes_on("a byte a fragment", &bytes, &[(Opcode::Text, greek)]);

    for wrong in [
        &b"\xff"[..],
        b"\x80",
        b"\xc0\xaf",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    ] {
        check("wrong text", &frame(TEXT, wrong), &[], Some(1007));
        let fragments = [frame(0x01, b"right "), frame(0x00, wrong), frame(0x80, b"")].concat();
        check("wrong text in fragments", &fragments, &[], Some(1007));
    }
}

#[test]
fn closing() {
    check("no code", &frame(CLOSE, b""), &[], None);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        check("a code", &frame(CLOSE, &close_payload(code, b"")), &[], Some(code));
    }
    check("a reason", &frame(CLOSE, &close_payload(1000, "κόσμε".as_bytes())), &[], Some(1000));
    check("a long reason", &frame(CLOSE, &close_payload(1000, &[b'*'; 123])), &[], Some(1000));
    check(
        "behind a message",
        &[frame(TEXT, b"x"), frame(CLOSE, b"")].concat(),
        &[(Opcode::Text, b"x")],
        None,
    );
    check("twice", &frame(CLOSE, &close_payload(1000, b"")).repeat(2), &[], Some(1000));
    check("inside a fragmented message", &[frame(0x01, b"x"), frame(CLOSE, b"")].concat(), &[], None);

    check("one byte", &frame(CLOSE, b"\x03"), &[], Some(1002));
    check("a wrong reason", &frame(CLOSE, &close_payload(1000, b"\xff")), &[], Some(1007));
    check("too long a reason", &frame(CLOSE, &close_payload(1000, &[b'*'; 124])), &[], Some(1002));
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
        check("a code that is never sent", &frame(CLOSE, &close_payload(code, b"")), &[], Some(1002));
    }
}

#[test]
fn frames_without_a_mask() {
    check("no mask", &[0x81, 0x05, b'h', b'e', b'l', b'l', b'o'], &[], Some(1002));
    let behind = [&frame(TEXT, b"before")[..], &[0x81, 0x00]].concat();
    check("no mask behind a message", &behind, &[(Opcode::Text, b"before")], Some(1002));
}

/// A masked frame that only declares its length.
fn declared(length: u64) -> Vec<u8> {
    [&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}

#[test]
fn messages_that_are_too_big() {
    check_goes_on("the longest", &frame(TEXT, &[b'*'; 1 << 20]), &[(Opcode::Text, &[b'*'; 1 << 20])]);
    check("a byte more", &frame(TEXT, &[b'*'; 16385]), &[], Some(1009));
    let fragments = [frame(0x01, &[b'*'; 16384]), frame(0x00, b"*")].concat();
    check("a byte more in fragments", &fragments, &[], Some(1009));
    for length in [16385, 1 << 31, 1 << 63, u64::MAX] {
        check("a declared length", &declared(length), &[], Some(1009));
    }
}

#[cfg(feature = "cli")]
#[test]
fn no_memory_is_spent_on_what_is_only_declared() {
    let server = crate::support::Replyd::serve("");
    let most = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().to_owned();
        line.trim_end_matches("kB").trim().parse::<u64>().unwrap()
    };
    assert_eq!(Raw::open(server.address).text(), crate::support::GREETING);
    let before = most();
    for length in [16385, 1 << 31, 1 << 63] {
        for _ in 0..10 {
            let mut client = Raw::open(server.address);
            client.send(&declared(length));
            assert_eq!(client.close_code(), Some(1009));
        }
    }
    let grown = most() - before;
    assert!(grown < 4096, "{grown} kB more");
}

/// The rooms that they share have grown after the first client.
#[cfg(feature = "cli")]
#[test]
fn long_messages_leave_no_memory_with_each_session() {
    let server = crate::support::Replyd::serve("[bot]\ngreeting =\n[log]\ntranscript = no\n");
    let mut clients: Vec<Raw> = (0..64).map(|_| Raw::open(server.address)).collect();
    let ask = |clients: &mut [Raw], message: &str| {
        clients.iter_mut().for_each(|client| client.say(Opcode::Text, message.as_bytes()));
        clients.iter_mut().for_each(|client| assert!(client.text().starts_with("Sorry")));
    };
    ask(&mut clients, &"When are you open? ".repeat(800));
    let most = "㌖".repeat(5461);
    (0..8).for_each(|_| ask(&mut clients[..1], &most));
    let before = server.memory();
    ask(&mut clients, &most);
    ask(&mut clients, &"ﷺ".repeat(5461));
    ask(&mut clients, &"a ".repeat(8192));
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 4096, "{grown} kB more");
}

#[test]
fn handlers_that_fail() {
    check("an error", &frame(TEXT, b"fail"), &[], Some(1011));
    check(
        "a panic",
        &[frame(TEXT, b"x"), frame(TEXT, b"panic")].concat(),
        &[(Opcode::Text, b"x")],
        Some(1011),
    );
}

#[test]
fn binary_that_is_no_text_ends_the_built_in_bot() {
    let server = serve("[bot]\ngreeting =\n");
    for behind in [0, 50] {
        let mut client = Raw::connect(server.local_addr());
        client.send(
            &[upgrade("/", "").into_bytes(), frame(0x82, b"\xff"), frame(TEXT, b"x").repeat(behind)].concat(),
        );
        assert_eq!(client.answer().status, 101);
        assert_eq!(client.close_code(), Some(1003));
    }
}
