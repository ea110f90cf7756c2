//! Keys of owners: they open one path, and change nothing else.

use replyd::{Config, ConfigReader, Event, RunningServer};

use crate::support::{GREETING, Opcode, Raw, parse, raw::upgrade, serve_with, wait_until};

const KEY: &str = "the owner's own key";
const OWNER: &str = "[key anna]\nsecret = the owner's own key\nrole = owner\n";
const CLIENT: &str = "[key shop]\nsecret = the key of a client\n";

fn config(text: &str) -> Config {
    let mut config = parse(text);
    config.listen = "127.0.0.1:0".into();
    config
}

/// A server that tells owners from others.
fn serve(text: &str) -> RunningServer {
    serve_with(config(text), |session| {
        session.send(if session.role() == Some("owner") { "owner" } else { GREETING })?;
        while let Some(event) = session.next()? {
            if let Event::Text(text) = event {
                session.send(text)?;
            }
        }
        Ok(())
    })
}

/// Asks for an upgrade. The `Host` of the request is `localhost`.
fn ask(server: &RunningServer, target: &str, headers: &str) -> (u16, Raw) {
    let mut client = Raw::connect(server.local_addr());
    let head = upgrade(target, headers);
    (client.ask(&head).status, client)
}

/// The origin of this server's own pages, as `upgrade` addresses it.
fn own() -> String {
    let head = upgrade("/", "");
    let host = head.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap();
    format!("Origin: http://{host}\r\n")
}

fn with_key(key: &str) -> String {
    own() + &format!("X-WS-AUTH-KEY: {key}\r\n")
}

#[test]
fn who_opens_the_path() {
    for settings in [OWNER.to_owned(), OWNER.to_owned() + CLIENT, format!("[auth]\norigins = any\n{OWNER}")] {
        let server = serve(&settings);
        let (status, mut client) = ask(&server, "/owner", &with_key(KEY));
        assert_eq!(status, 101);
        assert_eq!(client.text(), "owner");
        let bearer = format!(
            "{}Sec-WebSocket-Protocol: replyd-owner, bearer.{}\r\n",
            own(),
            "dGhlIG93bmVyJ3Mgb3duIGtleQ"
        );
        assert_eq!(ask(&server, "/owner?a=b", &bearer).0, 101);
        for headers in [
            own(),
            format!("X-WS-AUTH-KEY: {KEY}\r\n"),
            format!("Origin: https://evil.example\r\nX-WS-AUTH-KEY: {KEY}\r\n"),
            format!("Origin: null\r\nX-WS-AUTH-KEY: {KEY}\r\n"),
            with_key("another key, also long"),
            with_key("the key of a client"),
        ] {
            assert_eq!(ask(&server, "/owner", &headers).0, 403, "{headers}");
        }
        assert_eq!(ask(&server, "/owner?accessToken=the+owner%27s+own+key", &own()).0, 403);
    }
}

#[test]
fn the_key_opens_nothing_else() {
    let server = serve(&(OWNER.to_owned() + CLIENT));
    for target in ["/", "/chat", "/owner/", "/Owner", "/owner/x"] {
        assert_eq!(ask(&server, target, &with_key(KEY)).0, 403, "{target}");
        assert_eq!(ask(&server, target, &with_key("the key of a client")).0, 101, "{target}");
    }
}

#[test]
fn an_open_server_stays_open() {
    let server = serve("");
    // Without any owner it is a path like others.
    let (status, mut stranger) = ask(&server, "/owner", "");
    assert_eq!((status, stranger.text()), (101, GREETING.to_owned()));
    let (_, mut visitor) = ask(&server, "/", "");
    visitor.text();
    assert_eq!(server.reload(config(OWNER)).unwrap(), [""; 0]);
    for client in [&mut visitor, &mut stranger] {
        client.say(Opcode::Text, b"still here");
        assert_eq!(client.text(), "still here");
    }
    assert_eq!(ask(&server, "/", "").0, 101);
    assert_eq!(ask(&server, "/owner", "").0, 403);
    let mut exposed = config(OWNER);
    exposed.listen = "0.0.0.0:5000".into();
    assert!(exposed.check_exposure().is_err());
}

#[test]
fn a_key_that_is_taken_back_ends_its_session() {
    let server = serve(OWNER);
    let (_, mut owner) = ask(&server, "/owner", &with_key(KEY));
    owner.text();
    let (_, mut visitor) = ask(&server, "/", "");
    visitor.text();
    server.reload(config(&OWNER.replace("own key", "new key"))).unwrap();
    assert_eq!(owner.close_code(), Some(1008));
    wait_until("it is over", || server.clients() == 1);
    visitor.say(Opcode::Text, b"hello");
    assert_eq!(visitor.text(), "hello");
}

/// What visitors may send says nothing about an owner's page, which sends a file in parts.
#[test]
fn an_owner_is_not_bound_by_the_limits_of_visitors() {
    let limits = "[server]\nmax_message_bytes = 125\nmessages_per_second = 1\n";
    let server = serve(&(limits.to_owned() + OWNER));
    let (_, mut owner) = ask(&server, "/owner", &with_key(KEY));
    owner.text();
    let long = "x".repeat(12_000);
    for round in 0..2 {
        // Visitors would wait for a minute.
        for _ in 0..30 {
            owner.say(Opcode::Text, long.as_bytes());
            assert_eq!(owner.text(), long);
        }
        // The same after a reload.
        server.reload(config(&format!("[server]\nmax_message_bytes = {}\n{OWNER}", 126 + round))).unwrap();
    }
    let (_, mut visitor) = ask(&server, "/", "");
    visitor.text();
    visitor.say(Opcode::Text, long.as_bytes());
    assert_eq!(visitor.close_code(), Some(1009));
}

#[test]
fn two_owners_find_a_place_on_a_full_server() {
    let server = serve(&format!("[server]\nmax_clients = 1\n{OWNER}"));
    let (_, mut visitor) = ask(&server, "/", "");
    visitor.text();
    let [mut one, mut other] = [(); 2].map(|()| {
        let (status, mut owner) = ask(&server, "/owner", &with_key(KEY));
        assert_eq!((status, owner.text()), (101, "owner".to_owned()));
        owner
    });
    assert_eq!(ask(&server, "/owner", &with_key(KEY)).0, 503);
    assert_eq!(ask(&server, "/owner", &with_key("another key, also long")).0, 403);
    assert_eq!(ask(&server, "/", "").0, 503);
    assert_eq!(server.clients(), 3);
    // They have threads of their own, so nobody who comes later displaces them.
    let slow: Vec<Raw> = (0..20).map(|_| Raw::connect(server.local_addr())).collect();
    let health = Raw::connect(server.local_addr()).ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(health.status, 200);
    drop(slow);
    for owner in [&mut one, &mut other] {
        owner.say(Opcode::Text, b"still here");
        assert_eq!(owner.text(), "still here");
    }
    drop(one);
    wait_until("its place is free", || server.clients() == 2);
    assert_eq!(ask(&server, "/", "").0, 503);
    let (status, mut third) = ask(&server, "/owner", &with_key(KEY));
    assert_eq!((status, third.text()), (101, "owner".to_owned()));
    server.stop();
    assert_eq!(third.close_code(), Some(1001));
}

#[test]
fn an_owner_finds_a_place_beside_others_of_the_same_address() {
    let server = serve(&format!("[server]\nmax_clients_per_ip = 1\n{OWNER}"));
    let behind_proxy = "X-Forwarded-For: 203.0.113.7\r\n";
    let (_, mut visitor) = ask(&server, "/", behind_proxy);
    visitor.text();
    assert_eq!(ask(&server, "/", behind_proxy).0, 503);
    let (status, mut owner) = ask(&server, "/owner", &(with_key(KEY) + behind_proxy));
    assert_eq!((status, owner.text()), (101, "owner".to_owned()));
    wait_until("the refused one is gone", || server.clients() == 2);
}

#[test]
fn what_is_wrong_with_a_section() {
    for (section, line, words) in [
        ("[key a]\nsecret = 0123456789abcdef\nrole = admin", 3, "role of [key a] expects owner"),
        (
            "[key a]\nsecret = 0123456789abcdef\nrole = owner\norigins = any",
            4,
            "the role owner is for pages of this server itself",
        ),
        (
            "[key a]\nsecret = 0123456789abcdef\nrole = owner\n[key b]\nsecret = 0123456789abcdef",
            5,
            "has the secret of [key a]",
        ),
    ] {
        let error =
            ConfigReader::default().role("owner", "/owner").parse(section, "f").unwrap_err().to_string();
        assert!(error.starts_with(&format!("f:{line}: ")) && error.contains(words), "{error}");
    }
}
