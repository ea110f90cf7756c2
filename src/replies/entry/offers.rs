//! Offers: questions at the end of a text, of which a person may choose one instead of typing it.

use crate::ini::{Entry, Faults};

/// The most offers of one text.
const MAX_OFFERS: usize = 6;

/// The offers of a text, and what comes before them: its last lines, at most six, that begin with `> ` and
/// have text after that.
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

/// Stands for the number of `unknown`, which is known only once all others are read.
pub(crate) const UNKNOWN_REPLY: usize = usize::MAX;

/// An offer of a reply.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) text: String,
    /// The number of its reply.
    pub(crate) reply: usize,
    pub(crate) line: usize,
}

/// The offers of a reply in a file, whose text with `[vars]` filled in is `text`. Too many are a fault, and
/// so are offers alone.
pub(crate) fn offers_of(entry: &Entry, text: &str, reply: usize, faults: &mut Faults) -> Vec<Offer> {
    let (before, offers) = split_offers(text);
    if offers.is_empty() {
        return Vec::new();
    }
    if before.trim().is_empty() {
        let sentence =
            format!("the reply to {:?} consists of offers alone; write an answer before them", entry.name);
        faults.report(entry.line, sentence);
    } else if last_offer(before).is_some() {
        let sentence =
            format!("the reply to {:?} has more than {MAX_OFFERS} offers; leave some out", entry.name);
        faults.report(entry.line, sentence);
    }
    // Counted from the end: [vars] may have added lines before.
    let (lines, count) = (entry.value.split('\n').count(), offers.len());
    let line_of = |at: usize| entry.line_of((lines + at).saturating_sub(count));
    let offers = offers.into_iter().enumerate();
    offers.map(|(at, text)| Offer { text: text.to_owned(), reply, line: line_of(at) }).collect()
}
