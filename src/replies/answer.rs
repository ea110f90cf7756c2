//! What a message is answered with.

use tungstenite::Utf8Bytes;

use super::{
    decision::Decision,
    lookup::search::{KEPT_BYTES, KEPT_SHARED_BYTES, LONG_MESSAGE_BYTES, SearchBuffer},
    similar::nearest::Near,
    table::{ReplyTable, UNKNOWN},
    text::phrase::first_alternative,
};

/// The answer to a message; see [`Replies::answer`](crate::Replies::answer).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The text of the reply, or of `unknown`.
    pub reply: &'a Utf8Bytes,
    /// How the reply was found.
    pub found_by: FoundBy,
    /// The phrase of the reply, as the file has it; `unknown` if no reply was found.
    pub phrase: &'a str,
    /// The line before the offers; see [`Replies::with_did_you_mean`](crate::Replies::with_did_you_mean).
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
    /// The answer to a message.
    pub(crate) fn find(table: &'a ReplyTable, message: &str, search: &mut SearchBuffer) -> Answer<'a> {
        let decision = if message.len() > LONG_MESSAGE_BYTES {
            decide_long(table, message)
        } else {
            let decision = table.decide(message, search, None);
            search.shrink(KEPT_BYTES);
            decision
        };
        Answer::of(table, &decision)
    }

    pub(crate) fn of(table: &'a ReplyTable, decision: &Decision) -> Answer<'a> {
        let reply = decision.reply(table).map_or(&table.unknown, |number| table.reply(number));
        let mut answer = Answer {
            reply: &reply.text,
            found_by: FoundBy::Nothing,
            phrase: UNKNOWN,
            did_you_mean: &table.options.did_you_mean,
            offers: Vec::new(),
            alternatives: &reply.phrase,
        };
        (answer.found_by, answer.phrase) = match decision {
            Decision::Phrase(matched) if matched.corrections.0 > 0 => {
                (FoundBy::Correction, table.alternative(matched.phrase))
            }
            Decision::Phrase(matched) => (FoundBy::Phrase, table.alternative(matched.phrase)),
            Decision::Nearest(near) => (FoundBy::Nearest, phrase_of(table, near)),
            Decision::Unknown(nearest) => {
                answer.offers = nearest.iter().filter_map(|near| table.offer(near.example)).collect();
                return answer;
            }
        };
        answer
    }

    /// The name of the reply: the first alternative of its phrase, as
    /// [`Replies::names`](crate::Replies::names) has it; `unknown` if no reply was found.
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

// Not inlined, to keep the path of ordinary messages short.
#[inline(never)]
fn decide_long(table: &ReplyTable, message: &str) -> Decision {
    let mut search = table.shared.long_messages.next();
    let decision = table.decide(message, &mut search, None);
    search.shrink(KEPT_SHARED_BYTES);
    decision
}

/// The phrase that stands for the reply of an example.
fn phrase_of<'a>(table: &'a ReplyTable, near: &Near) -> &'a str {
    let examples = [near.example].into_iter().chain(table.examples.of_reply(near.reply));
    let phrase = examples.filter_map(|id| table.examples.get(id).phrase()).next();
    phrase.map_or(&table.entries[near.reply].phrase, |id| table.alternative(id as usize))
}
