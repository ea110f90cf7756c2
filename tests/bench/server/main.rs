//! How near replyd stands to the floor, the least that a thread for each client costs: `cargo bench --bench server`.
//!
//! It starts the real binary, the floor, and where there is a `deno` on the PATH the article's program; drives each with the
//! same load on loopback, in turns; and prints figures, ratios, and both as one line of JSON. It takes about five minutes;
//! `-- SECONDS` says how long each single measurement takes, 2 by default.

#![expect(clippy::print_stdout, reason = "its table is its result")]

mod closed;
mod embedded;
mod floor;
mod load;
mod memory;
mod open;
mod report;
mod subject;
mod wire;

use std::time::Duration;

use report::Report;
use subject::Subject;

/// Each measurement is repeated, all servers in turns, and the median counts.
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [role, port] if role == "floor" => floor::serve(port.parse().expect("a port")),
        [role, port] if role == "embedded" => embedded::serve(port.parse().expect("a port")),
        _ => {
            let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(2);
            measure(Duration::from_secs(seconds));
        }
    }
}

fn measure(time: Duration) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is writable");
    let mut report = Report::default();

    let mut subjects = vec![Subject::role("floor"), Subject::replyd(folder.path(), false)];
    match Subject::article() {
        Some(article) => subjects.push(article),
        None => println!("LEFT OUT: the article's program, because there is no deno on the PATH"),
    }
    closed::compare(&mut report, &subjects, time);
    open::pace(&mut report, &subjects, time);
    open::churn(&mut report, &subjects, time);
    closed::transcript(&mut report, folder.path(), time);
    open::slow_handler(&mut report, time);
    drop(subjects);

    memory::idle(&mut report, folder.path());
    memory::come_and_go(&mut report, folder.path());
    memory::start(&mut report, folder.path());
    report.finish();
}

/// The one in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
