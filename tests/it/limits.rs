//! Seats: in all, for each address, and those that are kept for saying no.

use std::net::SocketAddr;

use crate::support::{
    GREETING, Opcode, Raw,
    raw::{frame, upgrade},
    serve, serve_with, wait_until,
};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

fn forwarded(for_whom: &str) -> String {
    upgrade("/", &format!("X-Forwarded-For: {for_whom}\r\n"))
}

#[test]
fn a_session_does_not_keep_old_settings() {
    let server = crate::support::serve("");
    let mut client = crate::support::Raw::open(server.local_addr());
    client.text();
    let old = std::sync::Arc::downgrade(&server.config());
    let config = replyd::Config::parse("", "test.ini").unwrap();
    server.reload(config).unwrap();
    client.say(crate::support::Opcode::Text, b"hello");
    client.text();
    assert!(old.upgrade().is_none());
}

#[test]
fn a_full_house_is_well_and_says_no() {
    let server = serve("[server]\nmax_clients = 2\n[key a]\nsecret = 0123456789abcdef\n");
    let key = "X-WS-AUTH-KEY: 0123456789abcdef\r\n";
    let ask = |head: &str| Raw::connect(server.local_addr()).ask(head);
    let mut guests = [(); 2].map(|()| Raw::connect(server.local_addr()));
    for guest in &mut guests {
        assert_eq!(guest.ask(&upgrade("/", key)).status, 101);
    }
    for _ in 0..20 {
        assert_eq!(ask(HEALTH).status, 200);
        let answer = ask(&upgrade("/", key));
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.header("retry-after").len(), 1, "{answer:?}");
        // What is wrong with a request is told in a full house too.
        assert_eq!(ask(&upgrade("/", "")).status, 403);
        assert_eq!(ask("POST / HTTP/1.1\r\nHost: a\r\n\r\n").status, 405);
        assert_eq!(ask(&format!("GET /chat HTTP/1.1\r\nHost: a\r\n{key}\r\n")).status, 503);
    }
    assert_eq!(server.clients(), 2);
    drop(guests);
    wait_until("the seats are free", || server.clients() == 0);
    assert_eq!(ask(&upgrade("/", key)).status, 101);
    assert_eq!(server.counts().refused["full"], 40);
}

/// Connections that never say all of it, some of them nothing.
fn slow_heads(address: SocketAddr, count: usize) -> Vec<Raw> {
    let slow = |number| {
        let mut client = Raw::connect(address);
        if number % 2 == 0 {
            client.try_send(b"GET /healthz HTTP/1.1\r\nHos").unwrap();
        }
        client
    };
    (0..count).map(slow).collect()
}

#[test]
fn slow_heads_at_a_full_house_do_not_silence_health() {
    let server = serve("[server]\nmax_clients = 1\n");
    let mut guest = Raw::open(server.local_addr());
    assert_eq!(guest.text(), GREETING);
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.extend(slow_heads(server.local_addr(), 24));
        for _ in 0..8 {
            assert_eq!(Raw::connect(server.local_addr()).ask(HEALTH).status, 200);
        }
    }
    assert_eq!(Raw::connect(server.local_addr()).ask(&upgrade("/", "")).status, 503);
    // Those that were closed for others were the first.
    assert!(slow[0].ends() && slow[1].ends());
    let refused = server.counts().refused;
    assert!(refused["overloaded"] > 0 && !refused.contains_key("bad_request"), "{refused:?}");
    // Nobody else notices.
    guest.say(Opcode::Text, b"hello");
    assert_eq!(guest.text(), GREETING);
}

#[test]
fn whoever_stays_after_the_answer_does_not_silence_health() {
    let server = serve("[server]\nmax_clients = 1\n");
    let _guest = Raw::open(server.local_addr());
    let stay = || {
        let mut client = Raw::connect(server.local_addr());
        assert_eq!(client.ask(HEALTH).status, 200);
        client
    };
    let _staying: Vec<Raw> = (0..40).map(|_| stay()).collect();
    assert!(!server.counts().refused.contains_key("overloaded"));
}

#[test]
fn the_seats_of_an_address_behind_a_trusted_proxy() {
    let server = serve("[server]\nmax_clients_per_ip = 2\n");
    let open = |for_whom: &str| {
        let mut client = Raw::connect(server.local_addr());
        let answer = client.ask(&forwarded(for_whom));
        (answer.status, client)
    };
    let first = [open("203.0.113.1"), open("198.51.100.7, 203.0.113.1")];
    assert_eq!([first[0].0, first[1].0], [101, 101]);
    assert_eq!(open("203.0.113.1").0, 503);
    assert_eq!(open("203.0.113.1:4711").0, 503);
    assert_eq!(open("::ffff:203.0.113.1").0, 503);
    // Its neighbours are let in, and so are programs on this machine.
    let _others = [open("203.0.113.2"), open("2001:db8::1"), open("[2001:db8::2]:4711")];
    assert_eq!(_others.each_ref().map(|other| other.0), [101, 101, 101]);
    assert_eq!(open("2001:db8::3").0, 503);
    let _local: Vec<_> = (0..5).map(|_| Raw::open(server.local_addr())).collect();
    assert_eq!(server.counts().refused["too_many_from_address"], 4);
    drop(first);
    wait_until("its seats are free", || open("203.0.113.1").0 == 101);
}

#[test]
fn a_client_cannot_hide_behind_bytes_of_its_own() {
    let server = serve("[server]\nmax_clients_per_ip = 1\n");
    let open = || {
        let mut client = Raw::connect(server.local_addr());
        let head = forwarded("?, 203.0.113.1").into_bytes();
        let head: Vec<u8> = head.iter().map(|byte| if *byte == b'?' { 0xff } else { *byte }).collect();
        client.send(&head);
        (client.answer().status, client)
    };
    let first = open();
    assert_eq!(first.0, 101);
    assert_eq!(open().0, 503);
}

#[test]
fn the_header_of_anybody_else_is_ignored() {
    let server = serve("[server]\nmax_clients_per_ip = 1\ntrusted_proxies =\n");
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let mut client = Raw::connect(server.local_addr());
            (client.ask(&forwarded("203.0.113.1")).status, client)
        })
        .collect();
    assert!(clients.iter().all(|client| client.0 == 101));
}

#[test]
fn the_address_is_the_last_that_no_trusted_proxy_has() {
    let settings = "[server]\ntrusted_proxies = 127.0.0.1, 10.0.0.0/8\n";
    let config = replyd::Config::parse(settings, "test.ini").unwrap();
    let server = serve_with(config, |session| Ok(session.send(session.client_ip().to_string())?));
    for (header, address) in [
        ("203.0.113.1", "203.0.113.1"),
        ("1.1.1.1, 203.0.113.1, 10.1.2.3", "203.0.113.1"),
        ("1.1.1.1, 203.0.113.1\r\nX-Forwarded-For: 10.1.2.3", "203.0.113.1"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("nonsense, 10.1.2.3", "10.1.2.3"),
        ("unknown", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
    ] {
        let mut client = Raw::connect(server.local_addr());
        assert_eq!(client.ask(&forwarded(header)).status, 101);
        assert_eq!(client.text(), address, "{header:?}");
    }
}

#[test]
fn frames_behind_the_head_and_late_panics_are_counted() {
    let server = serve_with(replyd::Config::default(), |session| {
        while session.next()?.is_some() {}
        // The client has closed already: a likely mistake.
        session
            .send("bye")
            .map_err(|error| -> () { std::panic::resume_unwind(Box::new(error.to_string())) })
            .ok();
        Ok(())
    });
    let mut client = Raw::connect(server.local_addr());
    let frames = [frame(0x81, b"help"), frame(0x88, b"\x03\xe8")].concat();
    client.send(&[upgrade("/", "").into_bytes(), frames.clone()].concat());
    assert_eq!(client.answer().status, 101);
    assert_eq!(client.close_code(), Some(1000));
    drop(client);
    wait_until("it is over", || server.clients() == 0);
    let counts = server.counts();
    assert_eq!(counts.messages_received, 1);
    assert_eq!(counts.bytes_received, frames.len() as u64);
    assert_eq!(counts.panics, 1);
    assert_eq!(counts.ended["closed"], 1);
}

#[test]
fn what_happened_is_counted() {
    let server = serve("[server]\nmax_message_bytes = 200\n");
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), GREETING);
    client.say(Opcode::Text, b"hello");
    assert_eq!(client.text(), GREETING);
    server.set_lost_log_lines(3);
    let counts = server.counts();
    assert_eq!(counts.accepted, 1);
    assert_eq!(counts.active, 1);
    assert_eq!(counts.log_lines_lost, 3);
    assert_eq!(counts.messages_received, 1);
    assert_eq!(counts.messages_sent, 2);
    client.say(Opcode::Text, &[b'x'; 201]);
    assert_eq!(client.close_code(), Some(1009));
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Close, &1000u16.to_be_bytes());
    assert_eq!(client.close_code(), Some(1000));
    drop(client);
    assert_eq!(Raw::connect(server.local_addr()).ask("HEAD /none HTTP/1.0\r\n\r\n").status, 404);

    wait_until("all are gone", || server.clients() == 0);
    let counts = server.counts();
    assert_eq!(counts.accepted, 3);
    assert_eq!(counts.active, 0);
    assert_eq!(counts.panics, 0);
    assert_eq!(counts.messages_received, 1);
    assert_eq!(counts.messages_sent, 3);
    // "hello" with its header of six bytes, and the head alone of what was too long; two greetings, an answer and two Closes.
    assert_eq!(counts.bytes_received, 11 + 8 + 201 + 8, "{counts:?}");
    assert!(counts.bytes_sent > 3 * GREETING.len() as u64 && counts.bytes_sent < 200, "{counts:?}");
    assert_eq!(counts.refused.iter().collect::<Vec<_>>(), [(&"not_found".to_owned(), &1)]);
    let ended: Vec<_> = counts.ended.iter().map(|(name, count)| (&name[..], *count)).collect();
    assert_eq!(ended, [("1009", 1), ("closed", 1)]);
}

#[cfg(feature = "cli")]
mod elsewhere {
    use std::net::{IpAddr, UdpSocket};

    use super::*;
    use crate::support::left_out;

    #[test]
    fn slow_heads_from_another_machine_do_not_silence_health() {
        let Some(address) = address_of_this_machine() else {
            return left_out("this machine has no address but loopback");
        };
        let mut config =
            replyd::Config::parse("[server]\nmax_clients = 1\n[auth]\nrequire_key = no\n", "test.ini")
                .unwrap();
        config.listen = format!("{address}:0");
        let server = replyd::Server::with_config(config).unwrap().start(replyd::bot).unwrap();
        let _guest = Raw::open(server.local_addr());
        let _slow: Vec<_> = (0..3)
            .map(|_| {
                let slow = slow_heads(server.local_addr(), 24);
                for _ in 0..4 {
                    assert_eq!(Raw::connect(server.local_addr()).ask(HEALTH).status, 200);
                }
                slow
            })
            .collect();
    }

    /// The address from which this machine would talk to others; nothing is sent.
    fn address_of_this_machine() -> Option<IpAddr> {
        let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect("198.51.100.1:9").ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
    }
}
