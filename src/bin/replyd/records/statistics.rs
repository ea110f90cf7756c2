//! How often each reply was given, by day and hour. No text of a visitor and no address is kept.

mod file;
mod reading;
mod row;
mod summary;
mod table;
mod tally;

pub(crate) use file::StatisticsFile;
pub(crate) use reading::warning;
pub(crate) use row::DAY_LENGTH;
pub(crate) use summary::{Summary, percent};
pub(crate) use tally::{ColumnKind, ReplyCounts};

/// What to do where no file is named.
pub(crate) const NOT_KEPT: &str =
    "statistics are not kept; to keep them, write 'statistics_file = statistics.tsv' under [bot]";
