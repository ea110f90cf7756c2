//! The examples of the manual, each with a client.

// The `main` of each only prints an address and waits.
#[expect(dead_code)]
#[path = "../examples/echo.rs"]
mod echo;
#[expect(dead_code)]
#[path = "../examples/fallback.rs"]
mod fallback;
#[expect(dead_code)]
#[path = "../examples/feed.rs"]
mod feed;
#[expect(dead_code)]
#[path = "../examples/process.rs"]
mod process;
#[cfg(unix)]
#[expect(dead_code)]
#[path = "../examples/proxy.rs"]
mod proxy;
#[expect(dead_code)]
#[path = "../examples/quiz.rs"]
mod quiz;
#[expect(dead_code)]
#[path = "../examples/rooms.rs"]
mod rooms;

use std::time::{Duration, Instant};

use replyd::{Client, ErrorKind, Event, RunningServer};

use crate::support::{DEADLINE, Raw};

#[track_caller]
fn connect(server: &RunningServer, target: &str) -> Client {
    Client::connect(&format!("ws://{}{target}", server.local_addr())).unwrap()
}

/// The next text; whatever else comes before it is skipped.
#[track_caller]
fn text(client: &mut Client) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match client.next_by(deadline).unwrap().expect("a text, not the end") {
            Event::Text(text) => return text.to_string(),
            Event::Timeout => panic!("no text in time"),
            _ => {}
        }
    }
}

/// The code of the Close that comes next.
#[track_caller]
fn close_code(client: &mut Client) -> Option<u16> {
    loop {
        if let Event::Close(close) = client.next().unwrap()? {
            return close.map(|(code, _)| code);
        }
    }
}

#[test]
fn a_quiz_has_a_deadline_for_each_question() {
    let server = quiz::start("127.0.0.1:0", 2 * DEADLINE).unwrap();
    let mut client = connect(&server, "/");
    assert_eq!(text(&mut client), "What is 6 times 7?");
    client.send("42").unwrap();
    assert_eq!(text(&mut client), "Which planet is the largest?");
    client.send(" Jupiter ").unwrap();
    assert_eq!(text(&mut client), "How many legs has a spider?");
    client.send("six").unwrap();
    assert_eq!([text(&mut client), text(&mut client)], ["No, 8.", "2 of 3"]);
    assert_eq!(close_code(&mut client), Some(1000));

    let server = quiz::start("127.0.0.1:0", Duration::from_millis(50)).unwrap();
    let mut client = connect(&server, "/");
    assert_eq!(text(&mut client), "What is 6 times 7?");
    // Pings do not give anybody more time.
    client.ping("still here").unwrap();
    assert_eq!(text(&mut client), "Too late: 42.");
}

#[test]
fn a_feed_reaches_all_and_drops_who_reads_too_slowly() {
    let feed = feed::Feed::default();
    let server = replyd::Server::bind("127.0.0.1:0").unwrap().start({
        let feed = feed.clone();
        move |session| feed.watch(session)
    });
    let server = server.unwrap();
    let mut watchers: Vec<Client> = (0..5).map(|_| connect(&server, "/")).collect();
    let mut slow = connect(&server, "/");
    // Sessions join at their own pace; from then on nothing is missed.
    for client in watchers.iter_mut().chain([&mut slow]) {
        let joined = wait_for_first(client, &feed);
        assert!(joined.starts_with("hello"), "{joined}");
    }
    let long = "x".repeat(100_000);
    for round in 0..400 {
        feed.push(&format!("{round} {long}"));
        for watcher in &mut watchers {
            while !text(watcher).starts_with(&format!("{round} ")) {}
        }
    }
    // It still gets what was in the buffers, and then the reason.
    assert_eq!(close_code(&mut slow), Some(4000));
}

/// Pushes until the client gets something.
fn wait_for_first(client: &mut Client, feed: &feed::Feed) -> String {
    loop {
        feed.push("hello");
        if let Some(Event::Text(text)) = client.next_by(Instant::now() + Duration::from_millis(5)).unwrap() {
            return text.to_string();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_process_talks_in_lines_and_ends_with_its_client() {
    let command = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
    let server = process::start("127.0.0.1:0", command(&["cat"])).unwrap();
    let mut client = connect(&server, "/");
    for line in ["one", "", "zwei, drei"] {
        client.send(line).unwrap();
        assert_eq!(text(&mut client), line);
    }
    // Both pipes and both channels are full before the process has read all of it.
    client.send("x\n".repeat(200_000)).unwrap();
    for _ in 0..200_000 {
        assert_eq!(text(&mut client), "x");
    }
    client.send("y\n".repeat(500_000)).unwrap();
    drop(client);
    crate::support::wait_until("it has ended", || server.clients() == 0);

    let server =
        process::start("127.0.0.1:0", command(&["sh", "-c", "echo ready; read line; echo $line; exit"]));
    let server = server.unwrap();
    let mut client = connect(&server, "/");
    assert_eq!(text(&mut client), "ready");
    client.send("last words").unwrap();
    assert_eq!(text(&mut client), "last words");
    assert_eq!(close_code(&mut client), Some(1000));
}

#[test]
fn rooms_are_apart_and_need_a_ticket() {
    let server = rooms::start("127.0.0.1:0").unwrap();
    let refused =
        |target: &str| Client::connect(&format!("ws://{}{target}", server.local_addr())).unwrap_err().kind();
    assert_eq!(refused("/rooms/blue"), ErrorKind::Refused(403));
    assert_eq!(refused("/rooms/green?ticket=ann-1234"), ErrorKind::Refused(404));

    let [mut ann, mut bob] =
        ["ann", "bob"].map(|name| connect(&server, &format!("/rooms/blue?ticket={name}-1234")));
    let mut eve = connect(&server, "/rooms/red?ticket=eve-1234");
    let counts = || {
        let head = "GET /rooms.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
        Raw::connect(server.local_addr()).ask(head).body
    };
    crate::support::wait_until("all are in", || {
        counts() == r#"["/rooms/blue", "/rooms/blue", "/rooms/red"]"#
    });
    ann.send("hello").unwrap();
    assert_eq!([text(&mut ann), text(&mut bob)], ["ann: hello", "ann: hello"]);
    eve.send("and I?").unwrap();
    assert_eq!(text(&mut eve), "eve: and I?");
    ann.close().unwrap();
    crate::support::wait_until("one has left", || counts() == r#"["/rooms/blue", "/rooms/red"]"#);
}

#[test]
fn the_bot_falls_back_on_the_program() {
    let server = fallback::start("127.0.0.1:0").unwrap();
    let mut client = connect(&server, "/");
    assert!(text(&mut client).starts_with("Ask about our shop"));
    for (question, expected) in [
        ("when do you open?", "From 9 to 5, Monday to Friday."),
        ("3 + 4", "7"),
        ("what is love", "Nobody knows."),
        ("9223372036854775807 + 1", "Nobody knows."),
    ] {
        client.send(question).unwrap();
        assert_eq!(text(&mut client), expected, "{question}");
    }
}

/// Every example is run here: echo by its own test, which is a test of this crate, too.
#[test]
fn no_example_is_left_out() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["echo.rs", "fallback.rs", "feed.rs", "process.rs", "proxy.rs", "quiz.rs", "rooms.rs"]);
    for name in names {
        let text =
            std::fs::read_to_string(format!("{}/tests/examples/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(text.lines().filter(|line| !line.is_empty()).count() < 60, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_proxy_relays_both_ways_and_ends_with_either_side() {
    let bot = crate::support::serve("[server]\nmessages_per_second = 0\n");
    let server = proxy::start("127.0.0.1:0", format!("ws://{}", bot.local_addr())).unwrap();
    let mut clients: Vec<Client> = (0..10).map(|_| connect(&server, "/")).collect();
    for client in &mut clients {
        assert_eq!(text(client), crate::support::GREETING);
    }
    let began = Instant::now();
    for _ in 0..100 {
        for client in &mut clients {
            client.send("help").unwrap();
            assert_eq!(text(client), crate::support::HELP);
        }
    }
    println!("{:?} for a question and its answer", began.elapsed() / 1000);
    // Many at once, which come in one piece.
    let [first, ..] = &mut clients[..] else { unreachable!() };
    (0..500).for_each(|_| first.send("help").unwrap());
    (0..500).for_each(|_| assert_eq!(text(first), crate::support::HELP));

    // The client ends, and so does the other side.
    clients.pop().unwrap().close().unwrap();
    crate::support::wait_until("both have ended", || (server.clients(), bot.clients()) == (9, 9));
    // The other side ends, and the client gets its Close.
    let stopping = std::thread::spawn(move || bot.stop());
    for client in &mut clients {
        assert_eq!(close_code(client), Some(1001));
    }
    stopping.join().unwrap();
    // Nobody is there: a refusal, with its reason.
    let error = Client::connect(&server.local_addr().to_string()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused(502));
    assert!(error.to_string().contains("nothing accepts connections there"), "{error}");
}
