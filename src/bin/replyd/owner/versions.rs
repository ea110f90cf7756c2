//! Earlier texts of the file of replies, each in a file named after the time at which it was replaced, in a folder beside it.

use std::{
    cmp::Reverse,
    collections::HashSet,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::replies_file::read;
use crate::kept_file::{own_name, sync_folder_of, with_suffix, write_new};

/// Versions that are kept, whenever they are from.
const LATEST: usize = 9;
/// How long the text with which a day ended is kept.
const DAYS: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Limit on all versions together. The latest ones are kept in any case, and a file that can be changed here has 1 MiB at most.
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
        let is_one = self.list().iter().any(|(version, _)| version == name);
        if !is_one {
            return Err("this version is gone".into());
        }
        let file = self.folder.join(name);
        read(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))
    }

    /// Keeps a text that is to be replaced. It is on the disk when this returns.
    pub(super) fn add(&self, text: &str, metadata: &Metadata) -> io::Result<()> {
        match fs::create_dir(&self.folder) {
            Ok(()) => sync_folder_of(&self.folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let latest = self.list().into_iter().next();
        // A save that failed after this has kept it already.
        if latest.as_ref().is_some_and(|(name, _)| self.read(name).is_ok_and(|kept| kept == text)) {
            return Ok(());
        }
        // Clocks are set back, and the order of versions is that of their times.
        let after = latest.map_or(Timestamp::MIN, |(_, at)| at + Duration::from_millis(1));
        let file = self.folder.join(named(Timestamp::now().max(after)));
        let beside = own_name(&file);
        write_new(&beside, text, Some(metadata))?;
        fs::rename(beside, &file)?;
        sync_folder_of(&file);
        Ok(())
    }

    /// Deletes the versions that are too many.
    pub(super) fn prune(&self) {
        let mut versions = self.list();
        versions.reverse();
        let oldest = Timestamp::now() - DAYS;
        let mut days = HashSet::new();
        let latest_from = versions.len().saturating_sub(LATEST);
        let (mut kept, mut rest) = (Vec::new(), Vec::new());
        for (index, (name, at)) in versions.into_iter().enumerate() {
            // What is replaced first on a day is the text with which an earlier one ended.
            let is_first = days.insert(at.to_zoned(TimeZone::system()).date());
            let is_kept = index >= latest_from || (is_first && at >= oldest);
            if is_kept { &mut kept } else { &mut rest }.push(self.folder.join(name));
        }
        let mut bytes = 0;
        for (index, file) in kept.into_iter().rev().enumerate() {
            bytes += fs::symlink_metadata(&file).map_or(0, |metadata| metadata.len());
            if index >= LATEST && bytes > MAX_BYTES {
                rest.push(file);
            }
        }
        for file in rest {
            if let Err(error) = fs::remove_file(&file) {
                log::warn!("cannot delete {}: {error}", file.display());
            }
        }
    }
}

fn named(at: Timestamp) -> String {
    at.strftime(NAME).to_string()
}
