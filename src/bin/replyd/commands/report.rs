//! A summary as text for a terminal, with bars.

use std::{collections::BTreeMap, fmt::Write};

use jiff::ToSpan;

use super::{
    row::Period,
    summary::{Summary, percent},
};
use crate::escape::Escaped;

/// Width of the longest bar in characters.
const BAR: u64 = 40;
/// Days and replies that are listed; `--json` has all.
const MAX_DAYS: i32 = 31;
const MAX_REPLIES: usize = 20;
/// Parts of a character, in eighths of its width.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

pub(super) fn text(summary: &Summary) -> String {
    let mut text = String::new();
    let questions = summary.all.questions();
    let _ = write!(
        text,
        "From {} to {}: {}, {}",
        summary.first,
        summary.last,
        count(summary.all.conversations, "conversation"),
        count(questions, "question"),
    );
    if questions == 0 {
        return text + ".";
    }
    let _ = writeln!(text, ", {:.1} % of them answered.", summary.percent_answered());
    guesses(&mut text, summary);
    bars(&mut text, "Questions by day", &by_day(summary));
    let hours = summary.all.hours.iter().enumerate().map(|(hour, count)| (format!("{hour:02}"), *count));
    bars(&mut text, "Questions by hour", &hours.collect::<Vec<_>>());
    let replies =
        summary.replies.iter().map(|(name, tally)| (name.clone(), tally.questions() - tally.unknown));
    let replies: Vec<(String, u64)> = replies.collect();
    list(&mut text, "Most asked", &replies);
    never(&mut text, &summary.unused);
    text.trim_end().to_owned()
}

/// The last days since the first one with questions, also those without, and months where days were folded.
fn by_day(summary: &Summary) -> Vec<(String, u64)> {
    let mut days: BTreeMap<Period, u64> =
        summary.days.iter().map(|(day, tally)| (*day, tally.questions())).collect();
    let first = days.keys().find(|day| !day.is_month()).map(|day| day.end());
    let last_days = (0..MAX_DAYS).filter_map(|back| summary.last.checked_sub(back.days()).ok());
    for day in last_days.filter(|day| first.is_some_and(|first| first < *day)) {
        days.entry(Period::of(day)).or_default();
    }
    let shown = days.len().saturating_sub(MAX_DAYS as usize);
    days.into_iter().skip(shown).map(|(day, questions)| (day.to_string(), questions)).collect()
}

/// Lists what was answered otherwise than by a phrase.
fn guesses(text: &mut String, summary: &Summary) {
    let all = summary.all;
    let mut line = |count: u64, what: &str| {
        if count > 0 {
            let _ = writeln!(text, "{count:>7}  {:>5.1} %  {what}", percent(count, all.questions()));
        }
    };
    line(all.answered, "answered by a phrase");
    line(all.corrected, "answered once a typo was corrected: a guess");
    line(all.nearest, "answered by the nearest sentence: a guess");
    line(all.unknown, "not answered");
    if all.corrected + all.nearest + all.unknown > 0 {
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

fn list(text: &mut String, title: &str, lines: &[(String, u64)]) {
    let _ = writeln!(text, "\n{title}");
    for (name, count) in lines.iter().take(MAX_REPLIES) {
        let _ = writeln!(text, "{count:>7}  {}", Escaped::for_screen(name));
    }
    more(text, lines.len());
}

fn never(text: &mut String, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nNever used");
    for name in names.iter().take(MAX_REPLIES) {
        let _ = writeln!(text, "         {}", Escaped::for_screen(name));
    }
    more(text, names.len());
}

fn more(text: &mut String, all: usize) {
    if all > MAX_REPLIES {
        let _ = writeln!(text, "         and {} more", all - MAX_REPLIES);
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
