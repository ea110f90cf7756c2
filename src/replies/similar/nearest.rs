//! Finds the replies whose examples are most similar to a message.

use super::{
    examples::{Example, ExampleId, Examples},
    features::{FeatureId, Features},
};

/// Score from which a reply answers a message that no phrase is in.
pub(crate) const ANSWERING: f32 = 0.60;
/// Lead over the second reply that an answer needs.
pub(crate) const LEAD: f32 = 0.06;
/// Score from which a reply is offered, if it also shares a word of content with the message.
pub(crate) const OFFERED: f32 = 0.20;
/// Number of replies that are offered at most.
pub(crate) const OFFERS: usize = 3;
/// Limit on the examples that are visited, those with the rarest words first. Only a file of thousands of
/// replies reaches it, and then may miss an example that shares no rare word with the message.
const MAX_VISITED: usize = 1_000;

/// Allowance for rounding in sums of weights.
const ROUNDING: f32 = 1e-4;

/// Number of the best replies that are kept: some may have nothing to offer.
const KEPT: usize = 2 * OFFERS;

/// A reply with its most similar example.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    pub(crate) score: f32,
    pub(crate) reply: usize,
    pub(crate) example: ExampleId,
}

/// The most similar replies, the best first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nearest {
    best: [Option<Near>; KEPT],
}

/// Reusable memory for a search.
#[derive(Default)]
pub(crate) struct NearestBuffer {
    /// The features of the message, the rarest first.
    rarest: Vec<FeatureId>,
    /// For each example, the weight of the features that it is known to share; 0 between searches.
    shared: Vec<f32>,
    /// The examples for which it is not 0.
    visited: Vec<ExampleId>,
    /// Those examples themselves: fetching all of them first is far faster than waiting for the memory of
    /// each.
    fetched: Vec<Example>,
    /// By feature, its weight if the message has it; 0 between searches.
    weights: Vec<f32>,
}

impl Nearest {
    /// Finds the replies below the number `replies` with a score of at least `OFFERED`.
    pub(crate) fn find(
        examples: &Examples,
        message: &Features,
        replies: usize,
        without: Option<ExampleId>,
        buffer: &mut NearestBuffer,
    ) -> Nearest {
        let remaining = buffer.visit(examples, message);
        let NearestBuffer { shared, visited, fetched, weights, .. } = buffer;
        fetched.clear();
        fetched.extend(visited.iter().map(|id| examples.get(*id)));
        // They may come from an earlier table.
        weights.resize(examples.features(), 0.0);
        message.known.iter().for_each(|feature| weights[*feature as usize] = examples.weight(*feature));
        let mut nearest = Nearest::default();
        for (&id, example) in visited.iter().zip(&*fetched) {
            let shared = std::mem::take(&mut shared[id as usize]) + remaining;
            if shared < shared_for(nearest.least(), message) - ROUNDING || Some(id) == without {
                continue;
            }
            let possible = 2.0 * shared / (message.weight + example.weight);
            let reply = example.reply as usize;
            if reply < replies && possible >= nearest.least() - ROUNDING {
                let score = examples.score_by(example, message, weights);
                nearest.add(Near { score, reply, example: id });
            }
        }
        message.known.iter().for_each(|feature| weights[*feature as usize] = 0.0);
        nearest
    }

    /// The reply that answers: it is similar enough, and no other is nearly as similar.
    pub(crate) fn answer(&self) -> Option<Near> {
        let best = self.best[0].filter(|best| best.score >= ANSWERING)?;
        let second = self.best[1].map_or(0.0, |second| second.score);
        (best.score - second >= LEAD).then_some(best)
    }

    /// The most similar replies, the best first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Near> {
        self.best.iter().flatten()
    }

    /// The same with other examples, and without replies that have none.
    pub(crate) fn map(&self, example: impl FnMut(&Near) -> Option<Near>) -> Nearest {
        let mut nearest = Nearest::default();
        let mapped = self.iter().filter_map(example).take(OFFERS);
        nearest.best.iter_mut().zip(mapped).for_each(|(place, near)| *place = Some(near));
        nearest
    }

    /// The score that another reply needs to be among the best.
    fn least(&self) -> f32 {
        self.best[KEPT - 1].map_or(OFFERED, |last| last.score)
    }

    fn add(&mut self, near: Near) {
        if near.score < OFFERED {
            return;
        }
        // Of equal scores, the earlier one is better.
        let is_better = |other: &Near| {
            let order = near.score.total_cmp(&other.score).reverse();
            order.then((near.reply, near.example).cmp(&(other.reply, other.example))).is_lt()
        };
        let same = self.best.iter().position(|other| other.is_some_and(|other| other.reply == near.reply));
        let last = match same {
            Some(at) if !self.best[at].as_ref().is_some_and(is_better) => return,
            Some(at) => at,
            None => KEPT - 1,
        };
        let place = self.best.iter().position(|other| other.as_ref().is_none_or(is_better));
        if let Some(place) = place.filter(|place| *place <= last) {
            self.best[place..=last].rotate_right(1);
            self.best[place] = Some(near);
        }
    }
}

impl NearestBuffer {
    /// Lists examples that may be similar enough, and returns the weight of the features that were not
    /// visited: they are too common, or too light for any other example to reach `OFFERED`.
    fn visit(&mut self, examples: &Examples, message: &Features) -> f32 {
        let NearestBuffer { rarest, shared, visited, .. } = self;
        rarest.clear();
        rarest.extend(&message.known);
        rarest.sort_unstable_by_key(|feature| examples.postings_of(*feature).len());
        visited.clear();
        // The buffer may come from an earlier table.
        shared.resize(examples.len(), 0.0);
        let mut remaining: f32 = rarest.iter().map(|feature| examples.weight(*feature)).sum();
        let mut left = MAX_VISITED;
        for feature in rarest {
            if remaining < shared_for(OFFERED, message) || left == 0 {
                break;
            }
            let weight = examples.weight(*feature);
            let postings = examples.postings_of(*feature);
            for &id in &postings[..left.min(postings.len())] {
                if shared[id as usize] == 0.0 {
                    visited.push(id);
                }
                shared[id as usize] += weight;
            }
            if postings.len() <= left {
                remaining -= weight;
            }
            left = left.saturating_sub(postings.len());
        }
        remaining.max(0.0)
    }
}

/// The weight that an example must share for a score. If it shares `s`, it weighs at least `s`, so its score
/// is at most `2 s / (message + s)`.
fn shared_for(score: f32, message: &Features) -> f32 {
    score * message.weight / (2.0 - score)
}
