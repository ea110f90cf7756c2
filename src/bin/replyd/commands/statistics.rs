//! `replyd statistics`: shows how often each reply was given.

use std::io::{Write, stderr};

use replyd::{Loaded, parse_duration};

use super::report;
use crate::{
    console::{failure::Failure, output::print, settings::FileArgs},
    records::statistics::{NOT_KEPT, Summary},
};

/// Show how often each reply was given, by day and by hour.
///
/// Needs statistics_file under [bot]. Days and hours are those of this machine's time zone.
#[derive(Debug, clap::Args)]
pub(crate) struct StatisticsArgs {
    #[command(flatten)]
    file: FileArgs,
    /// How far back, with a unit: h or d; at most 365d. Months of which only sums are left count as a whole.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: String,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

impl StatisticsArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Loaded { config, sources, .. } = self.file.load()?;
        let Some(file) = &sources.statistics_file else { return Err(Failure::usage(NOT_KEPT)) };
        parse_duration(&self.since).map_err(|error| Failure::usage(format!("--since: {error}")))?;
        let summary = Summary::read(file, &self.since, &config.replies).map_err(Failure::new)?;
        if let Some(unread) = &summary.unread {
            let _ = writeln!(stderr(), "warning: {}", unread.sentence(file));
        }
        if self.json { print(summary.json()) } else { print(report::text(&summary)) }
    }
}
