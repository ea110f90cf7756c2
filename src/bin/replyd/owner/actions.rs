//! What a page asks for, and what it is sent, in JSON. The script `owner.js` has the other side of both.

use std::collections::HashMap;

use replyd::{Replies, Session};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    addition::{self, AnswerBy, Proposal},
    documents,
    replies_file::{RepliesFile, SaveError},
    replies_text::{Content, revision},
    shared::{Owner, OwnerFiles},
};
use crate::{
    console::{Escaped, OWNER},
    lock::lock,
};

/// Limit on a text that comes in parts; a file that can be changed here is not longer.
const MAX_JOINED_BYTES: usize = 2 * 1024 * 1024;
const INCOMPLETE: &str = "the text is too long, or did not arrive as a whole; change the file on the server";

/// What a page asks for. `Check` and `Save` are about the text that came before in parts.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum PageRequest {
    Statistics { since: String },
    Questions,
    Ask { text: String },
    Propose(Addition),
    Apply(Addition),
    File,
    Part { text: String },
    Check,
    Save { revision: String },
    Version { version: String },
    Restore { version: String, revision: String },
}

/// An answer to a question: a new reply, or the name of one.
#[derive(Deserialize)]
struct Addition {
    question: String,
    phrase: Option<String>,
    reply: Option<String>,
    to: Option<String>,
    #[serde(default)]
    revision: String,
}

/// What a page is sent.
#[derive(Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum PageMessage {
    /// The members of [`documents::now`] that have changed.
    Now(Value),
    Notices(Value),
    Statistics(Value),
    Questions(Value),
    Answer(Value),
    Proposal(Value),
    Applied(Value),
    File(Value),
    Version(Value),
    Checked(Value),
    Saved(Value),
    /// Nothing was changed. If that is because the file has changed, this has its text.
    Refused(Value),
    Failed(Value),
}

/// Responds to the requests of one page.
pub(super) struct Responder<'a> {
    owner: &'a Owner,
    /// The parts of a text so far. `None` if one of them failed: then the text is incomplete.
    joined: Option<String>,
    pub(super) wants_questions: bool,
}

impl Responder<'_> {
    pub(super) fn new(owner: &Owner) -> Responder<'_> {
        Responder { owner, joined: Some(String::new()), wants_questions: false }
    }

    pub(super) fn respond(&mut self, session: &Session, text: &str) -> Option<PageMessage> {
        match serde_json::from_str(text) {
            Ok(request) => self.answer(session, request),
            Err(error) => {
                // It may have been a part.
                self.joined = None;
                Some(failed(&error.to_string()))
            }
        }
    }

    fn answer(&mut self, session: &Session, request: PageRequest) -> Option<PageMessage> {
        let files = self.owner.files();
        let replies = &session.config().replies;
        Some(match request {
            PageRequest::Statistics { since } => {
                PageMessage::Statistics(documents::statistics(&files, &since, replies))
            }
            PageRequest::Questions => {
                self.wants_questions = true;
                PageMessage::Questions(documents::questions(&files, replies))
            }
            PageRequest::Ask { text } => PageMessage::Answer(documents::answer(replies, &text)),
            PageRequest::Propose(addition) => PageMessage::Proposal(proposal(&files, &addition, replies)),
            PageRequest::Apply(addition) => self.apply(session, &files, &addition),
            PageRequest::File => PageMessage::File(documents::file(&files)),
            PageRequest::Part { text } => {
                let joined =
                    self.joined.take().filter(|joined| joined.len() + text.len() <= MAX_JOINED_BYTES);
                self.joined = joined.map(|joined| joined + &text);
                return None;
            }
            PageRequest::Check => match self.take_joined() {
                Some(text) => PageMessage::Checked(documents::checked(&text, replies)),
                None => failed(INCOMPLETE),
            },
            PageRequest::Save { revision } => match self.take_joined() {
                Some(text) => self.save(session, "save", &text, &revision),
                None => refused("save", INCOMPLETE, None),
            },
            PageRequest::Version { version } => match version_of(&files, &version) {
                Ok(text) => PageMessage::Version(json!({ "version": version, "text": text })),
                Err(why) => refused("restore", &why, None),
            },
            PageRequest::Restore { version, revision } => match version_of(&files, &version) {
                Ok(text) => self.save(session, "restore", &text, &revision),
                Err(why) => refused("restore", &why, None),
            },
        })
    }

    /// Ends the transfer of a text.
    fn take_joined(&mut self) -> Option<String> {
        self.joined.replace(String::new())
    }

    /// Adds an answer to the file as it is now, if that is what was proposed.
    fn apply(&self, session: &Session, files: &OwnerFiles, addition: &Addition) -> PageMessage {
        match propose(files, addition, &session.config().replies) {
            Ok((content, Ok(change))) if content.revision == addition.revision => {
                match self.save(session, "apply", &change.text, &content.revision) {
                    PageMessage::Saved(_) => PageMessage::Applied(json!({ "question": addition.question })),
                    refused => refused,
                }
            }
            Ok((content, Ok(_))) => {
                refused("apply", "the file has changed meanwhile; look at the preview again", Some(content))
            }
            Ok((_, Err(why))) | Err(why) => refused("apply", &why, None),
        }
    }

    /// Saves a text, one page at a time, and logs who has changed how much, or why not.
    fn save(&self, session: &Session, what: &str, text: &str, revision_before: &str) -> PageMessage {
        let _saving = lock(&self.owner.saving);
        let caller = Escaped::for_log(session.caller().unwrap_or_default());
        let (why, current) = match saved(session, &self.owner.files(), text, revision_before) {
            Ok((name, before)) => {
                let (lines_added, lines_removed) = changed_lines(&before, text);
                self.owner.file_saved();
                log::info!("{caller} changed {name}: +{lines_added} -{lines_removed} lines {session}");
                return PageMessage::Saved(json!({
                    "what": what,
                    "revision": revision(text),
                    "lines_added": lines_added,
                    "lines_removed": lines_removed,
                }));
            }
            Err(SaveError::Refused(why)) => (why, None),
            Err(SaveError::Changed(content)) => {
                ("the file has been changed by somebody else meanwhile".to_owned(), Some(content))
            }
        };
        log::warn!("{caller} could not change the file of replies: {} {session}", Escaped::for_log(&why));
        refused(what, &why, current)
    }
}

/// Saves a text, and returns the name of the file with its previous text.
fn saved(
    session: &Session,
    files: &OwnerFiles,
    text: &str,
    revision: &str,
) -> Result<(String, String), SaveError> {
    // The key may have been withdrawn while another page was saving.
    if session.role() != Some(OWNER) {
        return Err(SaveError::Refused("this key is no longer an owner's".into()));
    }
    let file = RepliesFile::open(files).map_err(SaveError::Refused)?;
    let before = file.save(text, revision, &session.config().replies)?;
    Ok((file.name(), before))
}

fn version_of(files: &OwnerFiles, version: &str) -> Result<String, String> {
    RepliesFile::open(files)?.versions().read(version)
}

fn proposal(files: &OwnerFiles, addition: &Addition, replies: &Replies) -> Value {
    let (revision, change) = match propose(files, addition, replies) {
        Ok((content, change)) => (content.revision, change),
        Err(why) => (String::new(), Err(why)),
    };
    documents::proposal(files, &addition.question, &revision, replies, &change)
}

/// What the answer to a question would change in the file as it is now.
type Proposed = (Content, Result<Proposal, String>);

fn propose(files: &OwnerFiles, addition: &Addition, replies: &Replies) -> Result<Proposed, String> {
    let answer = match (&addition.reply, &addition.to) {
        (Some(text), None) => AnswerBy::Text(text),
        (None, Some(name)) => AnswerBy::Reply(name),
        _ => return Err("either a new reply or the name of one is needed".into()),
    };
    let file = RepliesFile::open(files)?;
    let content = file.read()?;
    let name = file.name();
    // The server may not have read its file again yet.
    let now = Replies::parse_file(&content.text, &name)
        .map_err(|error| format!("the file has mistakes; correct them first: {error}"))?
        .with_options_of(replies);
    let asked = (addition.question.trim(), addition.phrase.as_deref());
    let change = addition::propose(&content.text, &name, &now, asked, &answer);
    Ok((content, change))
}

fn failed(why: &str) -> PageMessage {
    PageMessage::Failed(json!({ "why": why }))
}

fn refused(what: &str, why: &str, current: Option<Content>) -> PageMessage {
    let (text, revision) = current.map(|content| (content.text, content.revision)).unzip();
    PageMessage::Refused(json!({ "what": what, "why": why, "text": text, "revision": revision }))
}

/// The numbers of lines that a change adds and removes.
fn changed_lines(before: &str, after: &str) -> (u64, u64) {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    after.lines().for_each(|line| *counts.entry(line).or_default() += 1);
    before.lines().for_each(|line| *counts.entry(line).or_default() -= 1);
    counts.values().fold((0, 0), |(added, removed), count| match count {
        0.. => (added + count.unsigned_abs(), removed),
        _ => (added, removed + count.unsigned_abs()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names that are valid, which serde lists in its error for another one.
    fn names(error: Option<serde_json::Error>) -> BTreeSet<String> {
        error.unwrap().to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_script_knows_all_requests_and_messages() {
        let script = include_str!("owner.js");
        let asked = script.split("do: \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        let requests = serde_json::from_str::<PageRequest>(r#"{"do":""}"#);
        assert_eq!(names(requests.err()), asked.collect());

        let receivers = script.split("const receivers = {\n").nth(1).unwrap().split("\n};").next().unwrap();
        let received = receivers.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
        let received = received.map(|(kind, _)| kind.to_owned()).filter(|kind| !kind.starts_with(' '));
        let messages = serde_json::from_str::<PageMessage>(r#"{"kind":""}"#);
        assert_eq!(names(messages.err()), received.collect());
    }
}
