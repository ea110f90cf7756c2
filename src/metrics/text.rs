//! The counters of a server in the text format 0.0.4 of Prometheus.

use std::{collections::BTreeMap, fmt::Write, time::SystemTime};

use tungstenite::handshake::server::ErrorResponse;

use super::counts::{ANSWER_BUCKETS, ANSWERS, Counts};
use crate::{
    http::{Refusal, text_response},
    stream::Ending,
};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The response to `/metrics`, with the number of replies in the current configuration, and the end of its
/// certificate.
pub(crate) fn response(
    counts: &Counts,
    replies: usize,
    certificate_end: Option<SystemTime>,
    with_body: bool,
) -> ErrorResponse {
    text_response(200, CONTENT_TYPE, text(counts, replies, certificate_end), with_body)
}

fn text(counts: &Counts, replies: usize, certificate_end: Option<SystemTime>) -> String {
    let mut text = Exposition(String::new());
    text.one("connections_accepted_total", "counter", "Accepted connections.", counts.accepted);
    text.one("clients", "gauge", "Open connections: clients, and requests such as this one.", counts.active);
    text.one("replies", "gauge", "Replies in the current configuration.", replies as u64);
    let help = "Refused requests by reason.";
    text.each("requests_refused_total", help, "reason", Refusal::LABELS, &counts.refused);
    let help = "Ended sessions by close code, or by kind if no code was sent.";
    text.each("sessions_ended_total", help, "code", Ending::LABELS, &counts.ended);
    text.one("handler_panics_total", "counter", "Panics of the embedding program.", counts.panics);
    text.one("messages_received_total", "counter", "Messages from clients.", counts.messages_received);
    text.one("messages_sent_total", "counter", "Messages to clients.", counts.messages_sent);
    let help = "Answers of the bot by how they were found.";
    text.each("answers_total", help, "kind", &ANSWERS, &counts.answers);
    text.one("bytes_received_total", "counter", "Bytes from clients.", counts.bytes_received);
    text.one("bytes_sent_total", "counter", "Bytes to clients.", counts.bytes_sent);
    let help = "Log lines lost because they could not be written in time.";
    text.one("log_lines_lost_total", "counter", help, counts.log_lines_lost);
    text.answer_times(counts);
    text.time("last_reload_timestamp_seconds", "Time when the settings were last read.", counts.last_reload);
    let help = "Whether those settings were valid and are in use.";
    text.one("last_reload_success", "gauge", help, counts.last_reload_succeeded.into());
    if let Some(end) = certificate_end {
        text.time("certificate_expiry_timestamp_seconds", "Time when the certificate expires.", end);
    }
    text.0
}

/// The lines of the response. Each name gets the prefix `replyd_`.
struct Exposition(String);

impl Exposition {
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

    fn time(&mut self, name: &str, help: &str, time: SystemTime) {
        self.head(name, "gauge", help);
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.line(name, "", since.as_secs_f64());
    }

    /// Writes a line for each value of a label. The values are constants of this crate, which need no
    /// escapes.
    fn each(&mut self, name: &str, help: &str, label: &str, known: &[&str], counts: &BTreeMap<String, u64>) {
        self.head(name, "counter", help);
        // A counter that appears with its first event has no earlier value, and Prometheus would see no
        // increase.
        let mut all: BTreeMap<&str, u64> = known.iter().map(|value| (*value, 0)).collect();
        all.extend(counts.iter().map(|(value, count)| (value.as_str(), *count)));
        for (value, count) in all {
            self.line(name, &format!("{{{label}=\"{value}\"}}"), count);
        }
    }

    fn answer_times(&mut self, counts: &Counts) {
        const NAME: &str = "answer_seconds";
        self.head(NAME, "histogram", "Time from the receipt of a message to its answer.");
        // Unlike those of `Counts`, the buckets of a histogram are cumulative.
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
