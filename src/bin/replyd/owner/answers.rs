//! What the page shows, as documents.

use std::collections::HashSet;

use jiff::Timestamp;
use replyd::{Config, Replies};
use serde_json::{Value, json};

use super::{
    Files, Owner,
    addition::{Line, Proposal},
    replies_file::{Content, MAX_FAILURES, RepliesFile},
};
use crate::{
    clock::{self, local},
    statistics,
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

/// The present: what may have changed since it was last shown.
pub(super) fn now(owner: &Owner, config: &Config) -> Value {
    // The disk may be slow, and nobody should wait for it with this page.
    let (files, clients, answers_a_minute) = {
        let state = owner.state();
        (state.files.clone(), state.clients, state.answers_a_minute())
    };
    let file = RepliesFile::of(&files);
    let read_only = match &file {
        Ok(file) => file.read_only(),
        Err(why) => Some(why.clone()),
    };
    json!({
        "kind": "now",
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
    let changed: serde_json::Map<_, _> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!changed.is_empty()).then(|| with_members(json!({ "kind": "now" }), changed.into()))
}

pub(super) fn notices(notices: &[(Timestamp, String)]) -> Value {
    let notices: Vec<Value> =
        notices.iter().map(|(at, text)| json!({ "at": at.to_string(), "text": text })).collect();
    json!({ "kind": "notices", "notices": notices })
}

pub(super) fn statistics(files: &Files, since: &str, replies: &Replies) -> Value {
    let summary = match &files.statistics {
        Some(file) => statistics::summary(file, since, &local(clock::now()), replies),
        None => Err(statistics::NOT_KEPT.to_owned()),
    };
    match summary {
        Ok(summary) => {
            let mut document = summary.json();
            document["kind"] = "statistics".into();
            document
        }
        Err(why) => json!({ "kind": "statistics", "why": why }),
    }
}

pub(super) fn questions(files: &Files, replies: &Replies) -> Value {
    match groups(files, replies) {
        Ok(groups) => json!({
            "kind": "questions",
            "unanswered": groups.unanswered.iter().take(MAX_GROUPS).map(group).collect::<Vec<_>>(),
            "guesses": groups.guesses.iter().take(MAX_GROUPS).map(|guess| {
                let answer = replies.answer(&guess.sentence);
                let mut document = group(guess);
                document["reply"] = answer.name().into();
                document["text"] = beginning(answer.reply).into();
                document
            }).collect::<Vec<_>>(),
        }),
        Err(why) => json!({ "kind": "questions", "why": why }),
    }
}

fn groups(files: &Files, replies: &Replies) -> Result<Groups, String> {
    let Some(file) = &files.unanswered else {
        return Err("unanswered messages are not kept; to keep them, write 'unanswered_file = unanswered.txt' under [bot]".into());
    };
    let text = unanswered::file::read(file)
        .map_err(|error| format!("cannot read unanswered messages in {}: {error}", file.display()))?;
    Ok(Groups::of(&text, replies).open(replies))
}

/// What is shown of a reply in a list, which would otherwise be many times as long as the file.
fn beginning(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

fn group(group: &Group) -> Value {
    json!({ "sentence": group.sentence, "count": group.count, "last": group.last.to_string(), "notes": group.notes })
}

pub(super) fn answer(replies: &Replies, text: &str) -> Value {
    let why = replies.explain(text).to_string();
    json!({ "kind": "answer", "text": replies.answer(text).text().as_str(), "why": why })
}

/// A change before it is made: its lines, and what else it would change.
pub(super) fn proposal(
    files: &Files,
    question: &str,
    revision: &str,
    now: &Replies,
    change: &Result<Proposal, String>,
) -> Value {
    let document = json!({ "kind": "proposal", "question": question, "revision": revision });
    with_members(
        document,
        match change {
            Err(why) => json!({ "phrase": null, "lines": [], "warnings": [], "changes": [], "why": why }),
            Ok(change) => json!({
                "phrase": change.phrase,
                "lines": change.lines.iter().map(line).collect::<Vec<_>>(),
                "warnings": change.warnings,
                "changes": changes(files, question, now, &change.replies),
                "why": null,
            }),
        },
    )
}

fn with_members(mut document: Value, more: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (document.as_object_mut(), more) {
        members.extend(more);
    }
    document
}

fn line(line: &Line) -> Value {
    json!({ "line": line.number, "sign": if line.is_new { "+" } else { "-" }, "text": line.text })
}

/// The sentences of `[tests]` and the questions kept last that would get another answer than now.
fn changes(files: &Files, question: &str, now: &Replies, new: &Replies) -> Vec<Value> {
    let kept: Vec<Group> = groups(files, now)
        .map(|groups| groups.unanswered.into_iter().chain(groups.guesses).collect())
        .unwrap_or_default();
    let kept = kept.iter().map(|group| &*group.sentence).take(MAX_TRIED);
    let mut seen = HashSet::from([now.explain(question).normalised]);
    now.test_sentences()
        .take(MAX_TRIED)
        .chain(kept)
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

pub(super) fn file(file: &RepliesFile<'_>, content: &Content) -> Value {
    let versions = file.versions().list().into_iter();
    let versions = versions.map(|(name, at)| json!({ "version": name, "at": at.to_string() }));
    json!({
        "kind": "file",
        "name": file.name(),
        "text": content.text,
        "revision": content.revision,
        "versions": versions.collect::<Vec<_>>(),
    })
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
    json!({ "kind": "checked", "errors": located(errors), "warnings": located(warnings), "failures": located(failures) })
}
