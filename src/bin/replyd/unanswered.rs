//! Keeps messages that no reply answers in a file. A thread of its own writes it, so that a session never waits for the disk.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::{Timestamp, Unit};
use nix::fcntl::OFlag;

use crate::{escape::Escaped, failure::Failure};

/// Number of messages that can wait for the disk; further ones are dropped.
const WAITING: usize = 1024;
/// Length to which a message is cut.
const MAX_CHARS: usize = 200;
/// Number of messages of one conversation that are kept in a minute. A person types fewer.
const MAX_A_MINUTE: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// Size at which the file is renamed, replacing the one renamed before.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Size up to which a file is read. Other programs may write to it, so it can be larger than `MAX_FILE_BYTES`.
const MAX_READ_BYTES: u64 = 16 * MAX_FILE_BYTES;

/// A handle that passes messages to the thread that writes the file.
#[derive(Clone)]
pub(crate) struct Unanswered {
    /// `None` is a request to check the file.
    messages: Sender<Option<String>>,
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

    /// Returns a function that keeps messages of one session, up to `MAX_A_MINUTE`, so that no single client can fill the file.
    pub(crate) fn of_one_session(&self) -> impl FnMut(&str) {
        let (mut minute, mut kept) = (Instant::now(), 0);
        move |message| {
            if minute.elapsed() >= MINUTE {
                (minute, kept) = (Instant::now(), 0);
            }
            if kept < MAX_A_MINUTE && self.keep(message) {
                kept += 1;
            }
        }
    }

    /// Keeps a message, unless it has no content or too many are waiting.
    fn keep(&self, message: &str) -> bool {
        let short: String = message.chars().take(MAX_CHARS).collect();
        has_content(&short) && self.messages.try_send(Some(short)).is_ok()
    }
}

/// Whether a message has a letter, a digit or an emoji.
fn has_content(message: &str) -> bool {
    message.chars().any(|char| char.is_alphanumeric() || is_emoji(char))
}

/// Whether a character is in a block with emoji, except blocks of punctuation (Unicode's emoji-data.txt).
fn is_emoji(char: char) -> bool {
    matches!(char,
        '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23fa}' | '\u{25aa}'..='\u{27bf}' | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b55}' | '\u{1f000}'..='\u{1faff}')
}

/// The name that a full file is renamed to.
pub(crate) fn rotated(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Why a file cannot be used, as far as its metadata shows.
pub(crate) fn fault(file: &Path) -> Option<io::Error> {
    fs::metadata(file).ok().and_then(|metadata| check_kind(&metadata).err())
}

/// The content of a file; empty if it does not exist.
pub(crate) fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    match open(file, OpenOptions::new().read(true)) {
        Ok(file) => file.take(MAX_READ_BYTES).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The path with links resolved, so that a full file is renamed in its own folder and the link stays.
pub(crate) fn real(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

/// Writes messages until every handle is dropped.
fn write_messages(waiting: &Receiver<Option<String>>, file: &Mutex<Option<PathBuf>>) {
    let mut is_failing = false;
    for message in waiting {
        let Some(file) = file.lock().unwrap_or_else(PoisonError::into_inner).clone() else { continue };
        let done = match &message {
            Some(message) => append(&file, message),
            None => open_to_append(&file).map(drop),
        };
        // A persistent problem, such as a full disk, is logged once and not for every message.
        if let Err(error) = &done
            && (!is_failing || message.is_none())
        {
            log::warn!("cannot keep unanswered messages in {}: {error}", file.display());
        }
        is_failing = done.is_err();
    }
}

/// Appends a line with the time and the message, after renaming a full file.
fn append(file: &Path, message: &str) -> io::Result<()> {
    let mut out = open_to_append(file)?;
    if out.metadata()?.len() >= MAX_FILE_BYTES {
        let real = real(file);
        fs::rename(&real, rotated(&real))?;
        out = open_to_append(&real)?;
    }
    let time = Timestamp::now().round(Unit::Second).map_err(io::Error::other)?;
    out.write_all(format!("{time} {}\n", Escaped::for_log(message)).as_bytes())
}

/// Opens the file for appending. What customers ask is private, so only the owner can read a new file.
fn open_to_append(file: &Path) -> io::Result<File> {
    open(file, OpenOptions::new().create(true).append(true).mode(0o600))
}

/// Opens a regular file, and nothing else: opening a named pipe waits for its other end, and opening a device may have effects.
fn open(file: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if let Ok(metadata) = fs::metadata(file) {
        check_kind(&metadata)?;
    }
    let file = options.custom_flags(OFlag::O_NONBLOCK.bits()).open(file)?;
    // The file may have been replaced since the first check.
    check_kind(&file.metadata()?)?;
    Ok(file)
}

fn check_kind(metadata: &Metadata) -> io::Result<()> {
    match metadata.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(io::Error::other("this is a folder; name a file")),
        _ => Err(io::Error::other("this is not a regular file; name a file")),
    }
}
