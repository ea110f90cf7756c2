//! The file of replies, as the owner's page reads and saves it, with earlier versions beside it.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::{AccessFlags, access, geteuid};
use replyd::Replies;

use super::{
    replies_text::{Content, MAX_BYTES, text_of},
    shared::OwnerFiles,
    versions::Versions,
};
use crate::records::file::{Replacement, open_resolved};

/// Failing tests of a text that are listed; nobody corrects more in one go.
pub(super) const MAX_FAILURES: usize = 50;

/// Why a file was not saved.
#[derive(Debug)]
pub(super) enum SaveError {
    /// A sentence that says what to change.
    Refused(String),
    /// It was changed by somebody else meanwhile.
    Changed(Content),
}

/// The file that the settings name, once it is clear that the page may touch it.
pub(super) struct RepliesFile<'a> {
    files: &'a OwnerFiles,
    /// Its path without links.
    path: PathBuf,
    metadata: Metadata,
}

impl RepliesFile<'_> {
    /// # Errors
    ///
    /// A sentence about what to change: there is no such file, or a page must not touch it.
    pub(super) fn open(files: &OwnerFiles) -> Result<RepliesFile<'_>, String> {
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

    /// Why it cannot be changed from the page, if it cannot.
    pub(super) fn read_only(&self) -> Option<String> {
        let (shown, folder) = (self.path.display(), self.folder());
        if self.metadata.len() > MAX_BYTES {
            return Some(format!("{shown} is over {} MiB; change it on the server", MAX_BYTES >> 20));
        }
        if self.metadata.uid() != geteuid().as_raw() {
            // The file that replaces it would belong to the server's user.
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
        // There may be another file at its path by now: what is checked is what is read.
        let (file, _) = open_own(&self.path, self.files)?;
        text_of(file).map(Content::new).map_err(|error| unreadable(&self.path, &error))
    }

    /// Saves a text and returns the previous one, unless the file no longer is the one that `revision` stands
    /// for, or the text has errors or tests that fail.
    pub(super) fn save(&self, text: &str, revision: &str, now: &Replies) -> Result<String, SaveError> {
        if let Some(why) = self.read_only() {
            return Err(SaveError::Refused(why));
        }
        check(text, &self.name(), now).map_err(SaveError::Refused)?;
        let current = self.unchanged(revision)?;
        let failed = |error| self.not_saved(&error);
        // Both texts are on the disk before the file is replaced: wherever a save ends, nothing is lost.
        let replacement = Replacement::write(&self.path, text).map_err(failed)?;
        self.versions().add(&current.text, &self.metadata).map_err(failed)?;
        // An editor may have saved it while this was written.
        self.unchanged(revision)?;
        replacement.put().map_err(failed)?;
        self.versions().prune();
        Ok(current.text)
    }

    /// The file as it is, if `revision` stands for it.
    fn unchanged(&self, revision: &str) -> Result<Content, SaveError> {
        let current = self.read().map_err(SaveError::Refused)?;
        if current.revision == revision { Ok(current) } else { Err(SaveError::Changed(current)) }
    }

    pub(super) fn versions(&self) -> Versions {
        Versions::of(&self.path)
    }

    fn not_saved(&self, error: &io::Error) -> SaveError {
        let shown = self.path.display();
        SaveError::Refused(match error.kind() {
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

/// Opens the file unless it is another one of the configuration, which may hold secrets.
fn open_own(path: &Path, files: &OwnerFiles) -> Result<(File, Metadata), String> {
    let file = open_resolved(path).map_err(|error| unreadable(path, &error))?;
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
