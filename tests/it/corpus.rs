//! Decides thousands of messages, the same ones at each run, to see that a change of how replies are found
//! changes nothing.

use std::{fmt::Write, path::Path};

use replyd::{FoundBy, Replies, SearchBuffer};

/// The number of messages found by a phrase, by a correction, by the nearest example, and not at all, and a
/// hash of all decisions. Where these change on purpose, compare `target/tmp/decisions.txt` before and after.
const EXPECTED: ([usize; 4], u64) = ([12_919, 400, 1_376, 1_853], 0x9eee_1828_9dc6_2d62);

#[test]
fn a_corpus_is_decided_as_ever() {
    let mut random = Random(7);
    let (mut counts, mut decisions) = ([0; 4], String::new());
    for text in [
        include_str!("../faq/bakery.ini"),
        include_str!("../faq/bakery-zh.ini"),
        "[replies]\ncafé | e-mail & größe = A\nwedding* | deliver* & sunday = B\nمی خواهم | کتاب ها = C\n?! = D\n[smalltalk]\nhi | good morning = E\n[tests]\ncan i order a wedding cake by email = wedding*\n",
    ] {
        let replies = Replies::parse(text, "f").unwrap();
        let mut search = SearchBuffer::default();
        for sentence in sentences(text) {
            for message in random.variations(&sentence) {
                let answer = replies.answer_with(&message, &mut search);
                counts[match answer.found_by {
                    FoundBy::Phrase => 0,
                    FoundBy::Correction => 1,
                    FoundBy::Nearest => 2,
                    _ => 3,
                }] += 1;
                writeln!(
                    decisions,
                    "{message:?}: {:?} {} {:?}",
                    answer.found_by, answer.phrase, answer.offers
                )
                .unwrap();
            }
        }
    }
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("decisions.txt"), &decisions).unwrap();
    assert_eq!((counts, fnv(decisions.as_bytes())), EXPECTED);
}

/// The alternatives and the sentences of `[tests]` of a file.
fn sentences(text: &str) -> Vec<String> {
    let entries = text.lines().filter(|line| !line.starts_with([' ', '#', ';', '[']));
    let names = entries.filter_map(|line| line.split_once('='));
    names
        .flat_map(|(name, _)| name.split('|'))
        .map(|name| name.replace(['&', '*'], "").trim().to_owned())
        .collect()
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// The same numbers at each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// A sentence as people may type it.
    fn variations(&mut self, sentence: &str) -> Vec<String> {
        let typo = self.typo(sentence);
        let two_typos = self.typo(&typo);
        let mut reversed: Vec<&str> = sentence.split(' ').collect();
        reversed.reverse();
        let half: String = sentence.chars().take(sentence.chars().count() / 2).collect();
        vec![
            sentence.to_uppercase(),
            format!("Hello, {sentence}?! {sentence}"),
            reversed.join(" "),
            self.changed(sentence, |letter, _| format!("{letter}{letter}{letter}")),
            self.changed(sentence, |letter, _| format!("{letter}-")),
            self.changed(sentence, |letter, _| format!("{letter}\u{200c}")),
            self.changed(sentence, |letter, _| format!("{letter} ")),
            self.changed(sentence, |letter, at| format!("{letter}{}", ["\u{301}", "\u{308}"][at % 2])),
            sentence.replace([' ', '-'], ""),
            half,
            typo,
            two_typos,
        ]
    }

    /// A text with one letter in six changed.
    fn changed(&mut self, text: &str, change: impl Fn(char, usize) -> String) -> String {
        let letters = text.chars().enumerate();
        letters
            .map(|(at, letter)| if self.below(6) == 0 { change(letter, at) } else { letter.into() })
            .collect()
    }

    /// A text with a letter added, dropped, changed, or swapped with another.
    fn typo(&mut self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        let [at, other] = [(); 2].map(|()| self.below(letters.len()));
        let any = letters[other];
        match self.below(4) {
            0 => letters.insert(at, any),
            1 => drop(letters.remove(at)),
            2 => letters[at] = any,
            _ => letters.swap(at, other),
        }
        letters.into_iter().collect()
    }
}
