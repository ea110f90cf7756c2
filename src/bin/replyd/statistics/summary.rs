//! What an owner wants to know of a table: sums by day, by hour and by reply.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use replyd::Replies;
use serde_json::{Value, json};

use super::{
    row::{Period, Tally},
    table::Table,
};

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
}

impl Summary {
    /// The days from `first` to `last`, and months that end in them.
    pub(super) fn of(table: &Table, first: Date, last: Date, now: &Replies) -> Summary {
        let mut all = Tally::default();
        let mut days: BTreeMap<Period, Tally> = BTreeMap::new();
        let mut replies: HashMap<&str, Tally> = HashMap::new();
        for (period, name, tally) in table.rows().filter(|(period, ..)| period.end() >= first) {
            all.add(tally);
            days.entry(period).or_default().add(tally);
            replies.entry(name).or_default().add(tally);
        }
        let unused = now.names().filter(|name| !replies.contains_key(super::row::cut(name)));
        let unused = unused.map(str::to_owned).collect();
        let given = |tally: &Tally| tally.questions() > tally.unknown;
        let replies = replies.into_iter().filter(|(_, tally)| given(tally));
        let mut replies: Vec<(String, Tally)> =
            replies.map(|(name, tally)| (name.to_owned(), tally)).collect();
        replies.sort_by(|one, other| (other.1.questions(), &one.0).cmp(&(one.1.questions(), &other.0)));
        Summary { first, last, all, days, replies, unused }
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
