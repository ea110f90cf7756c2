//! Decides which reply answers a message.

mod did_you_mean;

use tungstenite::Utf8Bytes;

use crate::replies::{
    Replies, Reply, UNKNOWN,
    lookup::search::{KEPT_BYTES, KEPT_SHARED_BYTES, LONG_MESSAGE_BYTES, Match, SearchBuffer},
    lookup::tokens::Tokens,
    lookup::vocabulary::TokenId,
    similar::examples::{ExampleId, Source},
    similar::features::{FeatureId, cut},
    similar::nearest::{Near, Nearest},
    text::phrase::first_alternative,
    text::words::Words,
};

/// Number of replies among which examples decide a tie. The other rules choose among more.
const MAX_LEADERS: usize = 16;

/// Number of words of a message whose typos are corrected before it is compared with examples. Longer ones are hardly similar to any.
const MAX_MEANT: usize = 64;

/// The answer to a message; see [`Replies::answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The text of the reply, or of `unknown`.
    pub reply: &'a Utf8Bytes,
    /// How the reply was found.
    pub found_by: FoundBy,
    /// The phrase of the reply, as the file has it; `unknown` if no reply was found.
    pub phrase: &'a str,
    /// The line before the offers; see [`Replies::with_did_you_mean`].
    pub did_you_mean: &'a str,
    /// Sentences that would get an answer and may be what was meant, at most three, if no reply was found.
    pub offers: Vec<&'a str>,
    /// The whole phrase of the reply, with all alternatives.
    alternatives: &'a str,
}

/// How a reply was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundBy {
    /// A phrase is in the message.
    Phrase,
    /// A phrase is in the message once a typo is corrected.
    Correction,
    /// The message is similar to a phrase or to a sentence of `[tests]`.
    Nearest,
    /// It was not: `unknown` answers.
    Nothing,
}

impl<'a> Answer<'a> {
    /// The name of the reply: the first alternative of its phrase, as [`Replies::names`] has it; `unknown` if no reply was found.
    pub fn name(&self) -> &'a str {
        first_alternative(self.alternatives)
    }

    /// What to send: the reply, and the offers on lines of their own that begin with `> `.
    pub fn text(&self) -> Utf8Bytes {
        if self.offers.is_empty() {
            return self.reply.clone();
        }
        let offers: String = self.offers.iter().map(|offer| format!("\n> {offer}")).collect();
        format!("{}\n{}{offers}", self.reply, self.did_you_mean).into()
    }
}

/// What answers a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    Phrase(Match),
    Nearest(Near),
    /// Nothing; these replies are offered, each by the example.
    Unknown(Nearest),
}

impl Replies {
    /// The answer to `message`.
    ///
    /// Allocates buffers for each call; see [`answer_with`](Replies::answer_with) for many messages.
    pub fn answer(&self, message: &str) -> Answer<'_> {
        self.answer_with(message, &mut SearchBuffer::default())
    }

    /// Like [`answer`](Replies::answer), with a buffer that is reused from one message to the next, so that a lookup allocates
    /// nothing once the buffer has grown, unless there is something to offer.
    ///
    /// A message of more than 256 bytes uses one of four buffers that belong to the table instead, and may wait for it:
    /// with many sessions, a buffer for long messages in each would take too much memory.
    pub fn answer_with(&self, message: &str, search: &mut SearchBuffer) -> Answer<'_> {
        let decision = if message.len() > LONG_MESSAGE_BYTES {
            self.decide_long(message)
        } else {
            let decision = self.decide(message, search, None);
            search.shrink(KEPT_BYTES);
            decision
        };
        self.answer_of(&decision)
    }

    // Not inlined, to keep the path of ordinary messages short.
    #[inline(never)]
    fn decide_long(&self, message: &str) -> Decision {
        let mut search = self.shared.long_messages.next();
        let decision = self.decide(message, &mut search, None);
        search.shrink(KEPT_SHARED_BYTES);
        decision
    }

    pub(crate) fn answer_of(&self, decision: &Decision) -> Answer<'_> {
        let (found_by, phrase) = match decision {
            Decision::Phrase(matched) if matched.corrections.0 > 0 => {
                (FoundBy::Correction, self.alternative(matched.phrase))
            }
            Decision::Phrase(matched) => (FoundBy::Phrase, self.alternative(matched.phrase)),
            Decision::Nearest(near) => (FoundBy::Nearest, self.phrase_of(near)),
            Decision::Unknown(_) => (FoundBy::Nothing, UNKNOWN),
        };
        let offers = match decision {
            Decision::Unknown(nearest) => {
                nearest.iter().filter_map(|near| self.offer(near.example)).collect()
            }
            _ => Vec::new(),
        };
        let found = self.reply_by(decision).unwrap_or(&self.unknown);
        let did_you_mean = &self.options.did_you_mean;
        Answer { reply: &found.text, found_by, phrase, did_you_mean, offers, alternatives: &found.phrase }
    }

    /// The reply that a decision is for; `None` for `unknown`.
    pub(crate) fn reply_by(&self, decision: &Decision) -> Option<&Reply> {
        match decision {
            Decision::Phrase(matched) => Some(self.reply_of(matched.phrase)),
            Decision::Nearest(near) => Some(&self.entries[near.reply]),
            Decision::Unknown(_) => None,
        }
    }

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
        let nearest = self.nearest_of(search, without);
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
        let mut leaders = std::mem::take(&mut search.leaders);
        leaders.clear();
        search.visit(&self.index, self.options.typos, message, |matched| self.lead(&mut leaders, matched));
        if leaders.len() > 1 {
            self.read_features(search);
            for leader in &mut leaders {
                let reply = self.number_of(leader.phrase);
                leader.nearness = self.nearness(reply, search, without);
            }
        }
        let best = leaders.iter().max().copied();
        search.leaders = leaders;
        best
    }

    /// Adds a match to the best ones of each reply, unless the first rules make it worse.
    fn lead(&self, leaders: &mut Vec<Match>, matched: Match) {
        match leaders.first().map(|first| first.rank().cmp(&matched.rank())) {
            Some(std::cmp::Ordering::Greater) => return,
            Some(std::cmp::Ordering::Less) => leaders.clear(),
            _ => {}
        }
        let is_same = |leader: &Match| self.number_of(leader.phrase) == self.number_of(matched.phrase);
        let same = leaders.iter().position(is_same);
        let weakest = || leaders.iter().enumerate().min_by_key(|(_, leader)| **leader).map(|(at, _)| at);
        match same.or_else(|| if leaders.len() < MAX_LEADERS { None } else { weakest() }) {
            Some(at) => leaders[at] = leaders[at].max(matched),
            None => leaders.push(matched),
        }
    }

    /// How similar a message is to a reply, in thousandths, for the order of matches. Rounded, so that it does not depend on the
    /// order in which weights are added.
    pub(crate) fn nearness(&self, reply: usize, search: &SearchBuffer, without: Option<ExampleId>) -> u32 {
        let best = self.examples.best_of(reply, &search.features, without);
        best.map_or(0, |(score, _)| (score * 1000.0).round() as u32)
    }

    /// The replies of `[replies]` that are nearest to the message whose features were read last.
    pub(crate) fn nearest_of(&self, search: &SearchBuffer, without: Option<ExampleId>) -> Nearest {
        let mut buffer = self.shared.nearest.next();
        Nearest::find(&self.examples, &search.features, self.in_replies, without, &mut buffer)
    }

    /// Reads the features of the message that was searched last.
    pub(crate) fn read_features(&self, search: &mut SearchBuffer) {
        self.read_features_of(search, |_, _, _| true);
    }

    /// Reads the features of the words by which that message can be told from most others.
    pub(crate) fn read_content(&self, search: &mut SearchBuffer) {
        self.read_features_of(search, |words, at, term| self.languages.is_content(words, at, term));
    }

    fn read_features_of(&self, search: &mut SearchBuffer, counts: impl Fn(&Words, usize, &str) -> bool) {
        let SearchBuffer { words, tokens, features, .. } = search;
        let meant = |at| self.feature_of(self.meaning(words, tokens, at)?);
        features.read(words, &self.examples, |at, term| counts(words, at, term), meant);
    }

    /// What a word may be meant as that no example has. It may also be a word of `[tests]`.
    pub(crate) fn meaning(&self, words: &Words, tokens: &Tokens, at: usize) -> Option<TokenId> {
        if !self.options.typos || at >= MAX_MEANT {
            return None;
        }
        let corrected = tokens.of(at).iter().find(|token| token.is_corrected).map(|token| token.id);
        corrected.or_else(|| {
            let mut found = None;
            self.index.vocabulary.visit_corrections(words.word(at), |token| {
                found = found.or_else(|| self.feature_of(token).map(|_| token));
            });
            found
        })
    }

    fn feature_of(&self, token: TokenId) -> Option<FeatureId> {
        self.examples.feature(cut(self.index.vocabulary.text(token)))
    }

    /// The phrase that stands for the reply of an example.
    fn phrase_of(&self, near: &Near) -> &str {
        match self.examples.get(near.example).source {
            Source::Phrase(id) => self.alternative(id as usize),
            Source::Test(_) => {
                let mut ids = self.examples.of_reply(near.reply).map(|id| self.examples.get(id).source);
                ids.find_map(|source| match source {
                    Source::Phrase(id) => Some(self.alternative(id as usize)),
                    Source::Test(_) => None,
                })
                .unwrap_or(&self.entries[near.reply].phrase)
            }
        }
    }
}
