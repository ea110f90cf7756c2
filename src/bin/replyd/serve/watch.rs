//! Notices changes of the files by polling, and reads them once they have settled.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use nix::errno::Errno;
use replyd::{Config, ConfigFile, ConfigFiles, ReloadResult};

use super::reports::warnings_of;
use crate::console::config_reader;

/// Time for which files must stay the same before they are read, as a slow copy may still be in progress.
const SETTLED: Duration = Duration::from_millis(400);

/// A request to check the files, with the current settings, which are kept for parts that are not valid.
pub(crate) struct CheckRequest {
    pub(crate) config: Arc<Config>,
    pub(crate) sources: Arc<ConfigFiles>,
    /// Read the files even if they have not changed.
    pub(crate) is_urgent: bool,
}

/// What is read when a file has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Everything,
    /// All but the replies.
    Settings,
}

/// The state of a file: modification and status times, length and inode; `None` if it does not exist.
type FileState = Option<((i64, i64), (i64, i64), u64, u64)>;

/// The files of a running server.
pub(crate) struct Watch {
    part: Part,
    /// The configuration file, then the files that it names.
    files: Vec<PathBuf>,
    /// The address from the command line, which overrides the file.
    listen: Option<String>,
    /// States of the files when they were last read.
    loaded: Vec<FileState>,
    /// States that differ from those, and since when they have been the same.
    changed: Option<(Vec<FileState>, Instant)>,
    /// The last read failed for a reason outside the files, which has been logged.
    is_failing: bool,
    /// Files without a directory entry, which have been logged.
    unlinked: Vec<PathBuf>,
}

impl Watch {
    pub(crate) fn new(part: Part, file: &Path, sources: &ConfigFiles, listen: Option<String>) -> Watch {
        let is_watched = |source: &&ConfigFile| {
            part == Part::Everything || Some(&source.path) != sources.replies_file.as_ref()
        };
        let watched = || sources.read.iter().filter(is_watched);
        let mut files: Vec<PathBuf> = watched().map(|source| source.path.clone()).collect();
        if files.is_empty() {
            files.push(file.to_owned());
        }
        let loaded = watched().map(|source| source.metadata.as_ref().map(state_of)).map(Option::flatten);
        Watch {
            part,
            files,
            listen,
            loaded: loaded.collect(),
            changed: None,
            is_failing: false,
            unlinked: Vec::new(),
        }
    }

    /// Checks the files once, and reads them if they have changed and settled, or if the request is urgent.
    pub(crate) fn check(&mut self, request: &CheckRequest) -> Option<ReloadResult> {
        let now = self.states()?;
        if !request.is_urgent && !self.has_settled(&now) {
            return None;
        }
        let (file, config, sources) = (&self.files[0], &*request.config, &*request.sources);
        let read = match self.part {
            Part::Everything => config_reader().read(file, Some((config, sources))),
            Part::Settings => config_reader().read_settings(file, config, sources),
        };
        let mut reading = match read {
            Ok(reading) => reading,
            Err(error) => {
                self.report_failing(&error);
                return None;
            }
        };
        self.is_failing = false;
        let read = &reading.loaded.files.read;
        if !read.iter().map(|file| &file.path).eq(&self.files) {
            // The configuration names other files now, which may still be incomplete; they must settle first.
            self.files = read.iter().map(|file| file.path.clone()).collect();
            self.loaded = Vec::new();
            self.changed = self.states().map(|states| (states, Instant::now()));
            return None;
        }
        // A file was saved again during the read, which may have seen only half of it.
        if self.states().as_ref() != Some(&now) {
            return None;
        }
        // Valid or not, the files are not read again until they change.
        self.loaded = now;
        if let Some(listen) = &self.listen {
            reading.loaded.config.listen.clone_from(listen);
        }
        if self.part == Part::Everything {
            reading.loaded.warnings.extend(warnings_of(&reading.loaded.config));
        }
        Some(reading)
    }

    /// Whether the files have changed, and have been in the state `now` for a while.
    fn has_settled(&mut self, now: &[FileState]) -> bool {
        if *now == self.loaded {
            self.changed = None;
            return false;
        }
        match &self.changed {
            Some((states, since)) if states == now => since.elapsed() >= SETTLED,
            _ => {
                self.changed = Some((now.to_owned(), Instant::now()));
                false
            }
        }
    }

    /// The current states of the files; `None` after an error that says nothing about a file.
    fn states(&mut self) -> Option<Vec<FileState>> {
        let mut states = Vec::new();
        for file in &self.files {
            match fs::metadata(file) {
                Ok(metadata) => {
                    // A container mounts a file by its inode, and keeps the old one if it is replaced.
                    if metadata.nlink() == 0 && !self.unlinked.contains(file) {
                        log::warn!(
                            "{}: this file has been replaced outside, and changes there are not visible here; mount the folder that holds it instead of the file",
                            file.display()
                        );
                        self.unlinked.push(file.clone());
                    }
                    states.push(state_of(&metadata));
                }
                Err(error) if is_temporary(&error) => return None,
                Err(_) => states.push(None),
            }
        }
        Some(states)
    }

    /// Logs an error once, until a read succeeds again.
    fn report_failing(&mut self, error: &replyd::Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            log::warn!("{error}; trying again");
        }
    }
}

fn state_of(metadata: &Metadata) -> FileState {
    let modified = (metadata.mtime(), metadata.mtime_nsec());
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    Some((modified, changed, metadata.len(), metadata.ino()))
}

/// Whether an error says nothing about the file itself (stat(2)).
fn is_temporary(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EIO | Errno::ENOMEM | Errno::EINTR))
}
