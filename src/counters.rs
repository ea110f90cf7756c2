//! What a server has done so far, counted in one place.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{ending::Ending, refusal::Refusal};

/// What a server has done since it was started; see [`Running::counts`](crate::Running::counts).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// [`Running::tell_lost_log_lines`](crate::Running::tell_lost_log_lines).
    pub log_lines_lost: u64,
}

/// Counts what happens once for a connection. Its sessions' [`Traffic`] is added when they end.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    panics: AtomicU64,
    log_lines_lost: AtomicU64,
    refused: Mutex<BTreeMap<String, u64>>,
    ended: Mutex<BTreeMap<String, u64>>,
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
}

impl Counters {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        count(&self.refused, refusal.reason().to_owned());
    }

    /// A connection was closed without an answer: the reserved seats were taken too.
    pub(crate) fn unanswered(&self) {
        count(&self.refused, "unanswered".to_owned());
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_log_lines_lost(&self, count: u64) {
        self.log_lines_lost.store(count, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self, ending: &Ending) {
        let name = match ending {
            Ending::Closed => "closed".to_owned(),
            Ending::Gone(_) => "gone".to_owned(),
            ending => ending.close().map_or("unread".to_owned(), |(code, _)| u16::from(code).to_string()),
        };
        count(&self.ended, name);
    }

    pub(crate) fn add(&self, traffic: &Traffic) {
        self.traffic.messages_received.fetch_add(read(&traffic.messages_received), Ordering::Relaxed);
        self.traffic.messages_sent.fetch_add(read(&traffic.messages_sent), Ordering::Relaxed);
        self.traffic.bytes_received.fetch_add(read(&traffic.bytes_received), Ordering::Relaxed);
        self.traffic.bytes_sent.fetch_add(read(&traffic.bytes_sent), Ordering::Relaxed);
    }

    /// The sums so far, without the sessions that still go on.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts {
            accepted: read(&self.accepted),
            panics: read(&self.panics),
            log_lines_lost: read(&self.log_lines_lost),
            refused: self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ended: self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..Counts::default()
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
    }
}

fn count(counts: &Mutex<BTreeMap<String, u64>>, name: String) {
    *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
