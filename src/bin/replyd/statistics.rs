//! Statistics: a server counts how often each reply was given, and `replyd statistics` shows it. No text of a visitor and no address is
//! kept.

mod book;
mod counted;
mod reading;
mod report;
mod row;
mod summary;
mod table;

use std::{
    io::{Write, stderr},
    path::Path,
};

use jiff::{Span, Zoned, civil::Date};
use replyd::{Loaded, Replies, parse_duration};

use crate::{
    args::StatisticsArgs,
    clock::{self, local},
    failure::Failure,
    kept_file,
    output::print,
    settings,
};
pub(crate) use book::Book;
pub(crate) use counted::Counted;
use reading::Unread;
pub(crate) use summary::Summary;

/// What to do about a file that is not there.
pub(crate) const NOT_KEPT: &str =
    "statistics are not kept; to keep them, write 'statistics_file = statistics.tsv' under [bot]";
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Prints what happened since a while ago.
pub(crate) fn statistics(args: &StatisticsArgs) -> Result<(), Failure> {
    let Loaded { config, files: sources, .. } = settings::read(args.file.config.as_deref())?;
    let Some(file) = &sources.statistics_file else { return Err(Failure::usage(NOT_KEPT)) };
    parse_duration(&args.since).map_err(|error| Failure::usage(format!("--since: {error}")))?;
    let summary = summary(file, &args.since, &local(clock::now()), &config.replies).map_err(Failure::new)?;
    if let Some(unread) = &summary.unread {
        let _ = writeln!(stderr(), "warning: {}", not_counted(file, unread));
    }
    if args.json { print(summary.json()) } else { print(report::text(&summary)) }
}

/// What to warn of in a file, as far as can be seen without writing to it.
pub(crate) fn warning(file: &Path) -> Option<String> {
    let cannot = |error| format!("cannot keep statistics in {}: {error}", file.display());
    if let Some(error) = kept_file::fault(file) {
        return Some(cannot(error));
    }
    reading::read(file, |_| ())
        .map_or_else(|error| Some(cannot(error)), |unread| unread.map(|unread| not_counted(file, &unread)))
}

fn not_counted(file: &Path, unread: &Unread) -> String {
    let (file, line) = (file.display(), unread.first);
    let more = match unread.count - 1 {
        0 => String::new(),
        1 => "; 1 more line is not counted either".to_owned(),
        more => format!("; {more} more lines are not counted either"),
    };
    format!(
        "{file}:{line}: this line is not counted: it does not begin with a day such as 2026-11-27, or is incomplete{more}"
    )
}

/// What a file says of the last days: today, and as many before it as `since` has days.
///
/// # Errors
///
/// A sentence, when `since` is not a time or the file cannot be read.
pub(crate) fn summary(file: &Path, since: &str, now: &Zoned, replies: &Replies) -> Result<Summary, String> {
    let since = parse_duration(since).map_err(|error| error.to_string())?;
    let before = since.as_secs().div_ceil(DAY_SECONDS).saturating_sub(1);
    let today = now.date();
    let before = Span::new().try_days(i64::try_from(before).unwrap_or(i64::MAX));
    let first = before.and_then(|before| today.checked_sub(before)).unwrap_or(Date::MIN);
    Summary::of(file, first, today, replies)
        .map_err(|error| format!("cannot read statistics in {}: {error}", file.display()))
}
