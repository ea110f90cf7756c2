//! Sorts kept messages by what the present replies make of them, and groups those that are the same to the owner.

use std::{
    collections::{HashMap, HashSet},
    ptr,
};

use jiff::civil::Date;
use replyd::{Answer, Explanation, FoundBy, Replies};

use super::kept::{Kept, Outcome};
use crate::escape::Escaped;

/// The phrase of the fallback reply.
pub(crate) const UNKNOWN: &str = "unknown";

/// The groups, each list with the most frequent first. What a phrase answers now is in none.
pub(crate) struct Groups {
    pub(crate) unanswered: Vec<Group>,
    pub(crate) guesses: Vec<Group>,
}

/// Messages that are the same once case, accents, punctuation and corrected typos are ignored.
pub(crate) struct Group {
    /// The message as a line of the file can begin with it.
    pub(crate) sentence: String,
    pub(crate) count: usize,
    pub(crate) last: Date,
    /// What to tell of the last one.
    pub(crate) notes: Vec<String>,
}

impl Groups {
    /// Reads the lines of the file, older ones first.
    pub(crate) fn of(lines: &str, replies: &Replies) -> Groups {
        let (mut unanswered, mut guesses) = (Collection::default(), Collection::default());
        for (date, kept) in lines.lines().filter_map(Kept::parse) {
            let answer = replies.answer(&kept.message);
            let Some(now) = Kept::of(&kept.message, &answer) else { continue };
            let explanation = replies.explain(&kept.message);
            let then = then(&kept.outcome, &now.outcome);
            if answer.found_by == FoundBy::Nothing {
                if is_phrase(&explanation.normalised) {
                    unanswered.add(explanation.normalised, date, then.into_iter().collect());
                }
            } else if let Some(sentence) = sentence(&kept.message, &answer, &explanation, replies) {
                guesses.add(sentence, date, [how(&explanation)].into_iter().chain(then).collect());
            }
        }
        Groups { unanswered: unanswered.sorted(), guesses: guesses.sorted() }
    }

    /// The same without those that the owner has settled, because their sentences are in `[tests]`: guesses that are right, and questions
    /// that `unknown` is to answer.
    pub(crate) fn open(mut self, replies: &Replies) -> Groups {
        let normalised = |sentence: &str| replies.explain(sentence).normalised;
        if !(self.guesses.is_empty() && self.unanswered.is_empty()) {
            let settled: HashSet<String> = replies.test_sentences().map(normalised).collect();
            for groups in [&mut self.guesses, &mut self.unanswered] {
                groups.retain(|group| !settled.contains(&normalised(&group.sentence)));
            }
        }
        self
    }
}

#[derive(Default)]
struct Collection(HashMap<String, Group>);

impl Collection {
    fn add(&mut self, sentence: String, date: Date, notes: Vec<String>) {
        let new = || Group { sentence: sentence.clone(), count: 0, last: date, notes: Vec::new() };
        let group = self.0.entry(sentence.clone()).or_insert_with(new);
        group.count += 1;
        if date >= group.last {
            (group.last, group.notes) = (date, notes);
        }
    }

    fn sorted(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.0.into_values().collect();
        groups.sort_by(|one, other| {
            (other.count, other.last, &one.sentence).cmp(&(one.count, one.last, &other.sentence))
        });
        groups
    }
}

/// The sentence for `[tests]` that stands for a message: it gets the same reply.
///
/// A typo is corrected in it, since a word in `[tests]` is a word that is spelled right, and would not be corrected any more.
fn sentence(
    message: &str,
    answer: &Answer<'_>,
    explanation: &Explanation,
    replies: &Replies,
) -> Option<String> {
    let forms = [corrected(explanation), explanation.normalised.clone(), message.trim().to_owned()];
    let has_same_reply = |form: &String| ptr::eq(replies.answer(form).reply, answer.reply);
    forms.into_iter().find(|form| is_sentence(form) && has_same_reply(form))
}

fn corrected(explanation: &Explanation) -> String {
    let words = explanation.normalised.split(' ').map(|word| {
        let correction = explanation.corrections.iter().find(|(typo, _)| typo == word);
        correction.map_or(word, |(_, meant)| meant)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// How a guess is found now.
fn how(explanation: &Explanation) -> String {
    if explanation.found_by == FoundBy::Nearest {
        return format!("nearest: {:?} ({})", explanation.winner.phrase, explanation.winner.place);
    }
    let read = explanation.corrections.iter().map(|(word, meant)| format!("{word:?} read as {meant:?}"));
    format!("typo: {}", read.collect::<Vec<_>>().join(", "))
}

/// What a message got when it was kept, unless it would get the same now.
fn then(then: &Outcome, now: &Outcome) -> Option<String> {
    match (then, now) {
        (Outcome::Unknown { offers }, Outcome::Unknown { .. }) if !offers.is_empty() => {
            let offers: Vec<String> = offers.iter().map(|offer| format!("{offer:?}")).collect();
            Some(format!("offered: {}", offers.join(", ")))
        }
        _ => {
            let phrase = then.phrase().filter(|phrase| now.phrase() != Some(phrase))?;
            Some(format!("answered by {phrase:?} then"))
        }
    }
}

/// Whether a message can be printed as a phrase: without signs of the file's grammar, and without control characters.
pub(crate) fn is_phrase(message: &str) -> bool {
    is_sentence(message) && message != UNKNOWN && !message.contains(['|', '&', '*'])
}

/// Whether a message can be printed as the name of an entry, which ends at a `=`, in full width too.
pub(crate) fn is_sentence(message: &str) -> bool {
    !message.is_empty()
        && !message.starts_with(['[', '［', ';', '#'])
        && !message.contains(['=', '＝'])
        && Escaped::for_log(message).to_string() == message
}
