//! Notices that the files of a running server were saved, and puts their contents in force if they are good.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use replyd::{Config, Running};

use crate::unanswered::Unanswered;

/// How many failing `[tests]` are told; one is enough to keep the file out.
const TOLD_FAILURES: usize = 5;

/// What a file looks like from outside: when it was changed, how long it is, and which one it is. Links are followed.
type Look = Option<((i64, i64), (i64, i64), u64, u64)>;

/// The files of a running server.
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    /// The address of the command line, which beats the file.
    listen: Option<String>,
    loaded: Vec<Look>,
    seen: Vec<Look>,
}

impl Watch {
    /// Watches a file of settings, and the one with the replies that it names, as they look now: before they are read.
    pub(crate) fn new(file: &Path, listen: Option<String>) -> Watch {
        let files = Config::files(file);
        let loaded = looks(&files);
        Watch { files, listen, loaded, seen: Vec::new() }
    }

    /// Looks once; what has changed and looks the same as the last time is read.
    pub(crate) fn tick(&mut self, running: &Running, unanswered: &Unanswered) {
        let now = looks(&self.files);
        if now == self.loaded || now != self.seen {
            self.seen = now;
            return;
        }
        let files = Config::files(&self.files[0]);
        if files != self.files {
            // Another file of replies: it is watched from now on, and read when it looks the same twice.
            (self.seen, self.loaded) = (looks(&files), Vec::new());
            self.files = files;
            return;
        }
        let read = self.read();
        // Saved again while it was read: what was read may be half of it.
        if looks(&self.files) == now {
            self.put_in_force(read, running, unanswered);
            // Good or bad, it is not read again until it changes.
            self.loaded = now;
        }
    }

    fn put_in_force(&self, read: Result<Config, Vec<String>>, running: &Running, unanswered: &Unanswered) {
        let name = self.files[0].display().to_string();
        let before = running.config();
        let reloaded =
            read.and_then(|config| running.reload(config).map_err(|error| vec![format!("{name}: {error}")]));
        match reloaded {
            Ok(fixed) => {
                let config = running.config();
                let (added, changed, removed) = config.replies.changes_since(&before.replies);
                log::info!("reloaded {name}: +{added} ~{changed} -{removed} replies");
                if config.keys != before.keys {
                    log::info!("{name}: the keys have changed, there are {} now", config.keys.len());
                }
                #[cfg(feature = "tls")]
                if config.tls != before.tls {
                    log::info!("{name}: the certificate has changed");
                    if config.tls.as_ref().is_some_and(replyd::Tls::has_expired) {
                        log::warn!("{name}: tls_certificate has expired: clients will refuse it");
                    }
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
                running.tell_failed_reload();
                for fault in faults {
                    log::error!("{fault}");
                }
                log::error!("{name} is not taken: keeping the previous {} replies", before.replies.len());
            }
        }
    }

    /// Reads the files as at the start; an empty one is a mistake here, and so is a failing test.
    fn read(&self) -> Result<Config, Vec<String>> {
        let file = &self.files[0];
        if is_empty(file) {
            return Err(vec![format!("{}: this file is empty", file.display())]);
        }
        let lines = |error: replyd::Error| error.to_string().lines().map(str::to_owned).collect::<Vec<_>>();
        let mut config = Config::load(file).map_err(lines)?;
        if let Some(listen) = &self.listen {
            config.listen.clone_from(listen);
        }
        let mut failures = config.replies.failures();
        failures.truncate(TOLD_FAILURES);
        if failures.is_empty() { Ok(config) } else { Err(failures) }
    }
}

/// Whether there is nothing but blanks in a file; nobody writes many of those.
fn is_empty(file: &Path) -> bool {
    let is_short = fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() < 4096);
    is_short && fs::read(file).is_ok_and(|bytes| bytes.trim_ascii().is_empty())
}

fn looks(files: &[PathBuf]) -> Vec<Look> {
    let look = |file: &PathBuf| {
        let metadata = fs::metadata(file).ok()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Some((modified, changed, metadata.len(), metadata.ino()))
    };
    files.iter().map(look).collect()
}
