//! Three instances behind HAProxy: nothing that one keeps is needed by another.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use replyd::{Client, Event};

use crate::support::{
    DEADLINE, HELP, Program, Raw, Replyd,
    proxy::{Kind, Proxy, free_address, replaced},
    replyd, wait_until,
};

/// Longer than HAProxy takes to notice that an instance is stopping.
const SETTINGS: &str = "[server]\ndrain_delay = 3s\nmessages_per_second = 0\n";

fn balance(instances: [SocketAddr; 3]) -> Option<Proxy> {
    Proxy::start(Kind::Haproxy, instances[0], None, |snippet| {
        let [one, two, three] = instances;
        let servers = format!("server one {one}\n    server two {two}\n    server three {three}");
        let snippet = replaced(&snippet, "server one 127.0.0.1:5000", &servers);
        replaced(&snippet, "inter 1s", "inter 100ms")
    })
}

fn connect(proxy: &Proxy) -> Result<Client, replyd::Error> {
    Client::connect(&format!("ws://{}", proxy.address))
}

/// The next text, or how the conversation ended.
fn next_text(client: &mut Client) -> Result<String, Option<u16>> {
    loop {
        match client.next() {
            Ok(Some(Event::Text(text))) => return Ok(text.to_string()),
            Ok(Some(Event::Close(frame))) => return Err(frame.map(|frame| frame.0)),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return Err(None),
        }
    }
}

fn clients_of(server: &Replyd) -> usize {
    server.log().so_far().matches("Connection established").count()
}

#[test]
fn clients_spread_and_come_back_elsewhere() {
    let mut servers = [SETTINGS; 3].map(Replyd::serve);
    let Some(proxy) = balance([0, 1, 2].map(|at: usize| servers[at].address)) else { return };
    wait_until("a client gets through", || connect(&proxy).is_ok());
    let mut clients: Vec<Client> = (0..30).map(|_| greeted(&proxy)).collect();
    for server in &servers {
        assert!(clients_of(server) >= 5, "{}", clients_of(server));
    }
    let [killed, drained, _] = &mut servers;
    killed.program.signal(Signal::SIGKILL);
    killed.program.exit_code();
    clients_of_a_killed_server_find_another(&proxy, &mut clients);
    new_clients_avoid_a_draining_server(&proxy, drained);
    clients_of_a_drained_server_are_answered_and_told(&mut clients);
}

fn greeted(proxy: &Proxy) -> Client {
    let mut client = connect(proxy).unwrap();
    next_text(&mut client).unwrap();
    client
}

fn clients_of_a_killed_server_find_another(proxy: &Proxy, clients: &mut [Client]) {
    let mut lost = 0;
    for client in clients {
        let is_alive = client.send("help").is_ok() && next_text(client).as_deref() == Ok(HELP);
        if !is_alive {
            lost += 1;
            *client = greeted(proxy);
            client.send("help").unwrap();
            assert_eq!(next_text(client).as_deref(), Ok(HELP));
        }
    }
    assert!((5..=20).contains(&lost), "{lost}");
}

fn new_clients_avoid_a_draining_server(proxy: &Proxy, server: &mut Replyd) {
    server.program.signal(Signal::SIGTERM);
    let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    wait_until("it refuses clients", || Raw::connect(server.address).ask(health).status == 503);
    let before = clients_of(server);
    for _ in 0..10 {
        let mut client = greeted(proxy);
        client.send("help").unwrap();
        assert_eq!(next_text(&mut client).as_deref(), Ok(HELP));
    }
    assert_eq!(clients_of(server), before);
    assert_eq!(server.program.exit_code(), Some(0));
}

/// What was sent to the server meanwhile is answered before the Close.
fn clients_of_a_drained_server_are_answered_and_told(clients: &mut [Client]) {
    let mut closed = 0;
    for client in clients {
        let _ = client.send("help");
        match next_text(client) {
            Ok(text) => assert_eq!(text, HELP),
            Err(code) => {
                assert_eq!(code, Some(1001));
                closed += 1;
            }
        }
    }
    assert!((5..=25).contains(&closed), "{closed}");
}

#[test]
fn the_page_comes_back_elsewhere() {
    let instances = [(); 3].map(|()| free_address());
    let Some(proxy) = balance(instances) else { return };
    let ports = instances.map(|address| address.port().to_string()).join(" ");
    crate::browser::run_with("elsewhere.test.mjs", &format!("http://{}/ {ports}", proxy.address));
}

#[test]
fn a_rolling_restart_under_a_hundred_clients() {
    let addresses = [(); 3].map(|()| free_address());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.ini"), SETTINGS).unwrap();
    let start = |address: &SocketAddr| {
        let program = Program::piped(replyd(folder.path()).args(["--listen", &address.to_string()]));
        program.stderr.wait_for("Waiting for clients");
        program
    };
    let mut servers: Vec<Program> = addresses.iter().map(start).collect();
    let Some(proxy) = balance(addresses) else { return };
    let proxy = Arc::new(proxy);
    wait_until("a client gets through", || connect(&proxy).is_ok());

    let over = Arc::new(AtomicBool::new(false));
    let reconnects = Arc::new(AtomicU64::new(0));
    let talkers: Vec<_> = (0..100)
        .map(|_| {
            let (proxy, over, reconnects) = (Arc::clone(&proxy), Arc::clone(&over), Arc::clone(&reconnects));
            thread::spawn(move || talk(&proxy, &over, &reconnects))
        })
        .collect();
    for (server, address) in servers.iter_mut().zip(&addresses) {
        server.signal(Signal::SIGTERM);
        assert_eq!(server.exit_code(), Some(0));
        *server = start(address);
        // It has the fewest clients, so a newcomer comes to it as soon as HAProxy knows it.
        wait_until("it has a client", || {
            let _ = connect(&proxy);
            server.stderr.so_far().contains("Connection established")
        });
    }
    over.store(true, Ordering::Release);
    let answered: Vec<u64> = talkers.into_iter().map(|talker| talker.join().unwrap()).collect();
    assert!(answered.iter().all(|answers| *answers > 10), "{answered:?}");
    assert!(reconnects.load(Ordering::Relaxed) >= 100, "{reconnects:?}");
}

/// Asks again and again, and after a break asks again what had no answer; each question must get one.
fn talk(proxy: &Proxy, over: &AtomicBool, reconnects: &AtomicU64) -> u64 {
    let mut client: Option<Client> = None;
    let mut answers = 0;
    while !over.load(Ordering::Acquire) {
        let asked = Instant::now();
        loop {
            assert!(asked.elapsed() < DEADLINE, "a question is not answered");
            if client.is_none() {
                client = connect(proxy).ok();
                reconnects.fetch_add(1, Ordering::Relaxed);
                if let Some(new) = &mut client
                    && next_text(new).is_err()
                {
                    client = None;
                }
            }
            let Some(open) = &mut client else {
                thread::park_timeout(Duration::from_millis(50));
                continue;
            };
            if open.send("i need help").is_ok() && next_text(open).as_deref() == Ok(HELP) {
                break;
            }
            client = None;
        }
        answers += 1;
        thread::park_timeout(Duration::from_millis(50));
    }
    answers
}
