//! Earlier texts of the file of replies, in a folder beside it, named after the times of their ends.

use std::{
    cmp::Reverse,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::replies_text::read;
use crate::{
    clock,
    records::file::{sync_folder_of, temporary_name, with_suffix, write_new},
};

/// Number of versions that are kept, however old they are.
const LATEST: usize = 9;
/// How long the text with which a day ended is kept.
const DAYS: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Limit on all versions together, except the latest ones.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// In UTC. Other files in the folder are not touched.
const NAME: &str = "%Y-%m-%dT%H-%M-%S.%3fZ.ini";

pub(super) struct Versions {
    folder: PathBuf,
}

impl Versions {
    pub(super) fn of(file: &Path) -> Versions {
        Versions { folder: with_suffix(file, ".versions") }
    }

    /// The names of the versions, with the times at which they were replaced, the latest first.
    pub(super) fn list(&self) -> Vec<(String, Timestamp)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let versions = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let at = DateTime::strptime(NAME, &name).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
            (named(at) == name).then_some((name, at))
        });
        let mut versions: Vec<(String, Timestamp)> = versions.collect();
        versions.sort_by_key(|(_, at)| Reverse(*at));
        versions
    }

    pub(super) fn read(&self, name: &str) -> Result<String, String> {
        if !self.list().iter().any(|(version, _)| version == name) {
            return Err("this version is gone".into());
        }
        let file = self.folder.join(name);
        read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
    }

    /// Keeps a text that is to be replaced. It is on the disk when this returns.
    pub(super) fn add(&self, text: &str, metadata: &Metadata) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let latest = self.list().into_iter().next();
        // A save that failed after this has kept it already.
        if latest.as_ref().is_some_and(|(name, _)| self.read(name).is_ok_and(|kept| kept == text)) {
            return Ok(());
        }
        // Clocks are set back, and the order of versions is that of their times.
        let after =
            latest.map_or(Timestamp::MIN, |(_, at)| at.checked_add(Duration::from_millis(1)).unwrap_or(at));
        let file = self.folder.join(named(clock::now().max(after)));
        let beside = temporary_name(&file);
        write_new(&beside, text, Some(metadata))?;
        fs::rename(beside, &file)?;
        sync_folder_of(&file);
        sync_folder_of(&self.folder);
        Ok(())
    }

    /// Deletes versions that are too old or too many.
    pub(super) fn prune(&self) {
        let versions = self.list();
        let day = |at: Timestamp| at.to_zoned(TimeZone::system()).date();
        let oldest = clock::now() - DAYS;
        let mut bytes = 0;
        for (index, (name, at)) in versions.iter().enumerate() {
            let file = self.folder.join(name);
            bytes += fs::symlink_metadata(&file).map_or(0, |metadata| metadata.len());
            // What is replaced first on a day is the text with which an earlier one ended.
            let is_first = versions.get(index + 1).is_none_or(|(_, before)| day(*before) != day(*at));
            if index < LATEST || (is_first && *at >= oldest && bytes <= MAX_BYTES) {
                continue;
            }
            if let Err(error) = fs::remove_file(&file) {
                log::warn!("cannot delete {}: {error}", file.display());
            }
        }
    }
}

fn named(at: Timestamp) -> String {
    at.strftime(NAME).to_string()
}
