//! How long it takes to find a reply among few and among many, and to load them: `cargo bench --bench
//! replies`.
//!
//! The bytes that loading allocates and keeps are in the table too. At the end, questions that need more than
//! a phrase are asked among 10,000 replies, where each has a bound, and among 100,000.

#![expect(clippy::print_stdout, reason = "its table is its result")]

mod random;
mod zipf;

use divan::{AllocProfiler, Bencher, black_box};
use random::{Random, spelled};
use replyd::{FoundBy, Replies, SearchBuffer};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
    zipf::main();
}

/// Questions of about twelve words with a phrase in each. Of the other words some are in phrases and some are
/// not.
#[divan::bench(args = [10, 1_000, 100_000], sample_size = 100)]
fn find(bencher: Bencher<'_, '_>, count: usize) {
    let table = table(count);
    let replies = Replies::parse(&table, "bench").unwrap();
    let keys = table.lines().filter_map(|line| line.split_once(" = "));
    let phrases: Vec<String> = keys.map(|(key, _)| key.replace(" &", "").replace('*', "")).collect();
    let mut random = Random(7);
    let mut question = || {
        let phrase = &phrases[random.below(phrases.len() as u64) as usize];
        format!("{} {phrase} {}", random.sentence(5), random.sentence(4))
    };
    let is_found = |question: &String| replies.answer(question).found_by == FoundBy::Phrase;
    let questions: Vec<String> = std::iter::repeat_with(&mut question).filter(is_found).take(1_000).collect();
    let mut next = questions.iter().cycle();
    let mut search = SearchBuffer::default();
    bencher.bench_local(|| replies.answer_with(black_box(next.next().unwrap()), &mut search).reply.len());
}

/// Messages of 16 KiB: ordinary ones in several scripts, and the dearest that there are.
const LONG: [(&str, &str); 18] = [
    ("ASCII", "When do you open on Sundays, and do you deliver? "),
    ("accents", "Überraschung für Señor Škvorecký à Besançon près de Łódź. "),
    ("Greek", "Καλημέρα σας, τι ώρα ανοίγετε την Κυριακή; "),
    ("Cyrillic", "Какие у вас часы работы в воскресенье? "),
    ("Hebrew", "שָׁלוֹם, מה שעות הפתיחה שלכם? "),
    ("Arabic", "ما هي مواعيد العمل لديكم يوم الأحد؟ "),
    ("Devanagari", "आपका खुलने का समय क्या है? "),
    ("Thai", "ร้านเปิดกี่โมงวันนี้มีขนมปังไหม"),
    ("Han", "請問你們的營業時間是什麼？今天有沒有開門呢？"),
    ("Hangul", "영업 시간이 어떻게 되나요? "),
    ("emoji", "🎉👍🏽"),
    ("one word", "a"),
    ("short words", "a b c d "),
    ("marks", "a\u{345}\u{301}\u{323}\u{327}\u{334}\u{302}"),
    ("marks alone", "\u{345}\u{301}\u{323}\u{334}"),
    ("U+FDFA", "ﷺ"),
    ("U+FDF2", "ﷲ"),
    ("U+3316", "㌖"),
];

#[divan::bench(args = LONG.map(|(name, _)| name), sample_count = 20, sample_size = 1)]
fn find_in_16_kib(bencher: Bencher<'_, '_>, name: &str) {
    let (_, text) = LONG.iter().find(|(other, _)| *other == name).unwrap();
    ask(bencher, &table(1_000), &filled(text));
}

/// Keys that nobody writes, and messages to match.
#[divan::bench(args = ["same phrases", "nested", "paths"], sample_count = 20, sample_size = 1)]
fn find_among_hostile_keys(bencher: Bencher<'_, '_>, name: &str) {
    let (keys, message): (Vec<String>, &str) = match name {
        "same phrases" => (combinations(20, 5), "a b c d e f g h i j k l m n o p q r s t "),
        "nested" => ((1..=10_000).map(|letters| "a".repeat(letters) + "*").collect(), "a"),
        _ => ((1..=1_000).map(|words| vec!["a*"; words].join(" ")).collect(), "a "),
    };
    let table: String = keys.iter().map(|key| format!("{key} = A reply.\n")).collect();
    ask(bencher, &format!("[replies]\n{table}"), &filled(message));
}

/// Asks the same again and again, as a session does.
fn ask(bencher: Bencher<'_, '_>, table: &str, message: &str) {
    let replies = Replies::parse(table, "bench").unwrap();
    let mut search = SearchBuffer::default();
    bencher.bench_local(|| replies.answer_with(black_box(message), &mut search).reply.len());
}

/// As many as a client may send by default.
fn filled(text: &str) -> String {
    text.repeat(16 * 1024 / text.len())
}

/// So many of the first letters in each way, with `&` between them.
fn combinations(letters: u8, chosen: usize) -> Vec<String> {
    let masks = (0_u32..1 << letters).filter(|mask| mask.count_ones() as usize == chosen);
    let key = |mask: u32| {
        let letters = (0..letters).filter(|letter| mask >> letter & 1 == 1);
        letters.map(|letter| char::from(b'a' + letter).to_string()).collect::<Vec<_>>().join(" & ")
    };
    masks.map(key).collect()
}

#[divan::bench(args = [10, 1_000, 100_000], sample_count = 5, sample_size = 1)]
fn load(bencher: Bencher<'_, '_>, count: usize) {
    let text = table(count);
    bencher.bench_local(|| Replies::parse(black_box(&text), "bench").unwrap());
}

/// Phrases of one to four words, one in ten with the beginning of a word, one in fifty with phrases in any
/// order.
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
