//! The totals that a program reads.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// Upper limits of the buckets of [`Counts::answer_times`]; a last bucket has none. The bot answers in
/// microseconds, while a handler of an embedding program may take seconds.
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

/// Totals of a server since its start, as [`RunningServer::counts`](crate::RunningServer::counts) returns
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Accepted connections.
    pub accepted: u64,
    /// Connections that are open now, including those whose request has not been answered yet.
    pub active: u64,
    /// Refused requests by reason (`no_key`, `full`, `timeout` ...). `overloaded` counts connections that
    /// were closed without a response, because the permits that are reserved for refusals were in use too.
    pub refused: BTreeMap<String, u64>,
    /// Ended sessions by the close code that the server sent. Three endings have no code: `closed` (the
    /// client closed), `gone` (the connection broke or the client was silent) and `unread` (the client did
    /// not read). `other` counts close codes that only handlers use.
    pub ended: BTreeMap<String, u64>,
    /// Panics of handlers, and of the functions of `Server::admit` and `Server::pages`.
    pub panics: u64,
    /// Text and binary messages from clients.
    pub messages_received: u64,
    /// Text and binary messages to clients.
    pub messages_sent: u64,
    /// Answers of the bot by the way in which the reply was found (see [`FoundBy`](crate::FoundBy)):
    /// `phrase`, `corrected`, `nearest`, and `unknown` for messages that no reply answers.
    pub answers: BTreeMap<String, u64>,
    /// Bytes from clients, frame headers included, but without request heads and TLS.
    pub bytes_received: u64,
    /// Bytes to clients, frame headers included, but without responses to request heads and TLS.
    pub bytes_sent: u64,
    /// Lost log lines, as last set with
    /// [`RunningServer::set_lost_log_lines`](crate::RunningServer::set_lost_log_lines).
    pub log_lines_lost: u64,
    /// Numbers of answers that took up to 0.1 ms, 1 ms, 10 ms, 100 ms, 1 s, 10 s, and longer; each answer is
    /// in one bucket. The time runs from the receipt of a message to the first message sent after it.
    pub answer_times: [u64; ANSWER_BUCKETS.len() + 1],
    /// The sum of all answer times.
    pub answer_time: Duration,
    /// When settings were last read: at the start or by a reload.
    pub last_reload: SystemTime,
    /// Whether those settings were accepted.
    pub last_reload_succeeded: bool,
}
