//! Groups recorded messages that are the same to the owner, by how they are answered now.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    ptr,
};

use jiff::civil::Date;
use replyd::{Answer, Explanation, FoundBy, Replies};

use super::{
    file,
    record::{Outcome, UnansweredRecord},
};
use crate::console::Escaped;

/// The phrase of the fallback reply.
pub(crate) const UNKNOWN: &str = "unknown";

/// The groups that need the owner, each list with the most frequent first.
pub(crate) struct Groups {
    pub(crate) unanswered: Vec<Group>,
    pub(crate) guesses: Vec<Group>,
}

/// Messages that are the same once case, accents, punctuation and corrected typos are ignored.
pub(crate) struct Group {
    /// The message in a form with which a line of the file can begin.
    pub(crate) sentence: String,
    pub(crate) count: usize,
    pub(crate) last: Date,
    /// What to say about the last one.
    pub(crate) notes: Vec<String>,
}

impl Groups {
    /// Reads the groups from the file.
    ///
    /// # Errors
    ///
    /// A sentence, when it cannot be read.
    pub(crate) fn read(file: &Path, replies: &Replies) -> Result<Groups, String> {
        let lines = file::read(file)
            .map_err(|error| format!("cannot read unanswered messages in {}: {error}", file.display()))?;
        let mut groups = Groups::from_lines(&lines, replies);
        groups.remove_settled(replies);
        Ok(groups)
    }

    fn from_lines(lines: &str, replies: &Replies) -> Groups {
        let (mut unanswered, mut guesses) = (Collection::default(), Collection::default());
        for (date, record) in lines.lines().filter_map(UnansweredRecord::parse) {
            let answer = replies.answer(&record.message);
            let Some(now) = UnansweredRecord::new(&record.message, &answer) else { continue };
            let explanation = replies.explain(&record.message);
            let then = then(&record.outcome, &now.outcome);
            if answer.found_by == FoundBy::Nothing {
                if is_phrase(&explanation.normalised) {
                    unanswered.add(explanation.normalised, date, then.into_iter().collect());
                }
            } else if let Some(sentence) = sentence(&record.message, &answer, &explanation, replies) {
                guesses.add(sentence, date, [how(&explanation)].into_iter().chain(then).collect());
            }
        }
        Groups { unanswered: unanswered.sorted(), guesses: guesses.sorted() }
    }

    /// Removes groups whose sentences are in `[tests]`: the owner has settled them.
    fn remove_settled(&mut self, replies: &Replies) {
        if self.guesses.is_empty() && self.unanswered.is_empty() {
            return;
        }
        let normalised = |sentence: &str| replies.explain(sentence).normalised;
        let settled: HashSet<String> = replies.test_sentences().map(normalised).collect();
        for groups in [&mut self.guesses, &mut self.unanswered] {
            groups.retain(|group| !settled.contains(&normalised(&group.sentence)));
        }
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
/// A typo is corrected in it, since words in `[tests]` are known words, and would no longer be corrected.
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

/// What a message got when it was recorded, unless it would get the same now.
fn then(then: &Outcome, now: &Outcome) -> Option<String> {
    match (then, now) {
        (Outcome::Unknown { offers }, Outcome::Unknown { .. }) if !offers.is_empty() => {
            let offers: Vec<String> = offers.iter().map(|offer| format!("{offer:?}")).collect();
            Some(format!("offered: {}", offers.join(", ")))
        }
        (Outcome::Guess { phrase, .. }, Outcome::Guess { phrase: now, .. }) if phrase == now => None,
        (Outcome::Guess { phrase, .. }, _) => Some(format!("answered by {phrase:?} then")),
        _ => None,
    }
}

/// Whether a message can be printed as a phrase: it has no signs of the file's grammar.
pub(crate) fn is_phrase(message: &str) -> bool {
    is_sentence(message) && message != UNKNOWN && !message.contains(['|', '&', '*'])
}

/// Whether a message can be printed as the name of an entry, which ends at a `=`, or a full-width one.
pub(crate) fn is_sentence(message: &str) -> bool {
    !message.is_empty()
        && !message.starts_with(['[', '［', ';', '#'])
        && !message.contains(['=', '＝'])
        && Escaped::for_log(message).to_string() == message
}
