//! What the page shows, as documents.

use std::collections::HashSet;

use replyd::{Config, Replies};
#[cfg(test)]
use serde::Deserialize;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    addition::{ChangedLine, Proposal},
    files::OwnerFiles,
    replies_file::{MAX_FAILURES, RepliesFile},
    shared::Owner,
};
use crate::records::{
    statistics::{self, Summary},
    unanswered::{self, Group, Groups},
};

/// Other messages whose answer a change would change; nobody reads more.
const MAX_CHANGES: usize = 50;
/// Messages that are tried with both files to find them.
const MAX_TRIED: usize = 1000;
/// Length to which a reply is shown in a list.
const MAX_SHOWN_CHARS: usize = 2000;
/// Names of replies to choose from.
const MAX_NAMES: usize = 2000;
/// Groups of questions that are shown.
const MAX_GROUPS: usize = 500;

/// A document, or a sentence that says why there is none.
#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(untagged)]
pub(super) enum OrWhy<T> {
    Document(T),
    Why { why: String },
}

impl<T> From<Result<T, String>> for OrWhy<T> {
    fn from(result: Result<T, String>) -> OrWhy<T> {
        result.map_or_else(|why| OrWhy::Why { why }, OrWhy::Document)
    }
}

/// The current state, a part of which may have changed since it was last shown.
pub(super) fn now(owner: &Owner, config: &Config) -> Value {
    // The disk may be slow, and nobody should wait for it with this page.
    let (files, clients, answers_a_minute) = {
        let status = owner.status();
        (status.files.clone(), status.clients, status.answers_a_minute())
    };
    let file = RepliesFile::open(&files);
    let read_only = match &file {
        Ok(file) => file.read_only(),
        Err(why) => Some(why.clone()),
    };
    json!({
        "clients": clients,
        "answers_a_minute": answers_a_minute,
        "replies": config.replies.len(),
        "names": config.replies.names().take(MAX_NAMES).collect::<Vec<_>>(),
        "statistics": files.statistics.is_some(),
        "unanswered": files.unanswered.is_some(),
        "file": file.map(|file| file.name()).ok(),
        "read_only": read_only,
    })
}

/// The members that are not as they were shown, if there are any.
pub(super) fn changed(shown: &Value, now: &Value) -> Option<Value> {
    let members = now.as_object()?.iter().filter(|(name, value)| shown.get(name) != Some(value));
    let changed: Map<_, _> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!changed.is_empty()).then(|| changed.into())
}

/// What the log said about the files.
#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub(super) struct Notice {
    pub(super) at: String,
    pub(super) text: String,
}

pub(super) fn statistics(files: &OwnerFiles, since: &str, replies: &Replies) -> OrWhy<Value> {
    let file = files.statistics.as_deref().ok_or_else(|| statistics::NOT_KEPT.to_owned());
    file.and_then(|file| Summary::read(file, since, replies)).map(|summary| summary.json()).into()
}

#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub(super) struct Questions {
    unanswered: Vec<Question>,
    guesses: Vec<Guess>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
struct Question {
    sentence: String,
    count: usize,
    last: String,
    notes: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
struct Guess {
    #[serde(flatten)]
    question: Question,
    /// The name of the reply, and its text.
    reply: String,
    text: String,
}

pub(super) fn questions(files: &OwnerFiles, replies: &Replies) -> OrWhy<Questions> {
    let question = |group: Group| {
        let Group { sentence, count, last, notes } = group;
        Question { sentence, count, last: last.to_string(), notes }
    };
    let guess = |group: Group| {
        let answer = replies.answer(&group.sentence);
        let (reply, text) = (answer.name().to_owned(), beginning(answer.reply));
        Guess { reply, text, question: question(group) }
    };
    let questions = groups(files, replies).map(|Groups { unanswered, guesses }| Questions {
        unanswered: unanswered.into_iter().take(MAX_GROUPS).map(question).collect(),
        guesses: guesses.into_iter().take(MAX_GROUPS).map(guess).collect(),
    });
    questions.into()
}

fn groups(files: &OwnerFiles, replies: &Replies) -> Result<Groups, String> {
    let file = files.unanswered.as_deref().ok_or_else(|| unanswered::NOT_KEPT.to_owned());
    file.and_then(|file| Groups::read(file, replies))
}

/// What is shown of a reply in a list, which would otherwise be many times as long as the file.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

/// A change before it is made: its lines, and what else it would change.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub(super) struct ProposalDocument {
    question: String,
    revision: String,
    phrase: Option<String>,
    lines: Vec<DifferenceLine>,
    warnings: Vec<String>,
    changes: Vec<ChangedAnswer>,
    why: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
struct DifferenceLine {
    line: usize,
    sign: char,
    text: String,
}

/// A message whose answer would change.
#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
struct ChangedAnswer {
    message: String,
    before: String,
    after: String,
}

pub(super) fn proposal(
    files: &OwnerFiles,
    question: &str,
    revision: String,
    now: &Replies,
    change: Result<Proposal, String>,
) -> ProposalDocument {
    let document = ProposalDocument { question: question.to_owned(), revision, ..Default::default() };
    let line = |ChangedLine { number, is_new, text }: ChangedLine| {
        let sign = if is_new { '+' } else { '-' };
        DifferenceLine { line: number, sign, text }
    };
    match change {
        Err(why) => ProposalDocument { why: Some(why), ..document },
        Ok(change) => ProposalDocument {
            changes: changes(files, question, now, &change.replies),
            phrase: change.phrase,
            lines: change.lines.into_iter().map(line).collect(),
            warnings: change.warnings,
            ..document
        },
    }
}

/// The sentences of `[tests]` and the latest questions that would get another answer than now.
fn changes(files: &OwnerFiles, question: &str, now: &Replies, new: &Replies) -> Vec<ChangedAnswer> {
    let asked: Vec<Group> = groups(files, now)
        .map(|groups| groups.unanswered.into_iter().chain(groups.guesses).collect())
        .unwrap_or_default();
    let asked = asked.iter().map(|group| &*group.sentence).take(MAX_TRIED);
    let mut seen = HashSet::from([now.explain(question).normalised]);
    now.test_sentences()
        .take(MAX_TRIED)
        .chain(asked)
        .map(|message| (message, now.answer(message), new.answer(message)))
        // What is offered may change with every reply.
        .filter(|(_, before, after)| before.reply != after.reply)
        .filter(|(message, ..)| seen.insert(now.explain(message).normalised))
        .take(MAX_CHANGES)
        .map(|(message, before, after)| ChangedAnswer {
            message: beginning(message),
            before: beginning(&before.text()),
            after: beginning(&after.text()),
        })
        .collect()
}

#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub(super) struct FileDocument {
    name: String,
    text: String,
    revision: String,
    versions: Vec<VersionEntry>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
struct VersionEntry {
    version: String,
    at: String,
}

pub(super) fn file(files: &OwnerFiles) -> OrWhy<FileDocument> {
    let file = RepliesFile::open(files).and_then(|file| Ok((file.read()?, file)));
    let entry = |(version, at): (String, jiff::Timestamp)| VersionEntry { version, at: at.to_string() };
    let document = file.map(|(content, file)| FileDocument {
        name: file.name(),
        text: content.text,
        revision: content.revision,
        versions: file.versions().list().into_iter().map(entry).collect(),
    });
    document.into()
}

/// What `check` finds in a text.
#[derive(Default, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub(super) struct Checked {
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    failures: Vec<Finding>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
struct Finding {
    line: usize,
    text: String,
}

pub(super) fn checked(text: &str, now: &Replies) -> Checked {
    const NAME: &str = "file";
    let finding = |sentence: &str| {
        let rest = sentence.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':'));
        let (line, text) = rest.and_then(|rest| rest.split_once(": ")).unwrap_or(("", sentence));
        Finding { line: line.parse().unwrap_or(1), text: text.to_owned() }
    };
    let findings = |sentences: Vec<String>| sentences.iter().map(|sentence| finding(sentence)).collect();
    match Replies::parse_file(text, NAME) {
        Err(error) => {
            Checked { errors: error.to_string().lines().map(finding).collect(), ..Checked::default() }
        }
        Ok(replies) => {
            let replies = replies.with_options_of(now);
            let mut failures = replies.failures();
            failures.truncate(MAX_FAILURES);
            Checked {
                warnings: findings(replies.warnings()),
                failures: findings(failures),
                ..Checked::default()
            }
        }
    }
}
