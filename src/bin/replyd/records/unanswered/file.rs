//! The file of unanswered messages, and the one beside it with older ones: each of a megabyte at most.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use jiff::civil::Date;

use super::record::UnansweredRecord;
use crate::records::file::{self, open_locked, resolved, with_suffix};

/// Size at which the lines of the file are moved to the older ones.
const MAX_FILE_BYTES: usize = 1024 * 1024;
/// Length of the beginning of a file that shows whether it is one of unanswered messages.
const BEGINNING_BYTES: usize = 4096;
/// Lines of the same message that stay where there is no room.
const MAX_REPEATS: u32 = 8;

/// What to warn about in a file, as far as can be seen without writing to it.
pub(crate) fn warning(file: &Path) -> Option<String> {
    let fault = file::fault(file).or_else(|| check_at(file).err());
    fault.map(|fault| format!("cannot keep unanswered messages in {}: {fault}", file.display()))
}

/// The lines of the file, the older ones first.
pub(crate) fn read(file: &Path) -> io::Result<String> {
    let file = resolved(file);
    // The last line may lack its line break after a crash, so the files are joined with one.
    Ok(file::read(&older(&file))? + "\n" + &file::read(&file)?)
}

/// Opens the file to append to it, if it is one of unanswered messages.
pub(crate) fn open(file: &Path) -> io::Result<File> {
    let out = open_locked(file)?;
    check(&out)?;
    Ok(out)
}

/// Appends a line, and makes room for it.
pub(crate) fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut out = open(file)?;
    if out.metadata()?.len() >= MAX_FILE_BYTES as u64 {
        let older = older(&resolved(file));
        check_at(&older).map_err(|error| io::Error::other(format!("{}: {error}", older.display())))?;
        file::replace(&older, &thinned(&read(file)?, MAX_FILE_BYTES))?;
        fs::set_permissions(&older, out.metadata()?.permissions())?;
        out.set_len(0)?;
    }
    file::append(&mut out, line.as_bytes()).map(drop)
}

fn check_at(file: &Path) -> io::Result<()> {
    file::open_to_read(file)?.map_or(Ok(()), |file| check(&file))
}

/// Refuses a file that is used for something else: visitors write into this one.
fn check(file: &File) -> io::Result<()> {
    let mut start = vec![0; BEGINNING_BYTES];
    let length = file.read_at(&mut start, 0)?;
    let start = String::from_utf8_lossy(&start[..length]);
    if start.trim().is_empty() || start.lines().any(|line| UnansweredRecord::parse(line).is_some()) {
        return Ok(());
    }
    Err(io::Error::other("this is not a file of unanswered messages; name another one"))
}

fn older(file: &Path) -> PathBuf {
    with_suffix(file, ".1")
}

/// The lines that stay where there is room for so many bytes. Repeats of the most frequent messages go first,
/// then messages of the days with the most: a flood does not replace what was asked on other days.
fn thinned(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let lines = parsed(text);
    let halves = |last: u32| (0..=15).rev().map(|power| 1 << power).take_while(move |limit| *limit >= last);
    let of_message = halves(MAX_REPEATS).map(|repeats| (repeats, u32::MAX));
    let of_day = halves(1).map(|of_day| (MAX_REPEATS, of_day));
    let size = |lines: &[&str]| lines.iter().map(|line| line.len() + 1).sum::<usize>();
    let mut newest = Vec::new();
    for (max_of_message, max_of_day) in of_message.chain(of_day) {
        newest = limited(&lines, max_of_message, max_of_day);
        if size(&newest) <= max_bytes {
            break;
        }
    }
    while size(&newest) > max_bytes {
        newest.truncate(newest.len() / 2);
    }
    newest.iter().rev().flat_map(|line| [line, "\n"]).collect()
}

/// A line with the numbers of its message and its day.
type Numbered<'a> = (&'a str, usize, usize);

fn parsed(text: &str) -> Vec<Numbered<'_>> {
    let mut messages: HashMap<String, usize> = HashMap::new();
    let mut days: HashMap<Date, usize> = HashMap::new();
    let lines = text.lines().filter_map(|line| {
        let (date, record) = UnansweredRecord::parse(line)?;
        let (next_message, next_day) = (messages.len(), days.len());
        let message = *messages.entry(record.message.to_lowercase()).or_insert(next_message);
        Some((line, message, *days.entry(date).or_insert(next_day)))
    });
    lines.collect()
}

/// The newest lines, at most so many of each message and of each day. The newest is the first.
fn limited<'a>(lines: &[Numbered<'a>], max_of_message: u32, max_of_day: u32) -> Vec<&'a str> {
    // There are at most as many messages and days as lines.
    let (mut of_message, mut of_day) = (vec![0; lines.len()], vec![0; lines.len()]);
    let stays = |(_, message, day): &&Numbered<'a>| {
        let (of_message, of_day) = (&mut of_message[*message], &mut of_day[*day]);
        let stays = *of_message < max_of_message && *of_day < max_of_day;
        *of_message += u32::from(stays);
        *of_day += u32::from(stays);
        stays
    };
    lines.iter().rev().filter(stays).map(|(line, ..)| *line).collect()
}
