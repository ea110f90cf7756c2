//! The library as a developer embeds it.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc,
    time::Duration,
};

use replyd::{Client, ClientOptions, Event, RunningServer, Server};

use crate::support::{
    DEADLINE, GREETING, Opcode, Raw, raw::frame, serve, serve_with, wait_until, without_waiting,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The lines that the manual shows, to the letter.
fn example() -> Result<(replyd::RunningServer, std::net::SocketAddr), replyd::Error> {
    let server = replyd::Server::bind("127.0.0.1:0")?;
    let address = server.local_addr();
    let running = server.start(|session: &mut replyd::Session| {
        session.send("Hi!")?;
        while let Some(event) = session.next()? {
            if let replyd::Event::Text(text) = event {
                session.send(text.to_uppercase())?;
            }
        }
        Ok(())
    })?;
    Ok((running, address))
}

/// The next text, however many pings come before.
#[track_caller]
fn text(client: &mut Client) -> String {
    loop {
        match client.next().unwrap().expect("a text, not the end") {
            Event::Text(text) => return text.to_string(),
            Event::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_example_works() -> Outcome {
    let (running, address) = example()?;
    let mut client = Client::connect(&format!("ws://{address}"))?;
    assert_eq!(text(&mut client), "Hi!");
    for message in ["hello", "straße", ""] {
        client.send(message)?;
        assert_eq!(text(&mut client), message.to_uppercase());
    }
    running.stop();
    assert!(matches!(client.next()?, Some(Event::Close(Some((1001, _))))));
    assert_eq!(client.next()?, None);
    assert!(Client::connect(&format!("ws://{address}")).is_err());
    Ok(())
}

#[test]
fn dropping_stops_too() {
    let (running, address) = example().unwrap();
    let mut client = Raw::open(address);
    drop(running);
    assert_eq!(client.close_code(), Some(1001));
}

#[test]
fn all_five_events_reach_the_handler_and_it_may_answer_any() -> Outcome {
    let (seen, events) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0")?.start(move |session| {
        while let Some(event) = session.next()? {
            match &event {
                Event::Text(_) => session.send_binary(vec![1, 2, 3])?,
                Event::Binary(_) => session.ping("from the handler")?,
                Event::Ping(_) => session.send("pinged")?,
                Event::Pong(_) => session.send("ponged")?,
                Event::Close(_) => assert!(session.send("too late").is_err()),
                other => panic!("an event that nobody caused: {other:?}"),
            }
            seen.send(event)?;
        }
        Ok(())
    })?;
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Text, b"text");
    assert_eq!(client.frame().unwrap().payload, [1, 2, 3]);
    client.say(Opcode::Binary, b"binary");
    assert_eq!(client.frame().unwrap().payload, b"from the handler");
    client.say(Opcode::Pong, b"pong");
    assert_eq!(client.text(), "ponged");
    client.say(Opcode::Ping, b"ping");
    // The server answers a ping itself, whatever the handler does.
    let mut both = [client.frame().unwrap().payload, client.frame().unwrap().payload];
    both.sort();
    assert_eq!(both, [b"ping".to_vec(), b"pinged".to_vec()]);
    client.say(Opcode::Close, b"\x03\xe9bye");
    assert_eq!(client.close_code(), Some(1001));

    let seen: Vec<Event> = (0..5).map(|_| events.recv_timeout(DEADLINE).unwrap()).collect();
    let expected = [
        Event::Text("text".into()),
        Event::Binary("binary".into()),
        Event::Pong("pong".into()),
        Event::Ping("ping".into()),
        Event::Close(Some((1001, "bye".into()))),
    ];
    assert_eq!(seen, expected);
    Ok(())
}

#[test]
fn a_handler_may_close_with_a_code() -> Outcome {
    let server = Server::bind("127.0.0.1:0")?.start(|session| {
        assert!(session.close(1005, "").is_err(), "1005 is never sent");
        session.send("bye")?;
        session.close(4001, "have a nice day")?;
        assert!(session.send("too late").is_err());
        assert_eq!(session.next()?, None);
        Ok(())
    })?;
    let mut client = Client::connect(&format!("ws://{}", server.local_addr()))?;
    assert_eq!(text(&mut client), "bye");
    assert_eq!(client.next()?, Some(Event::Close(Some((4001, "have a nice day".into())))));
    Ok(())
}

#[test]
fn a_handler_that_fails_or_panics_ends_its_own_session_alone() -> Outcome {
    let server = Server::bind("127.0.0.1:0")?.start(|session| {
        while let Some(event) = session.next()? {
            match event {
                Event::Text(text) if text == "fail" => return Err("as it was told".into()),
                Event::Text(text) if text == "panic" => std::panic::resume_unwind(Box::new("as it was told")),
                Event::Text(text) => session.send(text)?,
                _ => {}
            }
        }
        Ok(())
    })?;
    let mut other = Raw::open(server.local_addr());
    for order in ["fail", "panic"] {
        let mut client = Raw::open(server.local_addr());
        client.say(Opcode::Text, order.as_bytes());
        assert_eq!(client.close_code(), Some(1011), "{order}");
        other.say(Opcode::Text, b"still here");
        assert_eq!(other.text(), "still here");
    }
    wait_until("one seat is taken", || server.clients() == 1);
    Ok(())
}

#[test]
fn a_handler_that_returns_ends_normally() -> Outcome {
    let server = Server::bind("127.0.0.1:0")?.start(|session| Ok(session.send("bye")?))?;
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), "bye");
    assert_eq!(client.close_code(), Some(1000));
    Ok(())
}

#[test]
fn a_handler_knows_who_is_there() -> Outcome {
    let mut config = replyd::Config::default();
    config.keys.push(replyd::Key::new("shop", "0123456789abcdef")?);
    config.greeting = "of the config".into();
    let server = serve_with(config, |session| {
        let about = format!("{} {:?} {}", session.number(), session.caller(), session.config().greeting);
        Ok(session.send(about)?)
    });
    let mut options = replyd::ClientOptions::default();
    options.key = Some("0123456789abcdef".into());
    assert!(!format!("{options:?}").contains("0123"));
    let mut client = Client::connect_with(&format!("ws://{}", server.local_addr()), &options)?;
    assert_eq!(text(&mut client), "1 Some(\"shop\") of the config");
    Ok(())
}

/// Handlers of all kinds, and none needs to name its error.
#[test]
fn handlers_may_have_errors_of_their_own() {
    fn named(session: &mut replyd::Session) -> Result<(), replyd::Error> {
        session.send("named")
    }
    fn boxed(session: &mut replyd::Session) -> replyd::HandlerResult {
        session.send("boxed")?;
        Err("no more")?
    }
    fn other(session: &mut replyd::Session) -> Result<(), std::num::ParseIntError> {
        session.query("number").unwrap_or_default().parse::<u8>().map(|_| ())
    }
    let start = || Server::bind("127.0.0.1:0").unwrap();
    let first_text = |server: RunningServer| Raw::open(server.local_addr()).text();
    assert_eq!(first_text(start().start(|session| Ok(named(session)?)).unwrap()), "named");
    assert_eq!(first_text(start().start(boxed).unwrap()), "boxed");
    let mixed = start().start(|session| {
        session.send(format!("{}", "7".parse::<u8>()?))?;
        Ok(())
    });
    assert_eq!(first_text(mixed.unwrap()), "7");
    let failing = start().start(|session| Ok(other(session)?)).unwrap();
    assert_eq!(Raw::open(failing.local_addr()).close_code(), Some(1011));
}

/// A server whose limits a handler that takes its time would run into.
fn impatient<H>(handler: H) -> RunningServer
where
    H: Fn(&mut replyd::Session) -> replyd::HandlerResult + Send + Sync + 'static,
{
    let mut config = replyd::Config::default();
    config.ping_interval = Duration::from_millis(50);
    config.idle_timeout = Duration::from_millis(200);
    serve_with(config, handler)
}

#[test]
fn a_client_is_not_blamed_for_a_handler_that_takes_its_time() {
    let (order, orders) = crossbeam_channel::bounded::<()>(0);
    let server = impatient(move |session| {
        while let Some(event) = session.next()? {
            if let Event::Text(text) = event {
                // Longer than the client may be silent or idle.
                let _ = orders.recv_timeout(Duration::from_millis(400));
                session.send(text)?;
            }
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    for message in ["one", "two", "three"] {
        client.say(Opcode::Text, message.as_bytes());
    }
    assert_eq!([client.text(), client.text(), client.text()], ["one", "two", "three"]);
    // Its own silence is judged as ever.
    assert_eq!(client.close_code(), None);
    drop(order);
}

#[test]
fn what_is_sent_arrives_though_the_handler_goes_on() {
    let (order, orders) = crossbeam_channel::bounded::<()>(0);
    let server = Server::bind("127.0.0.1:0").unwrap().start(move |session| {
        session.send("one")?;
        orders.recv()?;
        while let Some(event) = session.next()? {
            if let Event::Text(_) = event {
                session.send("two")?;
                // Another question waits, so the answer might be gathered.
                session.flush()?;
                orders.recv()?;
            }
        }
        Ok(())
    });
    let server = server.unwrap();
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), "one");
    client.send(&frame(0x81, b"?").repeat(2));
    order.send(()).unwrap();
    assert_eq!(client.text(), "two");
    order.send(()).unwrap();
    assert_eq!(client.text(), "two");
    drop(order);
}

#[test]
fn a_handler_that_only_sends_hears_of_a_stop_and_of_a_client_that_is_gone() {
    let (ended, ends) = mpsc::channel();
    let server = Server::bind("127.0.0.1:0").unwrap().start(move |session| {
        while session.send("tick").is_ok() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        Ok(ended.send(())?)
    });
    let server = server.unwrap();
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), "tick");
    drop(client);
    ends.recv_timeout(DEADLINE).unwrap();
    let mut client = Raw::open(server.local_addr());
    let reading = std::thread::spawn(move || client.close_code());
    server.stop();
    assert_eq!(reading.join().unwrap(), Some(1001));
}

#[test]
fn a_pong_never_comes_behind_a_close() {
    let server = Server::bind("127.0.0.1:0").unwrap().start(|session| {
        while let Some(event) = session.next()? {
            if let Event::Ping(_) = event {
                session.close(4000, "")?;
            }
        }
        Ok(())
    });
    let server = server.unwrap();
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Ping, b"x");
    assert_eq!(client.frame().unwrap().payload, b"x");
    assert_eq!(client.close_code(), Some(4000));
}

/// A stop that waits for a peer takes a second at least, twice as long as a hundred pauses.
#[track_caller]
fn stops_quickly(what: &str, server: RunningServer) {
    without_waiting(what, Duration::from_millis(5), || server.stop());
}

#[test]
fn a_stop_does_not_wait_for_a_client_that_has_closed() {
    for round in 0..20 {
        let (running, address) = example().unwrap();
        let mut client = Client::connect(&format!("ws://{address}")).unwrap();
        assert_eq!(text(&mut client), "Hi!");
        client.close().unwrap();
        stops_quickly(&format!("round {round}"), running);
    }
}

#[test]
fn a_stop_does_not_wait_for_peers_that_do_everything_right() {
    for round in 0..10 {
        // One that answers the Close.
        let (running, address) = example().unwrap();
        let mut client = Client::connect(&format!("ws://{address}")).unwrap();
        assert_eq!(text(&mut client), "Hi!");
        let listening = std::thread::spawn(move || while let Ok(Some(_)) = client.next() {});
        stops_quickly(&format!("an answer, round {round}"), running);
        listening.join().unwrap();

        // One that closes just then, and one that has more to say before it answers.
        let (running, address) = example().unwrap();
        let mut leaving = Raw::open(address);
        let mut talking = Raw::open(address);
        assert_eq!([leaving.text(), talking.text()], ["Hi!", "Hi!"]);
        leaving.send(&frame(0x88, b"\x03\xe8"));
        talking.send(&[frame(0x81, b"one"), frame(0x01, b"tw"), frame(0x88, b"\x03\xe8")].concat());
        stops_quickly(&format!("a Close, round {round}"), running);

        // Ones that are gone.
        let (running, address) = example().unwrap();
        drop(Raw::open(address));
        drop(TcpStream::connect(address).unwrap());
        stops_quickly(&format!("an end, round {round}"), running);
    }
}

#[test]
fn a_stop_does_not_wait_for_a_connection_that_has_said_nothing() {
    for round in 0..10 {
        let (running, address) = example().unwrap();
        let probe = TcpStream::connect(address).unwrap();
        wait_until("it is in", || running.clients() == 1);
        stops_quickly(&format!("round {round}"), running);
        let _ = probe.shutdown(Shutdown::Both);
    }
}

#[test]
fn several_servers_in_one_process() -> Outcome {
    let bot = serve("");
    let (upper, address) = example()?;
    let mut to_bot = Client::connect(&format!("ws://{}", bot.local_addr()))?;
    let mut to_upper = Client::connect(&format!("ws://{address}"))?;
    assert_eq!([text(&mut to_bot), text(&mut to_upper)], [GREETING, "Hi!"]);
    upper.stop();
    to_bot.send("hello")?;
    assert_eq!(text(&mut to_bot), GREETING);
    Ok(())
}

#[test]
fn the_client_in_two_halves() -> Outcome {
    let (_running, address) = example()?;
    let (mut sender, mut receiver) = Client::connect(&format!("ws://localhost:{}", address.port()))?.split();
    let listening = std::thread::spawn(move || {
        let mut texts = Vec::new();
        while let Ok(Some(event)) = receiver.next() {
            if let Event::Text(text) = event {
                texts.push(text.to_string());
            }
        }
        texts
    });
    sender.send("one")?;
    sender.ping("payload")?;
    sender.send("two")?;
    sender.close()?;
    assert_eq!(listening.join().unwrap(), ["Hi!", "ONE", "TWO"]);
    Ok(())
}

#[test]
fn a_client_says_why_it_cannot_connect() {
    let server = serve("[auth]\nrequire_key = yes\n");
    let error = |url: &str| Client::connect(url).unwrap_err().to_string();
    let refused = error(&format!("ws://{}/?accessToken=tell-nobody", server.local_addr()));
    assert_eq!(refused, "the server does not accept this key (403)");
    assert_eq!(error(&server.local_addr().to_string()), "the server requires a key (403)");
    let secure = if cfg!(feature = "tls") {
        "cannot reach localhost:443"
    } else {
        "wss:// (TLS) is not part of this build"
    };
    assert!(error("wss://localhost").contains(secure));
    assert!(error("ftp://localhost").contains("must begin with ws://"));
    assert!(error("ws://").contains("not a URL"));
    assert!(error("").contains("not a URL"));
    assert!(error("a b").contains("not a URL"));
    assert!(error("ws://127.0.0.1:99999").contains("not a number from 1 to 65535"));
    assert!(error("[::1]:0").contains("not a number from 1 to 65535"));
    // A port that was just given back is refused.
    let address = server.local_addr();
    server.stop();
    for url in
        [format!("ws://{address}/?accessToken=tell-nobody"), format!("{address}?accessToken=tell-nobody")]
    {
        let expected =
            format!("cannot reach {address}: nothing accepts connections there; is the server running?");
        assert_eq!(error(&url), expected);
    }
}

#[test]
fn a_url_without_its_scheme() -> Outcome {
    let (_running, address) = example()?;
    for url in [address.to_string(), format!("{address}/path?next=http://a.example/")] {
        let mut client = Client::connect(&url)?;
        assert!(matches!(client.next()?, Some(Event::Text(text)) if text.as_str() == "Hi!"));
    }
    Ok(())
}

#[test]
fn each_refusal_is_one_sentence() {
    let refused = |answer: &str, options: &ClientOptions| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = format!("HTTP/1.1 {answer}");
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        Client::connect_with(&address.to_string(), options).unwrap_err().to_string()
    };
    let nothing = ClientOptions::default();
    let mut with_key = ClientOptions::default();
    with_key.key = Some("a key".into());
    let mut with_header = ClientOptions::default();
    with_header.headers.push(("X-WS-Auth-Key".into(), "a key".into()));
    let mut with_origin = ClientOptions::default();
    with_origin.headers.push(("Origin".into(), "https://a.example".into()));
    for (answer, options, expected) in [
        (
            "401 Unauthorized\r\n\r\nNo.\n",
            &nothing,
            "the server refused the connection: 401 Unauthorized No.",
        ),
        ("403 Forbidden\r\n\r\nNo.\n", &nothing, "the server refused the connection: 403 Forbidden No."),
        ("403 Forbidden\r\n\r\nNo.\n", &with_key, "the server refused the connection: 403 Forbidden No."),
        ("403 Forbidden\r\n\r\n", &with_header, "the server refused the connection: 403 Forbidden"),
        (
            "403 Forbidden\r\n\r\nNot you.\n",
            &with_origin,
            "the server refused the connection: 403 Forbidden Not you.",
        ),
        ("404 Not Found\r\n\r\n<html>", &nothing, "there is no chat at this address (404)"),
        ("503 \r\n\r\n", &nothing, "the server refused the connection: 503 Service Unavailable"),
        (
            "502 \r\n\r\n<html>",
            &nothing,
            "a proxy answers, but it gets no valid answer from the server behind it (502)",
        ),
        ("200 OK\r\n\r\n<html>", &nothing, "a web server answers there, but no chat (200)"),
        (
            "418 I'm a teapot\r\n\r\n\x1b[31mshort\u{202e}\r\nand stout",
            &nothing,
            "the server refused the connection: 418 I'm a teapot \\u{1b}[31mshort\\u{202e}",
        ),
    ] {
        assert_eq!(refused(answer, options), expected);
    }
}
