//! Writes the file of statistics: new counts at its end, once a minute, and now and then the whole of it anew, in fewer lines.

use std::{
    collections::HashSet,
    fmt::Write,
    io,
    path::{Path, PathBuf},
};

use jiff::{Zoned, civil::Date};

use super::{
    row::{Period, Row, Tally, cut},
    table::{MAX_NAMES, OTHERS, Table},
};
use crate::kept_file;

/// Bytes that are appended before the file is written anew.
const APPENDED_BYTES: u64 = 512 * 1024;
/// The file does not grow any more if it could not be written anew until then.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// An open file of statistics.
pub(crate) struct Book {
    file: PathBuf,
    today: Date,
    /// Names of today that are in the file.
    names: HashSet<String>,
    /// Size of the file when it was last written as a whole.
    written: u64,
}

impl Book {
    /// Reads the file, and writes it anew: after a crash its last line may not be whole.
    pub(crate) fn open(file: &Path, now: &Zoned) -> io::Result<Book> {
        let mut book = Book { file: file.to_owned(), today: now.date(), names: HashSet::new(), written: 0 };
        book.rewrite()?;
        Ok(book)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Adds what was counted in the minute that began at `begun`.
    pub(crate) fn add(
        &mut self,
        begun: &Zoned,
        counted: impl IntoIterator<Item = (Box<str>, Tally)>,
    ) -> io::Result<()> {
        if begun.date() != self.today {
            self.today = begun.date();
            self.rewrite()?;
        }
        let mut text = String::new();
        for (name, mut tally) in counted {
            tally.hours[begun.hour() as usize] = tally.questions();
            let row = Row { period: Period::of(self.today), name: self.name(&name), tally };
            let _ = writeln!(text, "{row}");
        }
        let size = kept_file::append_up_to(&self.file, &text, MAX_BYTES)?;
        if size > self.written + APPENDED_BYTES {
            self.rewrite()?;
        }
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

    /// Refuses a text that writing anew would lose.
    pub(crate) fn check(text: &str) -> io::Result<()> {
        if text.len() as u64 >= MAX_BYTES {
            return Err(io::Error::other("it is over 16 MiB; move it elsewhere"));
        }
        if !Table::is_one(text) {
            return Err(io::Error::other("this is not a file of statistics; name another one"));
        }
        Ok(())
    }

    /// Writes the file anew, in fewer lines. A file that holds something else is not touched.
    fn rewrite(&mut self) -> io::Result<()> {
        let text = kept_file::read(&self.file)?;
        Book::check(&text)?;
        let table = Table::parse(&text);
        self.names = table.names(self.today);
        let text = table.text(self.today);
        kept_file::replace(&self.file, &text)?;
        self.written = text.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Zoned {
        time.parse().unwrap()
    }

    fn counted<const N: usize>(names: [&str; N]) -> Vec<(Box<str>, Tally)> {
        let tally = Tally { answered: 2, conversations: 1, ..Tally::default() };
        names.map(|name| (name.into(), tally)).into()
    }

    #[test]
    fn counts_are_appended_and_joined_when_the_day_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("statistics.tsv");
        let mut book = Book::open(&file, &at("2026-11-27T09:00:00[UTC]")).unwrap();
        for time in ["2026-11-27T09:00:00[UTC]", "2026-11-27T09:01:00[UTC]", "2026-11-27T23:59:00[UTC]"] {
            book.add(&at(time), counted(["a"])).unwrap();
        }
        let lines =
            || std::fs::read_to_string(&file).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines().len(), 3);
        book.add(&at("2026-11-28T00:00:00[UTC]"), counted(["b"])).unwrap();
        assert_eq!(lines(), ["2026-11-27\ta\t6\t0\t0\t0\t3\t9:4 23:2", "2026-11-28\tb\t2\t0\t0\t0\t1\t0:2"]);
    }

    #[test]
    fn a_line_that_a_crash_has_torn_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("statistics.tsv");
        std::fs::write(&file, "2026-11-27\ta\t1\t0\t0\t0\t0\t9:1\n2026-11-27\ta\t1\t0\t").unwrap();
        let mut book = Book::open(&file, &at("2026-11-27T10:00:00[UTC]")).unwrap();
        book.add(&at("2026-11-27T10:00:00[UTC]"), counted(["a"])).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(
            text.ends_with("2026-11-27\ta\t1\t0\t0\t0\t0\t9:1\n2026-11-27\ta\t2\t0\t0\t0\t1\t10:2\n"),
            "{text}"
        );
    }

    #[test]
    fn a_day_has_so_many_replies_and_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("statistics.tsv");
        let now = at("2026-11-27T10:00:00[UTC]");
        let mut book = Book::open(&file, &now).unwrap();
        for first in [0, 600, 1200] {
            let names: Vec<String> = (first..first + 600).map(|name| name.to_string()).collect();
            let tally = Tally { answered: 1, ..Tally::default() };
            book.add(&now, names.iter().map(|name| (name.as_str().into(), tally))).unwrap();
            // It knows them again after a restart.
            book = Book::open(&file, &now).unwrap();
        }
        let table = Table::parse(&std::fs::read_to_string(&file).unwrap());
        assert_eq!(table.rows().count(), MAX_NAMES + 1);
        let others = table.rows().find(|(_, name, _)| *name == OTHERS).unwrap();
        assert_eq!(others.2.answered, 800);
    }

    #[test]
    fn another_file_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("replies.ini");
        for text in ["[replies]\na = b\n".to_owned(), "2026-11-27\ta\t1\t0\t0\t0\t1\t9:1\n".repeat(700_000)] {
            std::fs::write(&file, &text).unwrap();
            assert!(Book::open(&file, &at("2026-11-27T10:00:00[UTC]")).is_err());
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
    }
}
