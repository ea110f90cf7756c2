//! Files that the program keeps: regular files of bounded size, which only their owner can read.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
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
pub(crate) fn read_both(file: &Path) -> io::Result<String> {
    let real = real(file);
    // The last line may lack its line break after a crash, so the files are joined with one.
    Ok(read(&rotated(&real))? + "\n" + &read(&real)?)
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

/// Appends a line, after renaming a full file.
pub(crate) fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut out = open_to_append(file)?;
    if out.metadata()?.len() >= MAX_FILE_BYTES {
        let real = real(file);
        fs::rename(&real, rotated(&real))?;
        out = open_to_append(&real)?;
    }
    out.write_all(line.as_bytes())
}

/// Appends lines and returns the size of the file, unless it has `max_bytes`: then nothing is written.
pub(crate) fn append_up_to(file: &Path, lines: &str, max_bytes: u64) -> io::Result<u64> {
    let mut out = open_to_append(file)?;
    let size = out.metadata()?.len();
    if size >= max_bytes {
        return Err(io::Error::other("it is full"));
    }
    out.write_all(lines.as_bytes())?;
    Ok(size + lines.len() as u64)
}

/// Replaces the content of a file, at once: it is written beside it and renamed, so that a crash leaves the old or the new one.
pub(crate) fn replace(file: &Path, content: &str) -> io::Result<()> {
    let real = real(file);
    let old = fs::metadata(&real).ok();
    old.as_ref().map_or(Ok(()), check_kind)?;
    let beside = with_suffix(&real, ".new");
    write_new(&beside, content, old.as_ref())?;
    let renamed = fs::rename(&beside, &real);
    if renamed.is_err() {
        let _ = fs::remove_file(&beside);
    }
    renamed
}

/// Writes a new file to the disk, in place of one that a crash may have left. It has the mode of the file that it is to replace, or else
/// only its owner can read it. Another group does not get the rights of the old one, but those of everybody.
pub(crate) fn write_new(file: &Path, content: &str, old: Option<&Metadata>) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let written = out.write_all(content.as_bytes());
    let written = written.and_then(|()| {
        let Some(old) = old else { return Ok(()) };
        let has_group = out.metadata()?.gid() == old.gid();
        let mode = if has_group { old.mode() } else { (old.mode() & !0o070) | ((old.mode() & 0o007) << 3) };
        out.set_permissions(Permissions::from_mode(mode & 0o777))
    });
    let written = written.and_then(|()| out.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(file);
    }
    written
}

/// Opens the file for appending. What customers ask is private, so only the owner can read a new file.
pub(crate) fn open_to_append(file: &Path) -> io::Result<File> {
    open(file, OpenOptions::new().create(true).append(true).mode(0o600))
}

/// The path with links resolved, so that a full file is renamed in its own folder and the link stays.
fn real(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

/// The name that a full file is renamed to.
fn rotated(file: &Path) -> PathBuf {
    with_suffix(file, ".1")
}

pub(crate) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
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
