//! What the page shows, as documents.

use std::collections::HashSet;

use jiff::Timestamp;
use replyd::{Config, Replies};
use serde_json::{Map, Value, json};

use super::{
    addition::{ChangedLine, Proposal},
    replies_file::{MAX_FAILURES, RepliesFile},
    shared::{Owner, OwnerFiles},
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

pub(super) fn notices(notices: &[(Timestamp, String)]) -> Value {
    let notices = notices.iter().map(|(at, text)| json!({ "at": at.to_string(), "text": text }));
    json!({ "notices": notices.collect::<Vec<_>>() })
}

pub(super) fn statistics(files: &OwnerFiles, since: &str, replies: &Replies) -> Value {
    let file = files.statistics.as_deref().ok_or_else(|| statistics::NOT_KEPT.to_owned());
    or_why(file.and_then(|file| Summary::read(file, since, replies)).map(|summary| summary.json()))
}

/// A document, or a sentence that says why there is none.
fn or_why(document: Result<Value, String>) -> Value {
    document.unwrap_or_else(|why| json!({ "why": why }))
}

pub(super) fn questions(files: &OwnerFiles, replies: &Replies) -> Value {
    let guess = |guess: &Group| {
        let answer = replies.answer(&guess.sentence);
        let mut document = question(guess);
        document["reply"] = answer.name().into();
        document["text"] = beginning(answer.reply).into();
        document
    };
    or_why(groups(files, replies).map(|groups| {
        json!({
            "unanswered": groups.unanswered.iter().take(MAX_GROUPS).map(question).collect::<Vec<_>>(),
            "guesses": groups.guesses.iter().take(MAX_GROUPS).map(guess).collect::<Vec<_>>(),
        })
    }))
}

fn groups(files: &OwnerFiles, replies: &Replies) -> Result<Groups, String> {
    let file = files.unanswered.as_deref().ok_or_else(|| unanswered::NOT_KEPT.to_owned());
    file.and_then(|file| Groups::read(file, replies))
}

fn question(group: &Group) -> Value {
    json!({ "sentence": group.sentence, "count": group.count, "last": group.last.to_string(), "notes": group.notes })
}

/// What is shown of a reply in a list, which would otherwise be many times as long as the file.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn answer(replies: &Replies, text: &str) -> Value {
    json!({ "text": replies.answer(text).text().as_str(), "why": replies.explain(text).to_string() })
}

/// A change before it is made: its lines, and what else it would change.
pub(super) fn proposal(
    files: &OwnerFiles,
    question: &str,
    revision: &str,
    now: &Replies,
    change: &Result<Proposal, String>,
) -> Value {
    let line = |line: &ChangedLine| json!({ "line": line.number, "sign": if line.is_new { "+" } else { "-" }, "text": line.text });
    let change = change.as_ref();
    json!({
        "question": question,
        "revision": revision,
        "phrase": change.ok().and_then(|change| change.phrase.as_ref()),
        "lines": change.map_or_else(|_| Vec::new(), |change| change.lines.iter().map(line).collect()),
        "warnings": change.map_or(&[][..], |change| &change.warnings),
        "changes": change.map_or_else(|_| Vec::new(), |change| changes(files, question, now, &change.replies)),
        "why": change.err(),
    })
}

/// The sentences of `[tests]` and the latest questions that would get another answer than now.
fn changes(files: &OwnerFiles, question: &str, now: &Replies, new: &Replies) -> Vec<Value> {
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
        .map(|(message, before, after)| {
            json!({ "message": beginning(message), "before": beginning(&before.text()), "after": beginning(&after.text()) })
        })
        .collect()
}

pub(super) fn file(files: &OwnerFiles) -> Value {
    let file = RepliesFile::open(files).and_then(|file| Ok((file.read()?, file)));
    or_why(file.map(|(content, file)| {
        let versions = file.versions().list().into_iter();
        let versions = versions.map(|(name, at)| json!({ "version": name, "at": at.to_string() }));
        json!({
            "name": file.name(),
            "text": content.text,
            "revision": content.revision,
            "versions": versions.collect::<Vec<_>>(),
        })
    }))
}

/// What `check` finds in a text.
pub(super) fn checked(text: &str, now: &Replies) -> Value {
    const NAME: &str = "file";
    let located = |sentences: Vec<String>| {
        let located = |sentence: String| {
            let rest = sentence.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':'));
            let (line, text) = rest.and_then(|rest| rest.split_once(": ")).unwrap_or(("", &sentence));
            json!({ "line": line.parse::<usize>().unwrap_or(1), "text": text })
        };
        sentences.into_iter().map(located).collect::<Vec<_>>()
    };
    let (errors, warnings, failures) = match Replies::parse_file(text, NAME) {
        Err(error) => (error.to_string().lines().map(str::to_owned).collect(), Vec::new(), Vec::new()),
        Ok(replies) => {
            let replies = replies.with_options_of(now);
            let mut failures = replies.failures();
            failures.truncate(MAX_FAILURES);
            (Vec::new(), replies.warnings(), failures)
        }
    };
    json!({ "errors": located(errors), "warnings": located(warnings), "failures": located(failures) })
}
