//! What an owner wants to know of a table: sums by day, by hour and by reply.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
};

use jiff::civil::Date;
use replyd::Replies;
use serde_json::{Value, json};

use super::{
    reading::{Unread, read},
    row::{Period, Row, Tally, cut},
    table::OTHERS,
};

/// Replies that are listed although there are no such replies any more; what is more is counted under [`OTHERS`].
const MAX_FORMER_REPLIES: usize = 2000;

pub(crate) struct Summary {
    pub(super) first: Date,
    pub(super) last: Date,
    pub(super) all: Tally,
    /// Questions and conversations by day; by month where days were folded.
    pub(super) days: BTreeMap<Period, Tally>,
    /// The replies that were given, the most frequent first.
    pub(super) replies: Vec<(String, Tally)>,
    /// Names of the replies that were never given.
    pub(super) unused: Vec<String>,
    /// Lines of the file that are not counted.
    pub(super) unread: Option<Unread>,
}

impl Summary {
    /// The days from `first` to `last`, and months that end in them. A day after them is that of a wrong clock.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds something else.
    pub(super) fn of(file: &Path, first: Date, last: Date, now: &Replies) -> io::Result<Summary> {
        let mut all = Tally::default();
        let mut days: BTreeMap<Period, Tally> = BTreeMap::new();
        let mut replies: HashMap<String, Tally> =
            now.names().map(|name| (cut(name).to_owned(), Tally::default())).collect();
        let max_replies = replies.len() + MAX_FORMER_REPLIES;
        let unread = read(file, |line| {
            let Ok(Row { period, name, tally }) = line else { return };
            if period.end() < first || period.start() > last {
                return;
            }
            all.add(&tally);
            days.entry(period).or_default().add(&tally);
            let has_place = replies.len() < max_replies || replies.contains_key(&name);
            replies.entry(if has_place { name } else { OTHERS.to_owned() }).or_default().add(&tally);
        })?;
        let unused = |name: &&str| replies.get(cut(name)).is_none_or(|tally| tally.questions() == 0);
        let unused = now.names().filter(unused).map(str::to_owned).collect();
        let given = |tally: &Tally| tally.questions() > tally.unknown;
        let mut replies: Vec<(String, Tally)> =
            replies.into_iter().filter(|(_, tally)| given(tally)).collect();
        replies.sort_by(|one, other| (other.1.questions(), &one.0).cmp(&(one.1.questions(), &other.0)));
        Ok(Summary { first, last, all, days, replies, unused, unread })
    }

    /// The questions that a reply answers, of a hundred.
    pub(super) fn percent_answered(&self) -> f64 {
        percent(self.all.questions() - self.all.unknown, self.all.questions())
    }

    /// The same as a document.
    pub(crate) fn json(&self) -> Value {
        let counts = |tally: &Tally| {
            json!({
                "questions": tally.questions(),
                "answered": tally.answered,
                "corrected": tally.corrected,
                "nearest": tally.nearest,
                "unknown": tally.unknown,
                "conversations": tally.conversations,
            })
        };
        let with = |name: &str, value: String, tally: &Tally| {
            let mut counts = counts(tally);
            counts[name] = value.into();
            counts
        };
        json!({
            "first": self.first.to_string(),
            "last": self.last.to_string(),
            "all": counts(&self.all),
            "percent_answered": (self.percent_answered() * 10.0).round() / 10.0,
            "hours": self.all.hours,
            "days": self.days.iter().map(|(day, tally)| with("day", day.to_string(), tally)).collect::<Vec<_>>(),
            "replies": self.replies.iter().map(|(name, tally)| with("reply", name.clone(), tally)).collect::<Vec<_>>(),
            "unused": self.unused,
        })
    }
}

pub(super) fn percent(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 }
}
