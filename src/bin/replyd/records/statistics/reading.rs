//! Reads a file of statistics line by line: whatever its size, it takes little memory.

use std::{fs, io, path::Path};

use super::row::{Row, is_header, slashed};
use crate::records::file;

/// Size from which the file does not grow any more. It was not rewritten for a long time then.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The lines that were not read.
pub(crate) struct Unread {
    first: usize,
    count: usize,
}

impl Unread {
    /// A warning about the file that has them.
    pub(crate) fn sentence(&self, file: &Path) -> String {
        let (file, line) = (file.display(), self.first);
        let more = match self.count - 1 {
            0 => String::new(),
            1 => "; 1 more line is not counted either".to_owned(),
            more => format!("; {more} more lines are not counted either"),
        };
        format!(
            "{file}:{line}: this line is not counted: it does not begin with a day such as 2026-11-27, or is incomplete{more}"
        )
    }
}

/// What to warn about in a file, as far as can be seen without writing to it.
pub(crate) fn warning(file: &Path) -> Option<String> {
    match file::fault(file).map_or(Ok(()), Err).and_then(|()| read(file, |_| ())) {
        Ok(unread) => unread.map(|unread| unread.sentence(file)),
        Err(error) => Some(format!("cannot keep statistics in {}: {error}", file.display())),
    }
}

/// Calls `each` with every row, and with every line that cannot be read as one.
///
/// # Errors
///
/// When the file cannot be read, or holds something else.
pub(super) fn read(file: &Path, mut each: impl FnMut(Result<Row, &[u8]>)) -> io::Result<Option<Unread>> {
    if fs::metadata(file).is_ok_and(|metadata| metadata.len() >= MAX_BYTES) {
        return Err(io::Error::other("it is over 16 MiB; move it elsewhere"));
    }
    let month_first = month_first(file)?;
    let mut unread: Option<Unread> = None;
    let mut is_statistics = false;
    file::for_each_line(file, |number, line| {
        let text = str::from_utf8(line).ok().map(|line| line.trim_start_matches('\u{feff}'));
        if text.is_some_and(is_header) {
            is_statistics = true;
        } else if let Some(row) = text.and_then(|text| Row::parse(text, month_first)) {
            is_statistics = true;
            each(Ok(row));
        } else if text.is_none_or(|text| !text.trim().is_empty()) {
            unread.get_or_insert(Unread { first: number, count: 0 }).count += 1;
            each(Err(line));
        }
    })?;
    if unread.is_some() && !is_statistics {
        return Err(io::Error::other("this is not a file of statistics; name another one"));
    }
    Ok(unread)
}

/// Whether the month is first in days such as 11/20/2026, which a spreadsheet may have written. Nothing is
/// guessed: 11/05/2026 could be either of two days.
fn month_first(file: &Path) -> io::Result<Option<bool>> {
    let (mut is_day_first, mut is_month_first) = (false, false);
    file::for_each_line(file, |_, line| {
        if let Some((one, other)) = str::from_utf8(line).ok().and_then(slashed) {
            is_day_first |= one;
            is_month_first |= other;
        }
    })?;
    Ok((is_day_first != is_month_first).then_some(is_month_first))
}
