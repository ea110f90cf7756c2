//! What a server counts, as Prometheus reads it (text format 0.0.4).

use std::{collections::BTreeMap, fmt::Write, time::SystemTime};

use tungstenite::handshake::server::ErrorResponse;

use super::{ANSWER_BUCKETS, Counts, UNANSWERED};
use crate::{
    http::{Refusal, text_response},
    stream::Ending,
};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All figures of `counts`, and the number of replies that are in force.
pub(crate) fn response(counts: &Counts, replies: usize, with_body: bool) -> ErrorResponse {
    text_response(200, CONTENT_TYPE, text(counts, replies), with_body)
}

fn text(counts: &Counts, replies: usize) -> String {
    let mut page = Page(String::new());
    page.one("connections_accepted_total", "counter", "Connections that were accepted.", counts.accepted);
    page.one(
        "clients",
        "gauge",
        "Connections that take a seat: clients, and requests such as this one.",
        counts.active,
    );
    page.one("replies", "gauge", "Replies in force.", replies as u64);
    let known_reasons = [&Refusal::LABELS[..], &[UNANSWERED]].concat();
    page.each(
        "requests_refused_total",
        "Requests that were refused.",
        "reason",
        &known_reasons,
        &counts.refused,
    );
    page.each(
        "sessions_ended_total",
        "Sessions that ended, by close code or way.",
        "code",
        &Ending::LABELS,
        &counts.ended,
    );
    page.one("handler_panics_total", "counter", "Handlers that panicked.", counts.panics);
    page.one("messages_received_total", "counter", "Messages from clients.", counts.messages_received);
    page.one("messages_sent_total", "counter", "Messages to clients.", counts.messages_sent);
    page.one("bytes_received_total", "counter", "Bytes from clients.", counts.bytes_received);
    page.one("bytes_sent_total", "counter", "Bytes to clients.", counts.bytes_sent);
    page.one("log_lines_lost_total", "counter", "Log lines that nobody took.", counts.log_lines_lost);
    page.answer_times(counts);
    let reloaded = counts.last_reload.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    page.head("last_reload_timestamp_seconds", "gauge", "When the settings were last read.");
    page.line("last_reload_timestamp_seconds", "", reloaded.as_secs_f64());
    let is_good = u64::from(counts.last_reload_succeeded);
    page.one("last_reload_success", "gauge", "Whether they were good then, and taken.", is_good);
    page.0
}

/// Lines as the format wants them, each name behind `replyd_`.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP replyd_{name} {help}\n# TYPE replyd_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "replyd_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }

    /// A line for each value of a label; the values are names of our own, which need no escapes.
    fn each(&mut self, name: &str, help: &str, label: &str, known: &[&str], counts: &BTreeMap<String, u64>) {
        self.head(name, "counter", help);
        // From nought on, or the first one of a kind would be no increase.
        let mut all: BTreeMap<&str, u64> = known.iter().map(|value| (*value, 0)).collect();
        all.extend(counts.iter().map(|(value, count)| (value.as_str(), *count)));
        for (value, count) in all {
            self.line(name, &format!("{{{label}=\"{value}\"}}"), count);
        }
    }

    fn answer_times(&mut self, counts: &Counts) {
        const NAME: &str = "answer_seconds";
        self.head(NAME, "histogram", "From the connection of a message to its answer.");
        let mut all = 0;
        for (bucket, count) in counts.answer_times.iter().enumerate() {
            all += count;
            let limit =
                ANSWER_BUCKETS.get(bucket).map_or("+Inf".to_owned(), |limit| limit.as_secs_f64().to_string());
            self.line(&format!("{NAME}_bucket"), &format!("{{le=\"{limit}\"}}"), all);
        }
        self.line(&format!("{NAME}_sum"), "", counts.answer_time.as_secs_f64());
        self.line(&format!("{NAME}_count"), "", all);
    }
}
