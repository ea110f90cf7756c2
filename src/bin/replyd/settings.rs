//! Which file holds the settings.

use std::path::{Path, PathBuf};

use replyd::{Config, Loaded};

use crate::failure::Failure;

/// The file that is read when none is named, if there is one.
pub(crate) const DEFAULT_FILE: &str = "config.ini";

/// The file to read; `named` is that of the flag or the environment.
pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
    let default = || Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into());
    named.filter(|file| !file.as_os_str().is_empty()).map(Path::to_owned).or_else(default)
}

/// What sentences call that file, or the settings that hold without one.
pub(crate) fn name(file: Option<&Path>) -> String {
    file.map_or_else(|| "built-in".to_owned(), |file| file.display().to_string())
}

/// Reads the settings, or has the built-in ones where there is no file.
pub(crate) fn read(named: Option<&Path>) -> Result<Loaded, Failure> {
    Ok(file(named).map(Config::load).transpose()?.unwrap_or_default())
}
