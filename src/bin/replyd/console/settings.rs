//! Finds the configuration file, and reads it.

use std::path::{Path, PathBuf};

use replyd::{ConfigReader, Loaded};

use super::failure::Failure;

/// The file that is read when none is named, if it exists.
pub(crate) const DEFAULT_FILE: &str = "config.ini";

/// The role of the keys that open the owner's page.
pub(crate) const OWNER: &str = "owner";

/// The reader of files for this program.
pub(crate) fn config_reader() -> ConfigReader {
    ConfigReader::default().role(OWNER, "/owner")
}

#[derive(clap::Args)]
pub(crate) struct FileArgs {
    /// Configuration file [default: config.ini if it exists, otherwise built-in replies].
    #[arg(long, value_name = "FILE", env = "REPLYD_CONFIG")]
    config: Option<PathBuf>,
}

impl FileArgs {
    /// The file to read, or `None` for the built-in settings. Environment files often set an empty name.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        let default = || Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into());
        self.config.clone().filter(|file| !file.as_os_str().is_empty()).or_else(default)
    }

    /// Reads the settings from the file, or returns the built-in ones if there is none.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        Ok(self.path().map(|file| config_reader().load(file)).transpose()?.unwrap_or_default())
    }
}
