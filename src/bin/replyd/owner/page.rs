//! The conversation with an owner's page: its requests, and what changes meanwhile.

use std::time::Instant;

use replyd::{Event, HandlerResult, Session};
use serde_json::Value;

use super::{
    actions::{PageMessage, Responder},
    documents,
    shared::{INTERVAL, Owner},
};
use crate::{console::OWNER, lock::lock};

/// Talks with an owner's page until it is closed. The library ends the session when its key is withdrawn.
pub(crate) fn converse(session: &mut Session, owner: &Owner) -> HandlerResult {
    let _watcher = Watcher::new(owner, session)?;
    let mut responder = Responder::new(owner);
    let mut view = PageView { now: Value::Null, version: 0 };
    let mut due = Instant::now();
    loop {
        match session.next_by(due)? {
            None => return Ok(()),
            Some(Event::Timeout | Event::Woken) => {
                view.update(session, owner, responder.wants_questions)?;
                due = Instant::now() + INTERVAL;
            }
            // What has been read already may be answered before the library ends the session.
            Some(Event::Text(_)) if session.role() != Some(OWNER) => {
                return Ok(session.close(1008, "the key was withdrawn")?);
            }
            Some(Event::Text(text)) => {
                if let Some(message) = responder.respond(session, &text) {
                    send(session, &message)?;
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

/// What a page shows.
struct PageView {
    now: Value,
    /// The reload that it knows.
    version: u64,
}

impl PageView {
    /// Sends what has changed since it was last sent.
    fn update(&mut self, session: &mut Session, owner: &Owner, with_questions: bool) -> HandlerResult {
        let now = documents::now(owner, session.config());
        if let Some(changed) = documents::changed(&self.now, &now) {
            send(session, &PageMessage::Now(changed))?;
            self.now = now;
        }
        let (version, notices, files) = {
            let status = owner.status();
            (status.version, status.notices.clone(), status.files.clone())
        };
        if version != self.version {
            self.version = version;
            send(session, &PageMessage::Notices(documents::notices(&notices)))?;
            if with_questions {
                let questions = documents::questions(&files, &session.config().replies);
                send(session, &PageMessage::Questions(questions))?;
            }
        }
        Ok(())
    }
}

fn send(session: &mut Session, message: &PageMessage) -> HandlerResult {
    // As a document, its members are sorted by name.
    Ok(session.send(serde_json::to_value(message)?.to_string())?)
}
