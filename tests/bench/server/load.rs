//! The load generator: one thread, any number of clients.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd},
    sync::LazyLock,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream, unix::SourceFd};
use nix::sys::{
    time::{TimeSpec, TimeValLike},
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};

use crate::wire::{ANSWER, CLOSE, CLOSED, GREETING, QUESTION, UPGRADE, UPGRADED};

/// No server is silent for longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Paced questions are sent at each tick of a clock.
const TICK: Duration = Duration::from_millis(1);
const CLOCK: Token = Token(usize::MAX - 1);
/// As many as one client ever has under way.
static QUESTIONS: LazyLock<Vec<u8>> = LazyLock::new(|| QUESTION.repeat(16));

/// Clients that are connected and have been greeted.
pub(crate) struct Load {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// How far the answer that comes next is there.
    at: usize,
    /// When each question was due that has no answer yet.
    due: VecDeque<Instant>,
}

impl Load {
    /// Connects the clients one after the other; each asks once.
    pub(crate) fn connect(address: SocketAddr, count: usize) -> Load {
        let poll = Poll::new().expect("the system has epoll");
        let mut clients: Vec<Client> = (0..count).map(|_| Client::connect(address)).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            let registered = poll.registry().register(&mut client.stream, Token(number), Interest::READABLE);
            registered.expect("epoll takes a socket");
        }
        Load { poll, events: Events::with_capacity(1024), clients, buffer: vec![0; 64 * 1024] }
    }

    /// Keeps `depth` questions under way for each client, for `time`, then waits for the last answers. Returns how many
    /// there were in all.
    pub(crate) fn run(&mut self, depth: usize, time: Duration) -> u64 {
        let now = Instant::now();
        let end = now + time;
        self.clients.iter_mut().for_each(|client| client.ask(depth, now));
        let mut answers = 0;
        while Instant::now() < end {
            self.wait(|client, count, now| {
                answers += count as u64;
                client.due.drain(..count);
                client.ask(count, now);
            });
        }
        self.settle(|_| answers += 1);
        answers
    }

    /// Each client asks once; returns how many answers there are.
    pub(crate) fn ask_all(&mut self) -> u64 {
        self.run(1, Duration::ZERO)
    }

    /// Asks `rate` questions a second in all, each client in turn, whether or not answers come. Returns how long each
    /// answer took from the moment at which its question was due.
    pub(crate) fn pace(&mut self, rate: u32, time: Duration) -> Vec<Duration> {
        let clock =
            TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK).expect("there are timers");
        let interval = Expiration::Interval(TimeSpec::nanoseconds(TICK.as_nanos() as i64));
        clock.set(interval, TimerSetTimeFlags::empty()).expect("a millisecond is a time");
        let descriptor = clock.as_fd().as_raw_fd();
        let registered = self.poll.registry().register(&mut SourceFd(&descriptor), CLOCK, Interest::READABLE);
        registered.expect("epoll takes a timer");

        let (begin, mut sent, mut times) = (Instant::now(), 0, Vec::new());
        while begin.elapsed() < time {
            self.wait(|client, count, now| times.extend(client.due.drain(..count).map(|due| now - due)));
            let _ = clock.wait();
            let due = (begin.elapsed().as_secs_f64() * f64::from(rate)) as usize;
            for number in sent..due {
                let when = begin + Duration::from_secs(1) * number as u32 / rate;
                let at = number % self.clients.len();
                self.clients[at].ask(1, when);
            }
            sent = sent.max(due);
        }
        self.settle(|took| times.push(took));
        let _ = self.poll.registry().deregister(&mut SourceFd(&descriptor));
        times
    }

    /// Waits until all is answered.
    fn settle(&mut self, mut answered: impl FnMut(Duration)) {
        let deadline = Instant::now() + PATIENCE;
        while self.clients.iter().any(|client| !client.due.is_empty()) {
            assert!(Instant::now() < deadline, "not everything is answered");
            self.wait(|client, count, now| client.due.drain(..count).for_each(|due| answered(now - due)));
        }
    }

    /// Waits for something to come, and shows `answered` each client with how many answers it got.
    fn wait(&mut self, mut answered: impl FnMut(&mut Client, usize, Instant)) {
        match self.poll.poll(&mut self.events, Some(PATIENCE)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return,
            result => result.expect("epoll works"),
        }
        assert!(!self.events.is_empty(), "the server is silent");
        for event in &self.events {
            let Some(client) = self.clients.get_mut(event.token().0) else { continue };
            let count = client.take_answers(&mut self.buffer);
            answered(client, count, Instant::now());
        }
    }
}

/// A connection that is upgraded and has been greeted; it blocks.
pub(crate) fn greeted(address: SocketAddr) -> std::net::TcpStream {
    let mut stream = connected(address);
    stream.write_all(UPGRADE).expect("the server reads");
    read_head(&mut stream);
    expect(&mut stream, GREETING);
    stream
}

/// A connection on which nothing was said yet; it blocks.
pub(crate) fn connected(address: SocketAddr) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(address).expect("the server takes clients");
    stream.set_nodelay(true).expect("it is a TCP socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a time");
    stream
}

/// Reads these bytes.
pub(crate) fn expect(stream: &mut impl Read, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).expect("the server answers");
    assert_eq!(got, bytes);
}

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let mut stream = greeted(address);
        stream.write_all(QUESTION).expect("the server reads");
        expect(&mut stream, ANSWER);
        stream.set_nonblocking(true).expect("it is a socket");
        Client { stream: TcpStream::from_std(stream), at: 0, due: VecDeque::new() }
    }

    fn ask(&mut self, count: usize, due: Instant) {
        if count > 0 {
            // Few and short questions always fit into the socket's buffer.
            let sent = self.stream.write(&QUESTIONS[..count * QUESTION.len()]).expect("the server reads");
            assert_eq!(sent, count * QUESTION.len());
            self.due.extend(std::iter::repeat_n(due, count));
        }
    }

    /// Reads what is there, checks it, and counts the answers that are whole.
    fn take_answers(&mut self, buffer: &mut [u8]) -> usize {
        let mut answers = 0;
        loop {
            let count = match self.stream.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return answers,
                result => result.expect("the server stays"),
            };
            assert!(count > 0, "the server hung up");
            let mut got = &buffer[..count];
            while !got.is_empty() {
                let (now, rest) = got.split_at(got.len().min(ANSWER.len() - self.at));
                assert_eq!(now, &ANSWER[self.at..self.at + now.len()], "a wrong answer");
                self.at = (self.at + now.len()) % ANSWER.len();
                answers += usize::from(self.at == 0);
                got = rest;
            }
            if count < buffer.len() {
                // Less than was asked for: there is no more, and epoll tells when there is.
                return answers;
            }
        }
    }
}

/// Reads to the end of an answer's head, byte by byte: the greeting is behind it.
fn read_head(stream: &mut impl Read) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("the server answers");
        head.push(byte[0]);
    }
    assert!(head.starts_with(&UPGRADED[..12]), "no 101");
}

/// Opens sessions for `time`, `width` at once, each of which asks once and says goodbye. Returns their number.
pub(crate) fn churn(address: SocketAddr, width: usize, time: Duration) -> u64 {
    let mut poll = Poll::new().expect("the system has epoll");
    let mut events = Events::with_capacity(width);
    let open = |poll: &Poll, token: usize| {
        let mut stream = TcpStream::connect(address).expect("the server takes clients");
        let interests = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(token), interests).expect("epoll takes a socket");
        Visit { stream, stage: Stage::Connects, got: Vec::new() }
    };
    let mut visits: Vec<Visit> = (0..width).map(|token| open(&poll, token)).collect();
    let end = Instant::now() + time;
    let mut ended = 0;
    while Instant::now() < end {
        poll.poll(&mut events, Some(PATIENCE)).expect("epoll works");
        assert!(!events.is_empty(), "the server is silent");
        for event in &events {
            let visit = &mut visits[event.token().0];
            if visit.go_on() {
                ended += 1;
                *visit = open(&poll, event.token().0);
            }
        }
    }
    ended
}

/// A short session.
struct Visit {
    stream: TcpStream,
    stage: Stage,
    got: Vec<u8>,
}

#[derive(PartialEq)]
enum Stage {
    Connects,
    Upgrades,
    Asks,
    Closes,
}

impl Visit {
    /// Does what is next; true when it is over.
    fn go_on(&mut self) -> bool {
        if self.stage == Stage::Connects {
            match self.stream.write(UPGRADE) {
                Err(error) if error.kind() == ErrorKind::NotConnected => return false,
                result => assert_eq!(result.expect("the server takes clients"), UPGRADE.len()),
            }
            self.stage = Stage::Upgrades;
        }
        let mut buffer = [0; 1024];
        let hung_up = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break true,
                Ok(count) => self.got.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(error) => panic!("{error}"),
            }
        };
        let (expected, next, say) = match self.stage {
            Stage::Upgrades => (GREETING, Stage::Asks, QUESTION),
            Stage::Asks => (ANSWER, Stage::Closes, CLOSE),
            Stage::Closes | Stage::Connects => {
                assert!(!hung_up || self.got.ends_with(CLOSED), "no goodbye");
                return hung_up;
            }
        };
        assert!(!hung_up, "the server hung up");
        if self.got.ends_with(expected) {
            self.stage = next;
            self.stream.write_all(say).expect("the server reads");
        }
        false
    }
}
