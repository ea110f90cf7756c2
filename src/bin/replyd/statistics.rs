//! Statistics: a server counts how often each reply was given, and `replyd statistics` shows it. No text of a visitor and no address is
//! kept.

mod book;
mod counted;
mod report;
mod row;
mod summary;
mod table;

use jiff::{SignedDuration, Zoned};
use replyd::{Loaded, parse_duration};

use crate::{args::StatisticsArgs, failure::Failure, kept_file, output::print, settings};
pub(crate) use book::Book;
pub(crate) use counted::Counted;
use summary::Summary;
use table::Table;

/// Prints what happened since a while ago.
pub(crate) fn statistics(args: &StatisticsArgs) -> Result<(), Failure> {
    let Loaded { config, sources, .. } = settings::read(args.file.config.as_deref())?;
    let Some(file) = &sources.statistics_file else {
        return Err(Failure::usage(
            "statistics are not kept; to keep them, write 'statistics_file = statistics.tsv' under [bot]",
        ));
    };
    let since = parse_duration(&args.since)
        .map_err(|error| Failure::usage(format!("--since: {error}")))
        .map(|time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX))?;
    let now = Zoned::now();
    let first = now.checked_sub(since).map_or(jiff::civil::Date::MIN, |time| time.date());
    let text = kept_file::read(file)
        .map_err(|error| Failure::new(format!("cannot read statistics in {}: {error}", file.display())))?;
    let summary = Summary::of(&Table::parse(&text), first, now.date(), &config.replies);
    if args.json { print(summary.json()) } else { print(report::text(&summary)) }
}
