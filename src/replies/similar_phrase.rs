//! Finds phrases that nearly match a message, for hints.

use super::{explanation::Candidate, table::ReplyTable, text::words::Words};

/// Similarity from which two runs count as similar: one letter in four may differ.
const MIN_SIMILARITY: f64 = 0.75;
/// Reading a letter of a phrase takes as long as comparing this many pairs of letters ...
const STEPS_OF_LETTER: u64 = 8;
/// ... and the work for each run as this many.
const STEPS_OF_RUN: u64 = 100;

/// The phrase that is most similar to some words of a message, if one is similar before the steps are used
/// up.
pub(crate) fn similar_phrase(table: &ReplyTable, message: &str, steps: &mut u64) -> Option<Candidate> {
    let words = Words::of(message);
    let words: Vec<&str> = words.folded().collect();
    let mut best = (MIN_SIMILARITY, None);
    for (entry, alternative) in table.alternatives() {
        let phrase = Words::of(alternative).folded().collect::<Vec<_>>().join(" ");
        *steps = steps.saturating_sub(STEPS_OF_LETTER * (1 + phrase.len() as u64));
        for window in words.windows(phrase.split(' ').count()) {
            let window = window.join(" ");
            *steps = steps.saturating_sub(STEPS_OF_RUN + (window.len() * phrase.len()) as u64);
            if *steps == 0 {
                return None;
            }
            let similarity = strsim::normalized_damerau_levenshtein(&window, &phrase);
            if similarity >= best.0 {
                best = (similarity, Some((entry, alternative)));
            }
        }
    }
    let (entry, phrase) = best.1?;
    let place = table.places.place(table.entries[entry].line);
    Some(Candidate { phrase: phrase.to_owned(), place, why: "its words are similar".to_owned() })
}
