//! What the pages of all owners share.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use replyd::{Config, ConfigFiles, Request, Response, RunningServer, Waker};

use super::assets;
use crate::{clock, console::OWNER, lock::lock};

/// Interval at which answers are counted, and at which a page shows what has changed.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
/// Number of notices that are kept.
const MAX_NOTICES: usize = 50;

pub(crate) struct Owner {
    /// Whether there is an owner's key, and so a page.
    has_key: AtomicBool,
    /// Whether the file was saved, so that it should be read at once.
    is_saved: AtomicBool,
    /// The pages that are open now, by the numbers of their sessions.
    pub(super) watchers: Mutex<HashMap<u64, Waker>>,
    status: Mutex<Status>,
    /// Held while the file of replies is changed.
    pub(super) saving: Mutex<()>,
}

#[derive(Default)]
pub(super) struct Status {
    pub(super) files: OwnerFiles,
    pub(super) clients: usize,
    /// The number of answers at some times of the last minute.
    answers: VecDeque<(Instant, u64)>,
    /// What the log said about the files when they were last read.
    pub(super) notices: Vec<(Timestamp, String)>,
    /// Grows with each reload.
    pub(super) version: u64,
}

/// The files that a page shows or changes.
#[derive(Clone, Default)]
pub(super) struct OwnerFiles {
    pub(super) replies: Option<PathBuf>,
    pub(super) unanswered: Option<PathBuf>,
    pub(super) statistics: Option<PathBuf>,
    /// All other files of the configuration, which may hold secrets.
    pub(super) others: Vec<PathBuf>,
}

impl Owner {
    pub(crate) fn new(config: &Config, sources: &ConfigFiles, notices: Vec<String>) -> Arc<Owner> {
        let owner = Owner {
            has_key: AtomicBool::new(false),
            is_saved: AtomicBool::new(false),
            watchers: Mutex::default(),
            status: Mutex::default(),
            saving: Mutex::default(),
        };
        owner.reloaded(config, sources, notices);
        Arc::new(owner)
    }

    /// Sets what a start or a reload has changed, with what the log says about the files.
    pub(crate) fn reloaded(&self, config: &Config, sources: &ConfigFiles, notices: Vec<String>) {
        self.has_key.store(config.keys_with_role(Some(OWNER)).next().is_some(), Ordering::Relaxed);
        let now = clock::now();
        {
            let mut status = self.status();
            status.files = OwnerFiles::new(sources);
            status.notices = notices.into_iter().take(MAX_NOTICES).map(|text| (now, text)).collect();
            status.version += 1;
        }
        lock(&self.watchers).values().for_each(Waker::wake);
    }

    /// Notes that a page has saved the file of replies.
    pub(super) fn file_saved(&self) {
        self.is_saved.store(true, Ordering::Relaxed);
    }

    /// Whether a page has saved the file of replies since the last call.
    pub(crate) fn was_file_saved(&self) -> bool {
        self.is_saved.swap(false, Ordering::Relaxed)
    }

    /// Counts clients and answers, so that a page has the last minute as soon as it is opened.
    pub(crate) fn tick(&self, running: &RunningServer) {
        let now = Instant::now();
        let owners = lock(&self.watchers).len();
        let mut status = self.status();
        status.clients = running.clients().saturating_sub(owners);
        if status.answers.back().is_some_and(|(last, _)| now - *last < INTERVAL) {
            return;
        }
        let answers = running.counts().answers.values().sum();
        status.answers.push_back((now, answers));
        while status.answers.front().is_some_and(|(first, _)| now - *first > MINUTE) {
            status.answers.pop_front();
        }
    }

    /// The files of the page, while there is an owner's key.
    pub(crate) fn page(&self, request: &Request<'_>) -> Option<Response> {
        self.has_key.load(Ordering::Relaxed).then(|| assets::response(request)).flatten()
    }

    pub(super) fn status(&self) -> MutexGuard<'_, Status> {
        lock(&self.status)
    }

    pub(super) fn files(&self) -> OwnerFiles {
        self.status().files.clone()
    }
}

impl Status {
    pub(super) fn answers_a_minute(&self) -> f64 {
        let (Some((first, before)), Some((last, now))) = (self.answers.front(), self.answers.back()) else {
            return 0.0;
        };
        let time = last.duration_since(*first).as_secs_f64();
        if time == 0.0 {
            0.0
        } else {
            (now.saturating_sub(*before) as f64 * 60.0 / time * 10.0).round() / 10.0
        }
    }
}

impl OwnerFiles {
    pub(super) fn new(sources: &ConfigFiles) -> OwnerFiles {
        let ConfigFiles { replies_file, unanswered_file, statistics_file, read, .. } = sources;
        let others = read.iter().map(|file| &*file.path);
        let others = others.filter(|path| Some(*path) != replies_file.as_deref());
        OwnerFiles {
            replies: replies_file.clone(),
            unanswered: unanswered_file.clone(),
            statistics: statistics_file.clone(),
            others: others.chain(sources.written().map(|(_, file)| file)).map(Path::to_owned).collect(),
        }
    }
}
