//! Notices that files have changed, and reads them.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use replyd::{Config, Reading, Sources};

/// How long files must look the same before they are read: they may be copied into place slowly.
const SETTLED: Duration = Duration::from_millis(400);

/// What holds now, for a part that is not good, and whether to wait for a change.
pub(crate) struct Request {
    pub(crate) config: Arc<Config>,
    pub(crate) sources: Arc<Sources>,
    pub(crate) is_urgent: bool,
}

/// What a file looks like from outside: when it was changed, how long it is, and which one it is. Links are followed.
type Look = Option<((i64, i64), (i64, i64), u64, u64)>;

/// The files of a running server.
pub(crate) struct Watch {
    files: Vec<PathBuf>,
    /// The address of the command line, which beats the file.
    listen: Option<String>,
    /// What the files looked like that were read last.
    loaded: Vec<Look>,
    /// What they looked like since when, where that is something else.
    seen: Option<(Vec<Look>, Instant)>,
    /// The system could not read them the last time.
    is_failing: bool,
    /// Files without a name that were reported.
    nameless: Vec<PathBuf>,
}

impl Watch {
    pub(crate) fn new(file: &Path, sources: &Sources, listen: Option<String>) -> Watch {
        let mut files: Vec<PathBuf> = sources.files.iter().map(|source| source.path.clone()).collect();
        if files.is_empty() {
            files.push(file.to_owned());
        }
        let loaded =
            sources.files.iter().map(|source| source.metadata.as_ref().map(look)).map(Option::flatten);
        Watch { files, listen, loaded: loaded.collect(), seen: None, is_failing: false, nameless: Vec::new() }
    }

    /// Looks once, and reads what has changed and settled.
    pub(crate) fn look(&mut self, request: &Request) -> Option<Reading> {
        let now = self.looks()?;
        if !request.is_urgent && !self.has_settled(&now) {
            return None;
        }
        let mut reading = match Config::read(&self.files[0], Some((&request.config, &request.sources))) {
            Ok(reading) => reading,
            Err(error) => {
                self.report_failing(&error);
                return None;
            }
        };
        self.is_failing = false;
        if reading.files != self.files {
            // What is new among them may still be on its way: it is read when it looks the same twice.
            self.files = std::mem::take(&mut reading.files);
            self.loaded = Vec::new();
            self.seen = self.looks().map(|looks| (looks, Instant::now()));
            return None;
        }
        // Saved again while it was read: what was read may be half of it.
        if self.looks().as_ref() != Some(&now) {
            return None;
        }
        // Good or bad, it is not read again until it changes.
        self.loaded = now;
        if let Some(listen) = &self.listen {
            reading.loaded.config.listen.clone_from(listen);
        }
        reading.loaded.warnings.extend(reading.loaded.config.replies.warnings());
        Some(reading)
    }

    /// Whether the files have changed, and have looked like `now` for a while.
    fn has_settled(&mut self, now: &[Look]) -> bool {
        if *now == self.loaded {
            self.seen = None;
            return false;
        }
        match &self.seen {
            Some((seen, since)) if seen == now => since.elapsed() >= SETTLED,
            _ => {
                self.seen = Some((now.to_owned(), Instant::now()));
                false
            }
        }
    }

    /// `None` while the system cannot say.
    fn looks(&mut self) -> Option<Vec<Look>> {
        let mut looks = Vec::new();
        for file in &self.files {
            match fs::metadata(file) {
                Ok(metadata) => {
                    if metadata.nlink() == 0 && !self.nameless.contains(file) {
                        log::warn!(
                            "{}: this file has been replaced outside, and what is saved there is not seen here; mount the folder that holds it, not the file alone",
                            file.display()
                        );
                        self.nameless.push(file.clone());
                    }
                    looks.push(look(&metadata));
                }
                Err(error) if is_passing(&error) => return None,
                Err(_) => looks.push(None),
            }
        }
        Some(looks)
    }

    /// Once, until it goes well again.
    fn report_failing(&mut self, error: &replyd::Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            log::warn!("{error}; trying again");
        }
    }
}

fn look(metadata: &Metadata) -> Look {
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    Some((modified, changed, metadata.len(), metadata.ino()))
}

/// Whether an error says nothing of the file: the device has trouble, or the system has no memory (stat(2)).
fn is_passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::ENOMEM | libc::EINTR))
}
