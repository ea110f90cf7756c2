//! Counters of a server. Sessions count their own traffic, which is added to the totals when they end.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use super::counts::{ANSWER_BUCKETS, ANSWERS, Counts};
use crate::{http::Refusal, lock::Lock, replies::FoundBy, stream::Ending};

/// The counters that all threads share. Events that occur once for each connection are counted here at once,
/// the [`Traffic`] of a session when it ends.
#[derive(Debug)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    panics: AtomicU64,
    log_lines_lost: AtomicU64,
    refused: LabelCounts,
    ended: LabelCounts,
    last_reload: Lock<(SystemTime, bool)>,
    traffic: Traffic,
}

/// The traffic of one connection. Only the thread of the connection writes to it, so that threads do not
/// contend for a cache line with every message.
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

    pub(crate) fn add_to(&self, counts: &mut Counts) {
        counts.messages_received += read(&self.messages_received);
        counts.messages_sent += read(&self.messages_sent);
        counts.bytes_received += read(&self.bytes_received);
        counts.bytes_sent += read(&self.bytes_sent);
        for (kind, part) in ANSWERS.iter().zip(&self.answers) {
            *counts.answers.entry((*kind).to_owned()).or_default() += read(part);
        }
        for (sum, part) in counts.answer_times.iter_mut().zip(&self.answer_times) {
            *sum += read(part);
        }
        counts.answer_time += Duration::from_nanos(read(&self.answer_nanoseconds));
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

/// Adds to a counter that only one thread writes to, without the locked instruction that several writers
/// would need.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.store(read(counter).wrapping_add(count), Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn new() -> Counters {
        Counters {
            accepted: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            log_lines_lost: AtomicU64::new(0),
            refused: zeros(Refusal::LABELS),
            ended: zeros(Ending::LABELS),
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
        count(&self.refused, refusal.row().label);
    }

    /// Counts a connection that was closed without a response.
    pub(crate) fn overloaded(&self) {
        count(&self.refused, Refusal::OVERLOADED);
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

    /// The totals without sessions that are still open, whose traffic the caller adds.
    pub(crate) fn counts(&self) -> Counts {
        let (last_reload, last_reload_succeeded) = *self.last_reload.lock();
        let mut counts = Counts {
            accepted: read(&self.accepted),
            active: 0,
            refused: occurred(&self.refused),
            ended: occurred(&self.ended),
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
        self.traffic.add_to(&mut counts);
        counts
    }
}

/// A counter for each label.
type LabelCounts = BTreeMap<&'static str, AtomicU64>;

fn zeros(labels: &[&'static str]) -> LabelCounts {
    labels.iter().map(|label| (*label, AtomicU64::new(0))).collect()
}

fn count(counts: &LabelCounts, label: &str) {
    counts[label].fetch_add(1, Ordering::Relaxed);
}

/// Those that are not zero.
fn occurred(counts: &LabelCounts) -> BTreeMap<String, u64> {
    let counts = counts.iter().map(|(label, count)| ((*label).to_owned(), read(count)));
    counts.filter(|(_, count)| *count > 0).collect()
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
        assert_eq!(counts.len(), counters.refused.len(), "{counts:?}");
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
