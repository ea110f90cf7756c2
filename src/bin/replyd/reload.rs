//! Notices that the files of a running server were saved, and puts their contents in force if they are good.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf};

use replyd::{Config, Running};

use crate::unanswered::Unanswered;

/// How many failing `[tests]` are told; one is enough to keep the file out.
const TOLD_FAILURES: usize = 5;

/// What a file looks like from outside: when it was changed, how long it is, and which one it is. Links are followed.
type Look = Option<((i64, i64), (i64, i64), u64, u64)>;

/// The files of a running server.
pub(crate) struct Watch {
    file: PathBuf,
    /// The address of the command line, which beats the file.
    listen: Option<String>,
    loaded: Vec<Look>,
    seen: Vec<Look>,
}

impl Watch {
    /// Watches the file that the settings of `running` are from, as it looks now.
    pub(crate) fn new(file: PathBuf, listen: Option<String>, running: &Running) -> Watch {
        let mut watch = Watch { file, listen, loaded: Vec::new(), seen: Vec::new() };
        watch.loaded = watch.looks(running);
        watch
    }

    /// Looks once; what has changed and looks the same as the last time is read.
    pub(crate) fn tick(&mut self, running: &Running, unanswered: &Unanswered) {
        let looks = self.looks(running);
        if looks != self.loaded && looks == self.seen {
            let replies_file = running.config().replies_file.clone();
            self.reload(running, unanswered);
            // Good or bad, it is not read again until it changes. How another file of replies looked when it was read is
            // not known, so all is read once more then.
            let is_same = running.config().replies_file == replies_file;
            self.loaded = if is_same { looks.clone() } else { Vec::new() };
        }
        self.seen = looks;
    }

    fn reload(&self, running: &Running, unanswered: &Unanswered) {
        let name = self.file.display().to_string();
        let before = running.config();
        let reloaded = self
            .read()
            .and_then(|config| running.reload(config).map_err(|error| vec![format!("{name}: {error}")]));
        match reloaded {
            Ok(fixed) => {
                let config = running.config();
                let (added, changed, removed) = config.replies.changes_since(&before.replies);
                log::info!("reloaded {name}: +{added} ~{changed} -{removed} replies");
                if config.keys != before.keys {
                    log::info!("{name}: the keys have changed, there are {} now", config.keys.len());
                }
                for setting in fixed {
                    log::warn!("{name}: {setting} has changed and takes effect at the next start");
                }
                unanswered.set_file(config.unanswered_file.clone());
                if std::env::var_os("RUST_LOG").is_none_or(|wishes| wishes.is_empty()) {
                    log::set_max_level(config.level);
                }
            }
            Err(faults) => {
                for fault in faults {
                    log::error!("{fault}");
                }
                log::error!("{name} is not taken: keeping the previous {} replies", before.replies.len());
            }
        }
    }

    /// Reads the files as at the start; an empty one is a mistake here, and so is a failing test.
    fn read(&self) -> Result<Config, Vec<String>> {
        // One that cannot be read says so below.
        if fs::read(&self.file).is_ok_and(|bytes| bytes.trim_ascii().is_empty()) {
            return Err(vec![format!("{}: this file is empty", self.file.display())]);
        }
        let mut config = Config::load(&self.file)
            .map_err(|error| error.to_string().lines().map(str::to_owned).collect::<Vec<_>>())?;
        if let Some(listen) = &self.listen {
            config.listen.clone_from(listen);
        }
        let mut failures = config.replies.failures();
        failures.truncate(TOLD_FAILURES);
        if failures.is_empty() { Ok(config) } else { Err(failures) }
    }

    fn looks(&self, running: &Running) -> Vec<Look> {
        let look = |file: &PathBuf| {
            let metadata = fs::metadata(file).ok()?;
            let modified = (metadata.mtime(), metadata.mtime_nsec());
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            Some((modified, changed, metadata.len(), metadata.ino()))
        };
        [&self.file].into_iter().chain(&running.config().replies_file).map(look).collect()
    }
}
