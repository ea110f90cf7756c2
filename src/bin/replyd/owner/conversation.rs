//! The conversation with an owner's page: what it asks for, in JSON, and what changes meanwhile.

use std::{sync::atomic::Ordering, time::Instant};

use replyd::{Event, HandlerResult, Session};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    INTERVAL, Owner,
    addition::{Answer, Proposal, propose},
    lock,
    replies_file::{self, Content, RepliesFile, Unsaved},
    views,
};
use crate::{escape::Escaped, settings::OWNER};

/// Limit on a text that comes in parts; a file that can be changed here is no longer.
const MAX_JOINED_BYTES: usize = 2 * 1024 * 1024;
const NOT_WHOLE: &str = "the text is too long, or did not arrive as a whole; change the file on the server";

/// What a page asks for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wish {
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

#[derive(Deserialize)]
struct Addition {
    question: String,
    phrase: Option<String>,
    reply: Option<String>,
    to: Option<String>,
    #[serde(default)]
    revision: String,
}

impl Addition {
    fn answer(&self) -> Result<Answer<'_>, String> {
        match (&self.reply, &self.to) {
            (Some(text), None) => Ok(Answer::Text(text)),
            (None, Some(name)) => Ok(Answer::Reply(name)),
            _ => Err("either a new reply or the name of one is needed".into()),
        }
    }
}

/// Talks with an owner's page until it is closed. The library ends the session when its key is taken back.
pub(crate) fn converse(session: &mut Session, owner: &Owner) -> HandlerResult {
    let _watcher = Watcher::new(owner, session)?;
    let mut page =
        Page { owner, joined: Some(String::new()), shown: Value::Null, version: 0, wants_questions: false };
    let mut due = Instant::now();
    loop {
        match session.next_by(due)? {
            None => return Ok(()),
            Some(Event::Timeout | Event::Woken) => {
                page.show_changes(session)?;
                due = Instant::now() + INTERVAL;
            }
            // What has been read already may be answered before the library ends the session.
            Some(Event::Text(_)) if session.role() != Some(OWNER) => {
                return Ok(session.close(1008, "the key was withdrawn")?);
            }
            Some(Event::Text(text)) => {
                if let Some(answer) = page.respond(session, &text) {
                    session.send(answer.to_string())?;
                }
            }
            Some(_) => {}
        }
    }
}

/// A page that is open, and is woken after a reload.
struct Watcher<'a> {
    owner: &'a Owner,
    number: u64,
}

impl Watcher<'_> {
    fn new<'a>(owner: &'a Owner, session: &mut Session) -> Result<Watcher<'a>, replyd::Error> {
        let number = session.number();
        let waker = session.waker()?;
        lock(&owner.watchers).insert(number, waker);
        Ok(Watcher { owner, number })
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        lock(&self.owner.watchers).remove(&self.number);
    }
}

struct Page<'a> {
    owner: &'a Owner,
    /// The parts of a text so far. `None` if one of them failed: the text is not whole, however it goes on.
    joined: Option<String>,
    /// The present as it was shown last.
    shown: Value,
    /// The reload that it knows.
    version: u64,
    wants_questions: bool,
}

impl Page<'_> {
    /// Sends what has changed since it was last sent.
    fn show_changes(&mut self, session: &mut Session) -> HandlerResult {
        let now = views::now(self.owner, session.config());
        if let Some(changed) = views::changed(&self.shown, &now) {
            session.send(changed.to_string())?;
            self.shown = now;
        }
        let (version, notices, files) = {
            let state = self.owner.state();
            (state.version, state.notices.clone(), state.files.clone())
        };
        if version != self.version {
            self.version = version;
            session.send(views::notices(&notices).to_string())?;
            if self.wants_questions {
                session.send(views::questions(&files, &session.config().replies).to_string())?;
            }
        }
        Ok(())
    }

    fn respond(&mut self, session: &Session, text: &str) -> Option<Value> {
        let wish = match serde_json::from_str(text) {
            Ok(wish) => wish,
            Err(error) => {
                // It may have been a part.
                self.joined = None;
                return Some(failed(&error.to_string()));
            }
        };
        let files = self.owner.state().files.clone();
        let replies = &session.config().replies;
        Some(match wish {
            Wish::Statistics { since } => views::statistics(&files, &since, replies),
            Wish::Questions => {
                self.wants_questions = true;
                views::questions(&files, replies)
            }
            Wish::Ask { text } => views::answer(replies, &text),
            Wish::Propose(addition) => match propose_in(&files, &addition, session) {
                Ok((content, change)) => {
                    views::proposal(&files, &addition.question, &content.revision, replies, &change)
                }
                Err(why) => views::proposal(&files, &addition.question, "", replies, &Err(why)),
            },
            Wish::Apply(addition) => self.apply(session, &files, &addition),
            Wish::File => match RepliesFile::of(&files).and_then(|file| Ok((file.read()?, file))) {
                Ok((content, file)) => views::file(&file, &content),
                Err(why) => json!({ "kind": "file", "why": why }),
            },
            Wish::Part { text } => {
                let joined =
                    self.joined.take().filter(|joined| joined.len() + text.len() <= MAX_JOINED_BYTES);
                self.joined = joined.map(|joined| joined + &text);
                return None;
            }
            Wish::Check => match self.take_joined() {
                Some(text) => views::checked(&text, replies),
                None => failed(NOT_WHOLE),
            },
            Wish::Save { revision } => match self.take_joined() {
                Some(text) => self.save(session, "save", &text, &revision),
                None => refused("save", NOT_WHOLE, None),
            },
            Wish::Version { version } => match version_of(&files, &version) {
                Ok(text) => json!({ "kind": "version", "version": version, "text": text }),
                Err(why) => refused("restore", &why, None),
            },
            Wish::Restore { version, revision } => match version_of(&files, &version) {
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
    fn apply(&self, session: &Session, files: &super::Files, addition: &Addition) -> Value {
        match propose_in(files, addition, session) {
            Ok((content, Ok(change))) if content.revision == addition.revision => {
                match self.save(session, "apply", &change.text, &content.revision) {
                    saved if saved["kind"] == "saved" => {
                        json!({ "kind": "applied", "question": addition.question })
                    }
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
    fn save(&self, session: &Session, what: &str, text: &str, revision: &str) -> Value {
        let _alone = lock(&self.owner.saving);
        let files = self.owner.state().files.clone();
        let caller = Escaped::for_log(session.caller().unwrap_or_default());
        let (why, present) = match saved(session, &files, text, revision) {
            Ok((name, before)) => {
                let (added, removed) = (lines_without(text, &before), lines_without(&before, text));
                self.owner.is_saved.store(true, Ordering::Relaxed);
                log::info!("{caller} changed {name}: +{added} -{removed} lines {session}");
                return json!({ "kind": "saved", "what": what, "revision": replies_file::revision(text), "lines_added": added, "lines_removed": removed });
            }
            Err(Unsaved::Refused(why)) => (why, None),
            Err(Unsaved::Changed(content)) => {
                ("the file has been changed by somebody else meanwhile".to_owned(), Some(content))
            }
        };
        log::warn!("{caller} could not change the file of replies: {} {session}", Escaped::for_log(&why));
        refused(what, &why, present)
    }
}

/// Saves a text, and returns the name of the file with its text of before.
fn saved(
    session: &Session,
    files: &super::Files,
    text: &str,
    revision: &str,
) -> Result<(String, String), Unsaved> {
    // The key may have been withdrawn while another page was saving.
    if session.role() != Some(OWNER) {
        return Err(Unsaved::Refused("this key is not an owner's any more".into()));
    }
    let file = RepliesFile::of(files).map_err(Unsaved::Refused)?;
    let before = file.save(text, revision, &session.config().replies)?;
    Ok((file.name(), before))
}

fn version_of(files: &super::Files, version: &str) -> Result<String, String> {
    RepliesFile::of(files)?.versions().read(version)
}

/// What the answer to a question would change in the file as it is now.
type Proposed = (Content, Result<Proposal, String>);

fn propose_in(files: &super::Files, addition: &Addition, session: &Session) -> Result<Proposed, String> {
    let answer = addition.answer()?;
    let file = RepliesFile::of(files)?;
    let content = file.read()?;
    let name = file.name();
    // The server may not have read its file again yet.
    let now = replyd::Replies::parse_file(&content.text, &name)
        .map_err(|error| format!("the file has mistakes; correct them first: {error}"))?
        .with_options_of(&session.config().replies);
    let asked = (addition.question.trim(), addition.phrase.as_deref());
    let change = propose(&content.text, &name, &now, asked, &answer);
    Ok((content, change))
}

fn failed(why: &str) -> Value {
    json!({ "kind": "failed", "why": why })
}

fn refused(what: &str, why: &str, present: Option<Content>) -> Value {
    let (text, revision) = present.map(|content| (content.text, content.revision)).unzip();
    json!({ "kind": "refused", "what": what, "why": why, "text": text, "revision": revision })
}

/// The number of lines of a text that another one does not have.
fn lines_without(text: &str, other: &str) -> usize {
    let mut rest: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    other.lines().for_each(|line| *rest.entry(line).or_default() += 1);
    let is_new = |line: &&str| match rest.get_mut(*line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    text.lines().filter(is_new).count()
}
