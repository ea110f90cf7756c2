//! Reloads the files of a running server after they are saved, and applies those that are valid.

use std::{
    mem,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use replyd::{ConfigFiles, Loaded, RejectedFile, ReloadResult, RunningServer};
use sd_notify::NotifyState;

use super::{
    reports::{notify_systemd, report_changes, report_refused, status},
    watch::{CheckRequest, Part, Watch},
};
use crate::{
    clock::{self, local},
    console::{Escaped, Failure},
    owner::Owner,
    records::Recorder,
};

/// Duration of a check of the files after which the settings are read apart from the replies: a key that was
/// withdrawn must not stay valid until the replies have been read.
const LONG: Duration = Duration::from_secs(1);

/// Duration after which a check of the files is reported as slow. Normally it takes milliseconds; one that
/// takes longer hangs, perhaps on a network file system.
const SLOW: Duration = Duration::from_secs(5);

/// The files of a running server. Threads read them, since that may block.
pub(crate) struct Reload {
    /// Name of the configuration file in log lines.
    name: String,
    sources: Arc<ConfigFiles>,
    requests: Sender<CheckRequest>,
    /// Requests to read the settings only.
    settings_requests: Sender<CheckRequest>,
    /// The results of requests, each of which must be [accepted](Reload::accept).
    pub(super) results: Receiver<CheckResult>,
    /// Time of the request that has no result yet.
    requested_at: Option<Instant>,
    /// The next request is to read the files even if they have not changed.
    is_urgent: bool,
    /// The current request has been reported as slow.
    is_slow: bool,
    /// Where a file was refused, and when, until all files are accepted again.
    refused: Option<String>,
}

/// What a check of the files found: nothing if they have not changed. The request has the settings before.
type CheckResult = (Part, CheckRequest, Option<ReloadResult>);

impl Reload {
    /// Starts the threads, which watch the files of `sources`.
    pub(crate) fn start(
        file: &Path,
        sources: ConfigFiles,
        listen: Option<String>,
    ) -> Result<Reload, Failure> {
        let (result, results) = bounded(2);
        let watching = |part: Part, name: &str| {
            let (requests, incoming) = bounded::<CheckRequest>(1);
            let (mut watch, result) = (Watch::new(part, file, &sources, listen.clone()), result.clone());
            let watching = move || {
                for request in incoming {
                    let reading = watch.check(&request);
                    if result.send((part, request, reading)).is_err() {
                        return;
                    }
                }
            };
            let thread = thread::Builder::new().name(name.into()).spawn(watching);
            thread.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
            Ok::<_, Failure>(requests)
        };
        let requests = watching(Part::Everything, "files")?;
        let settings_requests = watching(Part::Settings, "settings")?;
        Ok(Reload {
            name: file.display().to_string(),
            sources: Arc::new(sources),
            requests,
            settings_requests,
            results,
            requested_at: None,
            is_urgent: false,
            is_slow: false,
            refused: None,
        })
    }

    /// Applies what a check of the files found.
    pub(crate) fn accept(
        &mut self,
        (part, request, reading): CheckResult,
        running: &RunningServer,
        recorder: &Recorder,
        owner: &Owner,
    ) {
        if part == Part::Settings {
            // Once everything has been read, this reading is old.
            let is_current = self.requested_at.is_some() && Arc::ptr_eq(&request.config, &running.config());
            if let Some(reading) = reading.filter(|_| is_current) {
                self.apply_settings(reading, running, recorder);
            }
            return;
        }
        self.requested_at = None;
        self.is_slow = false;
        if let Some(reading) = reading {
            let notices = self.apply(reading, running);
            if std::env::var_os("RUST_LOG").is_none_or(|filters| filters.is_empty()) {
                log::set_max_level(running.config().level);
            }
            recorder.set_files(&self.sources);
            owner.reloaded(&running.config(), &self.sources, notices);
            let refused = self.refused.as_ref().map(|refused| format!("; {refused}")).unwrap_or_default();
            notify_systemd(&[NotifyState::Status(&(status(&running.config()) + &refused))]);
        }
        if self.is_urgent {
            self.tick(running);
        }
    }

    /// Requests that the files are read as soon as possible, whether they have changed or not.
    pub(crate) fn read_now(&mut self, running: &RunningServer, why: &str) {
        if !why.is_empty() {
            log::info!("{why}: reading {}", self.name);
        }
        self.is_urgent = true;
        self.tick(running);
    }

    /// Requests a check of the files, unless one is still going on.
    pub(crate) fn tick(&mut self, running: &RunningServer) {
        if let Some(requested_at) = self.requested_at {
            if requested_at.elapsed() > LONG {
                // A full channel already holds a request.
                let _ = self.settings_requests.try_send(self.request(running, false));
            }
            if requested_at.elapsed() > SLOW && !mem::replace(&mut self.is_slow, true) {
                log::warn!(
                    "{}: reading takes long; until it is done, changes of the replies are not noticed",
                    self.name
                );
            }
            return;
        }
        let is_urgent = mem::take(&mut self.is_urgent);
        if self.requests.try_send(self.request(running, is_urgent)).is_ok() {
            self.requested_at = Some(Instant::now());
        }
    }

    fn request(&self, running: &RunningServer, is_urgent: bool) -> CheckRequest {
        CheckRequest { config: running.config(), sources: Arc::clone(&self.sources), is_urgent }
    }

    /// Applies settings while the replies are still being read. Mistakes are reported after that.
    fn apply_settings(&mut self, reading: ReloadResult, running: &RunningServer, recorder: &Recorder) {
        let before = running.config();
        let ReloadResult { loaded: Loaded { config, files: sources, .. }, rejected, .. } = reading;
        if !rejected.is_empty() || running.check_reload(&config).is_err() || running.reload(config).is_err() {
            return;
        }
        log::info!("{}: the new settings apply, while the replies are still being read", self.name);
        report_changes(&self.name, (&before, &self.sources), (&running.config(), &sources), true);
        recorder.set_files(&sources);
        self.sources = Arc::new(sources);
    }

    /// Applies the valid parts of what was read, logs the outcome, and returns what was wrong.
    fn apply(&mut self, reading: ReloadResult, running: &RunningServer) -> Vec<String> {
        let before = running.config();
        let ReloadResult { mut loaded, rejected, .. } = reading;
        let mut notices: Vec<String> = Vec::new();
        for RejectedFile { file, setting, noun, error, .. } in &rejected {
            let file = file.display().to_string();
            report_refused(&file, (*setting, noun), error, (&before, &self.sources));
            notices.extend(error.to_string().lines().map(str::to_owned));
        }
        if let Err(error) = running.check_reload(&loaded.config) {
            report_refused(&self.name, (None, "settings"), &error, (&before, &self.sources));
            notices.push(error.to_string());
            loaded = loaded.with_settings_of(&before, &self.sources);
        }
        let first_fault = notices.first().cloned();
        let Loaded { config, files: sources, warnings, .. } = loaded;
        match running.reload(config) {
            Ok(fixed) => {
                let now = running.config();
                report_changes(&self.name, (&before, &self.sources), (&now, &sources), first_fault.is_some());
                warnings.iter().for_each(|warning| log::warn!("{warning}"));
                notices.extend(warnings);
                let warn = |setting| {
                    log::warn!("{}: {setting} has changed, which takes effect at the next start", self.name)
                };
                fixed.into_iter().for_each(warn);
            }
            Err(error) => {
                log::error!("{}: {error}", self.name);
                notices.push(error.to_string());
            }
        }
        self.refused = first_fault.map(|fault| {
            running.count_failed_reload();
            let place = fault.split(": ").next().unwrap_or_default();
            format!("{} refused at {}", Escaped::for_log(place), local(clock::now()).strftime("%H:%M"))
        });
        self.sources = Arc::new(sources);
        notices
    }
}
