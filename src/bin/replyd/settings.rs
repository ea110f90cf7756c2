//! Which file holds the settings.

use std::path::{Path, PathBuf};

use replyd::Config;

use crate::failure::Failure;

/// The file that is read when none is named, if there is one.
pub(crate) const DEFAULT_FILE: &str = "config.ini";

/// Settings and where they are from.
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) name: String,
}

/// The file to read; `named` is that of the flag or the environment.
pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
    let default = || Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into());
    named.filter(|file| !file.as_os_str().is_empty()).map(Path::to_owned).or_else(default)
}

/// Reads the settings, or takes the built-in ones where there is no file.
pub(crate) fn read(named: Option<&Path>) -> Result<Settings, Failure> {
    Ok(match file(named) {
        Some(file) => Settings { config: Config::load(&file)?, name: file.display().to_string() },
        None => Settings { config: Config::default(), name: "built-in".to_owned() },
    })
}
