//! Reloads the files of a running server after they are saved, and applies those that are valid.

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use replyd::{Config, ConfigFiles, Loaded, RejectedFile, ReloadResult, RunningServer};
use sd_notify::NotifyState;

use crate::{
    check::counted,
    clock::{self, local},
    escape::Escaped,
    failure::Failure,
    keeper::Keeper,
    owner::Owner,
    settings::OWNER,
    watch::{Part, Request, Watch},
};

/// Duration of a check of the files after which the settings are read apart from the replies: a key that is withdrawn must not stay
/// valid until they have been read.
const LONG: Duration = Duration::from_secs(1);

/// Duration after which a check of the files is reported as slow. Normally it takes milliseconds; one that takes longer hangs,
/// perhaps on a network file system.
const SLOW: Duration = Duration::from_secs(5);

/// What systemd's status line says of the replies in force.
pub(crate) fn status(config: &Config) -> String {
    counted(config.replies.len(), "reply", "replies")
}

/// Notifies systemd, if it started this process and waits for notifications (sd_notify(3)).
pub(crate) fn notify_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("cannot notify systemd: {error}");
    }
}

/// The files of a running server, and the threads that read them: a read that blocks must not block signals or sessions.
pub(crate) struct Reload {
    /// Name of the configuration file in log lines.
    name: String,
    sources: Arc<ConfigFiles>,
    requests: Sender<Request>,
    /// Requests to read the settings only.
    settings_requests: Sender<Request>,
    answers: Receiver<Answer>,
    /// Time of the request that has no answer yet.
    requested_at: Option<Instant>,
    /// The next request is to read the files even if they have not changed.
    is_urgent: bool,
    /// The current request has been reported as slow.
    is_slow: bool,
    /// Where a file was refused, and when, until all files are accepted again.
    refused: Option<String>,
}

/// What a check of the files found: nothing if they have not changed.
pub(crate) struct Answer {
    part: Part,
    /// The settings that the reading began with.
    before: Arc<Config>,
    reading: Option<ReloadResult>,
}

impl Reload {
    /// Starts the threads, which watch the files of `sources`.
    pub(crate) fn start(
        file: &Path,
        sources: ConfigFiles,
        listen: Option<String>,
    ) -> Result<Reload, Failure> {
        let (answer, answers) = bounded(2);
        let watching = |part: Part, name: &str| {
            let (requests, incoming) = bounded::<Request>(1);
            let (mut watch, answer) = (Watch::new(part, file, &sources, listen.clone()), answer.clone());
            let watching = move || {
                for request in incoming {
                    let reading = watch.check(&request);
                    if answer.send(Answer { part, before: request.config, reading }).is_err() {
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
            answers,
            requested_at: None,
            is_urgent: false,
            is_slow: false,
            refused: None,
        })
    }

    /// The answers to requests, each of which must be [accepted](Reload::accept).
    pub(crate) fn answers(&self) -> Receiver<Answer> {
        self.answers.clone()
    }

    /// Accepts an answer.
    pub(crate) fn accept(&mut self, answer: Answer, running: &RunningServer, keeper: &Keeper, owner: &Owner) {
        if answer.part == Part::Settings {
            // Once everything has been read, what the settings are is known from there, and the replies of this reading are old.
            let is_current = self.requested_at.is_some() && Arc::ptr_eq(&answer.before, &running.config());
            if let Some(reading) = answer.reading.filter(|_| is_current) {
                self.apply_settings(reading, running, keeper);
            }
            return;
        }
        self.requested_at = None;
        self.is_slow = false;
        if let Some(reading) = answer.reading {
            self.apply(reading, running, keeper, owner);
            self.notify_systemd(&running.config());
        }
        if self.is_urgent {
            self.tick(running);
        }
    }

    /// Has the files read as soon as possible, whether they have changed or not.
    pub(crate) fn reload_now(&mut self, running: &RunningServer) {
        log::info!("SIGHUP: reading {}", self.name);
        self.read_now(running);
    }

    /// The same without a word: a file was just saved by this program.
    pub(crate) fn read_now(&mut self, running: &RunningServer) {
        self.is_urgent = true;
        self.tick(running);
    }

    /// Has the files checked, unless a check is still going on.
    pub(crate) fn tick(&mut self, running: &RunningServer) {
        if let Some(requested_at) = self.requested_at {
            if requested_at.elapsed() > LONG {
                // A full channel already holds a request.
                let _ = self.settings_requests.try_send(self.request(running, false));
            }
            if requested_at.elapsed() > SLOW && !std::mem::replace(&mut self.is_slow, true) {
                log::warn!(
                    "{}: reading takes long; until it is done, changes of the replies are not noticed",
                    self.name
                );
            }
            return;
        }
        let is_urgent = std::mem::take(&mut self.is_urgent);
        if self.requests.try_send(self.request(running, is_urgent)).is_ok() {
            self.requested_at = Some(Instant::now());
        }
    }

    fn request(&self, running: &RunningServer, is_urgent: bool) -> Request {
        Request { config: running.config(), sources: Arc::clone(&self.sources), is_urgent }
    }

    /// Puts settings in force while the replies are still being read. What is wrong with them is reported after that.
    fn apply_settings(&mut self, reading: ReloadResult, running: &RunningServer, keeper: &Keeper) {
        let before = running.config();
        let ReloadResult { loaded: Loaded { config, files: sources, .. }, rejected, .. } = reading;
        if !rejected.is_empty() || running.check_reload(&config).is_err() || running.reload(config).is_err() {
            return;
        }
        log::info!("{}: the settings are in force, while the replies are still being read", self.name);
        self.report_changes(&before, &running.config(), &sources, true);
        keeper.set_files(&sources);
        self.sources = Arc::new(sources);
    }

    /// Says in systemd's status line how many replies are in force, and which file was refused since they were read.
    fn notify_systemd(&self, config: &Config) {
        let refused = self.refused.as_ref().map(|refused| format!("; {refused}")).unwrap_or_default();
        notify_systemd(&[NotifyState::Status(&(status(config) + &refused))]);
    }

    /// Applies the valid parts of what was read, and logs the outcome of each part.
    fn apply(&mut self, reading: ReloadResult, running: &RunningServer, keeper: &Keeper, owner: &Owner) {
        let before = running.config();
        let ReloadResult { mut loaded, rejected, .. } = reading;
        let mut is_refused = !rejected.is_empty();
        let mut notices: Vec<String> = Vec::new();
        self.refused = None;
        for RejectedFile { file, setting, noun, error, .. } in &rejected {
            self.report_refused(&file.display().to_string(), *setting, noun, error, &before);
            notices.extend(error.to_string().lines().map(str::to_owned));
        }
        if let Err(error) = running.check_reload(&loaded.config) {
            is_refused = true;
            self.report_refused(&self.name, None, "settings", &error, &before);
            notices.push(error.to_string());
            loaded = loaded.with_settings_of(&before, &self.sources);
        }
        let Loaded { config, files: sources, warnings, .. } = loaded;
        match running.reload(config) {
            Ok(fixed) => {
                self.report_changes(&before, &running.config(), &sources, is_refused);
                warnings.iter().for_each(|warning| log::warn!("{warning}"));
                notices.extend(warnings);
                for setting in fixed {
                    log::warn!("{}: {setting} has changed, which takes effect at the next start", self.name);
                }
            }
            Err(error) => {
                log::error!("{}: {error}", self.name);
                notices.push(error.to_string());
            }
        }
        if is_refused {
            running.count_failed_reload();
            self.refused = notices.first().map(|fault| {
                let place = fault.split(": ").next().unwrap_or_default();
                format!("{} refused at {}", Escaped::for_log(place), local(clock::now()).strftime("%H:%M"))
            });
        }
        keeper.set_files(&sources);
        owner.reloaded(&running.config(), &sources, notices);
        if std::env::var_os("RUST_LOG").is_none_or(|filters| filters.is_empty()) {
            log::set_max_level(running.config().level);
        }
        self.sources = Arc::new(sources);
    }

    /// Logs why a part was refused, and what stays in its place.
    fn report_refused(
        &self,
        file: &str,
        setting: Option<&str>,
        noun: &str,
        error: &replyd::Error,
        before: &Config,
    ) {
        error.to_string().lines().for_each(|fault| log::error!("{fault}"));
        let kept = match setting {
            None if self.sources.replies_file.is_some() => noun.to_owned(),
            None | Some("replies_file") => format!("{} replies", before.replies.len()),
            Some(_) => noun.to_owned(),
        };
        log::error!("{file} is not accepted: keeping the previous {kept}");
    }

    /// Logs what has changed. After a refusal, "reloaded" without any change would be misleading, so it is left out.
    fn report_changes(&self, before: &Config, now: &Config, sources: &ConfigFiles, is_refused: bool) {
        let name = &self.name;
        let (added, changed, removed) = now.replies.changes_since(&before.replies);
        let mut settings = now.changes_since(before);
        settings.extend(sources.changes_since(&self.sources));
        if !is_refused || added + changed + removed + settings.len() > 0 {
            let settings = if settings.is_empty() {
                String::new()
            } else {
                format!(", changed: {}", settings.join(", "))
            };
            log::info!("reloaded {name}: +{added} ~{changed} -{removed} replies{settings}");
        }
        let keys = |role: Option<&'static str>| {
            let count = now.keys_with_role(role).count();
            now.keys_with_role(role).ne(before.keys_with_role(role)).then_some(count)
        };
        if let Some(count) = keys(None) {
            log::info!("{name}: the keys have changed; the number of keys is now {count}");
        }
        if let Some(count) = keys(Some(OWNER)) {
            log::info!("{name}: the owners' keys have changed; the number of them is now {count}");
        }
        #[cfg(feature = "tls")]
        if now.tls != before.tls {
            log::info!("{name}: the certificate has changed");
            if now.tls.as_ref().is_some_and(replyd::Tls::has_expired) {
                log::warn!("{name}: tls_certificate has expired; clients will reject it");
            }
        }
    }
}
