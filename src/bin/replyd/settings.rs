//! Finds the configuration file, and reads it.

use std::path::{Path, PathBuf};

use replyd::{Config, ConfigReader, Loaded};

use crate::failure::Failure;

/// The file that is read when none is named, if it exists.
pub(crate) const DEFAULT_FILE: &str = "config.ini";
/// The role of the keys that open the owner's page.
pub(crate) const OWNER: &str = "owner";
/// Number of offers that fail of which the log has a line each; nobody fixes more in one go.
const MAX_FAILED_OFFERS: usize = 50;

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

/// The reader of files for this program.
pub(crate) fn reader() -> ConfigReader {
    ConfigReader::default().role(OWNER, "/owner")
}

/// Reads the settings from the file, or returns the built-in ones if there is none.
pub(crate) fn read(named: Option<&Path>) -> Result<Loaded, Failure> {
    Ok(file(named).map(|file| reader().load(file)).transpose()?.unwrap_or_default())
}

/// What the log says about valid replies when they are read: their warnings, and the offers that fail.
pub(crate) fn warnings_of(config: &Config) -> Vec<String> {
    let mut warnings = config.replies.warnings();
    let mut failed = config.replies.failed_offers(&config.greeting);
    if failed.len() > MAX_FAILED_OFFERS {
        let more = failed.len() - MAX_FAILED_OFFERS;
        failed.truncate(MAX_FAILED_OFFERS);
        failed.push(format!("and {more} more offers fail"));
    }
    warnings.append(&mut failed);
    warnings
}
