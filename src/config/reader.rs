//! Reads settings, from a text or from files.

use std::path::Path;

use super::{
    loading::Loading,
    results::{Loaded, ReloadResult},
    settings::{Config, ConfigFiles, FilePart, PARTS, SETTINGS, Setting},
};
use crate::{
    auth::Role,
    error::Error,
    ini::{self, Fault},
};

/// Reads settings for a program whose keys can have roles. [`Config::parse`] and [`Config::load`] are the
/// short forms where none has one.
///
/// ```
/// let reader = replyd::ConfigReader::default().role("staff", "/staff");
/// let text = "[key anna]\nsecret = correct horse battery\nrole = staff";
/// let config = reader.parse(text, "config.ini")?;
/// assert_eq!(config.keys[0].role(), Some("staff"));
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ConfigReader {
    roles: Vec<Role>,
}

impl Config {
    /// Reads the settings in `text`; a setting that is left out keeps its default. Errors begin with `name`.
    ///
    /// It reads no other file. A setting that names one would have no effect here and is an error; use
    /// [`Config::load`] for it.
    ///
    /// # Errors
    ///
    /// All mistakes at once, one line each, with the line of the file and what to write instead. After 50 of
    /// them, the number of the others.
    pub fn parse(text: &str, name: &str) -> Result<Config, Error> {
        ConfigReader::default().parse(text, name)
    }

    /// Reads the settings in a file of at most 64 MiB of UTF-8, and the files that it names.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`]; also when a file cannot be read, or holds a secret and everybody on this machine
    /// may read it. An error that [is not about the configuration](Error::is_config) is one of the system,
    /// and another try may succeed.
    pub fn load(path: impl AsRef<Path>) -> Result<Loaded, Error> {
        ConfigReader::default().load(path)
    }
}

impl ConfigReader {
    /// Lets keys have this [`Role`], which has a path of its own.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>, path: impl Into<String>) -> ConfigReader {
        self.roles.push(Role::new(name, path));
        self
    }

    /// Like [`Config::parse`].
    ///
    /// # Errors
    ///
    /// As [`Config::parse`].
    pub fn parse(&self, text: &str, name: &str) -> Result<Config, Error> {
        let (mut sections, mut faults) = ini::parse(text);
        let Loaded { config, mut files, .. } =
            Loaded::of_sections(&mut sections, name, &self.roles, &mut faults);
        for Setting { name: setting, file, .. } in SETTINGS {
            if file.is_some_and(|file| file(&mut files).is_some()) {
                let of_part = |part: &&FilePart| part.files.iter().any(|file| file.setting == *setting);
                let instead =
                    PARTS.iter().find(of_part).map_or("whose ConfigFiles have it".to_owned(), |part| {
                        format!("or set Config::{}", part.field)
                    });
                let sentence = format!("{setting} names a file; call Config::load, {instead}");
                faults.push(Fault::new(Setting::line(setting, &sections).unwrap_or(1), sentence));
            }
        }
        if faults.is_empty() { Ok(config) } else { Err(Error::config(faults.lines(name))) }
    }

    /// Like [`Config::load`].
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Loaded, Error> {
        let ReloadResult { loaded, rejected, .. } = self.read(path, None)?;
        let faults: Vec<String> = rejected.iter().map(|rejected| rejected.error.to_string()).collect();
        if faults.is_empty() { Ok(loaded) } else { Err(Error::config(faults)) }
    }

    /// Reads the settings in a file so that one invalid part does not hold up the others. The settings of the
    /// file itself are one part, the certificate with its private key is one, and so is each other file that
    /// it names.
    ///
    /// A part that is not valid is [`rejected`](ReloadResult::rejected), and its settings are those of
    /// `before`, or the defaults without any `before`. A file that `before` does not name is part of the
    /// settings that name it. With `before`, an empty file and failing `[tests]` are errors too.
    ///
    /// # Errors
    ///
    /// When the system cannot read now: it is out of descriptors or memory, or a device fails.
    pub fn read(
        &self,
        path: impl AsRef<Path>,
        before: Option<(&Config, &ConfigFiles)>,
    ) -> Result<ReloadResult, Error> {
        Loading::new(path.as_ref(), &self.roles, before).run()
    }

    /// Like [`read`](ConfigReader::read), but reads everything except the replies, which stay those of
    /// `config`. It takes milliseconds, however many replies there are, so that a key need not stay valid
    /// until they have been read.
    ///
    /// # Errors
    ///
    /// As [`read`](ConfigReader::read).
    pub fn read_settings(
        &self,
        path: impl AsRef<Path>,
        config: &Config,
        files: &ConfigFiles,
    ) -> Result<ReloadResult, Error> {
        Loading::new(path.as_ref(), &self.roles, Some((config, files))).without_replies().run()
    }
}
