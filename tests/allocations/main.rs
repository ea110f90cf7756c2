//! What an answer allocates. Alone in its process, since the allocator counts for all threads.

#[expect(dead_code, reason = "the other integration tests use the rest of it")]
#[path = "../it/support/raw.rs"]
mod raw;

use std::{
    alloc::System,
    io::{Read, Write},
    time::Duration,
};

use raw::{Raw, frame};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const DEADLINE: Duration = Duration::from_secs(20);

const SETTINGS: &str = "
[server]
listen = 127.0.0.1:0
messages_per_second = 0
[log]
transcript = no
[replies]
i need help | sí = Sure.
deliver* & sunday* = No.
営業時間 = 九時.
👍 = Fine.
";

const QUESTIONS: [&str; 7] = [
    "i need help",
    "Well then: do you deliver on Sundays?",
    "¡Sí!",
    "今日の営業時間は",
    "👍",
    "nobody answers this",
    "and nobody reads this\r\n",
];

/// As many bytes as all answers have together: short texts behind two bytes, the Japanese one of ten bytes.
const ANSWER_BYTES: usize = (2 + 5) + (2 + 3) + (2 + 5) + (2 + 7) + (2 + 5) + 2 * (2 + 37);

#[test]
fn a_warm_session_allocates_nothing_for_an_answer() {
    let config = replyd::Config::parse(SETTINGS, "test.ini").unwrap();
    let running = replyd::Server::with_config(config).unwrap().start(replyd::bot).unwrap();
    let mut client = Raw::open(running.local_addr());
    client.text();
    let one_by_one = QUESTIONS.map(|question| frame(0x81, question.as_bytes()));
    let at_once = one_by_one.concat();
    let mut stream = client.stream();
    let mut answers = [0; ANSWER_BYTES];
    let mut ask = |questions: &[u8], bytes: usize| {
        stream.write_all(questions).unwrap();
        stream.read_exact(&mut answers[..bytes]).unwrap();
    };
    let mut round = || {
        ask(&at_once, ANSWER_BYTES);
        ask(&one_by_one[0], 2 + 5);
    };
    // The read buffer of 4 KiB has gone round a few times.
    (0..100).for_each(|_| round());
    let region = Region::new(ALLOCATOR);
    (0..1000).for_each(|_| round());
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0), "{change:?}");
}
