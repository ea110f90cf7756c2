//! Finds the configuration file, and reads it.

use std::path::{Path, PathBuf};

use replyd::{Config, Loaded};

use crate::failure::Failure;

/// The file that is read when none is named, if it exists.
pub(crate) const DEFAULT_FILE: &str = "config.ini";

/// The file to read, or `None` for the built-in settings. `named` comes from the flag or the environment; an empty name
/// counts as none, as environment files often set one.
pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
    let default = || Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into());
    named.filter(|file| !file.as_os_str().is_empty()).map(Path::to_owned).or_else(default)
}

/// The name of the file in messages, or of the built-in settings.
pub(crate) fn name(file: Option<&Path>) -> String {
    file.map_or_else(|| "built-in".to_owned(), |file| file.display().to_string())
}

/// Reads the settings from the file, or returns the built-in ones if there is none.
pub(crate) fn read(named: Option<&Path>) -> Result<Loaded, Failure> {
    Ok(file(named).map(Config::load).transpose()?.unwrap_or_default())
}
