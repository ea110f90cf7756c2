//! The file of replies, as it is read and saved from the owner's page: checked before, replaced at once, and with its last versions beside
//! it.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use nix::{
    fcntl::OFlag,
    unistd::{AccessFlags, access, geteuid},
};
use replyd::Replies;

use super::Files;
use crate::kept_file;

/// Size up to which a file can be changed here. One of 10,000 replies has less.
const MAX_BYTES: u64 = 1024 * 1024;
/// Failing tests of a text that are named; nobody corrects more in one go.
pub(super) const MAX_FAILURES: usize = 50;
/// Versions that are kept.
const VERSIONS: u32 = 9;
/// Suffixes of files that are there only while a save is under way: what replaces the file, what is replaced, and a part of that.
const NEW: &str = ".new";
const OLD: &str = ".old";
const PART: &str = ".part";

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
pub(super) struct RepliesFile {
    /// Its path without links.
    path: PathBuf,
    metadata: Metadata,
}

impl RepliesFile {
    /// # Errors
    ///
    /// A sentence about what to change: there is no such file, or it is one that a page must not touch.
    pub(super) fn of(files: &Files) -> Result<RepliesFile, String> {
        let named = files.replies.as_deref().ok_or(
            "the replies are in the file with the keys; move them to a file of their own, and write \
             'replies_file = replies.ini' under [bot]",
        )?;
        let unreadable = |error| format!("cannot read {}: {error}", named.display());
        let path = named.canonicalize().map_err(unreadable)?;
        let metadata = fs::metadata(&path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(format!("{} is not a regular file", path.display()));
        }
        let same = files.others.iter().find(|other| {
            fs::metadata(other)
                .is_ok_and(|other| (other.dev(), other.ino()) == (metadata.dev(), metadata.ino()))
        });
        match same {
            Some(other) => {
                Err(format!("replies_file is the same file as {}; give it one of its own", other.display()))
            }
            None => Ok(RepliesFile { path, metadata }),
        }
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
        read(&self.path)
            .map(Content::of)
            .map_err(|error| format!("cannot read {}: {error}", self.path.display()))
    }

    /// Saves a text and returns the one before, unless the file is not the one any more that `revision` stands for, or the text has errors
    /// or tests that fail.
    pub(super) fn save(&self, text: &str, revision: &str, now: &Replies) -> Result<String, Unsaved> {
        if let Some(why) = self.read_only() {
            return Err(Unsaved::Refused(why));
        }
        check(text, &self.name(), now).map_err(Unsaved::Refused)?;
        let current = self.unchanged(revision)?;
        self.write_beside(text, &current.text).map_err(|error| self.unsaved(&error))?;
        // An editor may have saved it while this was written.
        let replaced = self
            .unchanged(revision)
            .and_then(|_| fs::rename(self.beside(NEW), &self.path).map_err(|error| self.unsaved(&error)));
        if let Err(unsaved) = replaced {
            self.remove([NEW, OLD]);
            return Err(unsaved);
        }
        if let Err(error) = self.keep_old() {
            log::warn!("cannot keep the version of {} before: {error}", self.path.display());
        }
        Ok(current.text)
    }

    /// The file as it is, if `revision` stands for it.
    fn unchanged(&self, revision: &str) -> Result<Content, Unsaved> {
        let current = self.read().map_err(Unsaved::Refused)?;
        if current.revision == revision { Ok(current) } else { Err(Unsaved::Changed(current)) }
    }

    /// The versions that there are, with the times at which they were replaced.
    pub(super) fn versions(&self) -> Vec<(u32, SystemTime)> {
        let time = |version: u32| fs::metadata(self.version(version)).ok()?.modified().ok();
        (1..=VERSIONS).filter_map(|version| Some((version, time(version)?))).collect()
    }

    pub(super) fn read_version(&self, version: u32) -> Result<String, String> {
        if !(1..=VERSIONS).contains(&version) {
            return Err(format!("there is no version {version}"));
        }
        let file = self.version(version);
        read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
    }

    /// Writes the new text and the old one beside the file. What replaces it is there as a whole then, and so is what is replaced:
    /// wherever a save ends, nothing is lost.
    fn write_beside(&self, new: &str, old: &str) -> io::Result<()> {
        // A server that was killed may have left the text of a version.
        self.keep_old()?;
        let written = self.write(&self.beside(NEW), new).and_then(|()| self.write(&self.beside(PART), old));
        let written = written.and_then(|()| fs::rename(self.beside(PART), self.beside(OLD)));
        if written.is_err() {
            self.remove([NEW, PART]);
        }
        written
    }

    fn remove(&self, suffixes: [&str; 2]) {
        for suffix in suffixes {
            let _ = fs::remove_file(self.beside(suffix));
        }
    }

    /// Makes the text that was replaced version 1, and the others the ones after.
    fn keep_old(&self) -> io::Result<()> {
        let old = self.beside(OLD);
        if !old.exists() {
            return Ok(());
        }
        for version in (1..VERSIONS).rev() {
            match fs::rename(self.version(version), self.version(version + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(old, self.version(1))
    }

    /// Writes a new file with the mode of the old one.
    fn write(&self, file: &Path, text: &str) -> io::Result<()> {
        kept_file::write_new(file, text, Some(&self.metadata))
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

    fn version(&self, version: u32) -> PathBuf {
        self.beside(&format!(".{version}"))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        kept_file::with_suffix(&self.path, suffix)
    }
}

/// Reads a regular file of bounded size, without waiting for anything else.
fn read(file: &Path) -> io::Result<String> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits())
        .open(file)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("this is not a regular file"));
    }
    let mut text = String::new();
    File::take(file, MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is over {} MiB; change it on the server", MAX_BYTES >> 20)));
    }
    Ok(text)
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
