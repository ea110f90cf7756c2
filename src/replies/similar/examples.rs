//! The examples of each reply, with which a message is compared: its phrases, and the sentences of `[tests]`
//! that name it.
//!
//! A message and an example are compared by their *features*: the words, cut to their first letters, which
//! unites most forms of a word in any language. A feature weighs more the fewer replies have it. The score is
//! the weight of the shared features, twice, divided by the weight of all features of both (Dice's
//! coefficient): 1 if all are shared, and 0 if none is.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;

use super::features::{FeatureId, Features};
use crate::replies::text::{
    terms::{feature_text, for_each_term},
    word_map::WordMap,
    words::Words,
};

pub(crate) type ExampleId = u32;
/// Number of examples of a reply that are compared to decide a tie.
const MAX_COMPARED: usize = 500;

/// Where an example comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A phrase, by its id.
    Phrase(u32),
    /// A line of `[tests]`, by its position.
    Test(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Example {
    pub(crate) reply: u32,
    pub(crate) origin: Origin,
    /// Positions of its first feature, and of the first one after them.
    start: u32,
    end: u32,
    /// The weight of its features.
    pub(crate) weight: f32,
}

impl Example {
    /// The id of the phrase that it is, if it is one.
    pub(crate) fn phrase(&self) -> Option<u32> {
        match self.origin {
            Origin::Phrase(id) => Some(id),
            Origin::Test(_) => None,
        }
    }
}

/// All examples of a file, in the order of the replies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examples {
    ids: WordMap,
    /// Number of features.
    count: u32,
    weights: Vec<f32>,
    /// The weight of a feature that no example has.
    unknown_weight: f32,
    list: Vec<Example>,
    /// The features of the example that is being added.
    of_one: Vec<FeatureId>,
    /// The features of all examples; those of one example are sorted.
    features: Vec<FeatureId>,
    /// By reply, its first example.
    of_replies: Vec<ExampleId>,
    /// By feature, its first place in `postings`.
    starts: Vec<u32>,
    /// The examples that have a feature, feature by feature.
    postings: Vec<ExampleId>,
}

impl Examples {
    /// Builds the examples of `replies` replies. `origins` must be sorted by reply; `read` adds the words of
    /// an example.
    pub(crate) fn new(
        replies: usize,
        origins: &[(u32, Origin)],
        read: impl Fn(Origin, &mut Words),
    ) -> Examples {
        let mut examples = Examples::default();
        let mut words = Words::default();
        for (reply, origin) in origins {
            words.clear();
            read(*origin, &mut words);
            examples.add(*reply as usize, *origin, &words);
        }
        examples.of_replies.resize(replies + 1, examples.list.len() as ExampleId);
        examples.invert();
        examples.weigh(replies);
        examples
    }

    fn add(&mut self, reply: usize, origin: Origin, words: &Words) {
        let start = self.features.len();
        let mut buffer = String::new();
        for_each_term(words, &mut buffer, |_, term| {
            let feature = feature_text(term);
            let id = self.ids.get(feature).unwrap_or_else(|| {
                self.ids.insert(&feature.into(), self.count);
                self.count += 1;
                self.count - 1
            });
            self.of_one.push(id);
        });
        self.of_one.sort_unstable();
        self.of_one.dedup();
        self.features.append(&mut self.of_one);
        let id = self.list.len() as ExampleId;
        while self.of_replies.len() <= reply {
            self.of_replies.push(id);
        }
        self.list.push(Example {
            reply: reply as u32,
            origin,
            start: start as u32,
            end: self.features.len() as u32,
            weight: 0.0,
        });
    }

    /// Lists the examples of each feature.
    fn invert(&mut self) {
        let mut counts = vec![0_u32; self.count as usize + 1];
        for feature in &self.features {
            counts[*feature as usize + 1] += 1;
        }
        for feature in 1..counts.len() {
            counts[feature] += counts[feature - 1];
        }
        self.starts.clone_from(&counts);
        self.postings = vec![0; self.features.len()];
        for id in 0..self.list.len() as ExampleId {
            for feature in self.range(id) {
                let place = &mut counts[self.features[feature] as usize];
                self.postings[*place as usize] = id;
                *place += 1;
            }
        }
    }

    /// Computes the weights: `ln(1 + E / e)` for a feature that `e` of `E` replies have.
    fn weigh(&mut self, replies: usize) {
        let replies = replies as f32;
        let weight = |feature: FeatureId| {
            let of_replies =
                self.postings_of(feature).chunk_by(|one, other| self.reply(*one) == self.reply(*other));
            (replies / of_replies.count() as f32).ln_1p()
        };
        self.weights = (0..self.count).map(weight).collect();
        self.unknown_weight = replies.ln_1p();
        for id in 0..self.list.len() {
            let weight = self.features_of(id as ExampleId).iter().map(|feature| self.weight(*feature)).sum();
            self.list[id].weight = weight;
        }
    }

    /// Reads the features of those terms of a message that count. `corrected` returns what a word that no
    /// example has may be meant as.
    pub(crate) fn read(
        &self,
        message: &mut Features,
        words: &Words,
        counts: impl Fn(usize, &str) -> bool,
        corrected: impl Fn(usize) -> Option<FeatureId>,
    ) {
        let Features { known, unknown, weight, buffer } = message;
        known.clear();
        unknown.clear();
        for_each_term(words, buffer, |at, term| {
            if !counts(at, term) {
                return;
            }
            match self.feature(term).or_else(|| corrected(at)) {
                Some(id) => known.push(id),
                None => unknown.push(FxBuildHasher.hash_one(feature_text(term))),
            }
        });
        known.sort_unstable();
        known.dedup();
        unknown.sort_unstable();
        unknown.dedup();
        let of_known: f32 = known.iter().map(|feature| self.weight(*feature)).sum();
        *weight = of_known + unknown.len() as f32 * self.unknown_weight;
    }

    /// The feature that a term is, if an example has it.
    pub(crate) fn feature(&self, term: &str) -> Option<FeatureId> {
        self.ids.get(feature_text(term))
    }

    pub(crate) fn weight(&self, feature: FeatureId) -> f32 {
        self.weights[feature as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The number of features.
    pub(crate) fn features(&self) -> usize {
        self.weights.len()
    }

    pub(crate) fn get(&self, id: ExampleId) -> Example {
        self.list[id as usize]
    }

    fn reply(&self, id: ExampleId) -> u32 {
        self.list[id as usize].reply
    }

    /// The examples with a feature.
    pub(crate) fn postings_of(&self, feature: FeatureId) -> &[ExampleId] {
        let start = self.starts[feature as usize] as usize;
        &self.postings[start..self.starts[feature as usize + 1] as usize]
    }

    /// About the number of features that are compared to find the example of a reply that is most similar to
    /// `message`.
    pub(crate) fn compared(&self, reply: usize, message: &Features) -> usize {
        let of_one = message.known.len() + self.features.len() / self.list.len().max(1);
        self.of_reply(reply).len().min(MAX_COMPARED) * of_one
    }

    /// The examples of a reply.
    pub(crate) fn of_reply(&self, reply: usize) -> std::ops::Range<ExampleId> {
        self.of_replies[reply]..self.of_replies[reply + 1]
    }

    /// Those of them that are compared one by one.
    pub(crate) fn compared_of(&self, reply: usize) -> impl Iterator<Item = ExampleId> {
        self.of_reply(reply).take(MAX_COMPARED)
    }

    /// Whether an example has a feature of a message.
    pub(crate) fn share(&self, id: ExampleId, message: &Features) -> bool {
        self.features_of(id).iter().any(|feature| message.known.binary_search(feature).is_ok())
    }

    /// The number of replies that have the feature of an example, if it has just one, without counting
    /// another example.
    pub(crate) fn rarity(&self, id: ExampleId, without: Option<ExampleId>) -> Option<usize> {
        let [feature] = self.features_of(id) else { return None };
        let counted = self.postings_of(*feature).iter().filter(|id| Some(**id) != without);
        let mut before = None;
        let replies = counted.take(MAX_COMPARED).map(|id| self.reply(*id));
        Some(replies.filter(|reply| before.replace(*reply) != Some(*reply)).count())
    }

    fn range(&self, id: ExampleId) -> std::ops::Range<usize> {
        let Example { start, end, .. } = self.list[id as usize];
        start as usize..end as usize
    }

    fn features_of(&self, id: ExampleId) -> &[FeatureId] {
        &self.features[self.range(id)]
    }

    /// How similar a message is to an example.
    pub(crate) fn score(&self, id: ExampleId, message: &Features) -> f32 {
        let mut of_message = message.known.iter().copied().peekable();
        let mut shared = 0.0;
        for &feature in self.features_of(id) {
            while of_message.next_if(|other| *other < feature).is_some() {}
            if of_message.next_if_eq(&feature).is_some() {
                shared += self.weight(feature);
            }
        }
        2.0 * shared / (message.weight + self.list[id as usize].weight)
    }

    /// The same, by the weights of all features, which are 0 for those that the message does not have: faster
    /// for many examples.
    pub(crate) fn score_by(&self, example: &Example, message: &Features, weights: &[f32]) -> f32 {
        let features = &self.features[example.start as usize..example.end as usize];
        let shared: f32 = features.iter().map(|feature| weights[*feature as usize]).sum();
        2.0 * shared / (message.weight + example.weight)
    }

    /// The example of a reply that is most similar to a message.
    pub(crate) fn best_of(
        &self,
        reply: usize,
        message: &Features,
        without: Option<ExampleId>,
    ) -> Option<(f32, ExampleId)> {
        let examples = self.compared_of(reply).filter(|id| Some(*id) != without);
        examples.map(|id| (self.score(id, message), id)).max_by(|one, other| {
            // Of equal ones, the first.
            one.0.total_cmp(&other.0).then(other.1.cmp(&one.1))
        })
    }
}
