//! The files that the owner's page shows or changes.

use std::path::PathBuf;

use replyd::Sources;

#[derive(Clone, Default)]
pub(super) struct OwnerFiles {
    pub(super) replies: Option<PathBuf>,
    pub(super) unanswered: Option<PathBuf>,
    pub(super) statistics: Option<PathBuf>,
    /// All other files of the configuration, which may hold secrets.
    pub(super) others: Vec<PathBuf>,
}

impl OwnerFiles {
    pub(super) fn new(sources: &Sources) -> OwnerFiles {
        let Sources { replies_file, unanswered_file, statistics_file, files, .. } = sources;
        let others = files.iter().map(|source| &source.path);
        let others = others.filter(|path| Some(*path) != replies_file.as_ref());
        OwnerFiles {
            replies: replies_file.clone(),
            unanswered: unanswered_file.clone(),
            statistics: statistics_file.clone(),
            others: others.chain(unanswered_file).chain(statistics_file).cloned().collect(),
        }
    }
}
