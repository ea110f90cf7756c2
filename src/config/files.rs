//! Where settings were read from.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
};

use super::disk::beside;
use crate::auth::Tokens;

/// Files that a [`Config`](crate::Config) was read from, and the settings of the program around the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sources {
    /// The files that were read: the file of settings and those that it names.
    pub files: Vec<Source>,
    /// A file for messages that only `unknown` answers, and for those that are answered by a corrected typo or the nearest
    /// example; none by default. The program keeps them: see [`bot_with`](crate::bot_with).
    pub unanswered_file: Option<PathBuf>,
    /// A file for how often each reply was given, by day and hour; none by default. The program keeps it.
    pub statistics_file: Option<PathBuf>,
    /// The least important level that a log shows, info by default. The library has no log of its own.
    pub level: log::LevelFilter,
    pub(super) tls_certificate: Option<PathBuf>,
    pub(super) tls_private_key: Option<PathBuf>,
    pub(super) logo: Option<PathBuf>,
    pub(super) jwt_secret_file: Option<PathBuf>,
    pub(super) jwt_public_key_file: Option<PathBuf>,
    pub(super) jwt_issuer: String,
    pub(super) jwt_audience: String,
    /// File of the replies, if they have one of their own.
    pub replies_file: Option<PathBuf>,
}

/// A file that was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Source {
    /// Its path as it was given: relative to the current folder unless absolute.
    pub path: PathBuf,
    /// Metadata when it was opened, which tells whether it has changed since. `None` if it could not be opened.
    pub metadata: Option<Metadata>,
}

impl Default for Sources {
    /// No file.
    fn default() -> Sources {
        Sources {
            files: Vec::new(),
            unanswered_file: None,
            statistics_file: None,
            level: log::LevelFilter::Info,
            tls_certificate: None,
            tls_private_key: None,
            logo: None,
            jwt_secret_file: None,
            jwt_public_key_file: None,
            jwt_issuer: String::new(),
            jwt_audience: String::new(),
            replies_file: None,
        }
    }
}

impl Sources {
    /// Paths in a file are relative to that file.
    pub(super) fn resolve(&mut self, path: &Path) {
        for (_, file) in self.named_files() {
            *file = file.take().map(|file| beside(path, &file));
        }
    }

    /// The settings that name files.
    pub(super) fn named_files(&mut self) -> [(&'static str, &mut Option<PathBuf>); 8] {
        [
            ("tls_certificate", &mut self.tls_certificate),
            ("tls_private_key", &mut self.tls_private_key),
            ("logo", &mut self.logo),
            ("jwt_secret_file", &mut self.jwt_secret_file),
            ("jwt_public_key_file", &mut self.jwt_public_key_file),
            ("replies_file", &mut self.replies_file),
            ("unanswered_file", &mut self.unanswered_file),
            ("statistics_file", &mut self.statistics_file),
        ]
    }

    /// Tokens with the issuer and audience that are set, and no key yet.
    pub(super) fn tokens(&self) -> Tokens {
        let mut tokens = Tokens::default();
        if !self.jwt_issuer.is_empty() {
            tokens = tokens.with_issuer(&self.jwt_issuer);
        }
        if !self.jwt_audience.is_empty() {
            tokens = tokens.with_audience(&self.jwt_audience);
        }
        tokens
    }
}
