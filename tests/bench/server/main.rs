//! How near replyd stands to the floor, the least that a thread for each client costs: `cargo bench --bench server`.
//!
//! It starts the real binary, the floor, and where there is a `deno` on the PATH the article's program; drives each with the
//! same load on loopback, in turns; and prints figures, ratios, and both as one line of JSON. Only replyd has a chat page, which
//! it weighs and visits. It takes about five minutes; `-- SECONDS PART ...` says how long each single measurement takes, 2 by
//! default, and which parts are wanted. With the path of an earlier binary in the variable `REPLYD_BEFORE`, that one takes part.

#![expect(clippy::print_stdout, reason = "its table is its result")]

mod closed;
mod embedded;
mod floor;
mod load;
mod memory;
mod open;
mod page;
mod report;
mod subject;
mod wire;

use std::{path::Path, time::Duration};

use report::Report;
use subject::Subject;

/// Each measurement is repeated, all servers in turns, and the median counts.
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [role, port] if role == "floor" => floor::serve(port.parse().expect("a port")),
        [role, port] if role == "embedded" => embedded::serve(port.parse().expect("a port")),
        _ => measure(&arguments),
    }
}

/// What is measured, and the name by which it is wanted.
type Part<'a> = (&'a str, &'a dyn Fn(&mut Report));

fn measure(arguments: &[String]) {
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(2);
    let time = Duration::from_secs(seconds);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is writable");
    let folder = folder.path();
    let parts: [Part<'_>; 9] = [
        ("closed", &|report| closed::compare(report, &subjects(folder), time)),
        ("paced", &|report| open::pace(report, &subjects(folder), time)),
        ("sessions", &|report| open::churn(report, &subjects(folder), time)),
        ("transcript", &|report| closed::transcript(report, folder, time)),
        ("slow", &|report| open::slow_handler(report, time)),
        ("memory", &|report| memory::idle(report, folder)),
        ("rounds", &|report| memory::come_and_go(report, folder)),
        ("start", &|report| memory::start(report, folder)),
        ("page", &|report| page::visit(report, folder)),
    ];
    let is_named = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = !parts.iter().any(|(name, _)| is_named(name));
    let mut report = Report::default();
    parts.iter().filter(|(name, _)| all || is_named(name)).for_each(|(_, part)| part(&mut report));
    report.finish();
}

/// The floor, replyd, and the article's program and an earlier replyd where they can be had.
fn subjects(folder: &Path) -> Vec<Subject> {
    let article = Subject::article();
    if article.is_none() {
        println!("LEFT OUT: the article's program, because there is no deno on the PATH");
    }
    let ours = [Subject::role("floor"), Subject::replyd(folder, false)];
    ours.into_iter().chain(article).chain(Subject::before(folder)).collect()
}

/// The one in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The time that this part of all times does not exceed; they are sorted.
fn percentile(times: &[Duration], part: f64) -> Duration {
    times[((times.len() - 1) as f64 * part) as usize]
}
