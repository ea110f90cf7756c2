//! What a server has done so far, counted in one place.

mod text;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use crate::{http::Refusal, stream::Ending};
pub(crate) use text::response;

/// The answer times up to which one counts into a bucket of [`Counts::answer_times`]; the last bucket has no limit. A reply
/// is found in microseconds, and what takes a second is a slow handler's.
pub(crate) const ANSWER_BUCKETS: [Duration; 6] = [
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
];

/// The label of connections that were closed without an answer.
const UNANSWERED: &str = "unanswered";

/// What a server has done since it was started; see [`RunningServer::counts`](crate::RunningServer::counts).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Clients that are connected now, those that have not been let in yet included.
    pub active: u64,
    /// Requests that were refused, by reason (`no_key`, `full`, `timeout` ...); `unanswered` are connections that were
    /// closed without an answer, in a house so full that nobody was free to say so.
    pub refused: BTreeMap<String, u64>,
    /// Sessions that ended, by the close code that the server sent; `closed` where the client closed, `gone` and
    /// `unread` where nobody was left to be told.
    pub ended: BTreeMap<String, u64>,
    /// Handlers that panicked.
    pub panics: u64,
    /// Text and binary messages from clients.
    pub messages_received: u64,
    /// Text and binary messages to clients.
    pub messages_sent: u64,
    /// Bytes from clients, as they were on the wire, without request heads.
    pub bytes_received: u64,
    /// Bytes to clients, as they were on the wire, without the answers to request heads.
    pub bytes_sent: u64,
    /// Log lines that nobody took, as the program told by
    /// [`RunningServer::set_lost_log_lines`](crate::RunningServer::set_lost_log_lines).
    pub log_lines_lost: u64,
    /// How many answers took up to 0.1 ms, 1 ms, 10 ms, 100 ms, 1 s, 10 s and longer, from the connection of a message to the
    /// first thing that was sent then.
    pub answer_times: [u64; ANSWER_BUCKETS.len() + 1],
    /// All answer times together.
    pub answer_time: Duration,
    /// When settings were last read, for the first time at the start.
    pub last_reload: SystemTime,
    /// Whether those settings were taken.
    pub last_reload_succeeded: bool,
}

/// Counts what happens once for a connection. Its sessions' [`Traffic`] is added when they end.
#[derive(Debug)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    panics: AtomicU64,
    log_lines_lost: AtomicU64,
    refused: Mutex<BTreeMap<String, u64>>,
    ended: Mutex<BTreeMap<String, u64>>,
    last_reload: Mutex<(SystemTime, bool)>,
    traffic: Traffic,
}

/// What went over one connection. Only its own thread writes it, so that no two threads share a cache line for every
/// message.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) messages_received: AtomicU64,
    pub(crate) messages_sent: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    answer_times: [AtomicU64; ANSWER_BUCKETS.len() + 1],
    answer_nanoseconds: AtomicU64,
}

impl Traffic {
    fn counters(&self) -> impl Iterator<Item = &AtomicU64> {
        let Traffic {
            messages_received,
            messages_sent,
            bytes_received,
            bytes_sent,
            answer_times,
            answer_nanoseconds,
        } = self;
        [messages_received, messages_sent, bytes_received, bytes_sent, answer_nanoseconds]
            .into_iter()
            .chain(answer_times)
    }

    /// Counts an answer that took so long; only the session's own thread does.
    pub(crate) fn answered(&self, time: Duration) {
        let bucket = ANSWER_BUCKETS.iter().position(|limit| time <= *limit).unwrap_or(ANSWER_BUCKETS.len());
        add(&self.answer_times[bucket], 1);
        add(&self.answer_nanoseconds, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// Where a counter has one writer, it needs no locked instruction.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.store(read(counter).wrapping_add(count), Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters {
            accepted: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            log_lines_lost: AtomicU64::new(0),
            refused: Mutex::default(),
            ended: Mutex::default(),
            last_reload: Mutex::new((SystemTime::now(), true)),
            traffic: Traffic::default(),
        }
    }

    pub(crate) fn reloaded(&self, succeeded: bool) {
        *self.last_reload.lock().unwrap_or_else(PoisonError::into_inner) = (SystemTime::now(), succeeded);
    }

    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        count(&self.refused, refusal.label().to_owned());
    }

    /// A connection was closed without an answer: the reserved seats were taken too.
    pub(crate) fn unanswered(&self) {
        count(&self.refused, UNANSWERED.to_owned());
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_log_lines_lost(&self, count: u64) {
        self.log_lines_lost.store(count, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, ending: &Ending) {
        count(&self.ended, ending.label());
    }

    pub(crate) fn add(&self, traffic: &Traffic) {
        for (sum, part) in self.traffic.counters().zip(traffic.counters()) {
            sum.fetch_add(read(part), Ordering::Relaxed);
        }
    }

    /// The sums so far, without the sessions that still go on.
    pub(crate) fn counts(&self) -> Counts {
        let (last_reload, last_reload_succeeded) =
            *self.last_reload.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = Counts {
            accepted: read(&self.accepted),
            active: 0,
            refused: self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ended: self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            panics: read(&self.panics),
            messages_received: 0,
            messages_sent: 0,
            bytes_received: 0,
            bytes_sent: 0,
            log_lines_lost: read(&self.log_lines_lost),
            answer_times: Default::default(),
            answer_time: Duration::ZERO,
            last_reload,
            last_reload_succeeded,
        };
        counts.add(&self.traffic);
        counts
    }
}

impl Counts {
    pub(crate) fn add(&mut self, traffic: &Traffic) {
        self.messages_received += read(&traffic.messages_received);
        self.messages_sent += read(&traffic.messages_sent);
        self.bytes_received += read(&traffic.bytes_received);
        self.bytes_sent += read(&traffic.bytes_sent);
        for (sum, part) in self.answer_times.iter_mut().zip(&traffic.answer_times) {
            *sum += read(part);
        }
        self.answer_time += Duration::from_nanos(read(&traffic.answer_nanoseconds));
    }
}

fn count(counts: &Mutex<BTreeMap<String, u64>>, name: String) {
    *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
