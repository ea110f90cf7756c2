//! Offers that fail, or lead in a circle.

use rustc_hash::{FxHashMap, FxHashSet};

use super::work::Work;
use crate::{
    ini::Faults,
    replies::{
        decision::Decision,
        entry::offers::{Offer, UNKNOWN_REPLY, split_offers},
        table::ReplyTable,
        text::excerpt::excerpt,
    },
};

/// The offers of replies, and of `greeting`, that only `unknown` or a guess would answer; see
/// `Replies::failed_offers`.
pub(crate) fn failed(table: &ReplyTable, greeting: &str) -> Vec<String> {
    let mut work = Work::on(table);
    let greeting = split_offers(greeting).1.into_iter().map(|offer| ("greeting".to_owned(), offer));
    let of_replies = table.offers.iter().map(|offer| (table.places.place(offer.line), &*offer.text));
    let failed = greeting.chain(of_replies);
    failed
        .filter_map(|(place, offer)| Some(format!("{place}: {}", why_it_fails(offer, &mut work)?)))
        .collect()
}

/// Why an offer fails, if it does.
fn why_it_fails(offer: &str, work: &mut Work<'_>) -> Option<String> {
    let table = work.table;
    let Some(decision) = work.decide(offer, None) else {
        return Some(format!("the offer {} was not tried: {}", excerpt(offer), work.why()));
    };
    match (&decision, decision.reply(table)) {
        (Decision::Phrase(matched), _) if matched.corrections.0 == 0 => None,
        (_, Some(reply)) => Some(format!(
            "only a guess answers the offer {offer:?}, with {}; write it as a phrase of that reply says",
            excerpt(&table.reply(reply).phrase)
        )),
        (_, None) => {
            Some(format!("nothing answers the offer {offer:?}; write a reply for it, or other words"))
        }
    }
}

/// Warns of circles: replies that offer each other and nothing else.
pub(crate) fn circles(work: &mut Work<'_>, warnings: &mut Faults) {
    let table = work.table;
    // For each reply with offers, the first of them, and the one reply that answers them all, if it is one.
    let mut targets: FxHashMap<usize, (usize, Option<usize>)> = FxHashMap::default();
    for (at, offer) in table.offers.iter().enumerate() {
        let Some(decision) = work.decide(&offer.text, None) else { return };
        let target = decision.reply(table).unwrap_or(UNKNOWN_REPLY);
        let (_, only) = targets.entry(offer.reply).or_insert((at, Some(target)));
        *only = only.filter(|only| *only == target);
    }
    let mut passed = FxHashSet::default();
    for Offer { reply, .. } in &table.offers {
        let (mut path, mut reply) = (Vec::new(), *reply);
        while let Some((first, Some(target))) = targets.get(&reply)
            && passed.insert(reply)
        {
            path.push((reply, *first));
            reply = *target;
        }
        // The path has come back to itself, and not to an earlier one.
        if let Some(start) = path.iter().position(|passed| passed.0 == reply) {
            let circle = &path[start..];
            let first = circle.iter().map(|passed| passed.1).min().unwrap_or_default();
            let Offer { text, line, .. } = &table.offers[first];
            warnings.report(*line, circle_of(text, circle.len()));
        }
    }
}

fn circle_of(offer: &str, replies: usize) -> String {
    match replies {
        1 => format!("the offer {offer:?} is answered by its own reply, so choosing it leads nowhere"),
        _ => format!(
            "the offer {offer:?} leads in a circle: {replies} replies offer each other and nothing else"
        ),
    }
}
