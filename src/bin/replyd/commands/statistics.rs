//! `replyd statistics`: shows how often each reply was given, as text with bars or as JSON.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Write, stderr},
};

use jiff::ToSpan;
use replyd::{Loaded, parse_duration};

use crate::{
    console::{Escaped, Failure, FileArgs, counted, print},
    records::statistics::{ColumnKind, DAY_LENGTH, NOT_KEPT, Summary, percent},
};

/// Width of the longest bar in characters.
const BAR: u64 = 40;
/// Days and replies that are listed; `--json` has all.
const MAX_DAYS: i32 = 31;
const MAX_REPLIES: usize = 20;
/// Parts of a character, in eighths of its width.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Show how often each reply was given, by day and by hour.
///
/// Needs statistics_file under [bot]. Days and hours are those of this machine's time zone.
#[derive(clap::Args)]
pub(crate) struct StatisticsArgs {
    #[command(flatten)]
    file: FileArgs,
    /// How far back, with a unit: h or d; at most 365d. Months that were summed up count as a whole.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: String,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

impl StatisticsArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Loaded { config, files: sources, .. } = self.file.load()?;
        let Some(file) = &sources.statistics_file else { return Err(Failure::usage(NOT_KEPT)) };
        parse_duration(&self.since).map_err(|error| Failure::usage(format!("--since: {error}")))?;
        let summary = Summary::read(file, &self.since, &config.replies).map_err(Failure::new)?;
        if let Some(unread) = &summary.unread {
            let _ = writeln!(stderr(), "warning: {}", unread.sentence(file));
        }
        if self.json { print(summary.json()) } else { print(report(&summary)) }
    }
}

fn report(summary: &Summary) -> String {
    let Summary { first, last, all, .. } = summary;
    let questions = all.questions();
    let mut text = format!("From {first} to {last}: ");
    for (column, count) in all.columns().filter(|(column, _)| column.kind == ColumnKind::Other) {
        text += &(counted(count, column.label, &format!("{}s", column.label)) + ", ");
    }
    text += &counted(questions, "question", "questions");
    if questions == 0 {
        return text + ".";
    }
    let _ = writeln!(text, ", {:.1} % of them answered.", summary.percent_answered());
    kinds(&mut text, summary);
    bars(&mut text, "Questions by day", &by_day(summary));
    let hours = all.hours.iter().enumerate().map(|(hour, count)| (format!("{hour:02}"), *count));
    bars(&mut text, "Questions by hour", &hours.collect::<Vec<_>>());
    let given = summary.replies.iter().map(|(name, tally)| (Some(tally.answers()), name));
    list(&mut text, "Most asked", given);
    if !summary.unused.is_empty() {
        list(&mut text, "Never used", summary.unused.iter().map(|name| (None, name)));
    }
    text.trim_end().to_owned()
}

/// The last days since the first one with questions, with those without, and months.
fn by_day(summary: &Summary) -> Vec<(String, u64)> {
    let mut days: BTreeMap<String, u64> =
        summary.days.iter().map(|(day, tally)| (day.clone(), tally.questions())).collect();
    if let Some(first) = days.keys().find(|day| day.len() == DAY_LENGTH).cloned() {
        let last_days = (0..MAX_DAYS).filter_map(|back| summary.last.checked_sub(back.days()).ok());
        for day in last_days.map(|day| day.to_string()).filter(|day| *day > first) {
            days.entry(day).or_default();
        }
    }
    let hidden = days.len().saturating_sub(MAX_DAYS as usize);
    days.into_iter().skip(hidden).collect()
}

/// Lists how questions were answered.
fn kinds(text: &mut String, summary: &Summary) {
    let questions = summary.all.questions();
    for (column, count) in summary.all.columns() {
        if column.kind != ColumnKind::Other && count > 0 {
            let _ = writeln!(text, "{count:>7}  {:>5.1} %  {}", percent(count, questions), column.label);
        }
    }
    if summary.all.sum(&[ColumnKind::Guessed, ColumnKind::Unanswered]) > 0 {
        text.push_str(
            "'replyd unanswered' lists the guesses and what was not answered, if unanswered_file is set.\n",
        );
    }
}

fn bars(text: &mut String, title: &str, lines: &[(String, u64)]) {
    let _ = writeln!(text, "\n{title}");
    let most = lines.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    for (label, count) in lines {
        let eighths = (u128::from(*count) * u128::from(BAR) * 8 / u128::from(most)) as usize;
        let bar = "█".repeat(eighths / 8) + PARTS[eighths % 8];
        let count = if *count == 0 { String::new() } else { format!(" {count}") };
        let line = format!("  {label}  {}", format!("{bar}{count}").trim_start());
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Lists names, each with its number if it has one.
fn list<'a>(text: &mut String, title: &str, lines: impl ExactSizeIterator<Item = (Option<u64>, &'a String)>) {
    let _ = writeln!(text, "\n{title}");
    let more = lines.len().saturating_sub(MAX_REPLIES);
    for (count, name) in lines.take(MAX_REPLIES) {
        let count = count.map_or_else(String::new, |count| count.to_string());
        let _ = writeln!(text, "{count:>7}  {}", Escaped::for_screen(name));
    }
    if more > 0 {
        let _ = writeln!(text, "         and {more} more");
    }
}
