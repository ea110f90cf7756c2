//! Questions that need more than a phrase, among replies whose words are as frequent as those of a language.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use replyd::{FoundBy, Replies, SearchBuffer};

use crate::random::Random;

/// Number of replies among which a question must be answered in `BOUND`, and the most that are loaded.
const REPLIES: usize = 10_000;
const MOST_REPLIES: usize = 100_000;
/// The median for a question of any group.
const BOUND: Duration = Duration::from_micros(100);
const WORDS: usize = 20_000;
/// Number of questions in each group.
const QUESTIONS: usize = 2_000;
/// Number of the most frequent words that count as common.
const COMMON: usize = 50;

/// Prints how long the questions of each group take, unless a filter names another benchmark.
pub(crate) fn main() {
    if std::env::args().skip(1).any(|arg| !arg.starts_with('-') && arg != "zipf") {
        return;
    }
    for count in [REPLIES, MOST_REPLIES] {
        let mut language = Language::new();
        let (text, phrases, sentences) = language.file(count);
        let started = Instant::now();
        let replies = Replies::parse(&text, "bench").unwrap();
        let loaded = started.elapsed();
        println!("{count} replies of {WORDS} words, {} MB of text: loaded in {loaded:.2?}", text.len() >> 20);
        println!("{:10} {:>9} {:>9} {:>9}", "found by", "median", "p99", "most");
        for found_by in [FoundBy::Phrase, FoundBy::Correction, FoundBy::Nearest, FoundBy::Nothing] {
            let questions = std::iter::repeat_with(|| language.question(found_by, &phrases, &sentences));
            let questions = questions.filter(|question| replies.answer(question).found_by == found_by);
            let [median, p99, most] = measured(&replies, &questions.take(QUESTIONS).collect::<Vec<_>>());
            println!("{:10} {median:>9.1?} {p99:>9.1?} {most:>9.1?}", format!("{found_by:?}"));
            assert!(count > REPLIES || median < BOUND, "a median of at most {BOUND:?} was expected");
        }
    }
}

/// The median, the 99th percentile and the maximum of the times that the questions take.
fn measured(replies: &Replies, questions: &[String]) -> [Duration; 3] {
    let mut search = SearchBuffer::default();
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        times.extend(questions.iter().map(|question| {
            let started = Instant::now();
            divan::black_box(replies.answer_with(divan::black_box(question), &mut search));
            started.elapsed()
        }));
    }
    times.sort_unstable();
    [times[times.len() / 2], times[times.len() * 99 / 100], times[times.len() - 1]]
}

/// Words, the frequent ones first.
struct Language {
    words: Vec<String>,
    /// For each word, the sum of the frequencies up to it.
    sums: Vec<f64>,
    random: Random,
}

impl Language {
    /// The word of rank `n` occurs `1 / n` times as often as the first (Zipf's law). Frequent words are
    /// shorter.
    fn new() -> Language {
        let mut random = Random(11);
        let mut words = Vec::new();
        let mut seen = HashSet::new();
        while words.len() < WORDS {
            let letters = 2 + random.below(4) + words.len().checked_ilog2().unwrap_or(0) as u64 / 3;
            let word: String = (0..letters).map(|_| random.letter()).collect();
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        let mut sum = 0.0;
        let sums = (1..=WORDS).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        Language { words, sums: sums.collect(), random }
    }

    fn word(&mut self) -> String {
        let at = self.random.below(1 << 32) as f64 / (1_u64 << 32) as f64 * self.sums[WORDS - 1];
        self.words[self.sums.partition_point(|sum| *sum <= at)].clone()
    }

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    /// A file of replies with two alternatives and an entry of `[tests]` each, its phrases, and the sentences
    /// of `[tests]`.
    fn file(&mut self, count: usize) -> (String, Vec<String>, Vec<String>) {
        let (mut replies, mut tests) = (String::from("[replies]\n"), String::from("[tests]\n"));
        let (mut phrases, mut sentences) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for _ in 0..count {
            let [one, other] = [(); 2].map(|()| {
                loop {
                    let words = 2 + self.random.below(3) as usize;
                    let phrase = self.text(words);
                    if seen.insert(phrase.clone()) {
                        break phrase;
                    }
                }
            });
            replies += &format!("{one} | {other} = {}.\n", self.text(10));
            let sentence = self.text(7);
            tests += &format!("{sentence} = {one}\n");
            phrases.extend([one, other]);
            sentences.push(sentence);
        }
        (replies + &tests, phrases, sentences)
    }

    /// A question that is probably answered in this way.
    fn question(&mut self, found_by: FoundBy, phrases: &[String], sentences: &[String]) -> String {
        let [phrase, sentence] =
            [phrases, sentences].map(|texts| &texts[self.random.below(texts.len() as u64) as usize]);
        match found_by {
            FoundBy::Phrase => self.around(phrase),
            FoundBy::Correction => {
                let typo = self.typo(phrase);
                self.around(&typo)
            }
            FoundBy::Nearest => self.changed(sentence),
            _ => {
                let mut common = || self.words[self.random.below(COMMON as u64) as usize].clone();
                std::array::from_fn::<String, 6, _>(|_| common()).join(" ")
            }
        }
    }

    /// A sentence with a phrase in it.
    fn around(&mut self, phrase: &str) -> String {
        format!("{} {phrase} {}", self.text(2), self.text(2))
    }

    /// A text with a letter changed in one of its longest words.
    fn typo(&mut self, text: &str) -> String {
        let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let longest = words.iter_mut().max_by_key(|word| word.len()).unwrap();
        let at = self.random.below(longest.len() as u64) as usize;
        longest.replace_range(at..=at, &self.random.letter().to_string());
        words.join(" ")
    }

    /// A sentence with another word in the place of one, and the words in another order.
    fn changed(&mut self, sentence: &str) -> String {
        let mut words: Vec<String> = sentence.split(' ').map(str::to_owned).collect();
        words[0] = self.word();
        words.reverse();
        words.join(" ")
    }
}
