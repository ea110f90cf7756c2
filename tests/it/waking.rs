//! Sessions that wait for more than their client: for a time, and for other threads.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use replyd::{Config, Ending, Event, HandlerResult, RunningServer, Server, Session, Waker};

use crate::support::{DEADLINE, Opcode, Raw, raw::frame, serve_with, wait_until, warnings};

/// A server whose handler reports each event that it gets, waiting at most this long for each.
fn reporting(config: Config, wait: Duration) -> (RunningServer, mpsc::Receiver<Event>) {
    let (seen, events) = mpsc::channel();
    let server = serve_with(config, move |session| {
        while let Some(event) = session.next_by(Instant::now() + wait)? {
            seen.send(event)?;
        }
        Ok(())
    });
    (server, events)
}

#[track_caller]
fn next_but_timeouts(events: &mpsc::Receiver<Event>) -> Event {
    loop {
        match events.recv_timeout(DEADLINE).unwrap() {
            Event::Timeout => {}
            event => return event,
        }
    }
}

#[test]
fn a_message_that_is_half_received_outlives_a_timeout() {
    let (server, events) = reporting(Config::plain(), Duration::from_millis(10));
    let mut client = Raw::open(server.local_addr());
    let message = frame(0x81, b"in many pieces");
    for byte in &message[..message.len() - 1] {
        client.send(&[*byte]);
        assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Timeout);
        // Those that came before the byte may be there still.
        while events.try_recv().is_ok() {}
    }
    client.send(&message[message.len() - 1..]);
    assert_eq!(next_but_timeouts(&events), Event::Text("in many pieces".into()));
    client.send(&[frame(0x01, b"frag"), frame(0x89, b"ping")].concat());
    assert_eq!(next_but_timeouts(&events), Event::Ping("ping".into()));
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Timeout);
    client.send(&frame(0x80, b"ment"));
    assert_eq!(next_but_timeouts(&events), Event::Text("fragment".into()));
}

#[test]
fn timeouts_do_not_extend_the_limits_of_a_message() {
    let mut config = Config::plain();
    config.message_timeout = Duration::from_millis(300);
    let (server, _events) = reporting(config, Duration::from_millis(20));
    let mut client = Raw::open(server.local_addr());
    client.send(&frame(0x81, b"never whole")[..5]);
    assert_eq!(client.close_code(), Some(1008));

    let mut config = Config::plain();
    config.max_message_bytes = 1024;
    let (server, events) = reporting(config, Duration::from_millis(1));
    let mut client = Raw::open(server.local_addr());
    // Empty fragments without an end: the bytes add up, however many timeouts lie between them.
    let began = Instant::now();
    client.send(&frame(0x01, b""));
    while client.try_send(&frame(0x00, b"").repeat(500)).is_ok() && events.recv_timeout(DEADLINE).is_ok() {
        assert!(began.elapsed() < DEADLINE, "it may go on for ever");
        while events.try_recv().is_ok() {}
    }
}

#[test]
fn what_was_received_is_returned_after_the_deadline() {
    let (order, orders) = bounded::<()>(0);
    let (seen, events) = mpsc::channel();
    let server = serve_with(Config::plain(), move |session| {
        orders.recv()?;
        let past = Instant::now() - Duration::from_secs(1);
        while let Some(event) = session.next_by(past)? {
            seen.send(event)?;
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    client.send(&[frame(0x81, b"one"), frame(0x81, b"two")].concat());
    order.send(()).unwrap();
    assert_eq!(next_but_timeouts(&events), Event::Text("one".into()));
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Text("two".into()));
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Timeout);
}

#[test]
fn a_client_that_is_read_slowly_does_not_hold_up_a_deadline() {
    let mut config = Config::plain();
    config.messages_per_second = 1;
    let (server, events) = reporting(config, Duration::from_millis(20));
    let mut client = Raw::open(server.local_addr());
    client.send(&frame(0x81, b"?").repeat(7));
    let mut timeouts_while_slowed = 0;
    let mut messages = 0;
    while messages < 7 {
        match events.recv_timeout(DEADLINE).unwrap() {
            Event::Timeout => timeouts_while_slowed += usize::from(messages > 4),
            _ => messages += 1,
        }
    }
    // The sixth and the seventh waited a second each.
    assert!(timeouts_while_slowed > 10, "{timeouts_while_slowed}");
}

/// A hub that pushes to all who listen, as a tool would write it.
#[derive(Clone, Default)]
struct Hub(Arc<Mutex<Vec<Listener>>>);

type Listener = (Sender<String>, Waker);

impl Hub {
    fn join(&self, session: &mut Session, capacity: usize) -> Result<Receiver<String>, replyd::Error> {
        let (sender, receiver) = bounded(capacity);
        self.0.lock().unwrap().push((sender, session.waker()?));
        Ok(receiver)
    }

    /// Drops those whose channel is full, or who are gone.
    fn push(&self, text: &str) {
        self.0.lock().unwrap().retain(|(sender, waker)| {
            let sent = sender.try_send(text.to_owned()).is_ok();
            waker.wake();
            sent
        });
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Sends what is pushed, and echoes what the client says, until it is dropped.
fn listen(session: &mut Session, hub: &Hub) -> HandlerResult {
    let pushed = hub.join(session, 100)?;
    session.send("welcome")?;
    while let Some(event) = session.next()? {
        match event {
            Event::Woken => {
                for text in pushed.try_iter() {
                    session.send(text)?;
                }
            }
            Event::Text(text) => session.send(format!("echo {}", text.len()))?,
            _ => {}
        }
    }
    Ok(())
}

fn hub_server(config: Config) -> (RunningServer, Hub) {
    let hub = Hub::default();
    let server = serve_with(config, {
        let hub = hub.clone();
        move |session| listen(session, &hub)
    });
    (server, hub)
}

#[track_caller]
fn listener(server: &RunningServer) -> Raw {
    let mut client = Raw::open(server.local_addr());
    assert_eq!(client.text(), "welcome");
    client
}

#[test]
fn another_thread_pushes_while_a_client_talks() {
    let (server, hub) = hub_server(Config::plain());
    let mut clients = [listener(&server), listener(&server)];
    for round in 0..50 {
        hub.push(&format!("push {round}"));
        for client in &mut clients {
            assert_eq!(client.text(), format!("push {round}"));
            client.say(Opcode::Text, &vec![b'x'; round * 100]);
            assert_eq!(client.text(), format!("echo {}", round * 100));
        }
    }
    // What half a message holds up, a push does not wait for.
    let [client, _] = &mut clients;
    client.send(&frame(0x81, b"half")[..7]);
    hub.push("in between");
    assert_eq!(client.text(), "in between");
    client.send(&frame(0x81, b"half")[7..]);
    assert_eq!(client.text(), "echo 4");
}

#[test]
fn neither_a_client_nor_a_waker_that_never_stops_holds_up_the_other() {
    let (seen, events) = mpsc::channel();
    let (ready, wakers) = mpsc::channel();
    let server = serve_with(Config::plain(), move |session| {
        ready.send(session.waker()?)?;
        while let Some(event) = session.next()? {
            seen.send(event)?;
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    let waker = wakers.recv_timeout(DEADLINE).unwrap();
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let waking = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                waker.wake();
            }
        }
    });
    let mut woken = 0;
    for _ in 0..10 {
        client.send(&frame(0x81, b"?").repeat(100));
        let mut texts = 0;
        while texts < 100 {
            match events.recv_timeout(DEADLINE).unwrap() {
                Event::Woken => woken += 1,
                _ => texts += 1,
            }
        }
    }
    // As it may happen that the waking thread gets no time, this is all that is sure.
    assert!(woken > 0);
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    waking.join().unwrap();
}

#[test]
fn a_session_that_wakes_itself_still_hears_its_client_and_its_deadlines() {
    let (seen, events) = mpsc::channel();
    let server = serve_with(Config::plain(), move |session| {
        let waker = session.waker()?;
        let deadline = Instant::now() + Duration::from_millis(100);
        waker.wake();
        while let Some(event) = session.next_by(deadline)? {
            waker.wake();
            if event != Event::Woken {
                seen.send(event)?;
            }
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Timeout);
    client.say(Opcode::Text, b"still here");
    assert_eq!(next_but_timeouts(&events), Event::Text("still here".into()));
}

#[test]
fn a_waker_that_is_dropped_in_the_loop_does_not_wake_it_again() {
    let (seen, events) = mpsc::channel();
    let server = serve_with(Config::plain(), move |session| {
        while let Some(event) = session.next_by(Instant::now() + Duration::from_millis(50))? {
            drop(session.waker()?);
            seen.send(event)?;
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Text, b"one");
    let events: Vec<Event> = (0..5).map(|_| events.recv_timeout(DEADLINE).unwrap()).collect();
    assert!(!events.contains(&Event::Woken), "{events:?}");
}

#[test]
fn a_part_of_a_message_behind_the_head_does_not_delay_the_first_deadline() {
    let (seen, events) = mpsc::channel();
    let server = serve_with(Config::plain(), move |session| {
        let began = Instant::now();
        let event = session.next_by(began + Duration::from_millis(100))?;
        Ok(seen.send((event, began.elapsed()))?)
    });
    let mut client = Raw::connect(server.local_addr());
    let head = crate::support::raw::upgrade("/", "");
    client.send(&[head.as_bytes(), &frame(0x81, b"a part")[..4]].concat());
    let (event, took) = events.recv_timeout(DEADLINE).unwrap();
    assert_eq!(event, Some(Event::Timeout));
    // The handshake has ten seconds.
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_new_limit_holds_for_the_message_that_is_waited_for() {
    let with_limit = |bytes: usize| {
        let mut config = Config::plain();
        config.max_message_bytes = bytes;
        config
    };
    let (server, events) = reporting(with_limit(1024), Duration::from_millis(10));
    let mut client = Raw::open(server.local_addr());
    assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Timeout);
    server.reload(with_limit(1024 * 1024)).unwrap();
    while events.try_recv().is_ok() {}
    // A wait that began after the reload.
    for _ in 0..2 {
        assert_eq!(events.recv_timeout(DEADLINE).unwrap(), Event::Timeout);
    }
    client.say(Opcode::Text, &vec![b'x'; 300_000]);
    let Event::Text(text) = next_but_timeouts(&events) else { panic!("another event") };
    assert_eq!(text.len(), 300_000);
}

#[test]
fn a_push_does_not_wait_until_a_fast_client_may_be_read_again() {
    let mut config = Config::plain();
    config.messages_per_second = 1;
    let (server, hub) = hub_server(config);
    let mut client = listener(&server);
    client.send(&frame(0x81, b"?").repeat(8));
    let mut pushed_meanwhile = 0;
    let mut echoes = 0;
    hub.push("push");
    while echoes < 8 {
        match &*client.text() {
            "push" => {
                // The eighth echo is two seconds later than the sixth.
                pushed_meanwhile += usize::from(echoes > 5);
                hub.push("push");
            }
            _ => echoes += 1,
        }
    }
    assert!(pushed_meanwhile > 10, "{pushed_meanwhile}");
}

#[test]
fn a_watcher_that_never_reads_is_dropped_and_holds_up_nobody() {
    let (server, hub) = hub_server(Config::plain());
    let mut watchers: Vec<Raw> = (0..30).map(|_| listener(&server)).collect();
    let _stuck = listener(&server);
    wait_until("all are there", || hub.len() == 31);
    let text = "x".repeat(16 * 1024);
    let mut pushed = 0;
    while hub.len() == 31 {
        hub.push(&text);
        watchers.iter_mut().for_each(|watcher| assert_eq!(watcher.text().len(), text.len()));
        pushed += 1;
        assert!(pushed < 10_000, "a full channel drops the one that does not read");
    }
    assert_eq!(hub.len(), 30);
}

#[test]
fn a_waiting_session_hears_of_everything_else() {
    // A stop.
    let (server, _hub) = hub_server(Config::plain());
    let mut client = listener(&server);
    let reading = thread::spawn(move || client.close_code());
    server.stop();
    assert_eq!(reading.join().unwrap(), Some(1001));

    // A key that is withdrawn.
    let with_key = |secret: &str| {
        let mut config = Config::plain();
        config.keys = vec![replyd::Key::new("feed", secret).unwrap()];
        config
    };
    let (server, _hub) = hub_server(with_key("0123456789abcdef"));
    let mut client = Raw::connect(server.local_addr());
    let head = crate::support::raw::upgrade("/?accessToken=0123456789abcdef", "");
    assert_eq!(client.ask(&head).status, 101);
    assert_eq!(client.text(), "welcome");
    server.reload(with_key("another 0123456789")).unwrap();
    assert_eq!(client.close_code(), Some(1008));

    // A client that is silent, and one that is gone.
    let mut config = Config::plain();
    config.ping_interval = Duration::from_millis(100);
    let (server, hub) = hub_server(config);
    let mut silent = listener(&server);
    while silent.frame().is_some_and(|frame| frame.first_byte == 0x80 | Opcode::Ping as u8) {}
    let gone = listener(&server);
    drop(gone);
    wait_until("both have ended", || server.clients() == 0);
    hub.push("nobody hears this");
    assert_eq!(hub.len(), 0, "its channel is closed, and waking it does nothing");
}

#[test]
fn a_client_that_only_listens_is_idle_once_nothing_is_sent() {
    let mut config = Config::plain();
    config.idle_timeout = Duration::from_millis(400);
    let (server, hub) = hub_server(config);
    let mut client = listener(&server);
    let began = Instant::now();
    let mut pushed = 0;
    // Three times as long as a client may be idle.
    while began.elapsed() < Duration::from_millis(1200) {
        hub.push("news");
        pushed += 1;
        thread::park_timeout(Duration::from_millis(50));
    }
    for _ in 0..pushed {
        assert_eq!(client.text(), "news");
    }
    assert_eq!(client.close_code(), Some(1000));
}

#[test]
fn an_ended_session_says_why_and_cannot_be_woken() {
    let (seen, endings) = mpsc::channel();
    let server = serve_with(Config::plain(), move |session| {
        assert_eq!(session.ending(), None);
        while let Ok(Some(_)) = session.next() {}
        let ending = session.ending().cloned().expect("it has ended");
        assert!(session.waker().is_err());
        Ok(seen.send(ending)?)
    });
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Close, b"\x03\xe8");
    assert_eq!(endings.recv_timeout(DEADLINE).unwrap(), Ending::Closed);
    let mut client = Raw::open(server.local_addr());
    client.say(Opcode::Text, b"\xff");
    assert_eq!(endings.recv_timeout(DEADLINE).unwrap(), Ending::BadUtf8);
    let _client = Raw::open(server.local_addr());
    server.stop();
    assert_eq!(endings.recv_timeout(DEADLINE).unwrap(), Ending::Stop);
}

/// Stops the server while the handler, which has just sent what it was woken for, is about to wait again; meanwhile more is pushed.
fn pushed_before_a_stop(
    wait: impl Fn(&mut Session) -> Result<Option<Event>, replyd::Error> + Send + Sync + 'static,
    stop: impl FnOnce(RunningServer) + Send + 'static,
) {
    let hub = Hub::default();
    let (woken, wake_ups) = mpsc::channel();
    let (go_on, gone_on) = bounded::<()>(0);
    let server = serve_with(Config::plain(), {
        let hub = hub.clone();
        move |session| {
            let pushed = hub.join(session, 100)?;
            session.send("welcome")?;
            while let Some(event) = wait(session)? {
                if event == Event::Woken {
                    pushed.try_iter().try_for_each(|text| session.send(text))?;
                    woken.send(())?;
                    let _ = gone_on.recv();
                }
            }
            Ok(())
        }
    });
    let mut client = listener(&server);
    hub.push("one");
    wake_ups.recv_timeout(DEADLINE).unwrap();
    assert_eq!(client.text(), "one");
    hub.push("two");
    let address = server.local_addr();
    let stopping = thread::spawn(move || stop(server));
    wait_until("the port is closed", || std::net::TcpStream::connect(address).is_err());
    drop(go_on);
    assert_eq!(client.text(), "two");
    assert_eq!(client.close_code(), Some(1001));
    stopping.join().unwrap();
}

#[test]
fn a_wake_up_before_a_stop_is_returned_before_the_end() {
    pushed_before_a_stop(Session::next, RunningServer::stop);
    pushed_before_a_stop(Session::next, |server| server.stop_within(DEADLINE));
    pushed_before_a_stop(|session| session.next_by(Instant::now() + 10 * DEADLINE), RunningServer::stop);
    pushed_before_a_stop(|session| session.next_by(Instant::now()), RunningServer::stop);
}

#[test]
fn a_stop_loses_nothing_that_was_pushed_before_it() {
    let (server, hub) = hub_server(Config::plain());
    let watchers: Vec<Raw> = (0..300).map(|_| listener(&server)).collect();
    let lines = ["one", "two", "three"];
    lines.iter().for_each(|line| hub.push(line));
    let stopping = thread::spawn(move || server.stop());
    for mut watcher in watchers {
        assert_eq!(lines.map(|_| watcher.text()), lines);
        assert_eq!(watcher.close_code(), Some(1001));
    }
    stopping.join().unwrap();
}

#[test]
fn wake_ups_without_end_do_not_hold_up_a_stop() {
    let server = serve_with(Config::plain(), |session| {
        let waker = session.waker()?;
        session.send("welcome")?;
        waker.wake();
        while session.next()?.is_some() {
            waker.wake();
        }
        Ok(())
    });
    let mut client = listener(&server);
    let began = Instant::now();
    let stopping = thread::spawn(move || server.stop());
    assert_eq!(client.close_code(), Some(1001));
    stopping.join().unwrap();
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
}

#[test]
fn more_wakers_than_the_limit_allows_are_reported_once() {
    // Each has two descriptors more, and 32 are for the server.
    let Some(max_clients) = max_open_files().and_then(|limit| limit.checked_sub(32 + 2 * 2 + 1)) else {
        return;
    };
    warnings::keep();
    let mut config = Config::plain();
    config.max_clients = max_clients;
    let (server, _hub) = hub_server(config);
    for _ in 0..2 {
        drop([listener(&server), listener(&server)]);
        wait_until("both are gone", || server.clients() == 0);
    }
    assert_eq!(warnings_of_wakers(max_clients), [""; 0]);
    let _clients = [listener(&server), listener(&server), listener(&server), listener(&server)];
    let warnings = warnings_of_wakers(max_clients);
    assert!(matches!(&warnings[..], [one] if one.contains("(3 now) need 2 more")), "{warnings:?}");
}

fn warnings_of_wakers(max_clients: usize) -> Vec<String> {
    let begin = format!("max_clients is {max_clients}, and sessions with a waker (");
    warnings::kept().into_iter().filter(|line| line.contains(&begin)).collect()
}

fn max_open_files() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok())
}

#[test]
fn wakers_may_go_to_any_thread() {
    fn check<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    check::<Waker>();
    check::<replyd::Stopper>();
}

#[cfg(feature = "tls")]
#[test]
fn over_tls_nothing_that_was_decrypted_waits_for_more() {
    use crate::support::certificates::Authority;
    let authority = Authority::new();
    let identity = authority.identity();
    let mut config = Config::plain();
    let tls = replyd::Tls::from_pem(identity.certificate.as_bytes(), identity.private_key.as_bytes());
    config.tls = Some(tls.unwrap());
    // Nothing but the client and the hub wakes a session.
    config.ping_interval = 10 * DEADLINE;
    let (server, hub) = hub_server(config);
    let mut options = replyd::ClientOptions::default();
    options.ca = Some(authority.pem.into_bytes());
    let url = format!("wss://localhost:{}", server.local_addr().port());
    let mut client = replyd::Client::connect_with(&url, &options).unwrap();
    let mut text = || loop {
        if let Event::Text(text) = client.next().unwrap().expect("a text, not the end") {
            return text.to_string();
        }
    };
    assert_eq!(text(), "welcome");
    hub.push("over TLS");
    assert_eq!(text(), "over TLS");
    drop(client);

    // Records of 16 KiB, which take several reads, with frames whose ends are anywhere.
    let (mut client, mut receiver) = replyd::Client::connect_with(&url, &options).unwrap().split();
    let reading = thread::spawn(move || {
        let mut texts = Vec::new();
        while texts.len() < 41 {
            match receiver.next_by(Instant::now() + DEADLINE).unwrap().expect("a text, not the end") {
                Event::Text(text) => texts.push(text.to_string()),
                Event::Timeout => panic!("after {} texts, nothing", texts.len()),
                _ => {}
            }
        }
        texts
    });
    for round in 1..=40 {
        client.send("x".repeat(round * 1000)).unwrap();
    }
    let expected = (1..=40).map(|round| format!("echo {}", round * 1000));
    assert_eq!(reading.join().unwrap()[1..], expected.collect::<Vec<_>>());
}

/// What was decrypted already does not show in the socket.
#[cfg(all(unix, feature = "tls"))]
#[test]
fn a_session_waits_for_a_client_over_tls() {
    use crate::support::certificates::Authority;
    let authority = Authority::new();
    let identity = authority.identity();
    let mut config = Config::plain();
    let tls = replyd::Tls::from_pem(identity.certificate.as_bytes(), identity.private_key.as_bytes());
    config.tls = Some(tls.unwrap());
    let upstream = serve_with(config, |session| {
        while let Some(event) = session.next()? {
            if let Event::Text(count) = event {
                // Some come in one record, some in several.
                for round in 1..=count.parse::<usize>()? {
                    session.send("x".repeat(round * 700))?;
                }
            }
        }
        Ok(())
    });
    let mut options = replyd::ClientOptions::default();
    options.ca = Some(authority.pem.into_bytes());
    let url = format!("wss://localhost:{}", upstream.local_addr().port());
    let server = serve_with(Config::plain(), move |session| {
        let mut client = replyd::Client::connect_with(&url, &options)?;
        client.wake_with(&session.waker()?)?;
        while let Some(event) = session.next()? {
            match event {
                Event::Text(text) => client.send(text)?,
                Event::Woken => {
                    while let Some(Event::Text(text)) = client.next_by(Instant::now())? {
                        session.send(text.len().to_string())?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    });
    let mut client = Raw::open(server.local_addr());
    for count in [1, 50, 3] {
        client.say(Opcode::Text, format!("{count}").as_bytes());
        (1..=count).for_each(|round| assert_eq!(client.text(), (round * 700).to_string()));
    }
}

#[test]
fn a_server_for_a_tool_neither_slows_clients_down_nor_ends_them() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let server = server.start(|session| {
        while let Some(event) = session.next()? {
            if let Event::Text(text) = event {
                session.send(text)?;
            }
        }
        Ok(())
    });
    let server = server.unwrap();
    let config = server.config();
    assert_eq!((config.messages_per_second, config.idle_timeout), (0, Duration::ZERO));
    let mut client = Raw::open(server.local_addr());
    let began = Instant::now();
    for _ in 0..1000 {
        client.say(Opcode::Text, b"ping");
        assert_eq!(client.text(), "ping");
    }
    // With the defaults of a shop it would take 45 s.
    assert!(began.elapsed() < DEADLINE);
    client.say(Opcode::Text, &vec![b'x'; 1024 * 1024]);
    assert_eq!(client.message().unwrap().payload.len(), 1024 * 1024);
    let page = Raw::connect(server.local_addr()).ask("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(page.status, 404);
}
