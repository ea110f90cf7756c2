//! The file of unanswered messages, and the one beside it with older ones: each of a megabyte at most.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use jiff::civil::Date;

use super::kept::Kept;
use crate::kept_file::{self, open_alone, real, with_suffix};

/// Size at which the lines of the file are moved to the older ones.
const MAX_FILE_BYTES: usize = 1024 * 1024;
/// Part of a file by which it is told from files of something else.
const LOOK_BYTES: usize = 4096;
/// Where there is no room, so many lines of the same message stay; before that, the most frequent ones are cut.
const MAX_REPEATS: u32 = 8;

/// Why a file cannot be used, as far as can be seen without writing to it.
pub(crate) fn fault(file: &Path) -> Option<io::Error> {
    kept_file::fault(file).or_else(|| check_at(file).err())
}

/// The lines of the file, the older ones first.
pub(crate) fn read(file: &Path) -> io::Result<String> {
    let real = real(file);
    // The last line may lack its line break after a crash, so the files are joined with one.
    Ok(kept_file::read(&older(&real))? + "\n" + &kept_file::read(&real)?)
}

/// Opens the file to append to it, if it is one of unanswered messages.
pub(crate) fn open(file: &Path) -> io::Result<File> {
    let out = open_alone(file)?;
    check(&out)?;
    Ok(out)
}

/// Appends a line, and makes room for it.
pub(crate) fn append(file: &Path, line: &str) -> io::Result<()> {
    let mut out = open(file)?;
    if out.metadata()?.len() >= MAX_FILE_BYTES as u64 {
        let older = older(&real(file));
        check_at(&older).map_err(|error| io::Error::other(format!("{}: {error}", older.display())))?;
        kept_file::replace(&older, &thinned(&read(file)?, MAX_FILE_BYTES))?;
        fs::set_permissions(&older, out.metadata()?.permissions())?;
        out.set_len(0)?;
    }
    kept_file::append(&mut out, line.as_bytes()).map(drop)
}

fn check_at(file: &Path) -> io::Result<()> {
    kept_file::open_to_read(file)?.map_or(Ok(()), |file| check(&file))
}

/// Visitors write into the file, so it must not be one that is used for something else.
fn check(file: &File) -> io::Result<()> {
    let mut start = vec![0; LOOK_BYTES];
    let length = file.read_at(&mut start, 0)?;
    let start = String::from_utf8_lossy(&start[..length]);
    if start.trim().is_empty() || start.lines().any(|line| Kept::parse(line).is_some()) {
        return Ok(());
    }
    Err(io::Error::other("this is not a file of unanswered messages; name another one"))
}

fn older(file: &Path) -> PathBuf {
    with_suffix(file, ".1")
}

/// The lines that stay where there is room for so many bytes. First what is no message goes, then repeats of the most frequent messages,
/// then messages of the days that have most of them: so a flood, of whatever text, does not replace what was asked on other days.
fn thinned(lines: &str, max_bytes: usize) -> String {
    if lines.len() <= max_bytes {
        return lines.to_owned();
    }
    let mut messages: HashMap<String, usize> = HashMap::new();
    let mut days: HashMap<Date, usize> = HashMap::new();
    let mut parsed = Vec::new();
    for line in lines.lines() {
        let Some((date, kept)) = Kept::parse(line) else { continue };
        let (next_message, next_day) = (messages.len(), days.len());
        let message = *messages.entry(kept.message.to_lowercase()).or_insert(next_message);
        parsed.push((line, message, *days.entry(date).or_insert(next_day)));
    }
    let halves = |last: u32| (0..=15).rev().map(|power| 1 << power).take_while(move |limit| *limit >= last);
    let of_message = halves(MAX_REPEATS).map(|repeats| (repeats, u32::MAX));
    let of_day = halves(1).map(|of_day| (MAX_REPEATS, of_day));
    let mut kept = Vec::new();
    for (max_repeats, max_of_day) in of_message.chain(of_day) {
        let (mut of_message, mut of_day) = (vec![0; messages.len()], vec![0; days.len()]);
        // The newest first.
        kept = parsed
            .iter()
            .rev()
            .filter(|(_, message, day)| {
                let (repeats, of_day) = (&mut of_message[*message], &mut of_day[*day]);
                let stays = *repeats < max_repeats && *of_day < max_of_day;
                *repeats += u32::from(stays);
                *of_day += u32::from(stays);
                stays
            })
            .map(|(line, ..)| *line)
            .collect();
        if size(&kept) <= max_bytes {
            break;
        }
    }
    while size(&kept) > max_bytes {
        kept.truncate(kept.len() / 2);
    }
    kept.iter().rev().flat_map(|line| [line, "\n"]).collect()
}

fn size(lines: &[&str]) -> usize {
    lines.iter().map(|line| line.len() + 1).sum()
}
