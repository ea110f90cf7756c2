//! Offers: questions at the end of a text, of which a person may choose one instead of typing it.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Replies, Reply,
    answer::Decision,
    lint::{Work, excerpt},
};
use crate::ini::{Entry, Fault, Faults};

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
pub(super) const UNKNOWN_REPLY: usize = usize::MAX;

/// An offer of a reply.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    text: String,
    /// The index of its reply among the entries.
    reply: usize,
    line: usize,
}

/// The offers of a reply in a file, whose text with `[vars]` filled in is `text`. Too many are a fault, and so are offers alone.
pub(super) fn of_entry(entry: &Entry, text: &str, reply: usize, faults: &mut Faults) -> Vec<Offer> {
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
    fn failed(&self, offer: &str, work: &mut Work) -> Option<String> {
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
    pub(super) fn circles_of_offers(&self, work: &mut Work, warnings: &mut Faults) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_the_last_lines_with_a_sign_and_text() {
        for (text, before, offers) in [
            ("", "", &[][..]),
            ("Sorry.", "Sorry.", &[]),
            ("Sorry.\n> a\n> b", "Sorry.", &["a", "b"]),
            ("A\n\n> b", "A\n", &["b"]),
            ("> a\n> b", "", &["a", "b"]),
            ("> quoted\nSorry.\n> > b", "> quoted\nSorry.", &["> b"]),
            ("Sorry.\n>b", "Sorry.\n>b", &[]),
            ("Sorry.\n > b", "Sorry.\n > b", &[]),
            ("Sorry.\n>  \u{3000}", "Sorry.\n>  \u{3000}", &[]),
            ("Sorry.\n> b\n", "Sorry.\n> b\n", &[]),
            ("0\n> 1\n> 2\n> 3\n> 4\n> 5\n> 6\n> 7", "0\n> 1", &["2", "3", "4", "5", "6", "7"]),
        ] {
            assert_eq!(split_offers(text), (before, offers.to_vec()), "{text:?}");
        }
    }

    #[track_caller]
    fn fault(table: &str) -> String {
        Replies::parse(&format!("[replies]\n{table}"), "f").unwrap_err().to_string()
    }

    #[test]
    fn a_reply_is_more_than_offers_and_has_six_at_most() {
        let alone = "f:2: the reply to \"hours\" consists of offers alone; write an answer before them";
        assert_eq!(fault("hours =\n  > hours\n  > hours?"), alone);
        assert_eq!(fault("hours = {x}\n  > hours\n[vars]\nx ="), alone);
        let many = format!("hours = From 9 to 5.{}", "\n  > hours".repeat(7));
        assert_eq!(fault(&many), "f:2: the reply to \"hours\" has more than 6 offers; leave some out");
    }

    #[test]
    fn offers_that_nobody_answers_fail() {
        let table = "[replies]\n\
            opening hours = {hours}\n\
            \n  \
              > Where can I park?\n  \
              > Do you have gluten free cake?\n\
            ; a comment\n  \
              > Do you bake at night?\n\
            parking | where & park = Behind the house.\n\
            sundays = No.\n\
            unknown = Sorry.\n  > opening hours\n  > nonsense\n\
            [vars]\nhours = Monday\n  to Friday\n\
            [tests]\nDo you bake at night? = sundays\n";
        let replies = Replies::parse(table, "f").unwrap();
        let nothing = |offer: &str| {
            format!("nothing answers the offer {offer:?}; write a reply for it, or other words")
        };
        let guess = "only a guess answers the offer \"Do you bake at night?\", with \"sundays\"; \
                     write it as a phrase of that reply says";
        let expected = [
            format!("f:5: {}", nothing("Do you have gluten free cake?")),
            format!("f:7: {guess}"),
            format!("f:12: {}", nothing("nonsense")),
        ];
        assert_eq!(replies.failed_offers(""), expected);
        let greeting = replies.failed_offers("Hello!\n> Where can I park?\n> Who are you?");
        assert_eq!(greeting[0], format!("greeting: {}", nothing("Who are you?")));
        assert_eq!(greeting[1..], expected);
        // They are sent as they are.
        assert!(replies.answer("opening hours").text().ends_with(
            "Friday\n\n> Where can I park?\n> Do you have gluten free cake?\n> Do you bake at night?"
        ));
        assert_eq!(replies.failures(), [""; 0]);
    }

    #[test]
    fn circles_that_lead_nowhere() {
        let warnings = |table: &str| {
            let table = format!("[replies]\nunknown = ?!\n{table}");
            Replies::parse(&table, "f").unwrap().warnings()
        };
        let own = "f:4: the offer \"apples?\" is answered by its own reply; whoever chooses it is no wiser";
        assert_eq!(warnings("apples = A\n  > apples?"), [own]);
        let circle =
            "f:4: the offer \"pears?\" leads in a circle: 2 replies offer each other and nothing else";
        assert_eq!(warnings("apples = A\n  > pears?\npears = B\n  > apples?"), [circle]);
        for fine in [
            "apples = A\n  > pears?\npears = B",
            "apples = A\n  > pears?\n  > plums?\npears = B\n  > apples?\nplums = C\n  > apples?",
            "apples = A\n  > pears?\npears = B\n  > plums?\n  > apples?\nplums = C",
        ] {
            assert_eq!(warnings(fine), [""; 0], "{fine}");
        }
    }
}
