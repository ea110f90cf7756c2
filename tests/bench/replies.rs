//! How long it takes to find a reply among few and among many, and to load them: `cargo bench --bench replies`.
//!
//! The bytes that loading allocates and keeps are in the table too.

use divan::{AllocProfiler, Bencher, black_box};
use replyd::Replies;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Of each sentence some words are in keys and some are not.
#[divan::bench(args = [10, 1_000, 100_000], sample_size = 100)]
fn find(bencher: Bencher<'_, '_>, count: usize) {
    let replies = Replies::parse(&table(count), "bench").unwrap();
    let mut random = Random(7);
    let sentences: Vec<String> = (0..1_000).map(|_| random.sentence(12)).collect();
    let mut next = sentences.iter().cycle();
    bencher.bench_local(|| replies.answer(black_box(next.next().unwrap())).len());
}

#[divan::bench(args = [10, 1_000, 100_000], sample_count = 5, sample_size = 1)]
fn load(bencher: Bencher<'_, '_>, count: usize) {
    let text = table(count);
    bencher.bench_local(|| Replies::parse(black_box(&text), "bench").unwrap());
}

/// Phrases of one to four words, one in ten with the beginning of a word, one in fifty with phrases in any order.
fn table(count: usize) -> String {
    let mut random = Random(1);
    let mut text = String::from("[replies]\n");
    for number in 0..count {
        let words = 1 + number % 4;
        let mut key: Vec<String> = (0..words).map(|_| random.word()).collect();
        // No two keys are alike.
        key[0] = format!("{}{}", key[0], if words == 1 { spelled(number) } else { String::new() });
        let key = match number {
            _ if number % 50 == 49 => format!("{} & {}", key.join(" "), spelled(number)),
            _ if number % 10 == 9 => format!("{} {}*", key.join(" "), spelled(number)),
            _ if words == 1 => key.join(" "),
            _ => format!("{} {}", key[..words - 1].join(" "), spelled(number)),
        };
        text += &format!("{key} = This is the reply with the number {number}.\n");
    }
    text
}

/// A number in letters.
fn spelled(mut number: usize) -> String {
    let mut word = String::from("q");
    while number > 0 {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    word
}

/// The same numbers at every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// One of 5,000 words.
    fn word(&mut self) -> String {
        format!("w{}", spelled(self.below(5_000) as usize))
    }

    fn sentence(&mut self, words: usize) -> String {
        let word = |at: usize| {
            if at.is_multiple_of(3) { spelled(self.below(100_000) as usize) } else { self.word() }
        };
        (0..words).map(word).collect::<Vec<_>>().join(" ")
    }
}
