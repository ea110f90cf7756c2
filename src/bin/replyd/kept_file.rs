//! Files that the program keeps: regular files of bounded size, which only their owner can read. Several instances may write to one.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::OFlag;
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Size up to which a file is read. Other programs may write to it, so it can be larger than this program lets it grow.
const MAX_READ_BYTES: u64 = 16 * 1024 * 1024;
/// Time limit for the wait until another instance has written what it is writing. That takes milliseconds.
const LOCK_TIME: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Why a file cannot be used, as far as its metadata shows.
pub(crate) fn fault(file: &Path) -> Option<io::Error> {
    fs::metadata(file).ok().and_then(|metadata| check_kind(&metadata).err())
}

/// The content of a file; empty if it does not exist.
pub(crate) fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(file) = open_to_read(file)? {
        file.take(MAX_READ_BYTES).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Calls `each` with the number and the content of each line of a file, if it exists.
pub(crate) fn for_each_line(file: &Path, mut each: impl FnMut(usize, &[u8])) -> io::Result<()> {
    let Some(file) = open_to_read(file)? else { return Ok(()) };
    let mut lines = BufReader::new(file.take(MAX_READ_BYTES));
    let mut line = Vec::new();
    for number in 1.. {
        if lines.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        each(number, content.strip_suffix(b"\r").unwrap_or(content));
        line.clear();
    }
    Ok(())
}

/// Opens a file, if it exists.
pub(crate) fn open_to_read(file: &Path) -> io::Result<Option<File>> {
    match open(file, OpenOptions::new().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// Appends lines, and returns the size of the file. Nothing stays of lines that do not fit on the disk.
pub(crate) fn append(out: &mut File, lines: &[u8]) -> io::Result<u64> {
    let size = out.metadata()?.len();
    let mut last = *b"\n";
    if size > 0 {
        out.read_exact_at(&mut last, size - 1)?;
    }
    // A line that a crash has torn must not swallow the first of these.
    let torn = if last == *b"\n" { Ok(()) } else { out.write_all(b"\n") };
    let written = torn.and_then(|()| out.write_all(lines));
    if written.is_err() {
        let _ = out.set_len(size);
    }
    written.and_then(|()| Ok(out.metadata()?.len()))
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

/// Opens a file to append to it or to replace it. Until it is dropped, other instances wait. What customers ask is private, so only the
/// owner can read a new file.
pub(crate) fn open_alone(file: &Path) -> io::Result<File> {
    let deadline = Instant::now() + LOCK_TIME;
    loop {
        let out = open(file, OpenOptions::new().create(true).read(true).append(true).mode(0o600))?;
        let locked = flock(&out, FlockOperation::NonBlockingLockExclusive);
        let is_there = || {
            let (open, named) = (out.metadata()?, fs::metadata(file)?);
            io::Result::Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
        };
        // Another instance may have replaced the file meanwhile. Some network file systems have no locks.
        if locked != Err(Errno::WOULDBLOCK) && is_there()? {
            return Ok(out);
        }
        if Instant::now() > deadline {
            return Err(io::Error::other("another program keeps it locked"));
        }
        thread::sleep(LOCK_PAUSE);
    }
}

/// The path with links resolved, so that what is kept beside a file is in its own folder and the link stays.
pub(crate) fn real(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
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
