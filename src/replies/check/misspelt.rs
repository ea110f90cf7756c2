//! Words of phrases that are probably misspelt: one letter away from a word that many phrases have.

use std::collections::{HashMap, HashSet};

use rustc_hash::FxHashMap;

use super::work::Work;
use crate::{
    ini::{Fault, Faults},
    replies::{
        lookup::spelling::Spellings,
        table::ReplyTable,
        text::{excerpt::excerpt, words::Words},
    },
};

/// Number of letters of the words that are compared.
const LETTERS: std::ops::RangeInclusive<usize> = 5..=30;
/// Number of letters from which one that is added or dropped is more often a mistake than another word
/// (`freude`, `freunde`) ...
const MANY_LETTERS: usize = 7;
/// ... and from which one that is changed is (`carry`, `curry`). Two that are swapped nearly always are.
const MORE_LETTERS: usize = 8;
/// Number of phrases from which a word is common.
const MANY_PHRASES: usize = 3;
/// A word of one phrase only, and the common word that was probably meant.
struct Suspect {
    word: String,
    meant: String,
    entry: usize,
    /// Number of phrases that have the common word.
    phrases: usize,
}

/// Warns of words that seem misspelt. A word that a reply's text or a test has as well is meant as it stands,
/// and so is one in the same reply as the common word: owners add mistakes that people make.
pub(crate) fn words(work: &mut Work<'_>, warnings: &mut Faults) {
    let table = work.table;
    let mut suspects = suspects(table);
    if suspects.is_empty() {
        return;
    }
    let mut words: HashSet<&str> = suspects.iter().map(|suspect| suspect.word.as_str()).collect();
    let texts = table.replies().map(|reply| reply.text.as_str());
    for text in texts.chain(table.tests.iter().map(|test| test.sentence.as_str())) {
        for word in Words::of(text).folded() {
            words.remove(word);
        }
    }
    let words: HashSet<String> = words.into_iter().map(str::to_owned).collect();
    suspects.retain(|suspect| words.contains(&suspect.word));
    warnings.extend(suspects.into_iter().map(|Suspect { word, meant, entry, phrases }| {
        let sentence = format!(
            "{} is in no other phrase, and one letter from {}, which is in {phrases}; correct it if it is misspelt",
            excerpt(&word),
            excerpt(&meant)
        );
        Fault::new(table.entries[entry].line, sentence)
    }));
}

fn suspects(table: &ReplyTable) -> Vec<Suspect> {
    let uses = uses_of_words(table);
    let common: Vec<&str> = uses
        .iter()
        .filter(|(_, (phrases, _))| *phrases >= MANY_PHRASES)
        .map(|(word, _)| word.as_str())
        .collect();
    let spellings = Spellings::of((0..).step_by(2).zip(common.iter().copied()));
    let rare = uses.iter().filter(|(_, (phrases, _))| *phrases == 1);
    // A reply may have many words of one phrase.
    let mut words_of: HashMap<usize, HashSet<String>> = HashMap::new();
    let suspects = rare.filter_map(|(word, (_, entry))| {
        let mut near = Vec::new();
        spellings.visit(word, |id| near.push(common[id as usize / 2]));
        let near = near.into_iter().filter(|meant| is_misspelt(word, meant));
        let meant = near.max_by_key(|meant| (uses[*meant].0, *meant))?;
        let words = words_of.entry(*entry).or_insert_with(|| {
            Words::of(&table.entries[*entry].phrase).folded().map(str::to_owned).collect()
        });
        let in_same = words.contains(meant);
        let (word, meant, phrases) = (word.clone(), meant.to_owned(), uses[meant].0);
        (!in_same).then_some(Suspect { word, meant, entry: *entry, phrases })
    });
    suspects.collect()
}

/// The words of all phrases, each with the number of phrases that have it and the last reply of those.
fn uses_of_words(table: &ReplyTable) -> FxHashMap<String, (usize, usize)> {
    let mut uses: FxHashMap<String, (usize, usize)> = FxHashMap::default();
    let fits = |word: &&str| word.chars().all(char::is_alphabetic) && LETTERS.contains(&word.chars().count());
    for (entry, reply) in table.entries.iter().enumerate() {
        for alternative in reply.phrase.split(['|', '｜']) {
            let words = Words::of(alternative);
            for word in words.folded().filter(fits).collect::<HashSet<_>>() {
                match uses.get_mut(word) {
                    Some(used) => *used = (used.0 + 1, entry),
                    None => drop(uses.insert(word.to_owned(), (1, entry))),
                }
            }
        }
    }
    uses
}

/// Whether a word is another with a letter added, dropped, changed or swapped. People rarely mistake the
/// first letter; the last is where forms of a word differ.
fn is_misspelt(word: &str, meant: &str) -> bool {
    let ends = |word: &str| (word.chars().next(), word.chars().next_back());
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let (letters, of_meant) = (sorted(word), sorted(meant));
    let least = match letters.len() == of_meant.len() {
        true if letters == of_meant => *LETTERS.start(),
        true => MORE_LETTERS,
        false => MANY_LETTERS,
    };
    letters.len() >= least && ends(word) == ends(meant) && strsim::osa_distance(word, meant) == 1
}

#[cfg(test)]
mod tests {
    use crate::replies::tests::{check, check_none};

    const TABLE: &str = "delivery = A\nhome delivery | delivery time = B\nbread & sunday = C\n";

    #[test]
    fn misspelt_words() {
        for word in ["delivrey", "delivry", "dellivery", "delifery", "DELVERY"] {
            check(
                &format!("{TABLE}free {word} = D"),
                6,
                &["is in no other phrase, and one letter from \"delivery\", which is in 3"],
            );
        }
        check(
            "price = A\nbread price = B\nprice of rolls = C\nprcie of cakes = D",
            6,
            &["\"prcie\" is in no other"],
        );
        check(&format!("{TABLE}delivry* & late = D"), 6, &["\"delivry\" is in no other phrase"]);
    }

    #[test]
    fn other_words() {
        let table = |more: &str| format!("{TABLE}{more}");
        check_none(&[
            // Forms of a word, two mistakes, and a word of two phrases.
            table("deliver | deliverys = D"),
            table("delvrey = D"),
            table("free delivry = D\ncheap delivry = E"),
            // In a reply's text, in a test, beside the common word.
            table("free delivry = Our delivry is free."),
            table("free delivry = D\n[tests]\nIs delivry free? = free delivry"),
            table("cheap delivery | delivry = D"),
            // Other words.
            "carry = A\nto carry = B\nwe carry = C\ncurry = D\ncarrry = E".to_owned(),
            "status = A\nmy status = B\nyour status = C\nstates = D".to_owned(),
            // Common words that are not common enough, or short.
            "sunday = A\nsunday rolls = B\nsundey bread = C".to_owned(),
            "cake = A\nmy cake = B\nyour cake = C\ncape = D".to_owned(),
        ]);
    }
}
