//! Keeps what an owner wants to know later: messages that no phrase answers, and how often each reply was given. A thread of its own
//! writes the files, so that a session never waits for the disk.

use std::{
    collections::HashMap,
    fs, io,
    net::{IpAddr, Ipv6Addr},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use jiff::{Timestamp, Unit, civil::Date};
use replyd::{Answer, ConfigFiles, Replies};

use crate::{
    clock::{self, local},
    failure::Failure,
    statistics::{Book, Counted},
    unanswered::{Kept, file},
};

/// Number of messages that can wait for the disk; further ones are dropped.
const WAITING: usize = 1024;
/// Number of messages of one conversation that are kept in a minute. A person types fewer.
const MAX_A_MINUTE: u32 = 20;
/// Number of messages of one address, where several people may be.
const MAX_OF_ADDRESS: u32 = 60;
/// Number of addresses that are told apart within a minute; all others count as one.
const MAX_ADDRESSES: usize = 4096;
/// Days whose counts wait for a file that cannot be written; later ones count as the last of them.
const MAX_DAYS: usize = 7;
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
    /// When a minute began, and how many messages of each address were kept in it.
    addresses: Mutex<(Instant, HashMap<IpAddr, u32>)>,
}

impl Shared {
    /// Whether a message from an address may be kept.
    fn admits(&self, address: IpAddr) -> bool {
        let mut addresses = lock(&self.addresses);
        if addresses.0.elapsed() >= MINUTE {
            *addresses = (Instant::now(), HashMap::new());
        }
        let counts = &mut addresses.1;
        let has_place = counts.len() < MAX_ADDRESSES || counts.contains_key(&address);
        let count = counts.entry(if has_place { address } else { Ipv6Addr::UNSPECIFIED.into() }).or_default();
        *count += 1;
        *count <= MAX_OF_ADDRESS
    }
}

/// The address, or for IPv6 its /64 network, all addresses of which one household can use.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// The files to write.
#[derive(Clone, Default)]
struct Files {
    unanswered: Option<PathBuf>,
    statistics: Option<PathBuf>,
}

impl Files {
    fn of(sources: &ConfigFiles) -> Files {
        Files { unanswered: sources.unanswered_file.clone(), statistics: sources.statistics_file.clone() }
    }
}

impl Keeper {
    /// Starts the thread; it ends when the last clone is dropped.
    pub(crate) fn start(sources: &ConfigFiles) -> Result<(Keeper, JoinHandle<()>), Failure> {
        let (messages, waiting) = bounded(WAITING);
        let shared = Arc::new(Shared {
            files: Mutex::new(Files::of(sources)),
            is_counting: AtomicBool::new(sources.statistics_file.is_some()),
            counted: Mutex::default(),
            addresses: Mutex::new((Instant::now(), HashMap::new())),
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
    pub(crate) fn set_files(&self, sources: &ConfigFiles) {
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
    /// `MAX_A_MINUTE` and `MAX_OF_ADDRESS`, so that no single client can fill the file.
    pub(crate) fn of_one_session(&self, address: IpAddr) -> impl FnMut(&str, &Answer<'_>) {
        let address = network(address);
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
            if count < MAX_A_MINUTE && Replies::has_words(&kept.message) {
                count += u32::from(self.shared.admits(address) && self.messages.try_send(Some(kept)).is_ok());
            }
        }
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
    /// What is not written yet, by the day on which it was counted.
    unwritten: Vec<(Date, Counted)>,
    /// A persistent problem, such as a full disk, is logged once and not for every message.
    is_unanswered_failing: bool,
    is_statistics_failing: bool,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Writer {
        Writer {
            shared,
            book: None,
            begun: clock::now(),
            unwritten: Vec::new(),
            is_unanswered_failing: false,
            is_statistics_failing: false,
        }
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
                minute_ends = Instant::now() + rest_of_minute(clock::now());
            }
        }
    }

    /// Writes a message, or only looks whether the file can be written.
    fn write_unanswered(&mut self, kept: Option<&Kept>) {
        let Some(path) = lock(&self.shared.files).unanswered.clone() else { return };
        let done = match kept {
            Some(kept) => file::append(&path, &line(kept)),
            None => file::open(&path).map(drop),
        };
        if let Err(error) = &done
            && (!self.is_unanswered_failing || kept.is_none())
        {
            log::warn!("cannot keep unanswered messages in {}: {error}", path.display());
        }
        self.is_unanswered_failing = done.is_err();
        if kept.is_none() && fs::metadata(&path).is_ok_and(|metadata| metadata.mode() & 0o004 != 0) {
            let file = path.display();
            log::warn!("everyone can read {file}, which has what visitors write; run: chmod o-rwx '{file}'");
        }
    }

    /// Writes what was counted since `begun`, and begins the next minute.
    fn write_statistics(&mut self, was_asked: bool) {
        let file = lock(&self.shared.files).statistics.clone();
        let counted = std::mem::take(&mut *lock(&self.shared.counted));
        let begun = std::mem::replace(&mut self.begun, clock::now());
        if file.is_none() && self.book.is_none() {
            self.unwritten.clear();
            return;
        }
        let begun = local(begun);
        let has_place = self.unwritten.len() < MAX_DAYS;
        match self.unwritten.last_mut() {
            Some((day, unwritten)) if *day == begun.date() || !has_place => {
                unwritten.add(counted, begun.hour() as usize);
            }
            _ => {
                let mut unwritten = Counted::default();
                unwritten.add(counted, begun.hour() as usize);
                self.unwritten.push((begun.date(), unwritten));
            }
        }
        if self.book.is_none() {
            self.open_book(file.as_deref(), was_asked);
        }
        self.write_unwritten(was_asked);
        // What was counted before a reload is for the file that there was.
        if self.book.as_ref().is_some_and(|book| Some(book.file()) != file.as_deref()) {
            self.open_book(file.as_deref(), was_asked);
        }
    }

    /// Writes what is not written yet; what cannot be is for the next minute.
    fn write_unwritten(&mut self, was_asked: bool) {
        let Some(book) = &mut self.book else { return };
        let mut added = Ok(());
        while let Some((day, unwritten)) = self.unwritten.first() {
            added = book.add(*day, unwritten);
            if added.is_err() {
                break;
            }
            self.unwritten.remove(0);
        }
        match added.and_then(|()| book.tidy()) {
            Ok(()) => self.is_statistics_failing = false,
            Err(error) => {
                let file = book.file().to_owned();
                self.report(&file, &error, was_asked);
            }
        }
    }

    fn open_book(&mut self, file: Option<&Path>, was_asked: bool) {
        self.book = None;
        let Some(file) = file else { return };
        match Book::open(file, local(self.begun).date()) {
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
    let now = clock::now();
    // A time of the present can be rounded.
    format!("{} {kept}\n", now.round(Unit::Second).unwrap_or(now))
}

/// The time until the minute ends on the clock, so that what is counted in it belongs to one hour. Minutes begin at the same time in all
/// time zones.
fn rest_of_minute(now: Timestamp) -> Duration {
    let passed =
        Duration::new(now.as_second().rem_euclid(60).unsigned_abs(), now.subsec_nanosecond().unsigned_abs());
    MINUTE.saturating_sub(passed)
}
