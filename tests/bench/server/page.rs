//! What a visitor of the chat page loads, and how long the server takes until the page can show the greeting.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    load, percentile,
    report::{Report, Target},
    subject::Subject,
    wire::{CHAT_UPGRADE, CLOSE, CLOSED, GREETING, UPGRADED},
};

/// Of each server. The 99th percentile is the third longest of these.
const VISITS: usize = 200;

/// The floor and the article's program take no part, since they serve no pages.
pub(crate) fn visit(report: &mut Report, folder: &Path) {
    let subjects: Vec<Subject> =
        [Some(Subject::replyd(folder, false)), Subject::before(folder)].into_iter().flatten().collect();
    weigh(report, &subjects);
    greet(report, &subjects);
}

/// Nothing is compressed, because no request says that it could be. `widget.js` is for visitors of other sites, who then load
/// the page as well.
fn weigh(report: &mut Report, subjects: &[Subject]) {
    report.title("What a visitor loads, uncompressed: the page, what it refers to, and widget.js");
    for subject in subjects {
        let page = fetch(subject.address, "/");
        let others = references(&page).into_iter().chain(["/widget.js".to_owned()]);
        let sizes: Vec<usize> = others.map(|path| fetch(subject.address, &path).len()).collect();
        let weight = (page.len() + sizes.iter().sum::<usize>()) as f64 / 1024.0;
        let values = [("KiB", weight), ("requests", (1 + sizes.len()) as f64)];
        report.row("all files", subject.name, &values);
        if subject.name == "replyd" {
            // As the test `all_of_it_is_small` in `src/page.rs`.
            report.ratio("page weight in KiB", weight, Target::AtMost(34.0));
        }
    }
}

/// The server's share alone: no browser parses anything or runs a script.
fn greet(report: &mut Report, subjects: &[Subject]) {
    report.title("From a visitor's first connect to the greeting, one visitor at a time");
    let needed: Vec<Vec<String>> = subjects.iter().map(needed_for_greeting).collect();
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..VISITS {
        for (at, subject) in subjects.iter().enumerate() {
            times[at].push(time_to_greeting(subject.address, &needed[at]));
        }
    }
    for (subject, mut times) in subjects.iter().zip(times) {
        times.sort_unstable();
        let values = [("ms p50", 0.5), ("ms p99", 0.99)]
            .map(|(name, part)| (name, percentile(&times, part).as_secs_f64() * 1e3));
        report.row(&format!("{VISITS} visits"), subject.name, &values);
    }
}

/// The page, its styles and its scripts: a script with `defer` waits for the end of the page, and for the styles before it
/// (HTML, "a style sheet that is blocking scripts"). The icon holds nothing up.
fn needed_for_greeting(subject: &Subject) -> Vec<String> {
    let mut paths = references(&fetch(subject.address, "/"));
    paths.retain(|path| {
        let file = path.split('?').next().unwrap_or(path);
        file.ends_with(".css") || file.ends_with(".js")
    });
    paths.insert(0, "/".to_owned());
    paths
}

/// Loads one file after the other, each on a connection of its own, and then connects for the chat. A browser loads styles and
/// scripts at the same time.
fn time_to_greeting(address: SocketAddr, paths: &[String]) -> Duration {
    let begin = Instant::now();
    for path in paths {
        fetch(address, path);
    }
    let mut stream = greeted(address);
    let time = begin.elapsed();
    // Its session is over before the next visit.
    stream.write_all(CLOSE).expect("the server reads");
    load::expect(&mut stream, CLOSED);
    time
}

/// As `load::greeted`, but with few reads, which are part of the time here.
fn greeted(address: SocketAddr) -> TcpStream {
    let mut stream = load::connected(address);
    stream.write_all(CHAT_UPGRADE).expect("the server reads");
    let mut got = Vec::new();
    let mut buffer = [0; 1024];
    while !got.ends_with(GREETING) {
        let count = stream.read(&mut buffer).expect("the server answers");
        assert!(count > 0, "the server hung up");
        got.extend_from_slice(&buffer[..count]);
    }
    assert!(got.starts_with(&UPGRADED[..12]), "no 101");
    stream
}

/// The body of a file. The server closes the connection after each answer, so its end is that of the body.
fn fetch(address: SocketAddr, path: &str) -> String {
    let mut stream = load::connected(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers with text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
    body.to_owned()
}

/// The paths of all files that the page refers to. It is served as `/`, all its references are relative, and none is a link to
/// follow.
fn references(page: &str) -> Vec<String> {
    let values = ["href=\"", "src=\""].into_iter().flat_map(|name| page.split(name).skip(1));
    values.filter_map(|rest| rest.split_once('"')).map(|(reference, _)| format!("/{reference}")).collect()
}
