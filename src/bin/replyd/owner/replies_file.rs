//! The file of replies, as it is read and saved from the owner's page: checked before, replaced at once, and with earlier versions beside
//! it.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{
    fcntl::OFlag,
    unistd::{AccessFlags, access, geteuid},
};
use replyd::Replies;

use super::{Files, outline::Outline, versions::Versions};
use crate::kept_file::Replacement;

/// Size up to which a file can be changed here. One of 10,000 replies has less.
const MAX_BYTES: u64 = 1024 * 1024;
/// Failing tests of a text that are named; nobody corrects more in one go.
pub(super) const MAX_FAILURES: usize = 50;
const SECTIONS: [&str; 4] = ["replies", "smalltalk", "vars", "tests"];

/// What the file holds.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) text: String,
    /// Stands for exactly this text.
    pub(super) revision: String,
}

impl Content {
    pub(super) fn of(text: String) -> Content {
        Content { revision: revision(&text), text }
    }
}

/// What stands for a text. It is no protection against somebody who makes another one with the same on purpose: who may save can write
/// anything.
pub(super) fn revision(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}-{}", hasher.finish(), text.len())
}

/// Why a file was not saved.
#[derive(Debug)]
pub(super) enum Unsaved {
    /// A sentence that says what to change.
    Refused(String),
    /// It was changed by somebody else meanwhile.
    Changed(Content),
}

/// The file that the settings name, once it is clear that the page may touch it.
pub(super) struct RepliesFile<'a> {
    files: &'a Files,
    /// Its path without links.
    path: PathBuf,
    metadata: Metadata,
}

impl RepliesFile<'_> {
    /// # Errors
    ///
    /// A sentence about what to change: there is no such file, or it is one that a page must not touch.
    pub(super) fn of(files: &Files) -> Result<RepliesFile<'_>, String> {
        let named = files.replies.as_deref().ok_or(
            "the replies are in the file with the keys; move them to a file of their own, and write \
             'replies_file = replies.ini' under [bot]",
        )?;
        let path = named.canonicalize().map_err(|error| unreadable(named, &error))?;
        let (_, metadata) = open_own(&path, files)?;
        Ok(RepliesFile { files, path, metadata })
    }

    /// The file's name without its folder.
    pub(super) fn name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Why it cannot be changed from the page, if so.
    pub(super) fn read_only(&self) -> Option<String> {
        let (shown, folder) = (self.path.display(), self.folder());
        if self.metadata.len() > MAX_BYTES {
            return Some(format!("{shown} is over {} MiB; change it on the server", MAX_BYTES >> 20));
        }
        if self.metadata.uid() != geteuid().as_raw() {
            // What replaces it would belong to the server's user.
            return Some(format!(
                "{shown} belongs to another user than the server runs as; to change it from here, let the server own it, \
                 in a folder of its own such as /var/lib/replyd"
            ));
        }
        access(folder, AccessFlags::W_OK).err().map(|_| {
            format!(
                "the server may not write to {}; to change the file from here, put it into a folder of its own that the server may \
                 write to, such as /var/lib/replyd, and name it in replies_file",
                folder.display()
            )
        })
    }

    pub(super) fn read(&self) -> Result<Content, String> {
        // It may be another one by now: what was checked is what is read.
        let (file, _) = open_own(&self.path, self.files)?;
        text_of(file).map(Content::of).map_err(|error| unreadable(&self.path, &error))
    }

    /// Saves a text and returns the one before, unless the file is not the one any more that `revision` stands for, or the text has errors
    /// or tests that fail.
    pub(super) fn save(&self, text: &str, revision: &str, now: &Replies) -> Result<String, Unsaved> {
        if let Some(why) = self.read_only() {
            return Err(Unsaved::Refused(why));
        }
        check(text, &self.name(), now).map_err(Unsaved::Refused)?;
        let current = self.unchanged(revision)?;
        let failed = |error| self.unsaved(&error);
        // What replaces the file is on the disk as a whole then, and so is what is replaced: wherever a save ends, nothing is lost.
        let replacement = Replacement::write(&self.path, text).map_err(failed)?;
        self.versions().add(&current.text, &self.metadata).map_err(failed)?;
        // An editor may have saved it while this was written.
        self.unchanged(revision)?;
        replacement.put().map_err(failed)?;
        self.versions().prune();
        Ok(current.text)
    }

    /// The file as it is, if `revision` stands for it.
    fn unchanged(&self, revision: &str) -> Result<Content, Unsaved> {
        let current = self.read().map_err(Unsaved::Refused)?;
        if current.revision == revision { Ok(current) } else { Err(Unsaved::Changed(current)) }
    }

    pub(super) fn versions(&self) -> Versions {
        Versions::of(&self.path)
    }

    fn unsaved(&self, error: &io::Error) -> Unsaved {
        let shown = self.path.display();
        Unsaved::Refused(match error.kind() {
            // A container that mounts a single file.
            io::ErrorKind::ResourceBusy => format!(
                "{shown} cannot be replaced, since it is mounted on its own; mount the folder that holds it instead of the file"
            ),
            _ => format!("cannot save {shown}: {error}"),
        })
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }
}

/// Opens a file unless it is another one of the configuration, which may hold secrets.
fn open_own(path: &Path, files: &Files) -> Result<(File, Metadata), String> {
    let file = open(path).map_err(|error| unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    let is_same = |other: &Metadata| (other.dev(), other.ino()) == (metadata.dev(), metadata.ino());
    let same = files.others.iter().find(|other| fs::metadata(other).is_ok_and(|other| is_same(&other)));
    match same {
        Some(other) => {
            Err(format!("replies_file is the same file as {}; give it one of its own", other.display()))
        }
        None => Ok((file, metadata)),
    }
}

fn unreadable(file: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", file.display())
}

/// Opens a regular file, without waiting for anything else.
fn open(file: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(file)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("this is not a regular file")) }
}

/// The text of a file of replies, of bounded size. A link may have been bent to any other file, which is not to be shown.
fn text_of(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is over {} MiB; change it on the server", MAX_BYTES >> 20)));
    }
    if is_of_replies(&text) {
        return Ok(text);
    }
    Err(io::Error::other(
        "this is not a file of replies, which has the sections [replies], [smalltalk], [vars] and [tests] only; correct it on the server",
    ))
}

/// Whether a text could be one of replies, with or without mistakes.
fn is_of_replies(text: &str) -> bool {
    let outline = Outline::of(text);
    let mut names = outline.sections().map(|(_, name)| name).peekable();
    (names.peek().is_some() || text.trim().is_empty()) && names.all(|name| SECTIONS.contains(&name))
}

/// The text of an earlier version.
pub(super) fn read(file: &Path) -> io::Result<String> {
    open(file).and_then(text_of)
}

/// Refuses a text that a running server would refuse: with mistakes, or with tests that fail.
fn check(text: &str, name: &str, now: &Replies) -> Result<(), String> {
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("this is over {} MiB", MAX_BYTES >> 20));
    }
    let replies = Replies::parse_file(text, name).map_err(|error| error.to_string())?.with_options_of(now);
    match &replies.failures()[..] {
        [] => Ok(()),
        failures => Err(failures[..failures.len().min(MAX_FAILURES)].join("\n")),
    }
}
