//! Keeps messages that no reply answers, on a thread of its own: a session never waits for the disk.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::{Timestamp, Unit};

use crate::{escape::Escaped, failure::Failure};

/// Messages that wait for the disk; more are dropped.
const WAITING: usize = 1024;
/// What is kept of a message.
const MAX_CHARS: usize = 200;
/// Past this size the file is renamed, and the one before it goes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Takes messages for the file that is set.
#[derive(Clone)]
pub(crate) struct Unanswered {
    messages: Sender<String>,
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
        let writer = writer.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        Ok((Unanswered { messages, file }, writer))
    }

    /// Where messages go from now on; `None` is nowhere.
    pub(crate) fn set_file(&self, file: Option<PathBuf>) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
    }

    /// Keeps a message, unless too many are waiting.
    pub(crate) fn keep(&self, message: &str) {
        let short: String = message.chars().take(MAX_CHARS).collect();
        let _ = self.messages.try_send(short);
    }
}

/// The name of the file before this one.
pub(crate) fn rotated(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

fn write_messages(waiting: &Receiver<String>, file: &Mutex<Option<PathBuf>>) {
    let mut is_failing = false;
    for message in waiting {
        let Some(file) = file.lock().unwrap_or_else(PoisonError::into_inner).clone() else { continue };
        let written = append(&file, &message);
        // A full disk is told once, not for every message.
        if let (Err(error), false) = (&written, is_failing) {
            log::warn!("cannot keep unanswered messages in {}: {error}", file.display());
        }
        is_failing = written.is_err();
    }
}

fn append(file: &Path, message: &str) -> io::Result<()> {
    let mut out = OpenOptions::new().create(true).append(true).open(file)?;
    if out.metadata()?.len() >= MAX_FILE_BYTES {
        fs::rename(file, rotated(file))?;
        out = OpenOptions::new().create(true).append(true).open(file)?;
    }
    let time = Timestamp::now().round(Unit::Second).map_err(io::Error::other)?;
    out.write_all(format!("{time} {}\n", Escaped::for_log(message)).as_bytes())
}
