//! Keys of owners: they open one path, and change nothing else.

use replyd::{Config, Event, RunningServer};

use crate::support::{GREETING, Opcode, Raw, raw::upgrade, serve_with, wait_until};

const KEY: &str = "the owner's own key";
const OWNER: &str = "[key anna]\nsecret = the owner's own key\nrole = owner\n";
const CLIENT: &str = "[key shop]\nsecret = the key of a client\n";

fn config(text: &str) -> Config {
    let mut config = Config::parse(text, "test.ini").unwrap();
    config.listen = "127.0.0.1:0".into();
    config
}

/// A server that tells owners from others.
fn serve(text: &str) -> RunningServer {
    serve_with(config(text), |session| {
        session.send(if session.is_owner() { "owner" } else { GREETING })?;
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

#[test]
fn what_is_wrong_with_a_section() {
    for (section, line, words) in [
        ("[key a]\nsecret = 0123456789abcdef\nrole = admin", 3, "role of [key a] expects owner"),
        (
            "[key a]\nsecret = 0123456789abcdef\nrole = owner\norigins = any",
            4,
            "an owner comes from this server's own page",
        ),
        (
            "[key a]\nsecret = 0123456789abcdef\nrole = owner\n[key b]\nsecret = 0123456789abcdef",
            5,
            "has the secret of [key a]",
        ),
    ] {
        let error = Config::parse(section, "f").unwrap_err().to_string();
        assert!(error.starts_with(&format!("f:{line}: ")) && error.contains(words), "{error}");
    }
}
