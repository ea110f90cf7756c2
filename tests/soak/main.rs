//! Everything at once, in three rounds: talking, idle, slow, deaf, broken, churning and uninvited clients against the real
//! binary, whose files are saved anew every second. Fails when somebody good is not served, or when threads, descriptors or
//! memory do not come back, or grow from round to round.
//!
//! `cargo bench --bench soak` takes ten minutes; `cargo bench --bench soak -- SECONDS` takes as long as you say.

#![expect(clippy::print_stdout, reason = "its table is its result")]

#[expect(dead_code, reason = "the integration tests use the rest of it")]
#[path = "../it/support/raw.rs"]
mod raw;
mod server;

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use raw::{Opcode, Raw, frame, upgrade};
use replyd::{Client, ClientOptions, Event};
use server::{Footprint, Server};

/// No event that is waited for takes longer, on a machine that is busy with all this.
const DEADLINE: Duration = Duration::from_secs(30);
const ROUNDS: u32 = 3;
const GOOD_CLIENTS: usize = 500;
const IDLE_CLIENTS: usize = 500;
const KEY: &str = "replyd_soak_0123456789";
const OWNER_KEY: &str = "replyd_soak_owner_0123456789";
const HELP: &str = "Sure, I am here to help. Can you briefly describe the problem.";

fn main() {
    let seconds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(600);
    let server = Server::start();
    let start = server.footprint();
    println!("{:<12} {start}", "start");
    let mut ends = Vec::new();
    for round in 1..=ROUNDS {
        let counts = Arc::new(Counts::default());
        let middle = play_round(&server, &counts, Duration::from_secs(seconds) / ROUNDS);
        println!("{:<12} {middle}", format!("in round {round}"));
        let end = server.settle(&start);
        println!("{:<12} {end}   {}", format!("round {round}"), counts.line());
        assert_eq!(counts.unserved.load(Ordering::Relaxed), 0, "good clients were not served");
        ends.push(end);
    }
    compare(&start, &ends);
    let log = server.stop();
    for words in [
        "is not accepted: keeping the previous",
        "more than 65536 bytes",
        "reading takes long",
        "trying again",
    ] {
        assert!(log.contains(words), "the files made no trouble: there is no {words:?} in the log");
    }
    println!("all good clients were served, and everything came back");
}

fn compare(start: &Footprint, ends: &[Footprint]) {
    let [.., second, third] = ends else { unreachable!("there are {ROUNDS} rounds") };
    assert_eq!(
        (third.threads, third.descriptors),
        (start.threads, start.descriptors),
        "not back at the start"
    );
    assert!(
        third.memory <= second.memory + second.memory / 20 + 512,
        "{} -> {} kB",
        second.memory,
        third.memory
    );
}

/// What happened in a round.
#[derive(Default)]
struct Counts {
    answers: AtomicU64,
    unserved: AtomicU64,
    hostile: AtomicU64,
    reloads: AtomicU64,
}

impl Counts {
    fn line(&self) -> String {
        let [answers, hostile, reloads] =
            [&self.answers, &self.hostile, &self.reloads].map(|count| count.load(Ordering::Relaxed));
        format!(
            "{answers} answers to {GOOD_CLIENTS} talking and {IDLE_CLIENTS} idle clients, {hostile} hostile connections, \
             {reloads} reloads"
        )
    }
}

/// Plays for some time, and tells what the server takes in the middle of it.
fn play_round(server: &Server, counts: &Arc<Counts>, time: Duration) -> Footprint {
    let over = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let mut start = |play: fn(&Guest)| {
        let guest = Guest { address: server.address, counts: Arc::clone(counts), over: Arc::clone(&over) };
        let thread = thread::Builder::new().stack_size(256 * 1024).spawn(move || play(&guest));
        threads.push(thread.expect("the driver gets its threads"));
    };
    (0..GOOD_CLIENTS).for_each(|_| start(talk));
    (0..IDLE_CLIENTS).for_each(|_| start(idle));
    for hostile in [
        dribble_head,
        dribble_message,
        ask_and_never_read,
        flood_fragments,
        flood_pings,
        send_what_expands,
        break_frames,
        break_heads,
        churn,
        vanish,
        flood_questions,
        misuse_owners_page,
    ] {
        (0..4).for_each(|_| start(hostile));
    }
    let begin = Instant::now();
    let mut middle = None;
    while begin.elapsed() < time {
        thread::park_timeout(Duration::from_secs(1).min(time.saturating_sub(begin.elapsed())));
        server.save_anew();
        counts.reloads.fetch_add(1, Ordering::Relaxed);
        if begin.elapsed() >= time / 2 {
            middle.get_or_insert_with(|| server.footprint());
        }
    }
    over.store(true, Ordering::Release);
    threads.into_iter().for_each(|thread| thread.join().expect("a guest's assertions hold"));
    middle.unwrap_or_else(|| server.footprint())
}

/// Where a guest goes, and until when.
struct Guest {
    address: std::net::SocketAddr,
    counts: Arc<Counts>,
    over: Arc<AtomicBool>,
}

impl Guest {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Does it again and again, a moment apart.
    fn repeat(&self, mut hostile: impl FnMut()) {
        while !self.is_over() {
            self.counts.hostile.fetch_add(1, Ordering::Relaxed);
            hostile();
            pause();
        }
    }

    /// An upgraded connection, unless the house is full.
    fn enter(&self) -> Option<Raw> {
        let mut raw = Raw::connect(self.address);
        raw.try_send(upgrade("/", &format!("X-WS-AUTH-KEY: {KEY}\r\n")).as_bytes()).ok()?;
        raw.try_answer().filter(|answer| answer.status == 101)?;
        Some(raw)
    }
}

fn pause() {
    thread::park_timeout(Duration::from_millis(20));
}

/// Asks five times a second, and gets each answer.
fn talk(guest: &Guest) {
    let mut options = ClientOptions::default();
    options.key = Some(KEY.into());
    let conversation = || -> Result<(), replyd::Error> {
        let mut client = Client::connect_with(&format!("ws://{}", guest.address), &options)?;
        assert!(next_text(&mut client)?.starts_with("Hi, how"));
        while !guest.is_over() {
            client.send("i need help")?;
            assert_eq!(next_text(&mut client)?, HELP);
            guest.counts.answers.fetch_add(1, Ordering::Relaxed);
            thread::park_timeout(Duration::from_millis(200));
        }
        client.close()
    };
    if let Err(error) = conversation() {
        println!("a good client was not served: {error}");
        guest.counts.unserved.fetch_add(1, Ordering::Relaxed);
    }
}

fn next_text(client: &mut Client) -> Result<String, replyd::Error> {
    loop {
        match client.next()? {
            Some(Event::Text(text)) => return Ok(text.to_string()),
            Some(Event::Ping(_) | Event::Pong(_)) => {}
            other => panic!("{other:?} in place of an answer"),
        }
    }
}

/// Says nothing, answers pings, and is asked for nothing more until the end.
fn idle(guest: &Guest) {
    let mut options = ClientOptions::default();
    options.key = Some(KEY.into());
    let silence = || -> Result<(), replyd::Error> {
        let mut client = Client::connect_with(&format!("ws://{}", guest.address), &options)?;
        assert!(next_text(&mut client)?.starts_with("Hi, how"));
        let (mut sender, mut receiver) = client.split();
        let listener = thread::spawn(move || while let Ok(Some(_)) = receiver.next() {});
        while !guest.is_over() && !listener.is_finished() {
            thread::park_timeout(Duration::from_millis(200));
        }
        assert!(guest.is_over(), "an idle client was cut");
        let closed = sender.close();
        listener.join().expect("it only listens");
        closed
    };
    if let Err(error) = silence() {
        println!("an idle client was not served: {error}");
        guest.counts.unserved.fetch_add(1, Ordering::Relaxed);
    }
}

fn dribble_head(guest: &Guest) {
    guest.repeat(|| {
        let mut raw = Raw::connect(guest.address);
        for byte in upgrade("/", &format!("X: {}\r\n", "x".repeat(1000))).bytes() {
            if guest.is_over() || raw.try_send(&[byte]).is_err() {
                break;
            }
            pause();
        }
    });
}

fn dribble_message(guest: &Guest) {
    guest.repeat(|| {
        let Some(mut raw) = guest.enter() else { return };
        for byte in frame(0x81, &[b'x'; 1000]) {
            if guest.is_over() || raw.try_send(&[byte]).is_err() {
                break;
            }
            pause();
        }
    });
}

fn ask_and_never_read(guest: &Guest) {
    guest.repeat(|| {
        if let Some(raw) = guest.enter() {
            raw.flood(&frame(0x81, b"help").repeat(100), 1 << 20);
        }
    });
}

fn flood_fragments(guest: &Guest) {
    guest.repeat(|| {
        if let Some(raw) = guest.enter() {
            raw.flood(&[frame(0x01, b""), frame(0x00, b"").repeat(50_000)].concat(), 300_000);
            close_code(&raw);
        }
    });
}

/// Pings as fast as they go, between the fragments of a message too, whose answers nobody reads.
fn flood_pings(guest: &Guest) {
    guest.repeat(|| {
        if let Some(raw) = guest.enter() {
            let pings = frame(0x89, b"hello").repeat(2000);
            raw.flood(&[&pings[..], &frame(0x01, b"x"), &pings].concat(), 300_000);
        }
    });
}

/// Messages that normalising makes longer, of many words, and of one.
fn send_what_expands(guest: &Guest) {
    let messages = ["\u{fdfa}", "\u{fdfb}", "\u{3316}", "a ", "x", "e\u{301}\u{327}"]
        .map(|piece| frame(0x81, piece.repeat(16 * 1024 / piece.len()).as_bytes()));
    guest.repeat(|| {
        let Some(mut raw) = guest.enter() else { return };
        for message in messages.iter().cycle().take(30) {
            if guest.is_over() || raw.try_send(message).is_err() || raw.frame().is_none() {
                break;
            }
        }
    });
}

fn break_frames(guest: &Guest) {
    let broken = [
        (vec![0x81, 0x01, b'x'], 1002),
        (frame(0xf1, b""), 1002),
        (frame(0x83, b""), 1002),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x82, b"\xff"), 1003),
        (frame(0x81, &[b'x'; 20_000]), 1009),
        (vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
    ];
    guest.repeat(|| {
        for (bytes, code) in &broken {
            if let Some(mut raw) = guest.enter() {
                raw.send(bytes);
                assert_eq!(close_code(&raw), Some(*code));
            }
        }
    });
}

fn break_heads(guest: &Guest) {
    let wrong_key = upgrade("/", "X-WS-AUTH-KEY: not the right one\r\n");
    let heads = [&wrong_key, "hello\r\n\r\n", "\x16\x03\x01\x02", "POST / HTTP/1.1\r\nHost: a\r\n\r\n"];
    guest.repeat(|| {
        for (head, statuses) in heads.iter().zip([&[403, 429, 503][..], &[400], &[400], &[405]]) {
            let mut raw = Raw::connect(guest.address);
            raw.send(head.as_bytes());
            let answer = raw.try_answer();
            assert!(
                answer.as_ref().is_none_or(|answer| statuses.contains(&answer.status)),
                "{head:?}: {answer:?}"
            );
        }
    });
}

/// In, a question, and out, as fast as it goes.
fn churn(guest: &Guest) {
    while !guest.is_over() {
        guest.counts.hostile.fetch_add(1, Ordering::Relaxed);
        if let Some(mut raw) = guest.enter() {
            raw.say(Opcode::Text, b"help");
            raw.say(Opcode::Close, &1000u16.to_be_bytes());
            assert_eq!(close_code(&raw), Some(1000));
        }
    }
}

/// Gone without a word, with an answer on its way.
fn vanish(guest: &Guest) {
    guest.repeat(|| {
        if let Some(mut raw) = guest.enter() {
            raw.say(Opcode::Text, b"help");
        }
    });
}

/// Questions that nothing answers, as fast as they are read: they are to be kept, within bounds.
fn flood_questions(guest: &Guest) {
    let number = AtomicU64::new(0);
    guest.repeat(|| {
        let Some(mut raw) = guest.enter() else { return };
        for _ in 0..100 {
            let question = format!("what about {}", number.fetch_add(1, Ordering::Relaxed));
            if guest.is_over() || raw.try_send(&frame(0x81, question.as_bytes())).is_err() {
                break;
            }
        }
        // The greeting, and the answers.
        (0..101).all(|_| !guest.is_over() && raw.frame().is_some());
    });
}

/// What an owner's page would never send, and what costs most of what it may; whoever sends it does not wait for the answers.
fn misuse_owners_page(guest: &Guest) {
    let text = "x = y\\n".repeat(1000);
    let part = format!(r#"{{"do":"part","text":"{text}"}}"#);
    let head = upgrade("/owner", &format!("Origin: http://localhost\r\nX-WS-AUTH-KEY: {OWNER_KEY}\r\n"));
    guest.repeat(|| {
        let mut raw = Raw::connect(guest.address);
        let is_in = raw.try_send(head.as_bytes()).is_ok()
            && raw.try_answer().is_some_and(|answer| answer.status == 101);
        if !is_in {
            return;
        }
        let wishes = [
            "{",
            r#"{"do":"nothing"}"#,
            r#"{"do":"statistics","since":"30d"}"#,
            r#"{"do":"questions"}"#,
            "\u{0}",
        ];
        let parts = std::iter::repeat_n(part.as_str(), 300).chain([r#"{"do":"check"}"#; 3]);
        let saving = [
            part.as_str(),
            r#"{"do":"save","revision":"wrong"}"#,
            r#"{"do":"restore","version":4000000000,"revision":""}"#,
        ];
        for wish in wishes.into_iter().chain(saving).chain(parts) {
            if guest.is_over() || raw.try_send(&frame(0x81, wish.as_bytes())).is_err() {
                break;
            }
        }
    });
}

/// The code of the Close behind which the connection ended, if it was not broken before.
fn close_code(raw: &Raw) -> Option<u16> {
    let mut all = Vec::new();
    let _ = raw.stream().read_to_end(&mut all);
    let mut rest = &all[..];
    let mut code = None;
    // No frame of this server is longer than 125 bytes here.
    while let [first, length @ 0..126, behind @ ..] = rest {
        let (payload, next) = behind.split_at_checked(usize::from(*length))?;
        code = payload.first_chunk().filter(|_| *first == 0x88).map(|code| u16::from_be_bytes(*code));
        rest = next;
    }
    code
}
