//! Decides which reply answers a message, and what is offered if none does.

use std::cmp::Ordering;

use super::{
    lookup::search::{Match, SearchBuffer},
    lookup::spelling::WordId,
    lookup::word_matches::WordMatches,
    similar::{
        examples::ExampleId,
        features::FeatureId,
        nearest::{Near, Nearest},
    },
    table::ReplyTable,
    text::{phrase::is_plain, words::Words},
};

/// Number of replies among which examples decide a tie. The other rules choose among more.
const MAX_FINALISTS: usize = 16;

/// Number of words of a message whose typos are corrected before it is compared with examples. Longer ones
/// are hardly similar to any.
const MAX_MEANT: usize = 64;

/// What answers a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    Phrase(Match),
    Nearest(Near),
    /// Nothing; these replies are offered, each by the example.
    Unknown(Nearest),
}

impl Decision {
    /// The number of the reply; `None` for `unknown`.
    pub(crate) fn reply(&self, table: &ReplyTable) -> Option<usize> {
        match self {
            Decision::Phrase(matched) => Some(table.number_of(matched.phrase)),
            Decision::Nearest(near) => Some(near.reply),
            Decision::Unknown(_) => None,
        }
    }
}

impl ReplyTable {
    /// Decides as if the example `without` did not exist.
    pub(crate) fn decide(
        &self,
        message: &str,
        search: &mut SearchBuffer,
        without: Option<ExampleId>,
    ) -> Decision {
        let best = self.best(message, search, without);
        if let Some(matched) =
            best.filter(|matched| matched.is_reply || matched.is_whole || !self.options.nearest)
        {
            return Decision::Phrase(matched);
        }
        let wants_offers = !self.options.did_you_mean.is_empty() && best.is_none();
        if search.words.is_empty() || !(self.options.nearest || wants_offers) {
            return best.map_or(Decision::Unknown(Nearest::default()), Decision::Phrase);
        }
        self.read_features(search);
        let nearest = self.nearest(search, without);
        let may_guess = self.options.nearest
            && (self.settled.is_empty() || !self.settled.contains(&search.words.fingerprint()));
        match (nearest.answer().filter(|_| may_guess), best) {
            (Some(near), _) => Decision::Nearest(near),
            (None, Some(matched)) => Decision::Phrase(matched),
            (None, None) if wants_offers => Decision::Unknown(self.offered(&nearest, search)),
            (None, None) => Decision::Unknown(Nearest::default()),
        }
    }

    /// The best phrase in a message.
    pub(crate) fn best(
        &self,
        message: &str,
        search: &mut SearchBuffer,
        without: Option<ExampleId>,
    ) -> Option<Match> {
        let mut finalists = std::mem::take(&mut search.finalists);
        finalists.clear();
        search.visit(&self.index, self.options.typos, message, |matched| {
            self.consider(&mut finalists, matched);
        });
        if finalists.len() > 1 {
            self.read_features(search);
            for finalist in &mut finalists {
                let reply = self.number_of(finalist.phrase);
                let best = self.examples.best_of(reply, &search.features, without);
                // Rounded, so that it does not depend on the order in which weights are added.
                finalist.nearness = best.map_or(0, |(score, _)| (score * 1000.0).round() as u32);
            }
        }
        let best = finalists.iter().max().copied();
        search.finalists = finalists;
        best
    }

    /// Adds a match to the best ones of each reply, unless the first rules make it worse.
    fn consider(&self, finalists: &mut Vec<Match>, matched: Match) {
        match finalists.first().map(|first| first.rank().cmp(&matched.rank())) {
            Some(Ordering::Greater) => return,
            Some(Ordering::Less) => finalists.clear(),
            _ => {}
        }
        let is_same = |finalist: &Match| self.number_of(finalist.phrase) == self.number_of(matched.phrase);
        let same = finalists.iter().position(is_same);
        let weakest =
            || finalists.iter().enumerate().min_by_key(|(_, finalist)| **finalist).map(|(at, _)| at);
        match same.or_else(|| if finalists.len() < MAX_FINALISTS { None } else { weakest() }) {
            Some(at) => finalists[at] = finalists[at].max(matched),
            None => finalists.push(matched),
        }
    }

    /// The replies of `[replies]` that are nearest to the message whose features were read last.
    pub(crate) fn nearest(&self, search: &SearchBuffer, without: Option<ExampleId>) -> Nearest {
        let mut buffer = self.shared.nearest.next();
        Nearest::find(&self.examples, &search.features, self.in_replies, without, &mut buffer)
    }

    /// Those of the nearest replies that may be what a message is about, each with the example by which it is
    /// offered: one that shares a word with the message that is not in most sentences.
    fn offered(&self, nearest: &Nearest, search: &mut SearchBuffer) -> Nearest {
        self.read_features_of(search, |words, at, term| self.languages.is_content(words, at, term));
        nearest.map(|near| {
            let mut examples = self.examples.compared_of(near.reply);
            let is_offer =
                |id: &ExampleId| self.examples.share(*id, &search.features) && self.offer(*id).is_some();
            Some(Near { example: examples.find(is_offer)?, ..*near })
        })
    }

    /// An example as people would type it: a phrase may have signs of the grammar.
    pub(crate) fn offer(&self, example: ExampleId) -> Option<&str> {
        let is_phrase = self.examples.get(example).phrase().is_some();
        Some(self.example(example).0).filter(|text| !is_phrase || is_plain(text))
    }

    /// Reads the features of the message that was searched last.
    pub(crate) fn read_features(&self, search: &mut SearchBuffer) {
        self.read_features_of(search, |_, _, _| true);
    }

    /// Reads the features of those of its words that count.
    fn read_features_of(&self, search: &mut SearchBuffer, counts: impl Fn(&Words, usize, &str) -> bool) {
        let SearchBuffer { words, word_matches, features, .. } = search;
        let meant = |at| self.feature_of(self.meaning(words, word_matches, at)?);
        self.examples.read(features, words, |at, term| counts(words, at, term), meant);
    }

    /// What a word may be meant as that no example has. It may also be a word of `[tests]`.
    pub(crate) fn meaning(&self, words: &Words, word_matches: &WordMatches, at: usize) -> Option<WordId> {
        if !self.options.typos || at >= MAX_MEANT {
            return None;
        }
        let read_as = word_matches.of(at);
        let mut corrected = read_as.iter().filter(|one| one.is_corrected).map(|one| one.id);
        let found = corrected.find(|id| self.feature_of(*id).is_some());
        // A word that begins with a prefix of a phrase was not looked up as a typo.
        if found.is_some() || read_as.is_empty() {
            return found;
        }
        let mut found = None;
        self.index.vocabulary.visit_corrections(words.word(at), |id| {
            found = found.or_else(|| self.feature_of(id).map(|_| id));
        });
        found
    }

    fn feature_of(&self, word: WordId) -> Option<FeatureId> {
        self.examples.feature(self.index.vocabulary.text(word))
    }
}
