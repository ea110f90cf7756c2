//! The file itself: a regular file of bounded size, which only its owner can read.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;

/// Size at which the file is renamed, replacing the one renamed before.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Size up to which a file is read. Other programs may write to it, so it can be larger than `MAX_FILE_BYTES`.
const MAX_READ_BYTES: u64 = 16 * MAX_FILE_BYTES;

/// Why a file cannot be used, as far as its metadata shows.
pub(crate) fn fault(file: &Path) -> Option<io::Error> {
    fs::metadata(file).ok().and_then(|metadata| check_kind(&metadata).err())
}

/// The content of a file and of the one renamed before it, which is older.
pub(super) fn read_both(file: &Path) -> io::Result<String> {
    let real = real(file);
    // The last line may lack its line break after a crash, so the files are joined with one.
    Ok(read(&rotated(&real))? + "\n" + &read(&real)?)
}

/// The content of a file; empty if it does not exist.
fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    match open(file, OpenOptions::new().read(true)) {
        Ok(file) => file.take(MAX_READ_BYTES).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Appends a line, after renaming a full file.
pub(super) fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut out = open_to_append(file)?;
    if out.metadata()?.len() >= MAX_FILE_BYTES {
        let real = real(file);
        fs::rename(&real, rotated(&real))?;
        out = open_to_append(&real)?;
    }
    out.write_all(line.as_bytes())
}

/// Opens the file for appending. What customers ask is private, so only the owner can read a new file.
pub(super) fn open_to_append(file: &Path) -> io::Result<File> {
    open(file, OpenOptions::new().create(true).append(true).mode(0o600))
}

/// The path with links resolved, so that a full file is renamed in its own folder and the link stays.
fn real(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

/// The name that a full file is renamed to.
fn rotated(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".1");
    name.into()
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
