//! Files that the program writes: regular, bounded, readable for their owner, and shared by instances.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions, Permissions},
    hash::{BuildHasher, Hasher, RandomState},
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    fcntl::{FlockArg, OFlag},
};

/// Size up to which a file is read. Other programs may write to it, too.
const MAX_READ_BYTES: u64 = 16 * 1024 * 1024;
/// Time limit for the wait until another instance has finished writing. That takes milliseconds.
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
    match open(file, OpenOptions::new().read(true), OFlag::empty()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// Appends lines, and returns the size of the file. If they do not fit on the disk, the file stays as it was.
pub(crate) fn append(out: &mut File, lines: &[u8]) -> io::Result<u64> {
    let size = out.metadata()?.len();
    let mut last = *b"\n";
    if size > 0 {
        out.read_exact_at(&mut last, size - 1)?;
    }
    // After a crash the last line may be incomplete; the first of these must not become part of it.
    let torn = if last == *b"\n" { Ok(()) } else { out.write_all(b"\n") };
    let written = torn.and_then(|()| out.write_all(lines));
    if written.is_err() {
        let _ = out.set_len(size);
    }
    written.and_then(|()| Ok(out.metadata()?.len()))
}

/// Replaces the content of a file. A crash leaves the old content or the new one, but see [`Replacement`].
pub(crate) fn replace(file: &Path, content: &str) -> io::Result<()> {
    Replacement::write(&resolved(file), content)?.put()
}

/// New content that is on the disk as a whole, beside the file that it is to replace. Dropping it removes it.
pub(crate) struct Replacement {
    file: PathBuf,
    beside: PathBuf,
    /// Whether the new file has the group of the old one.
    keeps_group: bool,
}

impl Replacement {
    /// Writes what is to replace the file at this path, which has no links in it.
    pub(crate) fn write(file: &Path, content: &str) -> io::Result<Replacement> {
        let old = fs::metadata(file).ok();
        old.as_ref().map_or(Ok(()), check_kind)?;
        let beside = temporary_name(file);
        write_new(&beside, content, old.as_ref())?;
        let mut replacement = Replacement { file: file.to_owned(), beside, keeps_group: true };
        if let Some(old) = old {
            replacement.keeps_group = fs::metadata(&replacement.beside)?.gid() == old.gid();
        }
        Ok(replacement)
    }

    /// Renames it to the file.
    ///
    /// The system chooses the group of a new file. If those who share the file would lose it by that, the old
    /// file is overwritten instead, while the new content is still beside it.
    pub(crate) fn put(mut self) -> io::Result<()> {
        if self.keeps_group {
            fs::rename(&self.beside, &self.file)?;
            sync_folder_of(&self.file);
            return Ok(());
        }
        overwrite(&self.file, &self.beside).map_err(|error| {
            let beside = std::mem::take(&mut self.beside);
            io::Error::other(format!("{error}; all that it should hold is in {}", beside.display()))
        })
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.beside);
    }
}

fn overwrite(file: &Path, with: &Path) -> io::Result<()> {
    let mut out = open(file, OpenOptions::new().write(true), OFlag::empty())?;
    let length = io::copy(&mut File::open(with)?, &mut out)?;
    out.set_len(length)?;
    out.sync_all()
}

/// A unique name, for a file that exists only for a moment.
pub(crate) fn temporary_name(file: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(format!(".replyd-{:016x}", RandomState::new().build_hasher().finish()));
    file.with_file_name(name)
}

/// Makes a new name in the folder survive a crash, where the file system can do that.
pub(crate) fn sync_folder_of(file: &Path) {
    let _ = file.parent().and_then(|folder| File::open(folder).ok()).map(|folder| folder.sync_all());
}

/// Writes a new file to the disk, with the mode of the file that it replaces, or else for its owner only. A
/// different group gets the permissions of everybody, not those of the old group.
pub(crate) fn write_new(file: &Path, content: &str, old: Option<&Metadata>) -> io::Result<()> {
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

/// Opens a file to append to it or to replace it. Other instances wait until it is dropped. What customers
/// ask is private, so only the owner can read a new file.
pub(crate) fn open_locked(file: &Path) -> io::Result<File> {
    let deadline = Instant::now() + LOCK_TIME;
    loop {
        let out =
            open(file, OpenOptions::new().create(true).read(true).append(true).mode(0o600), OFlag::empty())?;
        #[expect(deprecated, reason = "its successor would keep no file without a lock")]
        let locked = nix::fcntl::flock(out.as_raw_fd(), FlockArg::LockExclusiveNonblock);
        let is_there = || {
            let (open, named) = (out.metadata()?, fs::metadata(file)?);
            io::Result::Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
        };
        // Another instance may have replaced the file meanwhile. Some network file systems have no locks.
        if locked != Err(Errno::EWOULDBLOCK) && is_there()? {
            return Ok(out);
        }
        if Instant::now() > deadline {
            return Err(io::Error::other("another program keeps it locked"));
        }
        thread::sleep(LOCK_PAUSE);
    }
}

/// The path with links resolved, so that a file beside it is in the same folder, and a link stays a link.
pub(crate) fn resolved(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

pub(crate) fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a regular file to read it. A link that takes its place is not followed.
pub(crate) fn open_resolved(file: &Path) -> io::Result<File> {
    open(file, OpenOptions::new().read(true), OFlag::O_NOFOLLOW)
}

/// Opens only a regular file: opening a named pipe waits, and opening a device may have effects.
fn open(file: &Path, options: &mut OpenOptions, flags: OFlag) -> io::Result<File> {
    if let Ok(metadata) = fs::metadata(file) {
        check_kind(&metadata)?;
    }
    let file = options.custom_flags((flags | OFlag::O_NONBLOCK).bits()).open(file)?;
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
