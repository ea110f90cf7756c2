//! Offers: questions at the end of a text, of which a person may choose one instead of typing it.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::ini::{Entry, Fault, Faults};
use crate::replies::{
    Replies, Reply,
    answer::Decision,
    check::{excerpt, work::Work},
};

/// The most offers of one text.
const MAX_OFFERS: usize = 6;

/// The offers of a text, and what comes before them: its last lines, at most six, that begin with `> ` and have text after that.
///
/// ```
/// let (text, offers) = replyd::split_offers("From 9 to 5.\n> Are you open on Sundays?\n> Where can I park?");
/// assert_eq!((text, &offers[..]), ("From 9 to 5.", &["Are you open on Sundays?", "Where can I park?"][..]));
/// ```
pub fn split_offers(text: &str) -> (&str, Vec<&str>) {
    let (mut before, mut offers) = (text, Vec::new());
    while offers.len() < MAX_OFFERS {
        let Some((rest, offer)) = last_offer(before) else { break };
        offers.push(offer);
        before = rest;
    }
    offers.reverse();
    (before, offers)
}

/// The offer in the last line of a text, and the lines before it.
fn last_offer(text: &str) -> Option<(&str, &str)> {
    let (before, last) = text.rsplit_once('\n').unwrap_or(("", text));
    Some((before, last.strip_prefix("> ").filter(|offer| !offer.trim().is_empty())?))
}

/// Stands for the index of `unknown`, which is not among the entries.
pub(crate) const UNKNOWN_REPLY: usize = usize::MAX;

/// An offer of a reply.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    text: String,
    /// The index of its reply among the entries.
    reply: usize,
    line: usize,
}

/// The offers of a reply in a file, whose text with `[vars]` filled in is `text`. Too many are a fault, and so are offers alone.
pub(crate) fn of_entry(entry: &Entry, text: &str, reply: usize, faults: &mut Faults) -> Vec<Offer> {
    let (before, offers) = split_offers(text);
    if offers.is_empty() {
        return Vec::new();
    }
    if before.trim().is_empty() {
        let sentence =
            format!("the reply to {:?} consists of offers alone; write an answer before them", entry.name);
        faults.push(Fault::new(entry.line, sentence));
    } else if last_offer(before).is_some() {
        let sentence =
            format!("the reply to {:?} has more than {MAX_OFFERS} offers; leave some out", entry.name);
        faults.push(Fault::new(entry.line, sentence));
    }
    // Counted from the end: [vars] may have added lines before.
    let (lines, count) = (entry.value.split('\n').count(), offers.len());
    let line_of = |at: usize| entry.line_of((lines + at).saturating_sub(count));
    let offers = offers.into_iter().enumerate();
    offers.map(|(at, text)| Offer { text: text.to_owned(), reply, line: line_of(at) }).collect()
}

impl Replies {
    /// The offers of replies, and of `greeting`, that only `unknown` or a guess would answer: one line for each, with its line
    /// number. Empty if all are answered.
    ///
    /// They are no reason to refuse a file, as [`failures`](Replies::failures) are, but whoever chooses one is disappointed.
    pub fn failed_offers(&self, greeting: &str) -> Vec<String> {
        let mut work = Work::on(self);
        let greeting = split_offers(greeting).1.into_iter().map(|offer| ("greeting".to_owned(), offer));
        let of_replies = self.offers.iter().map(|offer| (self.places.place(offer.line), &*offer.text));
        let failed = greeting
            .chain(of_replies)
            .filter_map(|(place, offer)| Some(format!("{place}: {}", self.failed(offer, &mut work)?)));
        failed.collect()
    }

    /// Why an offer fails, if it does.
    fn failed(&self, offer: &str, work: &mut Work<'_>) -> Option<String> {
        let Some(search) = work.search(offer) else {
            return Some(format!("the offer {} was not tried: {}", excerpt(offer), work.why()));
        };
        let decision = self.decide(offer, search, None);
        match (&decision, self.reply_by(&decision)) {
            (Decision::Phrase(matched), Some(_)) if matched.corrections.0 == 0 => None,
            (_, Some(Reply { phrase, .. })) => Some(format!(
                "only a guess answers the offer {offer:?}, with {}; write it as a phrase of that reply says",
                excerpt(phrase)
            )),
            (_, None) => {
                Some(format!("nothing answers the offer {offer:?}; write a reply for it, or other words"))
            }
        }
    }

    /// Warns of circles: replies that offer each other and nothing else.
    pub(crate) fn circles_of_offers(&self, work: &mut Work<'_>, warnings: &mut Faults) {
        // For each reply with offers, the first of them, and the one reply that answers them all, if it is one.
        let mut targets: FxHashMap<usize, (usize, Option<usize>)> = FxHashMap::default();
        for (at, offer) in self.offers.iter().enumerate() {
            let Some(search) = work.search(&offer.text) else { return };
            let target = match self.decide(&offer.text, search, None) {
                Decision::Phrase(matched) => self.number_of(matched.phrase),
                Decision::Nearest(near) => near.reply,
                Decision::Unknown(_) => UNKNOWN_REPLY,
            };
            let (_, only) = targets.entry(offer.reply).or_insert((at, Some(target)));
            *only = only.filter(|only| *only == target);
        }
        let mut passed = FxHashSet::default();
        for Offer { reply, .. } in &self.offers {
            let (mut path, mut reply) = (Vec::new(), *reply);
            while let Some((first, Some(target))) = targets.get(&reply)
                && passed.insert(reply)
            {
                path.push((reply, *first));
                reply = *target;
            }
            // The path has come back to itself, and not to one before.
            if let Some(start) = path.iter().position(|passed| passed.0 == reply) {
                let circle = &path[start..];
                let first = circle.iter().map(|passed| passed.1).min().unwrap_or_default();
                let Offer { text, line, .. } = &self.offers[first];
                warnings.push(Fault::new(*line, Self::circle(text, circle.len())));
            }
        }
    }

    fn circle(offer: &str, replies: usize) -> String {
        match replies {
            1 => format!("the offer {offer:?} is answered by its own reply; whoever chooses it is no wiser"),
            _ => format!(
                "the offer {offer:?} leads in a circle: {replies} replies offer each other and nothing else"
            ),
        }
    }
}
