//! Reads a file of settings and the files that it names, one after the other. Each is read once, and accepted
//! or rejected on its own.

use std::path::Path;

use super::{
    disk::{self, Contents, ReadError},
    files::{Kind, ReadFile, failing_tests},
    mistakes::{fault_halves, fault_plain_secret, fault_replies_elsewhere, fault_same_files, warnings},
    results::{Loaded, RejectedFile, ReloadResult},
    settings::{Config, ConfigFile, ConfigFiles, FilePart, PARTS, SETTINGS, Setting},
};
use crate::{
    auth::Role,
    error::Error,
    ini::{self, Section},
    replies,
};

/// The reading of all files, which collects the errors.
pub(super) struct Loading<'a> {
    path: &'a Path,
    roles: &'a [Role],
    before: Option<(&'a Config, &'a ConfigFiles)>,
    /// Whether the replies stay those of `before`.
    keeps_replies: bool,
    read: Vec<ConfigFile>,
    /// Faults of files that are named for the first time.
    faults: Vec<String>,
    rejected: Vec<RejectedFile>,
    /// An error that says nothing about the files: the system cannot read now.
    passing: Option<Error>,
}

impl<'a> Loading<'a> {
    pub(super) fn new(
        path: &'a Path,
        roles: &'a [Role],
        before: Option<(&'a Config, &'a ConfigFiles)>,
    ) -> Loading<'a> {
        let (read, faults, rejected) = (Vec::new(), Vec::new(), Vec::new());
        Loading { path, roles, before, keeps_replies: false, read, faults, rejected, passing: None }
    }

    /// Reads everything but the replies.
    pub(super) fn without_replies(self) -> Loading<'a> {
        Loading { keeps_replies: true, ..self }
    }

    pub(super) fn run(mut self) -> Result<ReloadResult, Error> {
        let mut loaded = self.load();
        let Loading { read, rejected, passing, .. } = self;
        if let Some(error) = passing {
            return Err(error);
        }
        loaded.files.read = read;
        Ok(ReloadResult { loaded, rejected })
    }

    fn load(&mut self) -> Loaded {
        match self.settings() {
            Ok((mut loaded, sections)) => {
                self.load_parts(&mut loaded, &sections);
                loaded.warnings = warnings(&loaded.files, &sections, &self.path.display().to_string());
                let faults = std::mem::take(&mut self.faults);
                match self.before.filter(|_| !faults.is_empty()) {
                    Some((config, files)) => {
                        self.reject(faults);
                        loaded.with_settings_of(config, files)
                    }
                    None => loaded,
                }
            }
            Err(faults) => {
                self.reject(faults);
                let Some((config, files)) = self.before else { return Loaded::default() };
                let (config, files) = (config.clone(), files.clone());
                let mut loaded = Loaded { config, files, warnings: Vec::new() };
                self.load_parts(&mut loaded, &[]);
                loaded
            }
        }
    }

    /// Rejects the file of settings itself.
    fn reject(&mut self, faults: Vec<String>) {
        let (file, error) = (self.path.to_owned(), Error::config(faults));
        self.rejected.insert(0, RejectedFile { file, setting: None, noun: "settings", error });
    }

    /// Reads the settings of the file itself, and returns them with its sections.
    fn settings(&mut self) -> Result<(Loaded, Vec<Section>), Vec<String>> {
        let name = self.path.display().to_string();
        let own = |sentence| vec![format!("{name}: {sentence}")];
        let Contents { bytes, metadata } = self.open(self.path, Kind::Text).map_err(own)?;
        let text = disk::text(bytes, &name)?;
        if self.before.is_some() && text.trim().is_empty() {
            return Err(own("this file is empty".into()));
        }
        let (mut sections, mut faults) = ini::parse(&text);
        drop(text);
        if self.keeps_replies {
            let of_replies = |section: &&mut Section| replies::SECTIONS.contains(&&*section.name);
            sections.iter_mut().filter(of_replies).for_each(|section| section.entries.clear());
        }
        let mut loaded = Loaded::of_sections(&mut sections, &name, self.roles, &mut faults);
        if let Some((before, _)) = self.before.filter(|_| self.keeps_replies) {
            loaded.config.replies = before.replies.clone().with_options_of(&loaded.config.replies);
        }
        if disk::is_public(&metadata) {
            fault_plain_secret(&sections, &name, &mut faults);
        }
        fault_halves(&loaded.files, &sections, &mut faults);
        fault_replies_elsewhere(&loaded.files, &sections, &mut faults);
        for file in SETTINGS.iter().filter_map(|setting| setting.file) {
            let file = file(&mut loaded.files);
            *file = file.take().map(|file| disk::beside(self.path, &file));
        }
        fault_same_files(&mut loaded.files, self.path, &sections, &mut faults);
        let mut faults = faults.lines(&name);
        if self.before.is_none() && !faults.is_empty() {
            // At a start, all mistakes are reported in one run.
            self.load_parts(&mut loaded, &sections);
            faults.extend(self.rejected.drain(..).map(|rejected| rejected.error.to_string()));
        }
        if faults.is_empty() && self.before.is_some() && !self.keeps_replies {
            faults = failing_tests(&loaded.config.replies);
        }
        if faults.is_empty() { Ok((loaded, sections)) } else { Err(faults) }
    }

    fn load_parts(&mut self, loaded: &mut Loaded, sections: &[Section]) {
        for part in PARTS {
            if !(self.keeps_replies && part.field == "replies") {
                self.load_part(part, loaded, sections);
            }
        }
    }

    /// Reads a part, which stays as it was before if it is rejected.
    fn load_part(&mut self, part: &FilePart, loaded: &mut Loaded, sections: &[Section]) {
        let Loaded { config, files, .. } = loaded;
        let Some(paths) = part.paths(files) else { return };
        let is_reload = self.before.is_some();
        let read = self.read_files(part, &paths, sections);
        let read = read.and_then(|mut read| (part.read)(config, &mut read, is_reload));
        let Err(mut faults) = read else { return };
        match self.before {
            Some((before, files)) if part.paths(files).as_ref() == Some(&paths) => {
                (part.copy)(config, before)
            }
            Some(_) => return self.faults.append(&mut faults),
            None => {}
        }
        let (file, setting) = (paths[0].to_owned(), Some(part.files[0].setting));
        self.rejected.push(RejectedFile { file, setting, noun: part.noun, error: Error::config(faults) });
    }

    /// Reads the files of a part. All their faults are collected.
    fn read_files(
        &mut self,
        part: &FilePart,
        paths: &[&Path],
        sections: &[Section],
    ) -> Result<Vec<ReadFile>, Vec<String>> {
        let (mut files, mut faults) = (Vec::new(), Vec::new());
        for (file, path) in part.files.iter().zip(paths) {
            let subject = match Setting::line(file.setting, sections) {
                _ if file.kind == Kind::Text => path.display().to_string(),
                Some(line) => format!("{}:{line}: {}", self.path.display(), file.setting),
                None => file.setting.to_owned(),
            };
            match self.open(path, file.kind) {
                Ok(Contents { bytes, .. }) => files.push(ReadFile { bytes, subject }),
                Err(sentence) => faults.push(format!("{subject}: {sentence}")),
            }
        }
        if faults.is_empty() { Ok(files) } else { Err(faults) }
    }

    /// Reads a file. All files are read here, so that the list of them is complete.
    fn open(&mut self, file: &Path, kind: Kind) -> Result<Contents, String> {
        let path = file.display().to_string();
        let subject = if kind == Kind::Text { "this file" } else { &path };
        let read = disk::read(file, subject, kind.max_mebibytes());
        let metadata = read.as_ref().ok().map(|contents| contents.metadata.clone());
        self.read.push(ConfigFile { path: file.to_owned(), metadata });
        match read {
            Ok(contents) if kind == Kind::Secret && disk::is_public(&contents.metadata) => {
                Err(format!("everyone can read {path}; run: chmod o-rwx '{path}'"))
            }
            Ok(contents) => Ok(contents),
            Err(ReadError::Faulty(sentence)) => Err(sentence),
            Err(ReadError::Passing(error)) => {
                Err(self.passing.get_or_insert(Error::io(format!("cannot read {path}"), error)).to_string())
            }
        }
    }
}
