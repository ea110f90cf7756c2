//! The table of replies as data.

pub(crate) mod places;
pub(crate) mod shared_buffers;

use std::{collections::HashMap, sync::Arc};

use places::Places;
use rustc_hash::FxHashSet;
use shared_buffers::SharedBuffers;
use tungstenite::Utf8Bytes;

use super::{
    entry::{
        offers::Offer,
        test::{Test, canonical},
    },
    lookup::{
        index::{Index, PhraseId},
        search::SearchBuffer,
    },
    similar::{
        examples::{ExampleId, Examples, Origin},
        nearest::NearestBuffer,
    },
    text::{function_words::Languages, phrase::first_alternative},
};
use crate::ini::Faults;

/// The phrase of the fallback reply, which answers when no other does.
pub(crate) const UNKNOWN: &str = "unknown";

/// All that is read from a file of replies or from pairs. Immutable once it is built, options aside.
#[derive(Clone, Default)]
pub(crate) struct ReplyTable {
    pub(crate) places: Places,
    pub(crate) entries: Vec<Reply>,
    /// Number of the entries that are from `[replies]`; the others are from `[smalltalk]`.
    pub(crate) in_replies: usize,
    /// The phrases in the index, by their ids.
    pub(crate) phrases: Vec<Alternative>,
    pub(crate) index: Index,
    pub(crate) examples: Examples,
    pub(crate) languages: Languages,
    pub(crate) options: Options,
    pub(crate) shared: Arc<SharedSearches>,
    /// The fallback reply.
    pub(crate) unknown: Reply,
    pub(crate) tests: Vec<Test>,
    /// The sentences of `[tests]` that `unknown` is to answer, by their fingerprints: they are never answered
    /// by a guess.
    pub(crate) settled: FxHashSet<u64>,
    /// Questions at the end of the replies, in their order.
    pub(crate) offers: Vec<Offer>,
    pub(crate) warnings: Faults,
    pub(crate) header_lines: HeaderLines,
    /// The `phone` of `[vars]`.
    pub(crate) phone: Option<String>,
}

/// What an owner can switch off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) typos: bool,
    pub(crate) nearest: bool,
    /// The line before offers; empty switches them off.
    pub(crate) did_you_mean: String,
}

impl Default for Options {
    fn default() -> Options {
        Options { typos: true, nearest: true, did_you_mean: "Did you mean:".to_owned() }
    }
}

/// Buffers that all sessions share.
#[derive(Default)]
pub(crate) struct SharedSearches {
    pub(crate) long_messages: SharedBuffers<SearchBuffer>,
    pub(crate) nearest: SharedBuffers<NearestBuffer>,
}

/// An entry of `[replies]` or `[smalltalk]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) phrase: String,
    pub(crate) text: Utf8Bytes,
    /// Line in the file, or number of the pair, from 1; 0 if it is built in.
    pub(crate) line: usize,
}

impl Reply {
    /// The first alternative of its phrase.
    pub(crate) fn name(&self) -> &str {
        first_alternative(&self.phrase)
    }
}

/// An alternative of a reply: a part of its phrase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alternative {
    pub(crate) reply: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Lines of section headers, for warnings about a whole section.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeaderLines {
    /// That of `[replies]`, or of `[smalltalk]` if there is no other.
    pub(crate) replies: usize,
    /// That of `[tests]`, or else of the replies.
    pub(crate) tests: usize,
}

impl ReplyTable {
    pub(crate) fn reply_of(&self, phrase: PhraseId) -> &Reply {
        &self.entries[self.number_of(phrase)]
    }

    /// The number of a phrase's reply.
    pub(crate) fn number_of(&self, phrase: PhraseId) -> usize {
        self.phrases[phrase].reply as usize
    }

    /// The reply with this number. That of `unknown` comes after all others.
    pub(crate) fn reply(&self, number: usize) -> &Reply {
        self.entries.get(number).unwrap_or(&self.unknown)
    }

    /// All replies, `unknown` as the last.
    pub(crate) fn replies(&self) -> impl Iterator<Item = &Reply> {
        self.entries.iter().chain([&self.unknown])
    }

    /// A phrase as the file has it.
    pub(crate) fn alternative(&self, phrase: PhraseId) -> &str {
        let Alternative { start, end, .. } = self.phrases[phrase];
        &self.reply_of(phrase).phrase[start as usize..end as usize]
    }

    /// All phrases with the numbers of their replies.
    pub(crate) fn alternatives(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..self.phrases.len()).map(|phrase| (self.number_of(phrase), self.alternative(phrase)))
    }

    /// An example as the file has it, with its line.
    pub(crate) fn example(&self, id: ExampleId) -> (&str, usize) {
        match self.examples.get(id).origin {
            Origin::Phrase(id) => (self.alternative(id as usize), self.reply_of(id as usize).line),
            Origin::Test(at) => (&self.tests[at as usize].sentence, self.tests[at as usize].line),
        }
    }

    /// Numbers of replies by each of their alternatives, and by the whole phrase, in the form of
    /// [`canonical`].
    pub(crate) fn known_phrases(&self) -> HashMap<String, usize> {
        let whole = self.entries.iter().enumerate().map(|(entry, reply)| (canonical(&reply.phrase), entry));
        let single = self.alternatives().map(|(entry, alternative)| (canonical(alternative), entry));
        whole.chain(single).chain([(UNKNOWN.to_owned(), self.entries.len())]).collect()
    }
}
