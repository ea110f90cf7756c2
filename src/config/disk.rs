//! Reads files: bounded in size, without blocking on what is not a regular file, and with a check of their
//! mode.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::ini::line_after;

/// Links in a row that are followed, as on Linux (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// Contents of a file, and its metadata when it was opened.
pub(super) struct Contents {
    pub(super) bytes: Vec<u8>,
    pub(super) metadata: Metadata,
}

/// Why a file was not read.
pub(super) enum ReadError {
    /// A fault of the file, as a sentence.
    Faulty(String),
    /// An error of the moment that says nothing about the file.
    Passing(io::Error),
}

/// Reads a regular file of at most `max_mebibytes`. Errors call it `subject`.
pub(super) fn read(file: &Path, subject: &str, max_mebibytes: u64) -> Result<Contents, ReadError> {
    let unreadable = |error: io::Error| match is_passing(&error) {
        true => ReadError::Passing(error),
        false => ReadError::Faulty(format!("cannot read {subject}: {error}")),
    };
    // The path may lead to another file at any time, so the type is checked after opening.
    let opened = open(file).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "a folder" } else { "not a regular file" };
        return Err(ReadError::Faulty(format!("{subject} is {what}; name a file")));
    }
    let max_bytes = max_mebibytes * 1024 * 1024;
    let mut bytes = Vec::with_capacity(metadata.len().min(max_bytes) as usize + 1);
    opened.take(max_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(ReadError::Faulty(format!("{subject} is over {max_mebibytes} MiB")));
    }
    Ok(Contents { bytes, metadata })
}

/// The text of a file called `name`.
pub(super) fn text(bytes: Vec<u8>, name: &str) -> Result<String, Vec<String>> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = str::from_utf8(before).map_or(1, line_after);
        vec![format!("{name}:{line}: this is not UTF-8; save the file as UTF-8")]
    })
}

#[cfg(unix)]
fn open(file: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Without this flag, opening a pipe blocks until somebody writes to it.
    OpenOptions::new().read(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits()).open(file)
}

#[cfg(not(unix))]
fn open(file: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(file)
}

/// Whether an error says nothing about the file: the process is out of descriptors or memory, the device
/// fails, or another process holds a lease.
#[cfg(unix)]
fn is_passing(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let passing = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EIO, Errno::EINTR, Errno::EAGAIN];
    error.raw_os_error().is_some_and(|code| passing.contains(&Errno::from_raw(code)))
}

/// Whether an error says nothing about the file: the process is out of memory, or another one is using the
/// file.
#[cfg(not(unix))]
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, OutOfMemory, ResourceBusy, WouldBlock};
    [Interrupted, OutOfMemory, ResourceBusy, WouldBlock].contains(&error.kind())
}

/// Whether everybody on this machine may read a file with this metadata.
#[cfg(unix)]
pub(super) fn is_public(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o004 != 0
}

/// Whether everybody on this machine may read a file with this metadata; unknown on systems without modes.
#[cfg(not(unix))]
pub(super) fn is_public(_: &Metadata) -> bool {
    false
}

/// Whether two paths lead to one file, or would if there were one.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) if cfg!(unix) => identity(&one) == identity(&other),
        _ => resolved(one) == resolved(other),
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> impl PartialEq + use<> {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Not used on other systems.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> impl PartialEq + use<> {}

/// The absolute path, with links followed as far as they lead.
fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = beside(&path, &target),
            Err(_) => break,
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).or_else(|_| std::path::absolute(folder));
    folder.unwrap_or_default().join(path.file_name().unwrap_or_default())
}

/// A path in a file is relative to that file.
pub(super) fn beside(path: &Path, file: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(file)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[track_caller]
    fn refused(file: &Path) -> String {
        match read(file, "this", 1) {
            Err(ReadError::Faulty(sentence)) => sentence,
            Err(ReadError::Passing(error)) => panic!("{error}"),
            Ok(_) => panic!("it was read"),
        }
    }

    #[test]
    fn only_regular_files_are_read_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(refused(&pipe), "this is not a regular file; name a file");
        assert_eq!(refused(folder.path()), "this is a folder; name a file");
        assert_eq!(refused(Path::new("/dev/zero")), "this is not a regular file; name a file");
        assert!(refused(&folder.path().join("nowhere")).starts_with("cannot read this: No such file"));
        let large = folder.path().join("large");
        std::fs::write(&large, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(refused(&large), "this is over 1 MiB");
        std::fs::write(&large, vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(read(&large, "this", 1).ok().unwrap().bytes.len(), 1 << 20);
    }
}
