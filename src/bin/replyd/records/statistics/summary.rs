//! What an owner wants to know of the statistics: sums by day, by hour and by reply.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use jiff::{Span, civil::Date};
use replyd::{Replies, parse_duration};
use serde_json::{Map, Value, json};

use super::{
    reading::{Unread, read},
    row::{Row, cut, is_before},
    tally::{OTHERS, Tally},
};
use crate::clock;

/// Names that are listed although no reply has them any more; further ones are counted under [`OTHERS`].
const MAX_FORMER_REPLIES: usize = 2000;
const DAY_SECONDS: u64 = 24 * 60 * 60;

pub(crate) struct Summary {
    pub(crate) first: Date,
    pub(crate) last: Date,
    pub(crate) all: Tally,
    /// Questions and conversations by day, such as "2026-11-27"; by month where days were folded.
    pub(crate) days: BTreeMap<String, Tally>,
    /// The replies that were given, the most frequent first.
    pub(crate) replies: Vec<(String, Tally)>,
    /// Names of the replies that were never given.
    pub(crate) unused: Vec<String>,
    /// Lines of the file that are not counted.
    pub(crate) unread: Option<Unread>,
}

impl Summary {
    /// What a file says of the last days: today, and as many before it as `since` has days.
    ///
    /// # Errors
    ///
    /// A sentence, when `since` is not a time or the file cannot be read.
    pub(crate) fn read(file: &Path, since: &str, now: &Replies) -> Result<Summary, String> {
        let last = clock::local(clock::now()).date();
        let first = first_day(since, last)?;
        let mut all = Tally::default();
        let mut days: BTreeMap<String, Tally> = BTreeMap::new();
        let mut replies: HashMap<String, Tally> =
            now.names().map(|name| (cut(name).to_owned(), Tally::default())).collect();
        let max_replies = replies.len() + MAX_FORMER_REPLIES;
        let (begin, end) = (first.to_string(), last.to_string());
        let unread = read(file, |line| {
            let Ok(Row { period, name, tally }) = line else { return };
            if is_before(&period, &begin) || *period > end[..period.len()] {
                return;
            }
            all.add(&tally);
            days.entry(period).or_default().add(&tally);
            let has_place = replies.len() < max_replies || replies.contains_key(&name);
            replies.entry(if has_place { name } else { OTHERS.to_owned() }).or_default().add(&tally);
        })
        .map_err(|error| format!("cannot read statistics in {}: {error}", file.display()))?;
        let is_unused = |name: &&str| replies.get(cut(name)).is_none_or(|tally| tally.questions() == 0);
        let unused = now.names().filter(is_unused).map(str::to_owned).collect();
        let mut replies: Vec<(String, Tally)> =
            replies.into_iter().filter(|(_, tally)| tally.answers() > 0).collect();
        replies.sort_by(|one, other| (other.1.questions(), &one.0).cmp(&(one.1.questions(), &other.0)));
        Ok(Summary { first, last, all, days, replies, unused, unread })
    }

    /// The questions that a reply answers, of a hundred.
    pub(crate) fn percent_answered(&self) -> f64 {
        percent(self.all.answers(), self.all.questions())
    }

    /// The same as a document.
    pub(crate) fn json(&self) -> Value {
        let named = |key: &str, name: &str, tally: &Tally| {
            let mut counts = counts(tally);
            counts.insert(key.to_owned(), name.into());
            counts
        };
        json!({
            "first": self.first.to_string(),
            "last": self.last.to_string(),
            "all": counts(&self.all),
            "percent_answered": (self.percent_answered() * 10.0).round() / 10.0,
            "hours": self.all.hours,
            "days": self.days.iter().map(|(day, tally)| named("day", day, tally)).collect::<Vec<_>>(),
            "replies": self.replies.iter().map(|(name, tally)| named("reply", name, tally)).collect::<Vec<_>>(),
            "unused": self.unused,
        })
    }
}

fn first_day(since: &str, last: Date) -> Result<Date, String> {
    let since = parse_duration(since).map_err(|error| error.to_string())?;
    let before = i64::try_from(since.as_secs().div_ceil(DAY_SECONDS).saturating_sub(1));
    let before = Span::new().try_days(before.unwrap_or(i64::MAX));
    Ok(before.and_then(|before| last.checked_sub(before)).unwrap_or(Date::MIN))
}

fn counts(tally: &Tally) -> Map<String, Value> {
    let columns = tally.columns().map(|(column, count)| (column.name, count));
    columns
        .chain([("questions", tally.questions())])
        .map(|(name, count)| (name.to_owned(), count.into()))
        .collect()
}

pub(crate) fn percent(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 }
}
