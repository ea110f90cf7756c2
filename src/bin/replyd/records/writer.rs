//! The thread that writes the files of the recorder.

use std::{
    fs, io, mem,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use jiff::{Timestamp, Unit, civil::Date};
use replyd::ConfigFiles;

use super::{
    statistics::{ReplyCounts, StatisticsFile},
    unanswered::{UnansweredRecord, file},
};
use crate::{
    clock::{self, local},
    lock::lock,
};

/// Days whose counts wait for a file that cannot be written; later ones count as the last of them.
const MAX_DAYS: usize = 7;
const MINUTE: Duration = Duration::from_secs(60);

/// What sessions and reloads share with the thread.
#[derive(Default)]
pub(super) struct RecorderState {
    /// The current files of unanswered messages and of statistics.
    files: Mutex<(Option<PathBuf>, Option<PathBuf>)>,
    /// Whether there is a file of statistics: without one, no session takes the lock below.
    pub(super) is_counting: AtomicBool,
    /// What was counted in this minute.
    pub(super) counts: Mutex<ReplyCounts>,
}

impl RecorderState {
    pub(super) fn set_files(&self, sources: &ConfigFiles) {
        let ConfigFiles { unanswered_file, statistics_file, .. } = sources;
        *lock(&self.files) = (unanswered_file.clone(), statistics_file.clone());
        self.is_counting.store(statistics_file.is_some(), Ordering::Relaxed);
    }
}

pub(super) struct Writer {
    state: Arc<RecorderState>,
    /// The file of statistics, once it could be opened.
    statistics: Option<StatisticsFile>,
    /// When the minute began that is being counted.
    begun: Timestamp,
    /// What is not written yet, by the day on which it was counted.
    unwritten: Vec<(Date, ReplyCounts)>,
    unanswered_problem: Problem,
    statistics_problem: Problem,
}

impl Writer {
    pub(super) fn new(state: Arc<RecorderState>) -> Writer {
        Writer {
            state,
            statistics: None,
            begun: clock::now(),
            unwritten: Vec::new(),
            unanswered_problem: Problem { what: "unanswered messages", is_known: false },
            statistics_problem: Problem { what: "statistics", is_known: false },
        }
    }

    /// Writes until every handle is dropped.
    pub(super) fn run(&mut self, waiting: &Receiver<Option<UnansweredRecord>>) {
        let mut minute_ends = Instant::now() + rest_of_minute(self.begun);
        loop {
            match waiting.recv_deadline(minute_ends) {
                Ok(Some(record)) => self.write_unanswered(&record),
                Ok(None) => {
                    self.check_unanswered();
                    self.write_statistics(true);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write_statistics(false),
            }
            if Instant::now() >= minute_ends {
                self.write_statistics(false);
                minute_ends = Instant::now() + rest_of_minute(clock::now());
            }
        }
    }

    fn write_unanswered(&mut self, record: &UnansweredRecord) {
        let Some(path) = lock(&self.state.files).0.clone() else { return };
        let now = clock::now();
        // A current time can be rounded.
        let line = format!("{} {record}\n", now.round(Unit::Second).unwrap_or(now));
        self.unanswered_problem.report(&file::append(&path, &line), &path, false);
    }

    fn check_unanswered(&mut self) {
        let Some(path) = lock(&self.state.files).0.clone() else { return };
        self.unanswered_problem.report(&file::open(&path).map(drop), &path, true);
        if fs::metadata(&path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0) {
            let path = path.display();
            log::warn!("everyone can read {path}, which has what visitors write; run: chmod o-rwx '{path}'");
        }
    }

    /// Writes what was counted since `begun`, and begins the next minute.
    fn write_statistics(&mut self, is_check: bool) {
        let path = lock(&self.state.files).1.clone();
        let counts = mem::take(&mut *lock(&self.state.counts));
        let begun = mem::replace(&mut self.begun, clock::now());
        if path.is_none() && self.statistics.is_none() {
            self.unwritten.clear();
            return;
        }
        let begun = local(begun);
        if self.unwritten.last().is_none_or(|(day, _)| *day != begun.date())
            && self.unwritten.len() < MAX_DAYS
        {
            self.unwritten.push((begun.date(), ReplyCounts::default()));
        }
        if let Some((_, unwritten)) = self.unwritten.last_mut() {
            unwritten.add(counts, begun.hour() as usize);
        }
        if self.statistics.is_none() {
            self.open_statistics(path.as_deref(), is_check);
        }
        self.write_unwritten(is_check);
        // What was counted before a reload is for the file that there was.
        if self.statistics.as_ref().is_some_and(|file| Some(file.path()) != path.as_deref()) {
            self.open_statistics(path.as_deref(), is_check);
        }
    }

    /// Writes what is not written yet; what cannot be written waits for the next minute.
    fn write_unwritten(&mut self, is_check: bool) {
        let Some(file) = &mut self.statistics else { return };
        let mut write = || {
            while let Some((day, unwritten)) = self.unwritten.first() {
                file.add(*day, unwritten)?;
                self.unwritten.remove(0);
            }
            file.rewrite_if_due()
        };
        let written = write();
        self.statistics_problem.report(&written, file.path(), is_check);
    }

    fn open_statistics(&mut self, path: Option<&Path>, is_check: bool) {
        self.statistics = None;
        let Some(path) = path else { return };
        match StatisticsFile::open(path, local(self.begun).date()) {
            Ok(file) => self.statistics = Some(file),
            Err(error) => self.statistics_problem.report(&Err(error), path, is_check),
        }
    }
}

/// A persistent problem, such as a full disk, which is logged once and not for every message.
struct Problem {
    /// What cannot be kept.
    what: &'static str,
    is_known: bool,
}

impl Problem {
    /// Logs an error unless it is known, or at each check.
    fn report(&mut self, written: &io::Result<()>, file: &Path, is_check: bool) {
        if let Err(error) = written
            && (is_check || !self.is_known)
        {
            log::warn!("cannot keep {} in {}: {error}", self.what, file.display());
        }
        self.is_known = written.is_err();
    }
}

/// The time until the minute ends on the clock, so that what is counted in it belongs to one hour.
fn rest_of_minute(now: Timestamp) -> Duration {
    let passed = now.as_millisecond().rem_euclid(60_000).unsigned_abs();
    MINUTE.saturating_sub(Duration::from_millis(passed))
}
