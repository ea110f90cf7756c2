//! What clients who say nothing cost, what stays of those who left, and how long a start takes.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use crate::{
    ROUNDS,
    load::Load,
    median,
    report::{Report, Target},
    subject::{Subject, kernel_memory},
};

/// Each client has asked once and is idle; the system's own memory is that of both ends.
pub(crate) fn idle(report: &mut Report, folder: &Path) {
    report.title("Idle clients that have asked once");
    for count in [1000, 8000] {
        let subjects = [
            Some(Subject::role("floor")),
            Some(Subject::replyd(folder, false)),
            Subject::article(),
            Subject::before(folder),
        ];
        for subject in subjects.into_iter().flatten() {
            let kernel = kernel_memory();
            let mut load = Load::connect(subject.address, count);
            let process = (subject.memory() - subject.empty) as f64 / count as f64;
            let kernel = kernel_memory().saturating_sub(kernel) as f64 / count as f64;
            let values = [
                ("KiB process/client", process),
                ("KiB kernel/client", kernel),
                ("MB when empty", subject.empty as f64 / 1024.0),
            ];
            report.row(&format!("{count} clients"), subject.name, &values);
            // All are there still, and are answered.
            assert_eq!(load.ask_all(), count as u64);
            if subject.name == "replyd" {
                report.ratio("KiB of process memory an idle client", process, Target::AtMost(26.0));
                report.ratio(
                    "MB before the first client",
                    subject.empty as f64 / 1024.0,
                    Target::AtMost(3.0),
                );
            }
        }
    }
}

/// Three times 5,000 clients come, ask and leave.
pub(crate) fn come_and_go(report: &mut Report, folder: &Path) {
    report.title("5,000 clients come, ask once and leave, three times: what stays");
    let subject = Subject::replyd(folder, false);
    let mut left = Vec::new();
    for round in 1..=3 {
        drop(Load::connect(subject.address, 5000));
        let deadline = Instant::now() + Duration::from_secs(20);
        while subject.threads() > subject.threads_when_empty {
            assert!(Instant::now() < deadline, "threads do not end");
            thread::park_timeout(Duration::from_millis(10));
        }
        left.push(subject.memory() as f64);
        report.row(&format!("after round {round}"), subject.name, &[("kB", left[round - 1])]);
    }
    // A page or two is no trend.
    report.ratio("kB left by the third round over the second", left[2] - left[1], Target::AtMost(16.0));
}

/// From the start of the process to the first 101.
pub(crate) fn start(report: &mut Report, folder: &Path) {
    report.title("From the start to the first client that is let in");
    type Start<'a> = &'a dyn Fn() -> Option<Subject>;
    let starts: [Start<'_>; 3] =
        [&|| Some(Subject::role("floor")), &|| Some(Subject::replyd(folder, false)), &Subject::article];
    for start in starts {
        let times: Vec<Subject> = (0..ROUNDS).map_while(|_| start()).collect();
        if let Some(first) = times.first() {
            let times = times.iter().map(|subject| subject.started.as_secs_f64() * 1e3).collect();
            report.row("start", first.name, &[("ms", median(times))]);
        }
    }
}
