//! Writes the file of statistics: it appends each minute, and now and then rewrites it in fewer lines.

use std::{
    collections::HashSet,
    fmt::Write,
    io,
    path::{Path, PathBuf},
};

use jiff::civil::Date;

use super::{
    reading::{MAX_BYTES, read},
    row::{Row, cut},
    table::Table,
    tally::{MAX_NAMES, OTHERS, ReplyCounts},
};
use crate::records::file::{self, append, open_locked};

/// Bytes that are appended before the file is rewritten.
const APPENDED_BYTES: u64 = 512 * 1024;

/// An open file of statistics.
pub(crate) struct StatisticsFile {
    path: PathBuf,
    today: Date,
    /// Names of today that are in the file.
    names: HashSet<String>,
    /// Its size when it was last rewritten.
    rewritten_bytes: u64,
    /// Whether it should be rewritten.
    is_due: bool,
}

impl StatisticsFile {
    /// Reads the file and rewrites it: after a crash its last line may be incomplete.
    pub(crate) fn open(path: &Path, today: Date) -> io::Result<StatisticsFile> {
        let mut file = StatisticsFile {
            path: path.to_owned(),
            today,
            names: HashSet::new(),
            rewritten_bytes: 0,
            is_due: true,
        };
        file.rewrite_if_due()?;
        Ok(file)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds what was counted on a day. After an error none of it is in the file.
    pub(crate) fn add(&mut self, day: Date, counts: &ReplyCounts) -> io::Result<()> {
        if day != self.today {
            (self.today, self.is_due) = (day, true);
            self.names.clear();
        }
        let mut text = String::new();
        for (name, tally) in counts.iter() {
            let row = Row { period: day.to_string(), name: self.name(name), tally: *tally };
            let _ = writeln!(text, "{row}");
        }
        if text.is_empty() {
            return Ok(());
        }
        let mut out = open_locked(&self.path)?;
        if out.metadata()?.len() >= MAX_BYTES {
            return Err(io::Error::other("it is full"));
        }
        self.is_due |= append(&mut out, text.as_bytes())? > self.rewritten_bytes + APPENDED_BYTES;
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

    /// Rewrites the file if that is due. Lines that cannot be read are moved to another file.
    pub(crate) fn rewrite_if_due(&mut self) -> io::Result<()> {
        if !self.is_due {
            return Ok(());
        }
        let _locked = open_locked(&self.path)?;
        let (mut table, mut unread_lines) = (Table::default(), Vec::new());
        let unread = read(&self.path, |line| match line {
            Ok(row) => table.add(&row),
            Err(line) => {
                unread_lines.extend_from_slice(line);
                unread_lines.push(b'\n');
            }
        })?;
        let Some(unread) = unread else { return self.rewrite(&table) };
        let beside = file::with_suffix(&file::resolved(&self.path), ".unread");
        let mut out = open_locked(&beside)?;
        let size = out.metadata()?.len();
        if size >= MAX_BYTES {
            return Err(io::Error::other(format!("{} is full; move it elsewhere", beside.display())));
        }
        append(&mut out, &unread_lines)?;
        let rewritten = self.rewrite(&table);
        match &rewritten {
            Ok(()) => log::warn!("{}; moved to {}", unread.sentence(&self.path), beside.display()),
            Err(_) => drop(out.set_len(size)),
        }
        rewritten
    }

    fn rewrite(&mut self, table: &Table) -> io::Result<()> {
        let text = table.text(self.today);
        file::replace(&self.path, &text)?;
        self.names = table.names(self.today);
        self.rewritten_bytes = text.len() as u64;
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
    fn counts(name: &str, hour: usize) -> ReplyCounts {
        let replies = Replies::from_pairs([(name, "text")]).unwrap();
        let (mut minute, mut counts) = (ReplyCounts::default(), ReplyCounts::default());
        minute.count(&replies.answer(name), true);
        minute.count(&replies.answer(name), false);
        counts.add(minute, hour);
        counts
    }

    #[test]
    fn counts_are_appended_and_joined_when_the_day_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statistics.tsv");
        let mut file = StatisticsFile::open(&path, TODAY).unwrap();
        for hour in [9, 9, 23] {
            file.add(TODAY, &counts("a", hour)).unwrap();
            file.rewrite_if_due().unwrap();
        }
        let lines =
            || std::fs::read_to_string(&path).unwrap().lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines().len(), 3);
        file.add(TODAY.tomorrow().unwrap(), &counts("b", 0)).unwrap();
        file.rewrite_if_due().unwrap();
        assert_eq!(lines(), ["2026-11-27\ta\t6\t0\t0\t0\t3\t9:4 23:2", "2026-11-28\tb\t2\t0\t0\t0\t1\t0:2"]);
    }
}
