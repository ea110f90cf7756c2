//! Statistics: a server counts how often each reply was given, and `replyd statistics` shows it. No text of a visitor and no address is
//! kept.

mod book;
mod counted;
mod report;
mod row;
mod summary;
mod table;

use std::{io, path::Path};

use jiff::{SignedDuration, Zoned, civil::Date};
use replyd::{Loaded, Replies, parse_duration};

use crate::{args::StatisticsArgs, failure::Failure, kept_file, output::print, settings};
pub(crate) use book::Book;
pub(crate) use counted::Counted;
pub(crate) use summary::Summary;
use table::Table;

/// What to do about a file that is not there.
pub(crate) const NOT_KEPT: &str =
    "statistics are not kept; to keep them, write 'statistics_file = statistics.tsv' under [bot]";

/// Prints what happened since a while ago.
pub(crate) fn statistics(args: &StatisticsArgs) -> Result<(), Failure> {
    let Loaded { config, sources, .. } = settings::read(args.file.config.as_deref())?;
    let Some(file) = &sources.statistics_file else { return Err(Failure::usage(NOT_KEPT)) };
    parse_duration(&args.since).map_err(|error| Failure::usage(format!("--since: {error}")))?;
    let summary = summary(file, &args.since, &Zoned::now(), &config.replies).map_err(Failure::new)?;
    if args.json { print(summary.json()) } else { print(report::text(&summary)) }
}

/// Why a file cannot be used, as far as can be seen without writing to it.
pub(crate) fn fault(file: &Path) -> Option<io::Error> {
    kept_file::fault(file).or_else(|| kept_file::read(file).and_then(|text| Book::check(&text)).err())
}

/// What a file says of the time since a while ago.
///
/// # Errors
///
/// A sentence, when `since` is not a time or the file cannot be read.
pub(crate) fn summary(file: &Path, since: &str, now: &Zoned, replies: &Replies) -> Result<Summary, String> {
    let since = parse_duration(since).map_err(|error| error.to_string())?;
    let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
    let first = now.checked_sub(since).map_or(Date::MIN, |time| time.date());
    let text = kept_file::read(file)
        .map_err(|error| format!("cannot read statistics in {}: {error}", file.display()))?;
    Ok(Summary::of(&Table::parse(&text), first, now.date(), replies))
}
