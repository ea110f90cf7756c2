//! What comes of reading a file of settings and the files that it names.

use std::path::PathBuf;

use super::settings::{Config, ConfigFiles, PARTS};
use crate::error::Error;

/// What a file of settings says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// The settings of a server.
    pub config: Config,
    /// The files they were read from, and those that the program around the server writes.
    pub files: ConfigFiles,
    /// Warnings about settings that have no effect or show visitors what is not meant for them, one sentence
    /// each with its line; [`Replies::warnings`](crate::Replies::warnings) has those of the replies.
    pub warnings: Vec<String>,
}

/// The result of reading a file of settings part by part.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReloadResult {
    /// The settings, with every part that is valid.
    pub loaded: Loaded,
    /// Files that were rejected; no setting is from them.
    pub rejected: Vec<RejectedFile>,
}

/// A file that was not accepted.
#[derive(Debug)]
#[non_exhaustive]
pub struct RejectedFile {
    /// Its path.
    pub file: PathBuf,
    /// The setting that names it; `None` for the file of settings itself.
    pub setting: Option<&'static str>,
    /// What it is, as a message may call it: `settings`, `replies`, `certificate` ...
    pub noun: &'static str,
    /// What is wrong with it, a line for each fault.
    pub error: Error,
}

impl Loaded {
    /// Replaces the settings by `config`, except for parts from files that `files` names too.
    #[must_use]
    pub fn with_settings_of(self, config: &Config, files: &ConfigFiles) -> Loaded {
        let mut config = config.clone();
        for part in PARTS {
            let paths = part.paths(files);
            if paths.is_some() && paths == part.paths(&self.files) {
                (part.copy)(&mut config, &self.config);
            }
        }
        Loaded { config, files: files.clone(), warnings: self.warnings }
    }
}
