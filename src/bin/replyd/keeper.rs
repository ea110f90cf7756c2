//! Keeps what an owner wants to know later: messages that no phrase answers, and how often each reply was given. A thread of its own
//! writes the files, so that a session never waits for the disk.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use jiff::{Timestamp, Unit, Zoned, tz::TimeZone};
use replyd::{Answer, Replies, Sources};

use crate::{
    failure::Failure,
    kept_file,
    statistics::{Book, Counted},
    unanswered::Kept,
};

/// Number of messages that can wait for the disk; further ones are dropped.
const WAITING: usize = 1024;
/// Number of messages of one conversation that are kept in a minute. A person types fewer.
const MAX_A_MINUTE: u32 = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// A handle that passes what happens to the thread that writes the files.
#[derive(Clone)]
pub(crate) struct Keeper {
    /// `None` is a request to look at the files.
    messages: Sender<Option<Kept>>,
    shared: Arc<Shared>,
}

struct Shared {
    /// The current files, which a reload can change.
    files: Mutex<Files>,
    /// Whether there is a file of statistics: without one, no session takes the lock below.
    is_counting: AtomicBool,
    /// What was counted in this minute.
    counted: Mutex<Counted>,
}

/// The files to write.
#[derive(Clone, Default)]
struct Files {
    unanswered: Option<PathBuf>,
    statistics: Option<PathBuf>,
}

impl Files {
    fn of(sources: &Sources) -> Files {
        Files { unanswered: sources.unanswered_file.clone(), statistics: sources.statistics_file.clone() }
    }
}

impl Keeper {
    /// Starts the thread; it ends when the last clone is dropped.
    pub(crate) fn start(sources: &Sources) -> Result<(Keeper, JoinHandle<()>), Failure> {
        let (messages, waiting) = bounded(WAITING);
        let shared = Arc::new(Shared {
            files: Mutex::new(Files::of(sources)),
            is_counting: AtomicBool::new(sources.statistics_file.is_some()),
            counted: Mutex::default(),
        });
        let mut writer = Writer::new(Arc::clone(&shared));
        let thread = thread::Builder::new().name("keeper".into()).spawn(move || writer.run(&waiting));
        let thread = thread.map_err(|error| {
            Failure::new(format!("cannot start a thread for unanswered messages and statistics: {error}"))
        })?;
        let keeper = Keeper { messages, shared };
        keeper.look_at_files();
        Ok((keeper, thread))
    }

    /// Sets the files from now on.
    pub(crate) fn set_files(&self, sources: &Sources) {
        *lock(&self.shared.files) = Files::of(sources);
        self.shared.is_counting.store(sources.statistics_file.is_some(), Ordering::Relaxed);
        self.look_at_files();
    }

    /// Has the thread check the files now, so that a problem is logged before the first message. If the channel is full, the
    /// waiting messages will show the problem anyway.
    fn look_at_files(&self) {
        let _ = self.messages.try_send(None);
    }

    /// Returns a function that counts the answers of one session, and keeps messages that no phrase answers, up to
    /// `MAX_A_MINUTE`, so that no single client can fill the file.
    pub(crate) fn of_one_session(&self) -> impl FnMut(&str, &Answer<'_>) {
        let (mut minute, mut count) = (Instant::now(), 0);
        let mut is_first = true;
        move |message, answer| {
            let is_first = std::mem::take(&mut is_first);
            if self.shared.is_counting.load(Ordering::Relaxed) {
                lock(&self.shared.counted).count(answer, is_first);
            }
            let Some(kept) = Kept::of(message, answer) else { return };
            if minute.elapsed() >= MINUTE {
                (minute, count) = (Instant::now(), 0);
            }
            if count < MAX_A_MINUTE && self.keep(kept) {
                count += 1;
            }
        }
    }

    /// Keeps a message, unless it has no content or too many are waiting.
    fn keep(&self, kept: Kept) -> bool {
        Replies::has_words(&kept.message) && self.messages.try_send(Some(kept)).is_ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that writes the files.
struct Writer {
    shared: Arc<Shared>,
    /// The file of statistics, once it could be opened.
    book: Option<Book>,
    /// When the minute began that is being counted.
    begun: Timestamp,
    /// A persistent problem, such as a full disk, is logged once and not for every message.
    is_unanswered_failing: bool,
    is_statistics_failing: bool,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Writer {
        let begun = Timestamp::now();
        Writer { shared, book: None, begun, is_unanswered_failing: false, is_statistics_failing: false }
    }

    /// Writes until every handle is dropped.
    fn run(&mut self, waiting: &Receiver<Option<Kept>>) {
        let mut minute_ends = Instant::now() + rest_of_minute(self.begun);
        loop {
            match waiting.recv_deadline(minute_ends) {
                Ok(Some(kept)) => self.write_unanswered(Some(&kept)),
                Ok(None) => {
                    self.write_unanswered(None);
                    self.write_statistics(true);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write_statistics(false),
            }
            if Instant::now() >= minute_ends {
                self.write_statistics(false);
                minute_ends = Instant::now() + rest_of_minute(Timestamp::now());
            }
        }
    }

    /// Writes a message, or only looks whether the file can be written.
    fn write_unanswered(&mut self, kept: Option<&Kept>) {
        let Some(path) = lock(&self.shared.files).unanswered.clone() else { return };
        let done = match kept {
            Some(kept) => kept_file::append(&path, &line(kept)),
            None => kept_file::open_to_append(&path).map(drop),
        };
        if let Err(error) = &done
            && (!self.is_unanswered_failing || kept.is_none())
        {
            log::warn!("cannot keep unanswered messages in {}: {error}", path.display());
        }
        self.is_unanswered_failing = done.is_err();
    }

    /// Writes what was counted since `begun`, and begins the next minute.
    fn write_statistics(&mut self, was_asked: bool) {
        let file = lock(&self.shared.files).statistics.clone();
        if self.book.is_none() {
            self.open_book(file.as_deref(), was_asked);
        }
        if self.book.is_none() && file.is_some() {
            // It is counted until the file can be written.
            return;
        }
        let counted = std::mem::take(&mut *lock(&self.shared.counted));
        let begun = std::mem::replace(&mut self.begun, Timestamp::now());
        if let Some(book) = &mut self.book {
            match book.add(&local(begun), counted) {
                Ok(()) => self.is_statistics_failing = false,
                Err(error) => {
                    let file = book.file().to_owned();
                    // What there is of it is read again then.
                    self.book = None;
                    self.report(&file, &error, was_asked);
                }
            }
        }
        // What was counted before a reload is for the file that there was.
        if self.book.as_ref().is_some_and(|book| Some(book.file()) != file.as_deref()) {
            self.open_book(file.as_deref(), was_asked);
        }
    }

    fn open_book(&mut self, file: Option<&Path>, was_asked: bool) {
        self.book = None;
        let Some(file) = file else { return };
        match Book::open(file, &local(self.begun)) {
            Ok(book) => self.book = Some(book),
            Err(error) => self.report(file, &error, was_asked),
        }
    }

    fn report(&mut self, file: &Path, error: &io::Error, was_asked: bool) {
        if !std::mem::replace(&mut self.is_statistics_failing, true) || was_asked {
            log::warn!("cannot keep statistics in {}: {error}", file.display());
        }
    }
}

/// The line of a message that came now.
fn line(kept: &Kept) -> String {
    let now = Timestamp::now();
    // A time of the present can be rounded.
    format!("{} {kept}\n", now.round(Unit::Second).unwrap_or(now))
}

/// A time in the system's time zone. Finding the zone takes a millisecond and a half, so it is done only for a file of statistics, and not
/// at the start.
fn local(time: Timestamp) -> Zoned {
    time.to_zoned(TimeZone::system())
}

/// The time until the minute ends on the clock, so that what is counted in it belongs to one hour. Minutes begin at the same time in all
/// time zones.
fn rest_of_minute(now: Timestamp) -> Duration {
    let passed =
        Duration::new(now.as_second().rem_euclid(60).unsigned_abs(), now.subsec_nanosecond().unsigned_abs());
    MINUTE.saturating_sub(passed)
}
