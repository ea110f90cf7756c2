//! The entries of `[tests]`: those that fail, and what they reveal about the replies.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::work::Work;
use crate::{
    ini::{self, Fault, Faults},
    replies::{
        entry::{
            test::{Test, beginning, canonical},
            values::comment,
        },
        lookup::{search::Match, steps::Steps},
        table::{ReplyTable, places::Places},
        text::excerpt::excerpt,
    },
};

/// Number of pairs of letters that are compared to suggest the nearest phrases for those that failing tests
/// name.
const MAX_COMPARED: usize = 40_000_000;
/// Length in bytes up to which a phrase is suggested for the text of its reply.
const MAX_SUGGESTED_BYTES: usize = 200;
/// Number of replies from which it is reported that most have no test. A smaller file can be tried by hand.
const MANY_REPLIES: usize = 10;

/// The beginnings of the texts of all replies, with the number of each.
type TextBeginnings = BTreeMap<String, usize>;

/// The entries of `[tests]` that fail; see `Replies::failures`.
pub(crate) fn failures(table: &ReplyTable) -> Vec<String> {
    let known = LazyCell::new(|| table.known_phrases());
    let texts = LazyCell::new(|| texts(table));
    let mut work = Work::on(table);
    let mut comparisons = Steps { left: MAX_COMPARED };
    let failures = table.tests.iter().filter_map(|test| {
        let sentence = match test.reply {
            Some(wanted) => failure(test, wanted, &mut work)?,
            None => {
                let hint = phrase_of_text(table, test, &texts);
                let hint = hint.or_else(|| nearest_phrase(test, &known, &mut comparisons));
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                format!("no reply has the phrase {}{hint}", excerpt(&test.expected))
            }
        };
        Some(format!("{}: {sentence}", table.places.place(test.line)))
    });
    failures.collect()
}

/// Why a test fails that names a reply, if it does.
fn failure(test: &Test, wanted: usize, work: &mut Work<'_>) -> Option<String> {
    let table = work.table;
    let Some(decision) = work.decide(&test.sentence, None) else {
        return Some(format!("{} was not tried: {}", excerpt(&test.sentence), work.why()));
    };
    let answering = decision.reply(table).unwrap_or(table.entries.len());
    let [wanted, answering] = [wanted, answering].map(|number| table.reply(number));
    (wanted.line != answering.line || wanted.phrase != answering.phrase).then(|| {
        format!(
            "{} should be answered by {} ({}), but {} ({}) answers it",
            excerpt(&test.sentence),
            excerpt(&wanted.phrase),
            table.places.number(wanted.line),
            excerpt(&answering.phrase),
            table.places.number(answering.line)
        )
    })
}

/// What to write instead of a reply's text, or instead of a phrase with a comment after it.
fn phrase_of_text(table: &ReplyTable, test: &Test, texts: &TextBeginnings) -> Option<String> {
    if let Some(at) = comment(&test.expected) {
        let comment = &test.expected[at..];
        return Some(format!("{comment:?} is part of it; write a comment on a line of its own"));
    }
    let expected = test.filled.clone().unwrap_or_else(|| beginning(&test.expected));
    // One word is more often a phrase that is misspelt.
    let is_text = |(text, _): &(&String, &usize)| {
        **text == expected || (text.starts_with(&expected) && expected.contains(' '))
    };
    let (_, entry) = texts.range(expected.clone()..).next().filter(is_text)?;
    let phrase = table.reply(*entry).name();
    (phrase.len() <= MAX_SUGGESTED_BYTES).then(|| {
        format!("this is the text of a reply, and its phrase belongs here: '{} = {phrase}'", test.sentence)
    })
}

fn nearest_phrase(test: &Test, known: &HashMap<String, usize>, comparisons: &mut Steps) -> Option<String> {
    let phrase = canonical(&test.expected);
    let affords = comparisons.spend(known.len() * phrase.len() * phrase.len());
    let candidates = affords.then(|| known.keys().map(String::as_str));
    let near = ini::nearest(&phrase, candidates.into_iter().flatten())?;
    Some(format!("did you mean {near:?}?"))
}

fn texts(table: &ReplyTable) -> TextBeginnings {
    let texts = table.replies().map(|reply| beginning(&reply.text));
    texts.enumerate().map(|(entry, text)| (text, entry)).filter(|(text, _)| !text.is_empty()).collect()
}

/// The number of replies that no entry of `[tests]` names.
pub(crate) fn untested(table: &ReplyTable) -> usize {
    let tested: BTreeSet<usize> = table
        .tests
        .iter()
        .filter_map(|test| test.reply)
        .filter(|reply| *reply < table.entries.len())
        .collect();
    table.entries.len() - tested.len()
}

/// Warns of a file with many replies that mostly have no test, in one line.
pub(crate) fn missing(work: &mut Work<'_>, warnings: &mut Faults) {
    let ReplyTable { entries, header_lines, places, .. } = work.table;
    if !matches!(places, Places::File(_)) || entries.len() < MANY_REPLIES {
        return;
    }
    let untested = untested(work.table);
    if untested > entries.len() / 2 {
        let sentence = format!(
            "{untested} of {} replies have no line under [tests]; write a sentence for each, and the phrase that should answer it",
            entries.len()
        );
        warnings.report(header_lines.tests, sentence);
    }
}

/// Warns of a phrase of one word that answers `[tests]` of several other replies.
pub(crate) fn stolen_by_words(work: &mut Work<'_>, warnings: &mut Faults) {
    let table = work.table;
    // By the phrase: the first of these tests, and the replies whose tests it answers.
    let mut stolen: BTreeMap<usize, (usize, BTreeSet<usize>)> = BTreeMap::new();
    // The sentence itself would decide ties in favor of its reply.
    for test in &table.tests {
        let Some(best) = work.best(&test.sentence, test.example) else { continue };
        let Some(matched) = best.filter(|matched| matched.words == 1) else { continue };
        let Some(wanted) = test.reply else { continue };
        warnings.extend(won_by_letters(work, test, &matched));
        if wanted < table.entries.len() && table.number_of(matched.phrase) != wanted {
            stolen.entry(matched.phrase).or_insert_with(|| (test.line, BTreeSet::new())).1.insert(wanted);
        }
    }
    for (phrase, (line, losers)) in stolen.iter().filter(|(_, (_, losers))| losers.len() > 1) {
        let sentence = format!(
            "{:?} answers [tests] of {} other replies, first at line {line}; add it to their phrases with '&', or move it to [smalltalk]",
            table.alternative(*phrase),
            losers.len()
        );
        warnings.report(table.reply_of(*phrase).line, sentence);
    }
}

/// Warns of a test in which a word of one reply wins over that of another, though no other sentence says
/// which should answer: only the letters of the words do.
fn won_by_letters(work: &Work<'_>, test: &Test, winner: &Match) -> Option<Fault> {
    let (table, search) = (work.table, &work.search);
    let rival = search.finalists.iter().find(|rival| rival.phrase != winner.phrase)?;
    let rarity = |of: &Match| {
        let (_, id) = table.examples.best_of(table.number_of(of.phrase), &search.features, test.example)?;
        table.examples.rarity(id, test.example).filter(|_| table.examples.get(id).phrase().is_some())
    };
    // Of two words that are as rare, and that no other sentence is similar to, the longer one wins.
    (rarity(winner).is_some() && rarity(winner) == rarity(rival)).then(|| {
        let sentence = format!(
            "{:?} has {:?} and {:?} in it, and only their letters decide; write '{2} & {1}' before the reply that should answer",
            test.sentence,
            table.alternative(winner.phrase),
            table.alternative(rival.phrase)
        );
        Fault::new(test.line, sentence)
    })
}
