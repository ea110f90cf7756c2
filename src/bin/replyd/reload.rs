//! Puts the files of a running server in force when they were saved, as far as they are good.

use std::{
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use replyd::{Config, Loaded, Reading, Refused, RunningServer, Sources};

use crate::{
    failure::Failure,
    unanswered::Unanswered,
    watch::{Request, Watch},
};

/// A look at files takes no time; one that takes longer than this is stuck, as over a network.
const SLOW: Duration = Duration::from_secs(5);

/// The files of a running server, and the thread that reads them: a read that blocks holds up nobody but itself.
pub(crate) struct Reload {
    name: String,
    sources: Arc<Sources>,
    requests: Sender<Request>,
    answers: Receiver<Option<Reading>>,
    /// Since when an answer is awaited.
    asked: Option<Instant>,
    /// The files are to be read at once, whether they have changed or not.
    is_urgent: bool,
    is_slow: bool,
}

impl Reload {
    /// Starts the thread, which watches the files of `sources`.
    pub(crate) fn start(file: &Path, sources: Sources, listen: Option<String>) -> Result<Reload, Failure> {
        let (requests, asked) = bounded::<Request>(1);
        let (answer, answers) = bounded(1);
        let mut watch = Watch::new(file, &sources, listen);
        let watching = move || {
            for request in asked {
                if answer.send(watch.look(&request)).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("files".into()).spawn(watching);
        thread.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
        Ok(Reload {
            name: file.display().to_string(),
            sources: Arc::new(sources),
            requests,
            answers,
            asked: None,
            is_urgent: false,
            is_slow: false,
        })
    }

    /// The answers to what was asked for, each of which is to be [accepted](Reload::accept).
    pub(crate) fn answers(&self) -> Receiver<Option<Reading>> {
        self.answers.clone()
    }

    /// Takes an answer: `None` where there is nothing new.
    pub(crate) fn accept(
        &mut self,
        answer: Option<Reading>,
        running: &RunningServer,
        unanswered: &Unanswered,
    ) {
        self.asked = None;
        self.is_slow = false;
        if let Some(reading) = answer {
            self.put_in_force(reading, running, unanswered);
        }
        if self.is_urgent {
            self.tick(running);
        }
    }

    /// Has the files read at once, whether they have changed or not.
    pub(crate) fn hurry(&mut self, running: &RunningServer) {
        log::info!("SIGHUP: reading {}", self.name);
        self.is_urgent = true;
        self.tick(running);
    }

    /// Has the files looked at, unless that is still being done.
    pub(crate) fn tick(&mut self, running: &RunningServer) {
        if let Some(asked) = self.asked {
            if asked.elapsed() > SLOW && !std::mem::replace(&mut self.is_slow, true) {
                log::warn!("{}: reading takes long; what is saved is not noticed meanwhile", self.name);
            }
            return;
        }
        let is_urgent = std::mem::take(&mut self.is_urgent);
        let request = Request { config: running.config(), sources: Arc::clone(&self.sources), is_urgent };
        if self.requests.try_send(request).is_ok() {
            self.asked = Some(Instant::now());
        }
    }

    /// Puts in force what was read, as far as it is good, and logs what became of each part.
    fn put_in_force(&mut self, reading: Reading, running: &RunningServer, unanswered: &Unanswered) {
        let before = running.config();
        let Reading { mut loaded, refused, .. } = reading;
        let mut is_refused = !refused.is_empty();
        for Refused { file, setting, error, .. } in &refused {
            self.report_refused(&file.display().to_string(), *setting, error, &before);
        }
        if let Err(error) = running.check_reload(&loaded.config) {
            is_refused = true;
            self.report_refused(&self.name, None, &error, &before);
            loaded = loaded.with_settings_of(&before, &self.sources);
        }
        let Loaded { config, sources, warnings, .. } = loaded;
        match running.reload(config) {
            Ok(fixed) => {
                self.report_changes(&before, &running.config(), &sources, is_refused);
                warnings.iter().for_each(|warning| log::warn!("{warning}"));
                for setting in fixed {
                    log::warn!("{}: {setting} has changed and takes effect at the next start", self.name);
                }
            }
            Err(error) => log::error!("{}: {error}", self.name),
        }
        if is_refused {
            running.count_failed_reload();
        }
        unanswered.set_file(sources.unanswered_file.clone());
        if std::env::var_os("RUST_LOG").is_none_or(|wishes| wishes.is_empty()) {
            log::set_max_level(sources.level);
        }
        self.sources = Arc::new(sources);
    }

    fn report_refused(&self, file: &str, setting: Option<&str>, error: &replyd::Error, before: &Config) {
        error.to_string().lines().for_each(|fault| log::error!("{fault}"));
        let kept = match setting {
            None if self.sources.replies_file.is_some() => "settings".to_owned(),
            None | Some("replies_file") => format!("{} replies", before.replies.len()),
            Some("tls_certificate") => "certificate".to_owned(),
            Some(_) => "key for tokens".to_owned(),
        };
        log::error!("{file} is not accepted: keeping the previous {kept}");
    }

    /// Nothing is said of a change that there was not, where something was refused.
    fn report_changes(&self, before: &Config, now: &Config, sources: &Sources, is_refused: bool) {
        let name = &self.name;
        let (added, changed, removed) = now.replies.changes_since(&before.replies);
        let mut settings = now.changes_since(before);
        settings.extend((sources.level != self.sources.level).then_some("level"));
        settings
            .extend((sources.unanswered_file != self.sources.unanswered_file).then_some("unanswered_file"));
        if !is_refused || added + changed + removed + settings.len() > 0 {
            let settings = if settings.is_empty() {
                String::new()
            } else {
                format!(", changed: {}", settings.join(", "))
            };
            log::info!("reloaded {name}: +{added} ~{changed} -{removed} replies{settings}");
        }
        if now.keys != before.keys {
            log::info!("{name}: the keys have changed, there are {} now", now.keys.len());
        }
        #[cfg(feature = "tls")]
        if now.tls != before.tls {
            log::info!("{name}: the certificate has changed");
            if now.tls.as_ref().is_some_and(replyd::Tls::has_expired) {
                log::warn!("{name}: tls_certificate has expired: clients will refuse it");
            }
        }
    }
}
