//! Which requests are upgraded, and what the others are told.

use crate::support::{
    GREETING, Opcode, Raw,
    raw::{KEY, frame, upgrade},
    serve,
};

/// Sends a head, whole and then byte by byte, and checks the answer to both.
#[track_caller]
fn check_bytes(head: &[u8], status: u16, words: &str) {
    let server = serve("");
    let shown = String::from_utf8_lossy(head);
    for pieces in [head.len().max(1), 1] {
        let mut client = Raw::connect(server.local_addr());
        for piece in head.chunks(pieces) {
            // It may have been refused before the end.
            if client.try_send(piece).is_err() {
                break;
            }
        }
        let answer = client.answer();
        assert_eq!(answer.status, status, "{shown:?} in pieces of {pieces}: {answer:?}");
        if status == 101 {
            assert_eq!(client.text(), GREETING, "{shown:?}");
            continue;
        }
        assert_eq!(answer.header("x-content-type-options"), ["nosniff"], "{answer:?}");
        let body = if head.starts_with(b"HEAD") { "" } else { answer.body.as_str() };
        assert_eq!(answer.body, body, "HEAD has no body: {answer:?}");
        assert!(head.starts_with(b"HEAD") || body.contains(words), "{shown:?}: {answer:?}");
        assert!(
            head.starts_with(b"HEAD") || answer.header("content-length") == [body.len().to_string()],
            "{answer:?}"
        );
    }
}

#[track_caller]
fn check(head: &str, status: u16, words: &str) {
    check_bytes(head.as_bytes(), status, words);
}

/// A right upgrade, changed.
fn changed(from: &str, to: &str) -> String {
    let head = upgrade("/", "");
    assert!(head.contains(from), "{head:?}");
    head.replacen(from, to, 1)
}

/// A right upgrade with one more header line.
fn with(line: &str) -> String {
    upgrade("/", &format!("{line}\r\n"))
}

#[test]
fn heads_that_are_too_much() {
    let headers = |count: usize| (0..count).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    // Five are there already.
    check(&upgrade("/", &headers(59)), 101, "");
    check(&upgrade("/", &headers(60)), 431, "64 headers");
    check(&with(&format!("X: {}", "x".repeat(17 * 1024))), 431, "16 KiB");
    check(&upgrade(&format!("/{}", "x".repeat(17 * 1024)), ""), 431, "16 KiB");
    check(&with(&format!("X: {}", "x".repeat(15 * 1024))), 101, "");
}

#[test]
fn what_is_not_http() {
    check("hello\r\n\r\n", 400, "not an HTTP/1.1 request");
    check("GET /\r\n\r\n", 400, "not an HTTP/1.1 request");
    check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "not an HTTP/1.1 request");
    check("GET / HTTP/3\r\nHost: a\r\n\r\n", 400, "not an HTTP/1.1 request");
    check("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not an HTTP/1.1 request");
    check("G\"T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not an HTTP/1.1 request");
    check_bytes(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "control character");
    check_bytes(b"\xff\xfe\xfd\r\n\r\n", 400, "not an HTTP/1.1 request");
    check(&with("X: a\0b"), 400, "control character");
    check(&with("X: a\x1bb"), 400, "control character");
    check(&with("X: a\r\n folded"), 400, "folded");
    check(&with("X: a\r\n\tfolded"), 400, "folded");
    check(&changed("HTTP/1.1\r\n", "HTTP/1.1\r\n folded: x\r\n"), 400, "folded");
    check(&with("X : a"), 400, "not an HTTP/1.1 request");
    check(&with("no colon"), 400, "not an HTTP/1.1 request");
    check(&with(": no name"), 400, "not an HTTP/1.1 request");
    check(&changed("Host: localhost\r\n", "Host: localhost\n"), 400, "bare line feed");
    check("GET / HTTP/1.1\nHost: a\n\n", 400, "bare line feed");
    check(&with("X: a\rb"), 400, "bare carriage return");
    check(&changed("Host: localhost\r\n", ""), 400, "exactly one Host");
    check(&with("Host: localhost"), 400, "exactly one Host");
    check(&with("Content-Length: 5"), 400, "body");
    check(&with("Content-Length: 0, 5"), 400, "body");
    check(&with("Content-Length: -0"), 400, "body");
    check(&with("Transfer-Encoding: chunked"), 400, "body");
    check(&with("Content-Length: 0"), 101, "");
    check("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "");
}

#[test]
fn targets_and_methods() {
    check(&upgrade("http://elsewhere.example/chat?x=y", ""), 101, "");
    check(&upgrade("ws://elsewhere.example", ""), 101, "");
    check(&upgrade("/\"<script>", ""), 101, "");
    check(&upgrade("/any/path?with=http://query", ""), 101, "");
    check(&upgrade("any", ""), 400, "must be a path");
    check(&upgrade("*", ""), 400, "must be a path");
    for method in ["POST", "PUT", "DELETE", "PATCH", "get", "X-MY-OWN"] {
        check(&changed("GET", method), 405, "Only GET and HEAD");
        check(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"), 405, "Only GET and HEAD");
    }
    check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405, "Only GET and HEAD");
    check("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "Only GET and HEAD");
    let answer = Raw::connect(serve("").local_addr()).ask(&changed("GET", "POST"));
    assert_eq!(answer.header("allow"), ["GET, HEAD"]);
}

#[test]
fn plain_requests() {
    for method in ["GET", "HEAD"] {
        for version in ["HTTP/1.1\r\nHost: localhost", "HTTP/1.0"] {
            let head = |path: &str| format!("{method} {path} {version}\r\n\r\n");
            check(&head("/healthz"), 200, "ok\n");
            check(&head("/healthz?x"), 200, "ok\n");
            check(&head("/chat"), 426, "connect with ws://");
            check(&head("/elsewhere"), 404, "nothing at this path");
            check(&head("/healthz/"), 404, "nothing at this path");
        }
    }
    // An offer of another protocol may be ignored.
    let offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
    check(&format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{offer}\r\n"), 200, "ok");
}

#[test]
fn a_probe_tells_what_an_upgrade_would_get() {
    let probe = |settings: &str, more: &str| {
        let server = serve(settings);
        let answer =
            Raw::connect(server.local_addr()).ask(&format!("GET /chat HTTP/1.1\r\nHost: a\r\n{more}\r\n"));
        answer.status
    };
    assert_eq!(probe("[key a]\nsecret = 0123456789abcdef\n", ""), 403);
    assert_eq!(probe("[key a]\nsecret = 0123456789abcdef\n", "X-WS-AUTH-KEY: 0123456789abcdef\r\n"), 426);
    assert_eq!(probe("", "Origin: https://elsewhere.example\r\n"), 403);
}

#[test]
fn what_an_upgrade_needs() {
    let proxy = "a proxy in between must forward both";
    check(&changed("Upgrade: websocket\r\n", ""), 400, proxy);
    check(&changed("Upgrade: websocket", "Upgrade: h2c"), 400, proxy);
    check(&changed("Connection: Upgrade\r\n", ""), 400, proxy);
    check(&changed("Connection: Upgrade", "Connection: close"), 400, proxy);
    check(&changed(&format!("Sec-WebSocket-Key: {KEY}\r\n"), ""), 400, "one Sec-WebSocket-Key");
    check(&with(&format!("Sec-WebSocket-Key: {KEY}")), 400, "one Sec-WebSocket-Key");
    check(&changed(KEY, ""), 400, "16 bytes in base64");
    check(&changed(KEY, "c2hvcnQ="), 400, "16 bytes in base64");
    check(&changed(KEY, "dGhlIHNhbXBsZSBub25jZSE="), 400, "16 bytes in base64");
    check(&changed(KEY, "dGhlIHNhbXBsZSBub25jZQ"), 400, "16 bytes in base64");
    check(&changed(KEY, "not base64 at all, is it"), 400, "16 bytes in base64");
    check(&changed("Version: 13", "Version: 8"), 426, "version 13");
    check(&changed("Version: 13", "Version: 013"), 426, "version 13");
    check(&changed("Sec-WebSocket-Version: 13\r\n", ""), 426, "version 13");
    check(&with("Sec-WebSocket-Version: 13"), 426, "version 13");
    check(&changed("HTTP/1.1", "HTTP/1.0"), 400, "requires HTTP/1.1");
    check(&changed("GET", "HEAD"), 400, "");
    check("HEAD / HTTP/1.1\r\n\r\n", 400, "");
    let answer = Raw::connect(serve("").local_addr()).ask(&changed("Version: 13", "Version: 8"));
    assert_eq!(answer.header("sec-websocket-version"), ["13"]);
}

#[test]
fn the_first_row_that_applies_is_the_answer() {
    // Each head has the faults of all rows from its own on.
    let rows = [
        (changed("GET", "POST").replace("Host: localhost\r\n", ""), 400),
        (changed("GET", "POST").replace("Version: 13", "Version: 8"), 405),
        (changed("HTTP/1.1", "HTTP/1.0").replace("Version: 13", "Version: 8"), 400),
        (changed("Version: 13", "Version: 8").replace(KEY, "short"), 426),
        (changed(KEY, "short").replace("GET", "HEAD"), 400),
    ];
    for (head, status) in rows {
        let head = head.replacen("\r\n\r\n", "\r\nX-WS-AUTH-KEY: a\r\nAuthorization: Bearer b\r\n\r\n", 1);
        check(&head, status, "");
    }
}

#[test]
fn legal_ways_to_write_an_upgrade() {
    check(&changed("Connection: Upgrade", "Connection: keep-alive, Upgrade"), 101, "");
    check(&changed("Connection: Upgrade", "Connection: keep-alive ,\tupgrade\t,x"), 101, "");
    check(&changed("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"), 101, "");
    check(&changed("Connection: Upgrade", "connection:\tUPGRADE\t"), 101, "");
    check(&changed("Upgrade: websocket", "Upgrade: WebSocket"), 101, "");
    check(&changed("Upgrade: websocket", "UPGRADE:h2c, websocket"), 101, "");
    check(&changed("Sec-WebSocket-Key", "sec-WEBSOCKET-key"), 101, "");
    check(&changed("GET", "\r\nGET"), 101, "");
    check(&with("X-Empty:"), 101, "");
    check(&with("X-Latin: \u{e9}"), 101, "");
    check(&with("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"), 101, "");
}

#[test]
fn a_right_upgrade() {
    let server = serve("");
    let mut client = Raw::connect(server.local_addr());
    let answer = client.ask(&upgrade("/any?thing", ""));
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("upgrade"), ["websocket"]);
    assert_eq!(answer.header("connection"), ["Upgrade"]);
    // From RFC 6455, section 1.3.
    assert_eq!(answer.header("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    assert_eq!(answer.header("sec-websocket-protocol"), [""; 0]);
    assert_eq!(client.text(), GREETING);
}

#[test]
fn one_of_the_offered_subprotocols() {
    let server = serve("");
    for (offered, chosen) in [
        ("Sec-WebSocket-Protocol: chat, superchat\r\n", "chat"),
        ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n", "chat"),
    ] {
        let answer = Raw::connect(server.local_addr()).ask(&upgrade("/", offered));
        assert_eq!(answer.header("sec-websocket-protocol"), [chosen], "{offered:?}");
    }
}

#[test]
fn a_head_in_single_bytes_and_frames_right_behind_it() {
    let server = serve("");
    let mut client = Raw::connect(server.local_addr());
    let mut bytes = upgrade("/", "").into_bytes();
    bytes.extend(frame(0x80 | Opcode::Text as u8, b"hello"));
    for byte in &bytes {
        client.send(&[*byte]);
    }
    assert_eq!(client.answer().status, 101);
    assert_eq!([client.text(), client.text()], [GREETING, GREETING]);

    let mut client = Raw::connect(server.local_addr());
    client.send(&bytes);
    assert_eq!(client.answer().status, 101);
    assert_eq!([client.text(), client.text()], [GREETING, GREETING]);
}

#[test]
fn a_head_that_never_ends_is_answered() {
    let server = serve("[server]\nhandshake_timeout = 100ms\n");
    let answer = Raw::connect(server.local_addr()).ask("GET / HTTP/1.1\r\nHost: a\r\n");
    assert_eq!(answer.status, 408, "{answer:?}");
    let server = serve("");
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(17 * 1024));
    assert_eq!(Raw::connect(server.local_addr()).ask(&long).status, 431);
    // Half a head, and the end of the stream.
    let mut client = Raw::connect(server.local_addr());
    client.send(b"GET / HTTP/1.1\r\n");
    client.stream().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.answer().status, 400);
}

#[test]
fn a_full_house_says_so_and_empties() {
    let server = serve("[server]\nmax_clients = 1\n");
    let first = Raw::open(server.local_addr());
    let answer = Raw::connect(server.local_addr()).ask(&upgrade("/", ""));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.header("retry-after").len(), 1, "{answer:?}");
    drop(first);
    crate::support::wait_until("the seat is free", || server.clients() == 0);
    Raw::open(server.local_addr());
}

#[cfg(feature = "cli")]
mod real {
    use super::*;
    use crate::support::{Program, Replyd, left_out, replyd, wait_until};

    const FORWARDED: &str = "X-Forwarded-For: 203.0.113.7\r\n";
    const WRONG_KEY: &str = "X-WS-AUTH-KEY: guessed\r\n";
    const HASH: &str = "5f4bba80b1c8e2c2e7f4c5bb9b6b7d0d1b0b7f1f6f1c9d7b3a5e4d2c1b0a9f8e";

    #[test]
    fn every_refusal_names_the_client_that_a_proxy_brings() {
        let server = Replyd::serve(&format!("[web]\npage = no\n[key a]\nsecret_sha256 = {HASH}\n"));
        let plain = |line: &str, more: &str| format!("{line} HTTP/1.1\r\nHost: a\r\n{FORWARDED}{more}\r\n");
        let heads = [
            (plain("GET /chat", WRONG_KEY), 403),
            (plain("HEAD /chat", WRONG_KEY), 403),
            (plain("GET /metrics", WRONG_KEY), 403),
            (plain("GET /metrics", ""), 403),
            (plain("GET /nothing", ""), 404),
            (plain("GET /", ""), 404),
            (plain("POST /chat", WRONG_KEY), 405),
            (plain("POST /chat", "Content-Length: 5\r\n"), 400),
            (plain("GET /chat", "Host: b\r\n"), 400),
            (with(&format!("{FORWARDED}X-WS-AUTH-KEY: guessed")), 403),
            (upgrade("/", FORWARDED).replace("Version: 13", "Version: 8"), 426),
            (upgrade("/", FORWARDED).replace(KEY, "short"), 400),
        ];
        for (head, status) in &heads {
            assert_eq!(Raw::connect(server.address).ask(head).status, *status, "{head:?}");
        }
        let log = server.stop();
        let refused: Vec<&str> =
            log.lines().filter(|line| line.contains("Connection refused ... ")).collect();
        assert_eq!(refused.len(), heads.len(), "{log}");
        for ((head, status), line) in heads.iter().zip(refused) {
            assert!(line.contains(&format!("refused ... {status} ")), "{head:?}: {line}");
            assert!(line.contains(" 203.0.113.7 via 127.0.0.1:"), "{head:?}: {line}");
        }
    }

    /// A balancer's check every second, a scraper, visitors of the page, a prober of ports.
    fn visit(server: &Replyd) {
        for path in ["/healthz?x=secret", "/metrics", "/", "/page.js"] {
            let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert_eq!(Raw::connect(server.address).ask(&head).status, 200);
        }
        let metrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        drop(Raw::connect(server.address));
        wait_until("the probe is noticed", || {
            Raw::connect(server.address).ask(metrics).body.contains("\nreplyd_clients 1\n")
        });
    }

    #[test]
    fn the_log_has_clients_and_refusals_but_no_visits() {
        let server = Replyd::serve("[server]\nhandshake_timeout = 1s\n");
        visit(&server);
        // Browsers open connections in advance, and use them later or never.
        assert_eq!(Raw::connect(server.address).answer().status, 408);
        assert_eq!(
            Raw::connect(server.address).ask("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
            404
        );
        assert_eq!(Raw::connect(server.address).ask("GET / HTTP/1.1\r\n").status, 408);
        assert_eq!(Raw::connect(server.address).ask(&changed("Version: 13", "Version: 8")).status, 426);
        drop(Raw::open(server.address));
        server.log().wait_for("Connection ended ... the client is gone");
        let log = server.stop();
        let said: Vec<&str> = log.lines().filter(|line| line.contains("onnection")).collect();
        let words = [
            "Connection refused ... 404 ",
            "Connection refused ... 408 ",
            "Incoming connection from client ... [#",
            "Connection refused ... 426 ",
            "Incoming connection from client ... [#",
            "Connection established with client ... [#",
            "Connection ended ... the client is gone",
        ];
        assert_eq!(said.len(), words.len(), "{log}");
        assert!(said.iter().zip(words).all(|(line, words)| line.contains(words)), "{log}");
        assert!(!log.contains("healthz") && !log.contains("metrics"), "{log}");
    }

    #[test]
    fn visits_are_logged_at_debug() {
        let server = Replyd::serve("[log]\nlevel = debug\n");
        visit(&server);
        let long = format!("GET /{}\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(300));
        assert_eq!(Raw::connect(server.address).ask(&long).status, 404);
        server.log().wait_for("Incoming request ... GET /healthz [#1 127.0.0.1:");
        server.log().wait_for("Incoming request ... GET /metrics [#2 127.0.0.1:");
        server.log().wait_for("Incoming request ... GET / [#3 127.0.0.1:");
        server.log().wait_for("Connection ended before a request ... ");
        server.log().wait_for(&format!("Incoming request ... GET /{} ... [#", "x".repeat(199)));
        let log = server.stop();
        assert!(!log.contains("secret"), "{log}");
        let visits =
            log.lines().filter(|line| line.contains("Incoming request") || line.contains("before a"));
        assert!(visits.clone().count() >= 6 && visits.clone().all(|line| line.contains(" DEBUG ")), "{log}");
    }

    #[test]
    fn a_foreign_page_is_named() {
        let server = Replyd::serve("");
        let origin = format!("Origin: https://evil.example\u{202e}{}", "x".repeat(300));
        assert_eq!(Raw::connect(server.address).ask(&with("Origin: https://evil.example")).status, 403);
        let answer = Raw::connect(server.address).ask(&with(&origin));
        assert_eq!(answer.status, 403);
        assert!(!answer.body.contains("evil"));
        let probe = "GET /chat HTTP/1.1\r\nHost: shop.example:81\r\nOrigin: null\r\n\r\n";
        assert_eq!(Raw::connect(server.address).ask(probe).status, 403);
        let refused = "403 Pages from this origin may not connect to this server.";
        server.log().wait_for(&format!("{refused} Origin: https://evil.example, Host: localhost [#1 "));
        let cut = "x".repeat(100 - "https://evil.example.".len());
        server.log().wait_for(&format!(
            "{refused} Origin: https://evil.example\\u{{202e}}{cut} ..., Host: localhost [#2 "
        ));
        server.log().wait_for(&format!("{refused} Origin: null, Host: shop.example:81 [#3 "));
    }

    #[test]
    fn an_ipv4_client_of_an_ipv6_socket_is_shown_plainly() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.ini"), "[auth]\nrequire_key = no\n").unwrap();
        if std::net::TcpListener::bind("[::]:0").is_err() {
            return left_out("this machine has no IPv6");
        }
        let server = Program::piped(replyd(folder.path()).args(["--listen", "[::]:0"]));
        let line = server.stderr.wait_for("Waiting for clients ... [ws://[::]:");
        let port: u16 = line.trim_end_matches(']').parse().unwrap();
        let mut client = Raw::open(([127, 0, 0, 1], port).into());
        client.text();
        client.say(Opcode::Text, b"hello");
        client.text();
        for words in ["Incoming connection", "established", "SERVER >> ", "CLIENT >> "] {
            server.stderr.wait_for(words);
            server.stderr.wait_for(" [#1 127.0.0.1:");
        }
        assert!(!server.stderr.so_far().contains("ffff"), "{}", server.stderr.so_far());
    }
}
