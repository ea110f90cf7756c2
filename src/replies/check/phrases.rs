//! Phrases that other phrases make useless, or that say too little.

use super::work::Work;
use crate::{
    ini::{Fault, Faults},
    replies::{
        entry::signs::and_is_a_word,
        text::{
            excerpt::excerpt,
            phrase::{Phrase, Run, alternatives},
        },
    },
};

/// Warns of phrases that do not answer a message that consists of just their words: no other message can fit
/// better.
pub(crate) fn never_win(work: &mut Work<'_>, warnings: &mut Faults) {
    let table = work.table;
    let loses = |(entry, alternative): (usize, &str)| {
        let matched = work.best(&itself(alternative)?, None)??;
        let winner = table.reply_of(matched.phrase);
        (table.number_of(matched.phrase) != entry).then(|| {
            let sentence = format!(
                "{alternative:?} can never win: {} ({}) always does",
                excerpt(&winner.phrase),
                table.places.number(winner.line)
            );
            Fault::new(table.entries[entry].line, sentence)
        })
    };
    warnings.extend(table.alternatives().filter_map(loses));
}

/// Warns of an `and` between two phrases that have replies of their own: both words are asked for apart.
pub(crate) fn joined_by_and(work: &mut Work<'_>, warnings: &mut Faults) {
    let table = work.table;
    let mut answers = |message: &str, entry: usize| {
        let matched = work.best(message, None).flatten();
        matched.is_some_and(|matched| matched.is_whole && table.number_of(matched.phrase) != entry)
    };
    for (entry, alternative) in table.alternatives() {
        let Some((before, after)) = alternative.split_once(" and ") else { continue };
        if answers(before, entry) && answers(after, entry) {
            warnings.report(table.entries[entry].line, and_is_a_word(alternative));
        }
    }
}

/// Warns of phrases of one word that is in most sentences, whatever these are about.
pub(crate) fn of_function_words(work: &mut Work<'_>, warnings: &mut Faults) {
    let table = work.table;
    // A single letter may be one to choose by.
    let says_little = |run: &Run| {
        run.words.len() == 1
            && run.words.word(0).len() > 1
            && !run.has_prefix()
            && table.languages.have_function_word(run.words.word(0))
    };
    for (entry, alternative) in table.alternatives() {
        let phrase = alternatives(alternative).next().and_then(|(_, phrase)| phrase.ok());
        if phrase.is_some_and(|phrase| !phrase.runs().is_empty() && phrase.runs().iter().all(says_little)) {
            let sentence = format!(
                "{alternative:?} is in most sentences, whatever they are about; write a word that only questions for this reply have"
            );
            warnings.report(table.entries[entry].line, sentence);
        }
    }
}

/// The shortest message that a phrase is in, built with letters that no other phrase is likely to have: they
/// complete a `word*` and separate runs.
fn itself(alternative: &str) -> Option<String> {
    let (_, phrase) = alternatives(alternative).next()?;
    Some(match phrase.ok()? {
        Phrase::Symbols(text) => text,
        Phrase::Runs(runs) => {
            let runs = runs.iter().map(|run| {
                let words = run.prefixes.iter().enumerate().map(|(at, is_prefix)| {
                    let more = if *is_prefix { "qzxqzx" } else { "" };
                    run.words.exact(at).to_owned() + more
                });
                words.collect::<Vec<_>>().join(" ")
            });
            runs.collect::<Vec<_>>().join(" qzxqzx ")
        }
    })
}
