//! Reads a file of statistics, line by line: whatever its size, it takes little memory.

use std::{fs, io, path::Path};

use super::{
    row::{Row, slashed},
    table::HEADER,
};
use crate::kept_file;

/// The file does not grow any more if it could not be written anew until then.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The lines that were not read.
pub(crate) struct Unread {
    pub(super) first: usize,
    pub(super) count: usize,
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
    let (mut day_first, mut month_first) = (false, false);
    kept_file::for_each_line(file, |_, line| {
        if let Some((one, other)) = str::from_utf8(line).ok().and_then(slashed) {
            day_first |= one;
            month_first |= other;
        }
    })?;
    // Nothing is guessed: 11/05/2026 is one of two days.
    let month_first = (day_first != month_first).then_some(month_first);
    let mut unread: Option<Unread> = None;
    let mut is_one = false;
    kept_file::for_each_line(file, |number, line| {
        let text = str::from_utf8(line).ok().map(|line| line.trim_start_matches('\u{feff}'));
        let is_header = text.is_some_and(|text| text.trim_start_matches('"').starts_with(&HEADER[..14]));
        if is_header || text.is_some_and(|text| text.trim().is_empty()) {
            is_one |= is_header;
        } else if let Some(row) = text.and_then(|text| Row::parse(text, month_first)) {
            is_one = true;
            each(Ok(row));
        } else {
            unread.get_or_insert(Unread { first: number, count: 0 }).count += 1;
            each(Err(line));
        }
    })?;
    if unread.is_some() && !is_one {
        return Err(io::Error::other("this is not a file of statistics; name another one"));
    }
    Ok(unread)
}
