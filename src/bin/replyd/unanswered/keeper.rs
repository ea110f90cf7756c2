//! Keeps messages that no phrase answers in a file. A thread of its own writes it, so that a session never waits for the disk.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::{Timestamp, Unit};
use replyd::{Answer, Replies};

use super::{file, kept::Kept};
use crate::failure::Failure;

/// Number of messages that can wait for the disk; further ones are dropped.
const WAITING: usize = 1024;
/// Number of messages of one conversation that are kept in a minute. A person types fewer.
const MAX_A_MINUTE: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// A handle that passes messages to the thread that writes the file.
#[derive(Clone)]
pub(crate) struct Unanswered {
    /// `None` is a request to check the file.
    messages: Sender<Option<Kept>>,
    /// The current file, which a reload can change.
    file: Arc<Mutex<Option<PathBuf>>>,
}

impl Unanswered {
    /// Starts the thread; it ends when the last clone is dropped.
    pub(crate) fn start(file: Option<PathBuf>) -> Result<(Unanswered, JoinHandle<()>), Failure> {
        let (messages, waiting) = bounded(WAITING);
        let file = Arc::new(Mutex::new(file));
        let writer = thread::Builder::new().name("unanswered".into()).spawn({
            let file = Arc::clone(&file);
            move || write_messages(&waiting, &file)
        });
        let writer = writer.map_err(|error| {
            Failure::new(format!("cannot start a thread for unanswered messages: {error}"))
        })?;
        let unanswered = Unanswered { messages, file };
        unanswered.look_at_file();
        Ok((unanswered, writer))
    }

    /// Sets the file for messages from now on; with `None`, they are not kept.
    pub(crate) fn set_file(&self, file: Option<PathBuf>) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        self.look_at_file();
    }

    /// Has the thread check the file now, so that a problem is logged before the first message. If the channel is full, the
    /// waiting messages will show the problem anyway.
    fn look_at_file(&self) {
        let _ = self.messages.try_send(None);
    }

    /// Returns a function that keeps messages of one session that no phrase answers, up to `MAX_A_MINUTE`, so that no single
    /// client can fill the file.
    pub(crate) fn of_one_session(&self) -> impl FnMut(&str, &Answer<'_>) {
        let (mut minute, mut count) = (Instant::now(), 0);
        move |message, answer| {
            if minute.elapsed() >= MINUTE {
                (minute, count) = (Instant::now(), 0);
            }
            if count < MAX_A_MINUTE && Kept::of(message, answer).is_some_and(|kept| self.keep(kept)) {
                count += 1;
            }
        }
    }

    /// Keeps a message, unless it has no content or too many are waiting.
    fn keep(&self, kept: Kept) -> bool {
        Replies::has_words(&kept.message) && self.messages.try_send(Some(kept)).is_ok()
    }
}

/// Writes messages until every handle is dropped.
fn write_messages(waiting: &Receiver<Option<Kept>>, file: &Mutex<Option<PathBuf>>) {
    let mut is_failing = false;
    for message in waiting {
        let Some(path) = file.lock().unwrap_or_else(PoisonError::into_inner).clone() else { continue };
        let done = match &message {
            Some(kept) => file::append(&path, &line(kept)),
            None => file::open_to_append(&path).map(drop),
        };
        // A persistent problem, such as a full disk, is logged once and not for every message.
        if let Err(error) = &done
            && (!is_failing || message.is_none())
        {
            log::warn!("cannot keep unanswered messages in {}: {error}", path.display());
        }
        is_failing = done.is_err();
    }
}

/// The line of a message that came now.
fn line(kept: &Kept) -> String {
    let now = Timestamp::now();
    // A time of the present can be rounded.
    format!("{} {kept}\n", now.round(Unit::Second).unwrap_or(now))
}
