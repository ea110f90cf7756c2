//! Questions that come whether or not the last ones are answered, and clients that come and go.

use std::{
    io::Write,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    ROUNDS, load,
    load::Load,
    median, percentile,
    report::{Report, Target},
    subject::Subject,
    wire::{ANSWER, SLOW_QUESTION},
};

const CLIENTS: usize = 1000;
const QUESTIONS_A_SECOND: u32 = 20_000;
/// Sessions that are open at once while they come and go.
const WIDTH: usize = 16;

/// How long people wait on a busy server, from the moment at which they meant to ask.
pub(crate) fn pace(report: &mut Report, subjects: &[Subject], time: Duration) {
    report.title("1,000 clients who ask 20,000 questions a second in all: how long an answer takes");
    for subject in subjects {
        let mut load = Load::connect(subject.address, CLIENTS);
        load.pace(QUESTIONS_A_SECOND, time / 4);
        let values = percentiles(load.pace(QUESTIONS_A_SECOND, time * ROUNDS as u32));
        report.row("1000 clients, paced", subject.name, &values);
    }
}

fn percentiles(mut times: Vec<Duration>) -> [(&'static str, f64); 3] {
    times.sort_unstable();
    [("us p50", 0.5), ("us p99", 0.99), ("us p99.9", 0.999)]
        .map(|(name, part)| (name, percentile(&times, part).as_secs_f64() * 1e6))
}

/// Connect, upgrade, greeting, one question, Close.
pub(crate) fn churn(report: &mut Report, subjects: &[Subject], time: Duration) {
    report.title("Sessions that open, ask once and close, 16 at once");
    let mut rates = vec![Vec::new(); subjects.len()];
    let mut costs = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (at, subject) in subjects.iter().enumerate() {
            let (begin, spent) = (Instant::now(), subject.processor_time());
            let sessions = load::churn(subject.address, WIDTH, time) as f64;
            rates[at].push(sessions / begin.elapsed().as_secs_f64());
            costs[at].push((subject.processor_time() - spent).as_secs_f64() * 1e6 / sessions);
        }
    }
    let rates: Vec<f64> = rates.into_iter().map(median).collect();
    for ((subject, rate), cost) in subjects.iter().zip(&rates).zip(costs) {
        let values = [("sessions/s", *rate), ("us CPU/session", median(cost))];
        report.row("16 sessions at once", subject.name, &values);
    }
    report.ratio("sessions a second, replyd / floor", rates[1] / rates[0], Target::AtLeast(0.8));
}

/// 100 clients, while somebody else's questions take the bot 50 ms each.
pub(crate) fn slow_handler(report: &mut Report, time: Duration) {
    report.title("A handler that blocks 50 ms on one client's messages, and 100 other clients");
    let subject = Subject::role("embedded");
    let mut others = Load::connect(subject.address, 100);
    others.pace(QUESTIONS_A_SECOND / 10, time / 4);
    let mut play = |load, report: &mut Report| {
        let values = percentiles(others.pace(QUESTIONS_A_SECOND / 10, time * ROUNDS as u32));
        report.row(load, subject.name, &values);
    };
    play("100 clients alone", report);
    let over = AtomicBool::new(false);
    let first = thread::scope(|scope| {
        let slow = scope.spawn(|| ask_slowly(subject.address, &over));
        play("100 beside the slow one", report);
        over.store(true, Ordering::Release);
        slow.join().expect("it is answered")
    });
    let values = [("ms", first.as_secs_f64() * 1e3)];
    report.row("of 16 slow answers the first", subject.name, &values);
}

/// Asks 16 slow questions in one packet, again and again. Returns how long the first answer of 16 took at the longest.
fn ask_slowly(address: SocketAddr, over: &AtomicBool) -> Duration {
    let mut stream = load::greeted(address);
    let mut longest = Duration::ZERO;
    while !over.load(Ordering::Acquire) {
        let begin = Instant::now();
        stream.write_all(&SLOW_QUESTION.repeat(16)).expect("the server reads");
        load::expect(&mut stream, ANSWER);
        longest = longest.max(begin.elapsed());
        load::expect(&mut stream, &ANSWER.repeat(15));
    }
    longest
}
