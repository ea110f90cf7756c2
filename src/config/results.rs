//! What was read from a file of settings and the files that it names. Each is read once and accepted or refused on its own.

use std::path::{Path, PathBuf};

use super::{
    files::{Source, Sources},
    loading::Reader,
    settings::Config,
};
use crate::error::Error;

/// What a file of settings says.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Loaded {
    /// The settings of a server.
    pub config: Config,
    /// The files they were read from, and the settings of the program around the server.
    pub sources: Sources,
    /// Warnings about settings that have no effect or show visitors what is not meant for them, one sentence each with its line;
    /// [`Replies::warnings`](crate::Replies::warnings) has those of the replies.
    pub warnings: Vec<String>,
}

/// Result of reading a file of settings part by part.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reading {
    /// The settings, with every part that is valid.
    pub loaded: Loaded,
    /// Files that were refused; no setting is from them.
    pub refused: Vec<Refused>,
    /// Files to watch: a change of any of them may change the result.
    pub files: Vec<PathBuf>,
}

/// A file that was not accepted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// Its path.
    pub file: PathBuf,
    /// The setting that names it; `None` for the file of settings itself.
    pub setting: Option<&'static str>,
    /// What is wrong with it, a line for each fault.
    pub error: Error,
}

impl Config {
    /// Reads the settings in a file of at most 64 MiB of UTF-8, and the files that it names.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`]; also when a file cannot be read, or holds a secret and everybody on this machine may read it. An
    /// error that [is not about the configuration](Error::is_config) is one of the system, and another try may succeed.
    pub fn load(path: impl AsRef<Path>) -> Result<Loaded, Error> {
        let Reading { loaded, refused, .. } = Config::read(path, None)?;
        let faults: Vec<String> = refused.iter().map(|refused| refused.error.to_string()).collect();
        if faults.is_empty() { Ok(loaded) } else { Err(Error::config(faults)) }
    }

    /// Reads the settings in a file so that one invalid part does not hold up the others. The settings of the file itself are
    /// one part, the certificate with its private key is one, and so is each other file that it names.
    ///
    /// A part that is not valid is [`refused`](Reading::refused), and its settings are those of `before`, or the defaults
    /// without any `before`. A file that `before` does not name is part of the settings that name it. With `before`, an
    /// empty file and failing `[tests]` are errors too.
    ///
    /// # Errors
    ///
    /// When the system cannot read now: it is out of descriptors or memory, or a device fails.
    pub fn read(path: impl AsRef<Path>, before: Option<(&Config, &Sources)>) -> Result<Reading, Error> {
        Reading::of(Reader::new(path.as_ref(), before))
    }

    /// Like [`read`](Config::read), but reads everything except the replies, which stay those of `config`. It takes milliseconds,
    /// however many replies there are, so that a key need not stay valid until they have been read.
    ///
    /// # Errors
    ///
    /// As [`read`](Config::read).
    pub fn read_settings(
        path: impl AsRef<Path>,
        config: &Config,
        sources: &Sources,
    ) -> Result<Reading, Error> {
        Reading::of(Reader::of_settings(path.as_ref(), config, sources))
    }
}

impl Reading {
    fn of(mut reader: Reader<'_>) -> Result<Reading, Error> {
        let mut loaded = reader.load();
        let Reader { files: read, refused, passing, .. } = reader;
        if let Some(error) = passing {
            return Err(error);
        }
        let mut files: Vec<PathBuf> = Vec::new();
        for Source { path, .. } in &read {
            if !files.contains(path) {
                files.push(path.clone());
            }
        }
        loaded.sources.files = read;
        Ok(Reading { loaded, refused, files })
    }
}

impl Loaded {
    /// Replaces the settings by `config`, except for parts from files that `sources` names too.
    #[must_use]
    pub fn with_settings_of(self, config: &Config, sources: &Sources) -> Loaded {
        let mut config = config.clone();
        let is_same = |file: fn(&Sources) -> &Option<PathBuf>| {
            file(&self.sources) == file(sources) && file(sources).is_some()
        };
        if is_same(|sources| &sources.replies_file) {
            config.replies = self.config.replies.with_options_of(&config.replies);
        }
        if is_same(|sources| &sources.tls_certificate) && is_same(|sources| &sources.tls_private_key) {
            config.tls = self.config.tls;
        }
        if is_same(|sources| &sources.logo) {
            config.logo = self.config.logo;
        }
        Loaded { config, sources: sources.clone(), warnings: self.warnings }
    }
}
