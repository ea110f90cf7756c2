//! Keeps messages that no reply answers, on a thread of its own: a session never waits for the disk.

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

/// Messages that wait for the disk; more are dropped.
const WAITING: usize = 1024;
/// What is kept of a message.
const MAX_CHARS: usize = 200;
/// Messages of one conversation that are kept in a minute. Who asks that much does not type.
const MAX_A_MINUTE: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);
/// Past this size the file is renamed, and the one before it goes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// A file that others write into, too, may be larger.
const MAX_READ_BYTES: u64 = 16 * MAX_FILE_BYTES;

/// Takes messages for the file that is set.
#[derive(Clone)]
pub(crate) struct Unanswered {
    /// `None` asks for a look at the file.
    messages: Sender<Option<String>>,
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
        let unanswered = Unanswered { messages, file };
        unanswered.look_at_file();
        Ok((unanswered, writer))
    }

    /// Where messages go from now on; `None` is nowhere.
    pub(crate) fn set_file(&self, file: Option<PathBuf>) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
        self.look_at_file();
    }

    /// Has the thread say whether the file cannot be used, before there is a message for it. Where many are waiting, they show it.
    fn look_at_file(&self) {
        let _ = self.messages.try_send(None);
    }

    /// Keeps what one conversation cannot answer, a number of messages a minute: nobody alone can fill the file.
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

    /// Keeps a message that says something, unless too many are waiting.
    fn keep(&self, message: &str) -> bool {
        let short: String = message.chars().take(MAX_CHARS).collect();
        says_something(&short) && self.messages.try_send(Some(short)).is_ok()
    }
}

/// Whether there is a letter, a digit or an emoji.
fn says_something(message: &str) -> bool {
    message.chars().any(|char| char.is_alphanumeric() || is_emoji(char))
}

/// The blocks in which emoji are, but for those of punctuation (emoji-data.txt of Unicode).
fn is_emoji(char: char) -> bool {
    matches!(char,
        '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23fa}' | '\u{25aa}'..='\u{27bf}' | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b55}' | '\u{1f000}'..='\u{1faff}')
}

/// The name of the file before this one.
pub(crate) fn rotated(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

/// Why a file cannot be used, as far as that shows without opening it.
pub(crate) fn fault(file: &Path) -> Option<io::Error> {
    fs::metadata(file).ok().and_then(|metadata| check_kind(&metadata).err())
}

/// What is kept in a file; nothing where there is none.
pub(crate) fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    match open(file, OpenOptions::new().read(true)) {
        Ok(file) => file.take(MAX_READ_BYTES).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The file itself, where it is named by a link: what is renamed lies beside it.
pub(crate) fn real(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

fn write_messages(waiting: &Receiver<Option<String>>, file: &Mutex<Option<PathBuf>>) {
    let mut is_failing = false;
    for message in waiting {
        let Some(file) = file.lock().unwrap_or_else(PoisonError::into_inner).clone() else { continue };
        let done = match &message {
            Some(message) => append(&file, message),
            None => open_to_append(&file).map(drop),
        };
        // A full disk is told once, not for every message.
        if let Err(error) = &done
            && (!is_failing || message.is_none())
        {
            log::warn!("cannot keep unanswered messages in {}: {error}", file.display());
        }
        is_failing = done.is_err();
    }
}

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

/// What customers ask is for the owner alone to read.
fn open_to_append(file: &Path) -> io::Result<File> {
    open(file, OpenOptions::new().create(true).append(true).mode(0o600))
}

/// Opens a regular file; a pipe would wait for its other end, and a device may do anything when it is opened.
fn open(file: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if let Ok(metadata) = fs::metadata(file) {
        check_kind(&metadata)?;
    }
    let file = options.custom_flags(OFlag::O_NONBLOCK.bits()).open(file)?;
    // Another may have taken its place in between.
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
