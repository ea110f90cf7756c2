//! The settings that name files, and the files that they name.

use std::path::Path;

use super::{
    disk::beside,
    files::Kind,
    settings::{ConfigFiles, ConfigPart, FileSetting, Purpose, SETTINGS, Setting},
};

/// All settings that name files.
pub(super) fn file_settings() -> impl Iterator<Item = (&'static Setting, &'static FileSetting)> {
    SETTINGS.iter().filter_map(|setting| Some((setting, setting.file.as_ref()?)))
}

/// The parts of the settings that have files of their own, with the settings that name the first file of each.
pub(super) fn parts() -> impl Iterator<Item = (&'static Setting, &'static ConfigPart)> {
    file_settings().filter_map(|(setting, file)| match &file.purpose {
        Purpose::Part(_, part) => Some((setting, part)),
        _ => None,
    })
}

/// A file of a part, with the setting that names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartFile<'a> {
    pub(super) setting: &'static str,
    pub(super) kind: Kind,
    pub(super) path: &'a Path,
}

impl ConfigFiles {
    /// The names of the settings whose files the program writes, and those files.
    pub fn written(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        written().filter_map(|(setting, file)| Some((setting.name, (file.path)(self).as_deref()?)))
    }

    /// The names of the settings for which the program is to write other files than those of `old`.
    pub fn changes_since(&self, old: &ConfigFiles) -> Vec<&'static str> {
        let changed = written().filter(|(_, file)| (file.path)(self) != (file.path)(old));
        changed.map(|(setting, _)| setting.name).collect()
    }

    /// All files of the part that begins with the file of `first`; `None` unless all of them are named.
    pub(super) fn of_part(&self, first: &Setting) -> Option<Vec<PartFile<'_>>> {
        let of_part = file_settings().filter_map(|(setting, file)| match file.purpose {
            Purpose::Part(kind, _) if setting.name == first.name => Some((setting.name, kind, file)),
            Purpose::With(kind, name) if name == first.name => Some((setting.name, kind, file)),
            _ => None,
        });
        let named = |(setting, kind, file): (_, _, &FileSetting)| {
            Some(PartFile { setting, kind, path: (file.path)(self).as_deref()? })
        };
        of_part.map(named).collect()
    }

    /// Paths in the file of settings at `path` are relative to it.
    pub(super) fn resolve(&mut self, path: &Path) {
        for (_, file) in file_settings() {
            let file = (file.path_mut)(self);
            *file = file.take().map(|file| beside(path, &file));
        }
    }
}

fn written() -> impl Iterator<Item = (&'static Setting, &'static FileSetting)> {
    file_settings().filter(|(_, file)| matches!(file.purpose, Purpose::Written))
}
