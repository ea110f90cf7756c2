//! What a program decides itself: who comes in, what pages there are, when the server stops.

use std::{
    io::Write,
    net::TcpListener,
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use replyd::{Config, Event, Grant, Request, Response, RunningServer, Server, Session};

use crate::support::{
    DEADLINE, Raw,
    raw::{Answer, upgrade},
    wait_until, warnings,
};

/// Says what the handler knows of its client.
fn introduce(session: &mut Session) -> replyd::HandlerResult {
    let about = format!(
        "{} {:?} {:?} {:?}",
        session.path(),
        session.query("color").map(|color| format!("{color} of {}", session.query_string())),
        session.subprotocol(),
        session.caller()
    );
    session.send(about)?;
    while let Some(event) = session.next()? {
        if let Event::Text(text) = event {
            session.send(text)?;
        }
    }
    Ok(())
}

fn serve(change: impl FnOnce(&mut Config), decide: impl FnOnce(Server) -> Server) -> RunningServer {
    let mut config = Config::plain();
    config.listen = "127.0.0.1:0".into();
    change(&mut config);
    decide(Server::with_config(config).unwrap()).start(introduce).unwrap()
}

fn get(server: &RunningServer, path: &str, more: &str) -> Answer {
    Raw::connect(server.local_addr()).ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"))
}

#[track_caller]
fn introduced(server: &RunningServer, target: &str, more: &str) -> String {
    let mut client = Raw::connect(server.local_addr());
    let answer = client.ask(&upgrade(target, more));
    assert_eq!(answer.status, 101, "{answer:?}");
    client.text()
}

#[test]
fn a_handler_sees_what_the_client_asked_for() {
    let server = serve(|_| (), |server| server);
    assert_eq!(introduced(&server, "/", ""), "/ None None None");
    let target = "/rooms/bl%75e?color=r%65d+one&accessToken=secret&color=blue";
    let offered = "Sec-WebSocket-Protocol: bearer.c2VjcmV0, chat.v2, chat.v1\r\n";
    assert_eq!(
        introduced(&server, target, offered),
        "/rooms/bl%75e Some(\"red one of color=r%65d+one&color=blue\") Some(\"chat.v2\") None"
    );
}

#[test]
fn a_program_admits_under_its_own_terms() {
    let judge = |request: &Request<'_>| match request.path() {
        "/closed" => Err(Response::text(451, "Not here.").with_header("Retry-After", "60")),
        "/named" => Ok(Grant::named("a guest").with_subprotocol("chat.v1")),
        "/unoffered" => Ok(Grant::default().with_subprotocol("chat.v9")),
        "/secret" => Ok(Grant::default().with_subprotocol("bearer.c2VjcmV0")),
        "/expiring" => Ok(Grant::default().with_expiry(SystemTime::now() + Duration::from_millis(300))),
        "/panic" => std::panic::resume_unwind(Box::new("on purpose")),
        "/invalid" => Err(Response::text(403, "").with_header("A", "b\r\nC: d")),
        "/success" => Err(Response::text(202, "come in")),
        _ => {
            let offered: Vec<&str> = request.subprotocols().collect();
            let about = format!("{:?} {:?} {offered:?}", request.header("X-a"), request.query("accessToken"));
            Ok(Grant::named(about))
        }
    };
    warnings::keep();
    let server = serve(|_| (), |server| server.admit(judge));
    let ask = |target: &str, more: &str| Raw::connect(server.local_addr()).ask(&upgrade(target, more));
    let offered = "Sec-WebSocket-Protocol: bearer.c2VjcmV0, chat.v2, chat.v1\r\n";

    let closed = ask("/closed", "");
    assert_eq!((closed.status, &*closed.body), (451, "Not here."));
    for (name, expected) in [("retry-after", "60"), ("cache-control", "no-store"), ("content-length", "9")] {
        assert_eq!(closed.header(name), [expected], "{name}");
    }
    assert_eq!(introduced(&server, "/named", offered), "/named None Some(\"chat.v1\") Some(\"a guest\")");
    let about =
        introduced(&server, "/other?accessToken=secret", &format!("x-A: one\r\nX-A: two\r\n{offered}"));
    assert_eq!(about, r#"/other None Some("chat.v2") Some("Some(\"one\") None [\"chat.v2\", \"chat.v1\"]")"#);
    for target in ["/unoffered", "/secret", "/panic", "/invalid", "/success"] {
        let answer = ask(target, offered);
        assert_eq!(answer.status, 500, "{target}");
        assert!(!answer.head.contains("C: d") && !answer.head.contains("bearer"), "{answer:?}");
    }
    let kept = warnings::kept();
    for why in [
        "at GET /secret: it chose a subprotocol",
        "at GET /invalid: its response is not valid: the value of the header a",
    ] {
        assert!(kept.iter().any(|line| line.contains(why)), "{kept:#?}");
    }
    assert!(!kept.iter().any(|line| line.contains("c2VjcmV0") || line.contains("C: d")), "{kept:#?}");
    assert_eq!(server.counts().panics, 1);
    assert_eq!(server.counts().refused["program"], 1);
    assert_eq!(server.counts().refused["internal"], 5);

    let mut client = Raw::open_at(server.local_addr(), "/expiring");
    assert!(client.text().starts_with("/expiring"));
    assert_eq!(client.close_code(), Some(1008));
    assert_eq!(introduced(&server, "/named", offered), "/named None Some(\"chat.v1\") Some(\"a guest\")");
}

/// A value that reports when it is dropped.
struct Guard(mpsc::Sender<&'static str>, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

#[test]
fn a_value_travels_from_the_door_to_the_session() {
    let (dropped, drops) = mpsc::channel();
    let judge = move |request: &Request<'_>| match request.path() {
        "/none" => Ok(Grant::default()),
        "/left" => Ok(Grant::default().with_value(Guard(dropped.clone(), "left"))),
        "/unoffered" => {
            Ok(Grant::default().with_value(Guard(dropped.clone(), "refused")).with_subprotocol("chat.v9"))
        }
        // Not `Sync`, as the connections of most databases.
        path => Ok(Grant::named("ann").with_value((path.len(), std::cell::RefCell::new(path.to_owned())))),
    };
    let server = Server::bind("127.0.0.1:0").unwrap().admit(judge).start(|session| {
        // Of another type, it stays.
        let other = session.take_value::<String>();
        let value = session.take_value::<(usize, std::cell::RefCell<String>)>();
        let again = session.take_value::<(usize, std::cell::RefCell<String>)>();
        Ok(session.send(format!("{other:?} {value:?} {again:?}"))?)
    });
    let server = server.unwrap();
    assert_eq!(
        introduced(&server, "/value", ""),
        "None Some((6, RefCell { value: \"/value\" })) None",
        "it can be taken once"
    );
    assert_eq!(introduced(&server, "/none", ""), "None None None");
    assert_eq!(introduced(&server, "/left", ""), "None None None");
    assert_eq!(drops.recv_timeout(DEADLINE).unwrap(), "left");
    assert_eq!(Raw::connect(server.local_addr()).ask(&upgrade("/unoffered", "")).status, 500);
    assert_eq!(drops.recv_timeout(DEADLINE).unwrap(), "refused");
    let debug = format!("{:?}", Grant::named("ann").with_value("a secret"));
    assert!(debug.contains("ann") && !debug.contains("a secret"), "{debug}");
}

#[test]
fn keys_origins_and_limits_come_before_the_program() {
    let (asked, questions) = mpsc::channel();
    let judge = move |request: &Request<'_>| {
        asked.send((request.path().to_owned(), request.caller().map(str::to_owned))).unwrap();
        Ok(Grant::default())
    };
    let with_key = |config: &mut Config| {
        config.keys.push(replyd::Key::new("shop", "0123456789abcdef").unwrap());
        config.max_clients = 1;
    };
    let server = serve(with_key, |server| server.admit(judge));
    let ask = |more: &str| {
        let status = Raw::connect(server.local_addr()).ask(&upgrade("/", more)).status;
        wait_until("its permit is free again", || server.clients() == 0);
        status
    };
    let key = "Authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(ask(""), 403);
    assert_eq!(ask(&format!("{key}Origin: https://elsewhere.example\r\n")), 403);
    assert_eq!(questions.try_recv().ok(), None);
    let mut client = Raw::connect(server.local_addr());
    assert_eq!(client.ask(&upgrade("/in", key)).status, 101);
    assert_eq!(questions.recv_timeout(DEADLINE).unwrap(), ("/in".to_owned(), Some("shop".to_owned())));
    assert_eq!(client.text(), "/in None None Some(\"shop\")");
    assert_eq!(Raw::connect(server.local_addr()).ask(&upgrade("/", key)).status, 503);
    assert_eq!(questions.try_recv().ok(), None);
}

#[test]
fn a_page_learns_from_the_probe_what_the_program_decides() {
    let judge = |_: &Request<'_>| Err(Response::text(403, "Not today."));
    let server = serve(|_| (), |server| server.admit(judge));
    let error = replyd::Client::connect(&server.local_addr().to_string()).unwrap_err().to_string();
    assert_eq!(error, "the server refused the connection: 403 Forbidden Not today.");
    let probe = get(&server, "/chat", "");
    assert_eq!((probe.status, &*probe.body), (403, "Not today."));
}

#[test]
fn admitting_does_not_open_a_server_to_other_machines() {
    let server = Server::bind("0.0.0.0:0").unwrap().admit(|_| Ok(Grant::default()));
    let error = server.start(introduce).unwrap_err();
    assert!(error.is_config() && error.to_string().contains("require_key"), "{error}");
}

#[test]
fn a_program_has_pages_of_its_own() {
    let pages = |request: &Request<'_>| match request.path() {
        "/" => Some(Response::html("<h1>Own</h1>")),
        "/who" => Some(Response::text(200, format!("{:?}", request.caller()))),
        "/bytes" => Some(Response::new(200, "image/png", vec![b'a'; 300_000])),
        "/none" => Some(Response::text(204, "")),
        "/panic" => std::panic::resume_unwind(Box::new("on purpose")),
        "/invalid" => Some(Response::text(999, "")),
        "/healthz" | "/metrics" | "/chat" => Some(Response::text(418, "")),
        "/debug" => Some(Response::text(200, format!("{request:?}"))),
        _ => None,
    };
    let config = |config: &mut Config| {
        config.page = true;
        config.keys.push(replyd::Key::new("shop", "0123456789abcdef").unwrap());
    };
    let server = serve(config, |server| server.pages(pages));

    let own = get(&server, "/", "");
    assert_eq!((own.status, &*own.body), (200, "<h1>Own</h1>"));
    for (name, expected) in [
        ("content-type", "text/html; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("connection", "close"),
    ] {
        assert_eq!(own.header(name), [expected], "{name}");
    }
    let head = Raw::connect(server.local_addr()).ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((head.status, &*head.body, head.header("content-length")), (200, "", vec!["12".to_owned()]));
    // The files of the chat page are still there, and its fixed places are never the program's.
    assert!(get(&server, "/page.js", "").body.contains("WebSocket"));
    assert_eq!(get(&server, "/healthz", "").body, "ok\n");
    assert_eq!([get(&server, "/metrics", "").status, get(&server, "/chat", "").status], [200, 403]);
    assert_eq!(get(&server, "/elsewhere", "").status, 404);
    assert_eq!(get(&server, "/bytes", "").body.len(), 300_000);
    let none = get(&server, "/none", "");
    assert_eq!((none.status, none.header("content-length")), (204, vec![]));

    let key = "Authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(get(&server, "/who", key).body, "Some(\"shop\")");
    assert_eq!(get(&server, "/who", "").body, "None");
    assert_eq!(get(&server, "/who", "Authorization: Bearer wrong-wrong-wrong\r\n").body, "None");
    let debug = get(&server, "/debug?accessToken=0123456789abcdef&a=private", "X-A: private\r\n").body;
    assert!(debug.contains("/debug") && !debug.contains("private") && !debug.contains("0123"), "{debug}");

    assert_eq!([get(&server, "/panic", "").status, get(&server, "/invalid", "").status], [500, 500]);
    assert_eq!(get(&server, "/", "").status, 200);
}

#[test]
fn the_server_completes_a_response() {
    let pages = |request: &Request<'_>| {
        Some(match request.path() {
            "/own" => Response::json("{}")
                .with_header("cache-control", "max-age=60")
                .with_header("Content-type", "application/ld+json")
                .with_header("Set-Cookie", "a=1")
                .with_header("Set-Cookie", "b=2"),
            _ => Response::text(304, "").with_header("ETag", "\"1\""),
        })
    };
    let server = serve(|_| (), |server| server.pages(pages));
    let head = Raw::connect(server.local_addr()).ask("HEAD /own HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(head.header("cache-control"), ["max-age=60"]);
    assert_eq!(head.header("content-type"), ["application/ld+json"]);
    assert_eq!(head.header("set-cookie"), ["a=1", "b=2"]);
    assert_eq!((&*head.body, head.header("content-length")), ("", vec!["2".to_owned()]));
    let empty = get(&server, "/", "");
    assert_eq!((empty.status, &*empty.body, empty.header("content-length")), (304, "", Vec::new()));
}

#[test]
fn what_is_not_valid_http_is_not_sent() {
    let with = |name: &str, value: &str| Response::text(200, "").with_header(name, value);
    assert!(!format!("{:?}", with("Set-Cookie", "hidden-value")).contains("hidden-value"));
    let pages = [
        (Response::text(101, ""), "101 is not a status from 200 to 599"),
        (Response::text(600, ""), "600 is not a status from 200 to 599"),
        (Response::text(0, ""), "0 is not a status from 200 to 599"),
        (Response::text(204, "x"), "a response with status 204 has no body"),
        (Response::text(205, "x"), "a response with status 205 has no body"),
        (with("A b", ""), "\"A b\" is not a valid name of a header"),
        (with("A\r\nB", ""), "\"A\\r\\nB\" is not a valid name of a header"),
        (with("", ""), "\"\" is not a valid name of a header"),
        (with("A", "hidden-value\r\nB: c"), "the value of the header a has a character that is not allowed"),
        (with("A", "hidden-value\0"), "the value of the header a has a character that is not allowed"),
        (with("Content-Length", "1"), "the header content-length is the server's own"),
        (with("transfer-encoding", "chunked"), "the header transfer-encoding is the server's own"),
        (
            Response::new(200, "a\nb", ""),
            "the value of the header content-type has a character that is not allowed",
        ),
    ];
    let refusals = [
        (Response::text(202, ""), "a refusal cannot have status 202, which is a success"),
        (Response::new(403, "image/png", vec![0xff]), "the body of a refusal is not UTF-8"),
    ];
    let chosen = |request: &Request<'_>| request.query("at").unwrap().parse::<usize>().unwrap();
    warnings::keep();
    let server = serve(
        |_| (),
        |server| {
            let (pages, refusals) = (pages.clone(), refusals.clone());
            server
                .pages(move |request| Some(pages[chosen(request)].0.clone()))
                .admit(move |request| Err(refusals[chosen(request)].0.clone()))
        },
    );
    let ways = [("/a-page", &pages[..]), ("/chat", &refusals[..])];
    for (path, at, why) in ways
        .iter()
        .flat_map(|(path, responses)| responses.iter().enumerate().map(move |(at, (_, why))| (path, at, why)))
    {
        let answer = get(&server, &format!("{path}?at={at}"), "");
        assert_eq!((answer.status, answer.header("b")), (500, Vec::new()), "{why}");
        // A log has one line for each.
        let shown = format!("the program failed at GET {path}: its response is not valid: {why}");
        assert!(warnings::kept().iter().any(|line| line.contains(&shown)), "{shown}");
    }
    assert!(!warnings::kept().iter().any(|line| line.contains("hidden-value")));
}

#[test]
fn a_program_has_its_pages_compressed_and_kept_by_browsers() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&[b'a'; 1000]).unwrap();
    let gzip = encoder.finish().unwrap();
    let pages = move |request: &Request<'_>| {
        let page = Response::html("a".repeat(1000)).with_gzip(gzip.clone());
        Some(match request.path() {
            "/kept" => page.with_header("Cache-Control", "max-age=60").with_header("Vary", "Cookie"),
            "/own" => page.with_header("etag", "\"own\""),
            _ => page,
        })
    };
    let server = serve(|_| (), |server| server.pages(pages));
    let kept = get(&server, "/kept", "Accept-Encoding: gzip\r\n");
    assert_eq!((kept.body.len(), kept.header("content-encoding")), (1000, vec!["gzip".to_owned()]));
    assert_eq!(kept.header("vary"), ["Cookie", "Accept-Encoding"]);
    let known = format!("If-None-Match: {}\r\n", kept.header("etag")[0]);
    let unchanged = get(&server, "/kept", &known);
    assert_eq!((unchanged.status, unchanged.header("vary")), (304, kept.header("vary")));
    // What is not to be kept has no tag, but a program may set one.
    let fresh = get(&server, "/", &known);
    assert_eq!((fresh.status, fresh.header("etag"), fresh.body.len()), (200, Vec::new(), 1000));
    assert_eq!(get(&server, "/own", "If-None-Match: W/\"own\"\r\n").status, 304);
}

#[test]
fn a_full_server_does_not_make_pages() {
    let server =
        serve(|config| config.max_clients = 1, |server| server.pages(|_| Some(Response::text(200, ""))));
    let _client = Raw::open(server.local_addr());
    assert_eq!(get(&server, "/", "").status, 503);
    assert_eq!(get(&server, "/healthz", "").status, 200);
    // The chat page needs no permit, and says in words that the server is full.
    let change = |config: &mut Config| (config.max_clients, config.page) = (1, true);
    let server = serve(change, |server| server.pages(|_| None));
    let _client = Raw::open(server.local_addr());
    assert_eq!(["/", "/page.js", "/other"].map(|path| get(&server, path, "").status), [200, 200, 503]);
}

#[test]
fn a_listener_of_ones_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // As one that was inherited may be.
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = Config::plain();
    config.listen = "192.0.2.1:1".into();
    let server = Server::from_listener(listener, config).unwrap();
    assert_eq!(server.local_addr(), address);
    let server = server.start(introduce).unwrap();
    assert_eq!(introduced(&server, "/", ""), "/ None None None");
}

#[test]
fn a_listener_goes_on_for_others_that_share_it() {
    let shared = TcpListener::bind("127.0.0.1:0").unwrap();
    for round in 0..3 {
        let server = Server::from_listener(shared.try_clone().unwrap(), Config::plain()).unwrap();
        let server = server.start(introduce).unwrap();
        let mut client = Raw::open(server.local_addr());
        assert_eq!(client.text(), "/ None None None", "round {round}");
        drop(client);
        server.stop();
    }
    let client = std::net::TcpStream::connect(shared.local_addr().unwrap()).unwrap();
    // Those that woke the servers may come first.
    while shared.accept().unwrap().1 != client.local_addr().unwrap() {}
}

#[test]
fn clients_of_one_address_get_no_more_pages_than_upgrades() {
    let (order, orders) = crossbeam_channel::bounded::<()>(0);
    let (asked, asking) = mpsc::channel();
    let pages = move |_: &Request<'_>| {
        asked.send(()).unwrap();
        let _ = orders.recv();
        Some(Response::text(200, "page"))
    };
    let server = serve(|config| config.max_clients_per_ip = 2, |server| server.pages(pages));
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n";
    let mut waiting: Vec<Raw> = (0..2).map(|_| Raw::connect(server.local_addr())).collect();
    for client in &mut waiting {
        client.send(head.as_bytes());
        asking.recv_timeout(DEADLINE).unwrap();
    }
    assert_eq!(Raw::connect(server.local_addr()).ask(head).status, 503);
    drop(order);
    for client in &mut waiting {
        assert_eq!(client.answer().body, "page");
    }
}

#[test]
fn a_program_that_thinks_for_long_is_heard() {
    let judge = |request: &Request<'_>| {
        thread::park_timeout(Duration::from_millis(300));
        Err(Response::text(403, request.path().repeat(1000)))
    };
    let server =
        serve(|config| config.handshake_timeout = Duration::from_millis(100), |server| server.admit(judge));
    let mut client = Raw::connect(server.local_addr());
    // With input that is never read, the connection is reset unless it lingers.
    client.send(format!("{}{}", upgrade("/no", ""), "more".repeat(100)).as_bytes());
    assert_eq!(client.answer().body.len(), 3000);
}

#[test]
fn a_handler_may_stop_the_server() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let (address, stopper) = (server.local_addr(), server.stopper());
    let server = server.start({
        let stopper = stopper.clone();
        move |session| {
            while let Some(event) = session.next()? {
                if let Event::Text(_) = event {
                    stopper.stop();
                    stopper.stop();
                }
            }
            Ok(())
        }
    });
    let server = server.unwrap();
    let mut client = Raw::open(address);
    let talking = thread::spawn(move || {
        client.say(crate::support::Opcode::Text, b"stop");
        client.close_code()
    });
    server.wait();
    assert!(std::net::TcpStream::connect(address).is_ok(), "it goes on until it is stopped");
    server.stopper().stop();
    server.wait();
    server.stop_within(DEADLINE);
    assert_eq!(talking.join().unwrap(), Some(1001));
    assert!(std::net::TcpStream::connect(address).is_err());
    stopper.stop();
}

#[test]
fn a_stop_takes_no_longer_than_it_may() {
    let (_order, orders) = crossbeam_channel::bounded::<()>(0);
    let (inside, entered) = mpsc::channel();
    let mut config = Config::plain();
    config.listen = "127.0.0.1:0".into();
    config.drain_delay = 10 * DEADLINE;
    config.drain_timeout = 10 * DEADLINE;
    let server = Server::with_config(config).unwrap().start(move |_| {
        inside.send(())?;
        // Busy in its own code for ever.
        let _ = orders.recv();
        Ok(())
    });
    let server = server.unwrap();
    let mut client = Raw::open(server.local_addr());
    entered.recv_timeout(DEADLINE).unwrap();
    let began = Instant::now();
    server.stop_within(Duration::from_millis(100));
    assert!(began.elapsed() < DEADLINE);
    assert_eq!(client.frame(), None, "it is cut");
}
