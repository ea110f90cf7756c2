//! Counters of a server. Sessions count their own traffic, which is added to the totals when they end.

mod text;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use crate::{http::Refusal, lock::Lock, replies::FoundBy, stream::Ending};
pub(crate) use text::response;

/// Upper limits of the buckets of [`Counts::answer_times`]; a last bucket has none. The bot answers in microseconds, while a
/// handler of an embedding program may take seconds.
pub(crate) const ANSWER_BUCKETS: [Duration; 6] = [
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
];

/// The kinds of answers, as [`Counts::answers`] calls them.
pub(crate) const ANSWERS: [&str; 4] = ["phrase", "corrected", "nearest", "unknown"];

/// Totals of a server since its start, as [`RunningServer::counts`](crate::RunningServer::counts) returns them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Accepted connections.
    pub accepted: u64,
    /// Connections that are open now, including those whose request has not been answered yet.
    pub active: u64,
    /// Refused requests by reason (`no_key`, `full`, `timeout` ...). `overloaded` counts connections that were closed
    /// without a response, because the permits that are reserved for refusals were in use too.
    pub refused: BTreeMap<String, u64>,
    /// Ended sessions by the close code that the server sent. Three endings have no code: `closed` (the client closed),
    /// `gone` (the connection broke or the client was silent) and `unread` (the client did not read). `other` counts close
    /// codes that only handlers use.
    pub ended: BTreeMap<String, u64>,
    /// Panics of handlers, and of the functions of `Server::admit` and `Server::pages`.
    pub panics: u64,
    /// Text and binary messages from clients.
    pub messages_received: u64,
    /// Text and binary messages to clients.
    pub messages_sent: u64,
    /// Answers of the bot by the way in which the reply was found (see [`FoundBy`]): `phrase`, `corrected`,
    /// `nearest`, and `unknown` for messages that no reply answers.
    pub answers: BTreeMap<String, u64>,
    /// Bytes from clients, frame headers included, but without request heads and TLS.
    pub bytes_received: u64,
    /// Bytes to clients, frame headers included, but without responses to request heads and TLS.
    pub bytes_sent: u64,
    /// Lost log lines, as last set with
    /// [`RunningServer::set_lost_log_lines`](crate::RunningServer::set_lost_log_lines).
    pub log_lines_lost: u64,
    /// Numbers of answers that took up to 0.1 ms, 1 ms, 10 ms, 100 ms, 1 s, 10 s, and longer; each answer is in one bucket.
    /// The time runs from the receipt of a message to the first message sent after it.
    pub answer_times: [u64; ANSWER_BUCKETS.len() + 1],
    /// The sum of all answer times.
    pub answer_time: Duration,
    /// When settings were last read: at the start or by a reload.
    pub last_reload: SystemTime,
    /// Whether those settings were accepted.
    pub last_reload_succeeded: bool,
}

/// The counters that all threads share. Events that occur once a connection are counted here at once, the [`Traffic`] of a
/// session when it ends.
#[derive(Debug)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    panics: AtomicU64,
    log_lines_lost: AtomicU64,
    refused: LabelCounts<{ Refusal::LABELS.len() }>,
    ended: LabelCounts<{ Ending::LABELS.len() }>,
    last_reload: Lock<(SystemTime, bool)>,
    traffic: Traffic,
}

/// The traffic of one connection. Only the thread of the connection writes to it, so that threads do not contend for a cache
/// line with every message.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) messages_received: AtomicU64,
    pub(crate) messages_sent: AtomicU64,
    pub(crate) bytes_received: AtomicU64,
    pub(crate) bytes_sent: AtomicU64,
    answers: [AtomicU64; ANSWERS.len()],
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
            answers,
            answer_times,
            answer_nanoseconds,
        } = self;
        [messages_received, messages_sent, bytes_received, bytes_sent, answer_nanoseconds]
            .into_iter()
            .chain(answers)
            .chain(answer_times)
    }

    /// Counts an answer of the bot. Only the session's own thread may call it: see [`add`].
    pub(crate) fn found(&self, found_by: FoundBy) {
        let kind = match found_by {
            FoundBy::Phrase => 0,
            FoundBy::Correction => 1,
            FoundBy::Nearest => 2,
            FoundBy::Nothing => 3,
        };
        add(&self.answers[kind], 1);
    }

    /// Counts an answer that took this long. Only the session's own thread may call it: see [`add`].
    pub(crate) fn answered(&self, time: Duration) {
        let bucket = ANSWER_BUCKETS.iter().position(|limit| time <= *limit).unwrap_or(ANSWER_BUCKETS.len());
        add(&self.answer_times[bucket], 1);
        add(&self.answer_nanoseconds, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// Adds to a counter that only one thread writes to, without the locked instruction that several writers would need.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.store(read(counter).wrapping_add(count), Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters {
            accepted: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            log_lines_lost: AtomicU64::new(0),
            refused: LabelCounts::new(&Refusal::LABELS),
            ended: LabelCounts::new(&Ending::LABELS),
            last_reload: Lock::new((SystemTime::now(), true)),
            traffic: Traffic::default(),
        }
    }

    pub(crate) fn reloaded(&self, succeeded: bool) {
        *self.last_reload.lock() = (SystemTime::now(), succeeded);
    }

    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.refused.add(refusal.label());
    }

    /// Counts a connection that was closed without a response.
    pub(crate) fn overloaded(&self) {
        self.refused.add(Refusal::OVERLOADED);
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_log_lines_lost(&self, count: u64) {
        self.log_lines_lost.store(count, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, ending: &Ending) {
        self.ended.add(&ending.label());
    }

    pub(crate) fn add(&self, traffic: &Traffic) {
        for (sum, part) in self.traffic.counters().zip(traffic.counters()) {
            sum.fetch_add(read(part), Ordering::Relaxed);
        }
    }

    /// The totals without sessions that are still open, whose traffic the caller adds.
    pub(crate) fn counts(&self) -> Counts {
        let (last_reload, last_reload_succeeded) = *self.last_reload.lock();
        let mut counts = Counts {
            accepted: read(&self.accepted),
            active: 0,
            refused: self.refused.counts(),
            ended: self.ended.counts(),
            panics: read(&self.panics),
            messages_received: 0,
            messages_sent: 0,
            answers: ANSWERS.map(|kind| (kind.to_owned(), 0)).into(),
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
        for (kind, part) in ANSWERS.iter().zip(&traffic.answers) {
            *self.answers.entry((*kind).to_owned()).or_default() += read(part);
        }
        for (sum, part) in self.answer_times.iter_mut().zip(&traffic.answer_times) {
            *sum += read(part);
        }
        self.answer_time += Duration::from_nanos(read(&traffic.answer_nanoseconds));
    }
}

/// A counter for each of some labels. The last label stands for all that are not listed.
#[derive(Debug)]
struct LabelCounts<const N: usize> {
    labels: &'static [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> LabelCounts<N> {
    fn new(labels: &'static [&'static str; N]) -> LabelCounts<N> {
        LabelCounts { labels, counts: [const { AtomicU64::new(0) }; N] }
    }

    fn add(&self, label: &str) {
        let at = self.labels.iter().position(|listed| *listed == label).unwrap_or(N - 1);
        self.counts[at].fetch_add(1, Ordering::Relaxed);
    }

    /// Those that are not zero.
    fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.labels.iter().zip(&self.counts).map(|(label, count)| (*label, read(count)));
        counts.filter(|(_, count)| *count > 0).map(|(label, count)| (label.to_owned(), count)).collect()
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_and_ending_has_a_counter_of_its_own() {
        let counters = Counters::new();
        let refusals = [
            Refusal::BadRequest("x"),
            Refusal::NoKey { query_token: true, is_wrong: false },
            Refusal::foreign_origin("", b"", b""),
            Refusal::TooManyGuesses,
            Refusal::NotFound,
            Refusal::MethodNotAllowed,
            Refusal::Timeout,
            Refusal::UpgradeRequired,
            Refusal::WrongVersion,
            Refusal::HeadTooLarge,
            Refusal::Full,
            Refusal::TooManyFromAddress,
            Refusal::Stopping,
            Refusal::Program(Box::new(crate::http::Response::text(418, ""))),
            Refusal::Internal,
        ];
        refusals.iter().for_each(|refusal| counters.refused(refusal));
        counters.overloaded();
        let counts = counters.counts().refused;
        assert_eq!(counts.len(), Refusal::LABELS.len(), "{counts:?}");
        assert!(counts.values().all(|count| *count == 1), "{counts:?}");

        for ending in
            [Ending::Closed, Ending::Idle, Ending::Stop, Ending::Finished(4000), Ending::Finished(4001)]
        {
            counters.ended(&ending);
        }
        let counts = counters.counts().ended;
        let expected = [("1000", 1), ("1001", 1), ("closed", 1), ("other", 2)];
        assert_eq!(counts, expected.map(|(label, count)| (label.to_owned(), count)).into());
    }
}
