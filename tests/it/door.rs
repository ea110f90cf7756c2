//! Who is at the door: requests for a name that is not this machine's, and clients that guess keys.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use replyd::{Config, Response, RunningServer, Server};

use crate::support::{GREETING, Opcode, Raw, raw::upgrade, serve, without_waiting};

const FORWARDED: &str = "X-Forwarded-For: 203.0.113.7\r\n";

/// The status for the upgrade that a page at this name asks for, and the sentence.
fn from_page(server: SocketAddr, host: &str, more: &str) -> (u16, String) {
    let head = upgrade("/", &format!("Origin: http://{host}\r\n{more}"))
        .replace("Host: localhost", &format!("Host: {host}"));
    let answer = Raw::connect(server).ask(&head);
    (answer.status, answer.body)
}

fn get(server: SocketAddr, path: &str, host: &str, more: &str) -> u16 {
    Raw::connect(server).ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n")).status
}

/// A tool, as its developer would write it, with a page of its own.
fn tool() -> RunningServer {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let server = server.pages(|request| (request.path() == "/").then(|| Response::html("secret")));
    server.start(|session: &mut replyd::Session| Ok(session.send("secret")?)).unwrap()
}

#[test]
fn a_page_that_points_its_own_name_here_is_refused() {
    for server in [serve(""), tool()] {
        let address = server.local_addr();
        let evil = format!("evil.example:{}", address.port());
        let (status, sentence) = from_page(address, &evil, "");
        assert_eq!(status, 403, "{sentence}");
        assert!(sentence.contains("'origins = https://chat.example'"), "{sentence}");
        assert!(!sentence.contains("evil") && !sentence.contains("key"), "{sentence}");
        for host in ["localhost.evil.example", "127.0.0.1.evil.example", "[::2]", "10.0.0.1", "0.0.0.0"] {
            assert_eq!(from_page(address, host, "").0, 403, "{host}");
            assert_eq!(get(address, "/", host, ""), 403, "{host}");
        }
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.1.2.3:81", "[::1]:5000", "chat.localhost:5000"]
        {
            assert_eq!(from_page(address, host, "").0, 101, "{host}");
            assert_eq!(get(address, "/", host, ""), 200, "{host}");
        }
        // A proxy brings clients of any name, and a program is no browser.
        assert_eq!(from_page(address, "chat.example", FORWARDED).0, 101);
        assert_eq!(get(address, "/", "chat.example", FORWARDED), 200);
        let program = upgrade("/", "").replace("localhost", &evil);
        assert_eq!(Raw::connect(address).ask(&program).status, 101);
        assert_eq!(get(address, "/healthz", "chat.example", ""), 200);
        assert_eq!(Raw::connect(address).ask("GET / HTTP/1.0\r\n\r\n").status, 200);
        assert_eq!(server.counts().refused["foreign_origin"], 11);
    }
}

#[test]
fn names_that_the_owner_lists() {
    let list = "[auth]\norigins = https://chat.example, http://other.example:81\n";
    let server = serve(list);
    for host in ["chat.example", "Chat.Example:443", "other.example:81"] {
        assert_eq!(get(server.local_addr(), "/", host, ""), 200, "{host}");
        assert_eq!(from_page(server.local_addr(), host, "").0, if host.contains(":443") { 403 } else { 101 });
    }
    assert_eq!(get(server.local_addr(), "/", "evil.example", ""), 403);
    assert_eq!(from_page(serve("[auth]\norigins = any").local_addr(), "evil.example", "").0, 101);

    // The owner's page is for this server's own pages, whatever the list says.
    let owner = "[key anna]\nsecret = the owner's own key\nrole = owner\n";
    for (settings, expected) in [(list, 101), ("", 403)] {
        let server = serve(&format!("{settings}{owner}"));
        let head = upgrade("/owner", "Origin: http://chat.example\r\nX-WS-AUTH-KEY: the owner's own key\r\n");
        let head = head.replace("localhost", "chat.example");
        assert_eq!(Raw::connect(server.local_addr()).ask(&head).status, expected);
    }

    // A list that is taken back ends the sessions that it let in.
    let mut client = Raw::connect(server.local_addr());
    let head = upgrade("/", "Origin: http://chat.example\r\n").replace("localhost", "chat.example");
    assert_eq!(client.ask(&head).status, 101);
    server.reload(Config::parse("", "f").unwrap()).unwrap();
    assert_eq!(client.close_code(), Some(1008));
}

#[test]
fn other_machines_may_use_any_name() {
    let mut config = Config::plain();
    config.require_key = Some(false);
    let Ok(listener) = std::net::TcpListener::bind("0.0.0.0:0") else { return };
    let server = Server::from_listener(listener, config).unwrap();
    let port = server.local_addr().port();
    let _running = server.start(|session: &mut replyd::Session| Ok(session.send("hello")?)).unwrap();
    assert_eq!(from_page(([127, 0, 0, 1], port).into(), "chat.example", "").0, 101);
}

const KEYS: &str =
    "[key shop]\nsecret = 0123456789abcdef\n[key anna]\nsecret = the owner's own key\nrole = owner\n";

/// What the server answers to a key from this address behind a proxy, and how soon.
fn try_key(server: &RunningServer, target: &str, from: &str, key: &str) -> (u16, Duration) {
    let begun = Instant::now();
    let headers = format!("Origin: http://localhost\r\nX-Forwarded-For: {from}\r\nX-WS-AUTH-KEY: {key}\r\n");
    let answer = Raw::connect(server.local_addr()).ask(&upgrade(target, &headers));
    assert!(answer.status != 429 || answer.header("retry-after") == ["60"], "{answer:?}");
    (answer.status, begun.elapsed())
}

const PATIENCE: Duration = Duration::from_millis(1900);

#[test]
fn guesses_are_slowed_by_address_and_valid_keys_are_not() {
    for target in ["/", "/owner"] {
        let server = serve(KEYS);
        let key = if target == "/" { "0123456789abcdef" } else { "the owner's own key" };
        for _ in 0..20 {
            assert_eq!(try_key(&server, target, "203.0.113.7", "guessed").0, 403);
        }
        let (status, time) = try_key(&server, target, "203.0.113.7", "guessed");
        assert!(status == 429 && time > PATIENCE, "{status} after {time:?}");
        // Neighbours with a key, others with a wrong one, and a request without any.
        for (from, key, expected) in
            [("203.0.113.7", key, 101), ("203.0.113.8", "guessed", 403), ("203.0.113.7", "", 403)]
        {
            let (status, time) = try_key(&server, target, from, key);
            assert!(status == expected && time < PATIENCE, "{from}: {status} after {time:?}");
        }
        assert_eq!(server.counts().refused["too_many_guesses"], 1);
    }
}

#[test]
fn whoever_waits_takes_only_its_own_places() {
    let server = serve(&format!("[server]\nmax_clients_per_ip = 2\n{KEYS}"));
    for _ in 0..20 {
        assert_eq!(try_key(&server, "/", "203.0.113.7", "guessed").0, 403);
    }
    std::thread::scope(|scope| {
        let guesses: Vec<_> =
            (0..8).map(|_| scope.spawn(|| try_key(&server, "/", "203.0.113.7", "guessed"))).collect();
        assert_eq!(try_key(&server, "/", "203.0.113.8", "0123456789abcdef").0, 101);
        let answers: Vec<_> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
        let waited = answers.iter().filter(|answer| answer.0 == 429 && answer.1 > PATIENCE).count();
        let refused = answers.iter().filter(|answer| answer.0 == 503).count();
        // A late one may have found a place again.
        assert!(waited >= 2 && waited + refused == 8, "{answers:?}");
    });
}

#[test]
fn local_programs_wait_too_but_never_in_all_places() {
    let server = serve(&format!("[server]\nmax_clients_per_ip = 2\n{KEYS}"));
    let guess = || {
        let begun = Instant::now();
        let answer = Raw::connect(server.local_addr()).ask(&upgrade("/", "X-WS-AUTH-KEY: guessed\r\n"));
        (answer.status, begun.elapsed() > PATIENCE)
    };
    for _ in 0..20 {
        assert_eq!(guess(), (403, false));
    }
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..8).map(|_| scope.spawn(guess)).collect();
        let answers: Vec<_> = guesses.into_iter().map(|guess| guess.join().unwrap()).collect();
        assert!(answers.iter().all(|answer| answer.0 == 429), "{answers:?}");
        let waited = answers.iter().filter(|answer| answer.1).count();
        assert!((2..8).contains(&waited), "{answers:?}");
    });
}

#[test]
fn no_other_way_to_guess_is_faster() {
    let mut config = crate::support::parse(KEYS);
    config.listen = "127.0.0.1:0".into();
    let server = Server::with_config(config).unwrap();
    let server = server.pages(|request| {
        (request.path() == "/").then(|| Response::text(200, format!("{:?}", request.caller())))
    });
    let server = server.start(replyd::bot).unwrap();
    let from = |path: &str, key: &str| {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{FORWARDED}X-WS-AUTH-KEY: {key}\r\n\r\n");
        Raw::connect(server.local_addr()).ask(&head).status
    };
    for _ in 0..5 {
        assert_eq!(["/chat", "/metrics", "/"].map(|path| from(path, "guessed")), [403, 403, 200]);
        assert_eq!(try_key(&server, "/owner", "203.0.113.7", "guessed").0, 403);
    }
    assert_eq!(["/chat", "/metrics", "/"].map(|path| from(path, "guessed")), [429; 3]);
    assert_eq!(["/chat", "/metrics", "/"].map(|path| from(path, "0123456789abcdef")), [426, 200, 200]);
}

#[test]
fn a_stop_does_not_wait_for_those_that_guess() {
    let server = serve(KEYS);
    for _ in 0..20 {
        try_key(&server, "/", "203.0.113.7", "guessed");
    }
    let mut client = Raw::connect(server.local_addr());
    client.send(upgrade("/", &format!("{FORWARDED}X-WS-AUTH-KEY: guessed\r\n")).as_bytes());
    crate::support::wait_until("it waits", || server.clients() == 1);
    without_waiting("for a guess", PATIENCE / 100, || server.stop());
}

#[test]
fn a_session_of_a_listed_name_goes_on() {
    let server = serve("[auth]\norigins = http://chat.example\n");
    let mut client = Raw::connect(server.local_addr());
    let head = upgrade("/", "Origin: http://chat.example\r\n").replace("localhost", "chat.example");
    assert_eq!(client.ask(&head).status, 101);
    assert_eq!(client.text(), GREETING);
    server
        .reload(Config::parse("[auth]\norigins = http://chat.example, http://a.example\n", "f").unwrap())
        .unwrap();
    client.say(Opcode::Text, b"hello");
    assert_eq!(client.text(), GREETING);
}

#[test]
fn secrets_that_repeat_themselves_are_refused() {
    let parse = |secret: &str| {
        let read = Config::parse(&format!("[key shop]\nsecret = {secret}\n"), "config.ini");
        read.map(drop).map_err(|error| error.to_string())
    };
    let expected = "config.ini:2: secret of [key shop] repeats a few characters and can be guessed; use a random one \
                    ('replyd key new shop' makes one)";
    for secret in [
        "aaaaaaaaaaaaaaaa",
        "1212121212121212",
        "abcabcabcabcabcabca",
        "aaaaaaaaaaaaaabcd",
        "passwordpassword",
    ] {
        assert_eq!(parse(secret).unwrap_err(), expected, "{secret}");
        assert!(replyd::Key::new("shop", secret).is_err(), "{secret}");
    }
    for secret in
        ["5027418866300915", "correct horse battery", "0123456789abcdef0123456789abcdef", "a1b2c3d4e5f6g7ha"]
    {
        assert_eq!(parse(secret), Ok(()), "{secret}");
    }
}

#[cfg(feature = "jwt")]
#[test]
fn so_are_those_that_sign_tokens() {
    for (secret, is_accepted) in [
        (&b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[..], false),
        (b"0123456789 0123456789 0123456789", false),
        (b"0123456789 abcdefghij ABCDEFGHIJ", true),
    ] {
        assert_eq!(replyd::Tokens::default().with_secret(secret).is_ok(), is_accepted);
    }
}
