//! What people write for a phrase, and is not found.

use super::work::Work;
use crate::{
    ini::Faults,
    replies::{
        table::ReplyTable,
        text::{phrase::is_plain, words::Words},
    },
};

/// What people write in one word or in two.
const CONTRACTIONS: [(&str, &str); 14] = [
    ("what's", "what is"),
    ("where's", "where is"),
    ("who's", "who is"),
    ("how's", "how is"),
    ("when's", "when is"),
    ("that's", "that is"),
    ("there's", "there is"),
    ("isn't", "is not"),
    ("don't", "do not"),
    ("doesn't", "does not"),
    ("didn't", "did not"),
    ("can't", "can not"),
    ("can't", "cannot"),
    ("you're", "you are"),
];

/// Other ways of writing phrases that do not get their replies; see `Replies::hints`.
pub(crate) fn hints(table: &ReplyTable) -> Vec<String> {
    let mut work = Work::on(table);
    let mut hints = Faults::default();
    for (entry, alternative) in table.alternatives().filter(|(_, alternative)| is_plain(alternative)) {
        let Some(other) = contracted(alternative) else { continue };
        let Some(matched) = work.best(&other, None) else { continue };
        if matched.is_none_or(|matched| table.number_of(matched.phrase) != entry) {
            let sentence =
                format!("{alternative:?} is not found in {other:?}; write both, with a '|' between them");
            hints.report(table.entries[entry].line, sentence);
        }
    }
    table.places.lines(&hints)
}

/// A phrase with the first contraction in it written out, or the reverse.
fn contracted(alternative: &str) -> Option<String> {
    let words = format!(" {} ", Words::of(alternative).shown());
    let changed = |(short, long): &(&str, &str)| {
        let replaced = |from: &str, to: &str| {
            let from = format!(" {} ", from.replace('\'', ""));
            words.contains(&from).then(|| words.replacen(&from, &format!(" {to} "), 1).trim().to_owned())
        };
        replaced(short, long).or_else(|| replaced(long, short))
    };
    CONTRACTIONS.iter().find_map(changed)
}
