//! Behind real proxies, with the snippets of `replyd init`.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use replyd::{Client, ClientOptions, Event};

use crate::support::{
    DEADLINE, GREETING, HELP, Opcode, Program, Raw, Replyd,
    certificates::{Authority, Identity},
    proxy::{Certificate, Kind, Proxy, free_address, replaced},
    raw::{frame, upgrade},
    replyd, wait_until,
};

const KINDS: [Kind; 3] = [Kind::Nginx, Kind::Haproxy, Kind::Caddy];

fn unchanged(snippet: String) -> String {
    snippet
}

/// An upgrade as a browser's page at this origin asks for it.
fn from_page(host: &str, origin: &str, more: &str) -> String {
    upgrade("/chat", &format!("Origin: {origin}\r\n{more}"))
        .replace("Host: localhost", &format!("Host: {host}"))
}

#[test]
fn talking_pages_and_refusals() {
    for kind in KINDS {
        let server = Replyd::serve("");
        let Some(proxy) = Proxy::start(kind, server.address, None, unchanged) else { continue };
        let host = format!("localhost:{}", proxy.address.port());
        let ask = |head: &str| {
            let mut client = Raw::connect(proxy.address);
            let answer = client.ask_proxy(head);
            (answer, client)
        };
        let (answer, mut client) = ask(&from_page(&host, &format!("http://{host}"), ""));
        assert_eq!(answer.status, 101, "{kind:?}: {answer:?}");
        assert_eq!(client.text(), GREETING);
        client.say(Opcode::Text, b"i need help");
        assert_eq!(client.text(), HELP, "{kind:?}");
        // The page, its files, and a refusal with its sentence.
        let get_with = |path: &str, more: &str| {
            ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")).0
        };
        // Caddy asks for gzip in any other case, decompresses it, and does not say how long it is.
        let get = |path: &str| get_with(path, "Accept-Encoding: identity\r\n");
        assert!(get("/").body.contains("page.js"), "{kind:?}");
        assert!(get("/page.js").body.contains("new WebSocket"), "{kind:?}");
        let compressed = get_with("/page.js", "Accept-Encoding: gzip\r\n");
        assert_eq!(compressed.header("content-encoding"), ["gzip"], "{kind:?}");
        assert!(compressed.body.contains("new WebSocket"), "{kind:?}");
        let known = format!("If-None-Match: {}\r\n", compressed.header("etag")[0]);
        assert_eq!(get_with("/page.js", &known).status, 304, "{kind:?}");
        assert_eq!(get("/chat").status, 426, "{kind:?}");
        assert_eq!(get("/metrics").status, 403, "{kind:?}: whoever comes through a proxy is from elsewhere");
        let (answer, _) = ask(&from_page(&host, "http://evil.example", ""));
        assert_eq!(answer.status, 403, "{kind:?}: {answer:?}");
        assert!(answer.body.contains("may not connect to this server"), "{kind:?}: {answer:?}");
    }
}

/// The pages of a name that only the proxy has.
#[test]
fn a_proxy_that_adds_no_header_needs_its_name_in_the_settings() {
    for (kind, is_silent) in [(Kind::Nginx, false), (Kind::Haproxy, false), (Kind::Haproxy, true)] {
        let change = |snippet: String| match is_silent {
            true => replaced(&snippet, "    option forwardfor\n", ""),
            false => snippet,
        };
        for settings in ["", "[auth]\norigins = http://chat.example\n"] {
            let server = Replyd::serve(settings);
            let Some(proxy) = Proxy::start(kind, server.address, None, change) else { continue };
            let head = from_page("chat.example", "http://chat.example", "");
            let answer = Raw::connect(proxy.address).ask_proxy(&head);
            let is_refused = is_silent && settings.is_empty();
            assert_eq!(
                answer.status,
                if is_refused { 403 } else { 101 },
                "{kind:?} {settings:?}: {answer:?}"
            );
            assert!(!is_refused || answer.body.contains("send X-Forwarded-For"), "{answer:?}");
            let page = "GET / HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n";
            let status = Raw::connect(proxy.address).ask_proxy(page).status;
            assert_eq!(status, if is_refused { 403 } else { 200 }, "{kind:?} {settings:?}");
        }
    }
}

#[test]
fn a_full_house() {
    for kind in KINDS {
        let server = Replyd::serve("[server]\nmax_clients = 1\n");
        let Some(proxy) = Proxy::start(kind, server.address, None, unchanged) else { continue };
        // What the proxy's own looking after the server has of it, it has for a moment.
        let mut guest = None;
        wait_until("the only seat is free", || {
            let mut client = Raw::connect(server.address);
            let is_in = client.ask(&upgrade("/", "")).status == 101;
            guest = is_in.then_some(client);
            is_in
        });
        let answer = Raw::connect(proxy.address).ask_proxy(&upgrade("/chat", ""));
        assert_eq!(answer.status, 503, "{kind:?}: {answer:?}");
        assert_eq!(answer.header("retry-after"), ["5"], "{kind:?}: {answer:?}");
    }
}

#[test]
fn the_address_that_a_proxy_saw() {
    for kind in KINDS {
        // Here no proxy but this one is trusted, and what it saw is its client, not what that says of itself.
        let server = Replyd::serve("");
        let Some(proxy) = Proxy::start(kind, server.address, None, unchanged) else { continue };
        let host = format!("localhost:{}", proxy.address.port());
        let head = from_page(&host, &format!("http://{host}"), "X-Forwarded-For: 203.0.113.7\r\n");
        assert_eq!(Raw::connect(proxy.address).ask_proxy(&head).status, 101, "{kind:?}");
        let line = server.log().wait_for("Connection established with client ...");
        // nginx says where its client, trusted as a proxy here, says it is from; the others believe nobody.
        let shown = if kind == Kind::Nginx { " 203.0.113.7 via 127.0.0.1:" } else { " 127.0.0.1:" };
        assert!(
            line.split_once("[#").unwrap().1.trim_start_matches(char::is_numeric).starts_with(shown),
            "{kind:?}: {line}"
        );
    }
}

#[test]
fn pings_keep_a_tunnel_open() {
    for kind in KINDS {
        let server = Replyd::serve("[server]\nping_interval = 500ms\n");
        let impatient = |snippet: String| match kind {
            Kind::Nginx => replaced(
                &snippet,
                "proxy_http_version 1.1;",
                "proxy_http_version 1.1; proxy_read_timeout 2s; proxy_send_timeout 2s;",
            ),
            Kind::Haproxy => replaced(&snippet, "60s", "2s"),
            Kind::Caddy => snippet,
        };
        let Some(proxy) = Proxy::start(kind, server.address, None, impatient) else { continue };
        let mut client = Client::connect(&format!("ws://localhost:{}", proxy.address.port())).unwrap();
        let begin = Instant::now();
        let mut pings = 0;
        while begin.elapsed() < Duration::from_secs(5) {
            match client.next().unwrap() {
                Some(Event::Ping(_)) => pings += 1,
                Some(Event::Text(_)) => {}
                other => panic!("{kind:?}: {other:?}"),
            }
        }
        assert!(pings > 5, "{kind:?}: {pings}");
        client.send("help").unwrap();
        while !matches!(client.next().unwrap(), Some(Event::Text(text)) if text.as_str() == HELP) {}
    }
}

#[test]
fn tls_at_the_proxy() {
    let authority = Authority::new();
    for kind in KINDS {
        let server = Replyd::serve("");
        let Identity { certificate, private_key } = authority.identity();
        let certificate = Certificate { certificate, private_key };
        let Some(proxy) = Proxy::start(kind, server.address, Some(&certificate), unchanged) else { continue };
        let host = format!("localhost:{}", proxy.address.port());
        let mut options = ClientOptions::default();
        options.ca = Some(authority.pem.clone().into_bytes());
        options.headers = vec![("Origin".into(), format!("https://{host}"))];
        let mut client = Client::connect_with(&format!("wss://{host}/chat"), &options)
            .unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        client.send("i need help").unwrap();
        while !matches!(client.next().unwrap(), Some(Event::Text(text)) if text.as_str() == HELP) {}
        client.close().unwrap();
    }
}

#[test]
fn the_page_under_a_path_of_a_site() {
    let server = Replyd::serve("");
    let under = |snippet: String| replaced(&snippet, "    location / {", "    location /chat-desk/ {");
    let Some(proxy) = Proxy::start(Kind::Nginx, server.address, None, under) else { return };
    let host = format!("localhost:{}", proxy.address.port());
    let get = |path: &str| {
        Raw::connect(proxy.address)
            .ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    };
    assert!(get("/chat-desk/").body.contains("href=\"page.css?"));
    assert_eq!(get("/chat-desk/page.css").status, 200);
    assert_eq!(get("/page.css").status, 404);
    let head = from_page(&host, &format!("http://{host}"), "").replace("GET /chat ", "GET /chat-desk/chat ");
    let mut client = Raw::connect(proxy.address);
    assert_eq!(client.ask_proxy(&head).status, 101);
    client.send(&frame(0x81, b"help"));
    assert_eq!(client.text().as_str(), GREETING);
    assert_eq!(client.text().as_str(), HELP);
    crate::browser::run_with("path.test.mjs", &format!("http://{host}/chat-desk/"));
}

/// How a proxy finds the second instance, as its snippet says.
fn with_second(kind: Kind, snippet: String, second: SocketAddr) -> String {
    let snippet = match kind {
        Kind::Nginx | Kind::Haproxy => replaced(&snippet, "    # server ", "    server "),
        Kind::Caddy => {
            let lines = replaced(&snippet, "reverse_proxy 127.0.0.1:5000\n\n", "\n");
            // A blank begins a comment.
            let uncommented = |line: &str| match line.strip_prefix("\t#") {
                Some(code) if !code.starts_with(' ') => format!("\t{code}\n"),
                _ => format!("{line}\n"),
            };
            lines.lines().map(uncommented).collect()
        }
    };
    replaced(&snippet, "127.0.0.1:5001", &second.to_string())
}

/// Opens a connection every 30 ms until it is over, each with a question. Returns how each fared.
fn newcomers(proxy: SocketAddr, over: &AtomicBool) -> Vec<Result<(), String>> {
    let began = Instant::now();
    let mut visits = Vec::new();
    // A test that fails must end, too.
    while !over.load(Ordering::Acquire) && began.elapsed() < DEADLINE {
        visits.push(thread::spawn(move || visit(proxy)));
        thread::park_timeout(Duration::from_millis(30));
    }
    visits.into_iter().map(|visit| visit.join().unwrap()).collect()
}

fn visit(proxy: SocketAddr) -> Result<(), String> {
    let refused = |error| format!("refused: {error}");
    let mut client = Client::connect(&format!("ws://localhost:{}/chat", proxy.port())).map_err(refused)?;
    client.send("help").map_err(|error| format!("not asked: {error}"))?;
    loop {
        match client.next_by(Instant::now() + DEADLINE) {
            Ok(Some(Event::Text(text))) if text.as_str() == HELP => return Ok(()),
            Ok(Some(Event::Text(_))) => {}
            other => return Err(format!("not answered: {other:?}")),
        }
    }
}

#[test]
fn a_rolling_restart_refuses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[server]\ndrain_delay = 1s\nmessages_per_second = 0\n";
    std::fs::write(folder.path().join("config.ini"), settings).unwrap();
    let start = |address: &SocketAddr| {
        let program = Program::piped(replyd(folder.path()).args(["--listen", &address.to_string()]));
        program.stderr.wait_for("Waiting for clients");
        program
    };
    for kind in KINDS {
        let addresses = [(); 2].map(|()| free_address());
        let mut servers = addresses.each_ref().map(start);
        let change = |snippet| with_second(kind, snippet, addresses[1]);
        let Some(proxy) = Proxy::start(kind, addresses[0], None, change) else { continue };
        wait_until("a client gets through", || {
            Raw::connect(proxy.address).ask_proxy(&upgrade("/chat", "")).status == 101
        });
        let over = AtomicBool::new(false);
        let fates = thread::scope(|scope| {
            let visiting = scope.spawn(|| newcomers(proxy.address, &over));
            for (server, address) in servers.iter_mut().zip(&addresses) {
                server.signal(Signal::SIGTERM);
                assert_eq!(server.exit_code(), Some(0));
                *server = start(address);
                server.stderr.wait_for("Connection established");
            }
            over.store(true, Ordering::Release);
            visiting.join().unwrap()
        });
        let failures: Vec<&String> = fates.iter().filter_map(|fate| fate.as_ref().err()).collect();
        println!("{kind:?}: {} clients, {} failures", fates.len(), failures.len());
        assert!(fates.len() > 30 && failures.is_empty(), "{kind:?}: {failures:#?}");
    }
}
