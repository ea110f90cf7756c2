//! The owner's page: how the chat is doing, which questions have no answer, and a way to answer them. The text file of replies stays
//! the truth: whatever is done here is a change of it that could have been made with an editor.

mod addition;
mod conversation;
mod outline;
mod replies_file;
mod versions;
mod views;

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use replyd::{Config, ConfigFiles, Request, Response, RunningServer, Waker};

use crate::{clock, settings::OWNER};
pub(crate) use conversation::converse;

/// Interval at which answers are counted, and at which the page is told what has changed.
const INTERVAL: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
/// Sentences about the file that are kept.
const MAX_NOTICES: usize = 50;

/// What the pages of all owners share.
pub(crate) struct Owner {
    /// Whether there is an owner's key, and so a page.
    has_key: AtomicBool,
    /// Whether the file was saved, so that it should be read at once.
    is_saved: AtomicBool,
    /// The pages that are open now, by the numbers of their sessions.
    watchers: Mutex<HashMap<u64, Waker>>,
    state: Mutex<State>,
    /// Held while the file of replies is changed.
    saving: Mutex<()>,
}

#[derive(Default)]
struct State {
    files: Files,
    clients: usize,
    /// The number of answers at some times of the last minute.
    answers: VecDeque<(Instant, u64)>,
    /// What the log said about the files when they were last read.
    notices: Vec<(Timestamp, String)>,
    /// Grows with each reload.
    version: u64,
}

/// The files that the page is about.
#[derive(Clone, Default)]
struct Files {
    replies: Option<PathBuf>,
    unanswered: Option<PathBuf>,
    statistics: Option<PathBuf>,
    /// All other files of the configuration, which may hold secrets.
    others: Vec<PathBuf>,
}

impl Owner {
    pub(crate) fn new(config: &Config, sources: &ConfigFiles, notices: Vec<String>) -> Arc<Owner> {
        let owner = Owner {
            has_key: AtomicBool::new(false),
            is_saved: AtomicBool::new(false),
            watchers: Mutex::default(),
            state: Mutex::default(),
            saving: Mutex::default(),
        };
        owner.reloaded(config, sources, notices);
        Arc::new(owner)
    }

    /// Sets what a start or a reload has changed, with what the log says about the files; nothing if all is well.
    pub(crate) fn reloaded(&self, config: &Config, sources: &ConfigFiles, notices: Vec<String>) {
        self.set_files(config, sources);
        let now = clock::now();
        {
            let mut state = self.state();
            state.notices = notices.into_iter().take(MAX_NOTICES).map(|text| (now, text)).collect();
            state.version += 1;
        }
        lock(&self.watchers).values().for_each(Waker::wake);
    }

    /// Whether the file was saved since this was last asked.
    pub(crate) fn take_saved(&self) -> bool {
        self.is_saved.swap(false, Ordering::Relaxed)
    }

    fn set_files(&self, config: &Config, sources: &ConfigFiles) {
        self.has_key.store(config.keys_with_role(Some(OWNER)).next().is_some(), Ordering::Relaxed);
        let ConfigFiles { replies_file, unanswered_file, statistics_file, read, .. } = sources;
        let others =
            read.iter().map(|source| &*source.path).filter(|path| Some(*path) != replies_file.as_deref());
        let others = others.chain(sources.written().map(|(_, file)| file)).map(Path::to_owned).collect();
        self.state().files = Files {
            replies: replies_file.clone(),
            unanswered: unanswered_file.clone(),
            statistics: statistics_file.clone(),
            others,
        };
    }

    /// Counts clients and answers, so that a page has the last minute as soon as it is opened.
    pub(crate) fn tick(&self, running: &RunningServer) {
        let now = Instant::now();
        let owners = lock(&self.watchers).len();
        let mut state = self.state();
        state.clients = running.clients().saturating_sub(owners);
        if state.answers.back().is_some_and(|(last, _)| now - *last < INTERVAL) {
            return;
        }
        let answers = running.counts().answers.values().sum();
        state.answers.push_back((now, answers));
        while state.answers.front().is_some_and(|(first, _)| now - *first > MINUTE) {
            state.answers.pop_front();
        }
    }

    /// The files of the page, while there is an owner's key.
    pub(crate) fn page(&self, request: &Request<'_>) -> Option<Response> {
        // The build script makes both.
        macro_rules! file {
            ($name:literal) => {
                (
                    include_str!(concat!(env!("OUT_DIR"), "/", $name)),
                    &include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))[..],
                )
            };
        }
        let (content_type, (text, compressed)) = match request.path() {
            "/owner" => ("text/html; charset=utf-8", file!("owner.html")),
            "/owner.css" => ("text/css; charset=utf-8", file!("owner.css")),
            "/owner.js" => ("text/javascript; charset=utf-8", file!("owner.js")),
            _ => return None,
        };
        self.has_key.load(Ordering::Relaxed).then(|| {
            Response::new(200, content_type, text)
                .with_gzip(compressed)
                .with_header("Content-Security-Policy", &policy(request))
                .with_header("Referrer-Policy", "no-referrer")
                // A page that has opened this one must not have a hold on its window.
                .with_header("Cross-Origin-Opener-Policy", "same-origin")
                .with_header("X-Robots-Tag", "noindex")
                .with_header("Cache-Control", "no-cache")
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The Content-Security-Policy of the page. Whatever `embed_origins` says, no other site may show it and have it clicked. Some browsers do
/// not match `'self'` with a WebSocket of the same host, so that the host is listed too.
fn policy(request: &Request<'_>) -> String {
    // The header comes from the client: a semicolon in it could add a directive.
    let is_plain = |char: char| char.is_ascii_alphanumeric() || ".-:[]".contains(char);
    let host = request.header("host").filter(|host| host.chars().all(is_plain));
    let sockets = host.map_or(String::new(), |host| format!(" ws://{host} wss://{host}"));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'{sockets}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answers_a_minute(&self) -> f64 {
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
