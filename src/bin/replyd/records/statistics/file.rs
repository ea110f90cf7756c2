//! Writes the file of statistics: new counts at its end, once a minute, and now and then the whole of it anew, in fewer lines.

use std::{
    collections::HashSet,
    fmt::Write,
    io,
    path::{Path, PathBuf},
};

use jiff::civil::Date;

use super::{
    counted::Counted,
    reading::{MAX_BYTES, read},
    row::{Period, Row, cut},
    table::{MAX_NAMES, OTHERS, Table},
};
use crate::kept_file::{self, append, open_alone};

/// Bytes that are appended before the file is written anew.
const APPENDED_BYTES: u64 = 512 * 1024;

/// An open file of statistics.
pub(crate) struct Book {
    file: PathBuf,
    today: Date,
    /// Names of today that are in the file.
    names: HashSet<String>,
    /// Size of the file when it was last written as a whole.
    written: u64,
    /// Whether it should be written anew.
    is_due: bool,
}

impl Book {
    /// Reads the file, and writes it anew: after a crash its last line may not be whole.
    pub(crate) fn open(file: &Path, today: Date) -> io::Result<Book> {
        let mut book = Book { file: file.to_owned(), today, names: HashSet::new(), written: 0, is_due: true };
        book.tidy()?;
        Ok(book)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Adds what was counted on a day. After an error nothing of it is in the file.
    pub(crate) fn add(&mut self, day: Date, counted: &Counted) -> io::Result<()> {
        if day != self.today {
            (self.today, self.is_due) = (day, true);
            self.names.clear();
        }
        let mut text = String::new();
        for (name, tally) in counted.tallies() {
            let row = Row { period: Period::of(day), name: self.name(name), tally };
            let _ = writeln!(text, "{row}");
        }
        if text.is_empty() {
            return Ok(());
        }
        let mut out = open_alone(&self.file)?;
        if out.metadata()?.len() >= MAX_BYTES {
            return Err(io::Error::other("it is full"));
        }
        self.is_due |= append(&mut out, text.as_bytes())? > self.written + APPENDED_BYTES;
        Ok(())
    }

    /// The name under which a reply is counted today.
    fn name(&mut self, name: &str) -> String {
        let name = cut(name);
        if !self.names.contains(name) {
            if self.names.len() >= MAX_NAMES {
                return OTHERS.to_owned();
            }
            self.names.insert(name.to_owned());
        }
        name.to_owned()
    }

    /// Writes the file anew in fewer lines, if that is due. What cannot be read is moved to another file, and a file that holds
    /// something else is not touched.
    pub(crate) fn tidy(&mut self) -> io::Result<()> {
        if !self.is_due {
            return Ok(());
        }
        let _alone = open_alone(&self.file)?;
        let (mut table, mut aside) = (Table::default(), Vec::new());
        let unread = read(&self.file, |line| match line {
            Ok(row) => table.add(&row),
            Err(line) => {
                aside.extend_from_slice(line);
                aside.push(b'\n');
            }
        })?;
        let text = table.text(self.today);
        let Some(unread) = unread else { return self.replace(&table, &text) };
        let beside = kept_file::with_suffix(&kept_file::real(&self.file), ".unread");
        let mut out = open_alone(&beside)?;
        let size = out.metadata()?.len();
        if size >= MAX_BYTES {
            return Err(io::Error::other(format!("{} is full; move it elsewhere", beside.display())));
        }
        append(&mut out, &aside)?;
        let replaced = self.replace(&table, &text);
        match &replaced {
            Ok(()) => {
                log::warn!("{}; moved to {}", super::not_counted(&self.file, &unread), beside.display())
            }
            Err(_) => drop(out.set_len(size)),
        }
        replaced
    }

    fn replace(&mut self, table: &Table, text: &str) -> io::Result<()> {
        kept_file::replace(&self.file, text)?;
        self.names = table.names(self.today);
        self.written = text.len() as u64;
        self.is_due = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use replyd::Replies;

    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 27);

    /// What is counted when a reply is given twice in an hour.
    fn counted(name: &str, hour: usize) -> Counted {
        let replies = Replies::from_pairs([(name, "text")]).unwrap();
        let (mut minute, mut counted) = (Counted::default(), Counted::default());
        minute.count(&replies.answer(name), true);
        minute.count(&replies.answer(name), false);
        counted.add(minute, hour);
        counted
    }

    #[test]
    fn counts_are_appended_and_joined_when_the_day_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("statistics.tsv");
        let mut book = Book::open(&file, TODAY).unwrap();
        for hour in [9, 9, 23] {
            book.add(TODAY, &counted("a", hour)).unwrap();
            book.tidy().unwrap();
        }
        let lines =
            || std::fs::read_to_string(&file).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines().len(), 3);
        book.add(TODAY.tomorrow().unwrap(), &counted("b", 0)).unwrap();
        book.tidy().unwrap();
        assert_eq!(lines(), ["2026-11-27\ta\t6\t0\t0\t0\t3\t9:4 23:2", "2026-11-28\tb\t2\t0\t0\t0\t1\t0:2"]);
    }
}
