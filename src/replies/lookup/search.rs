//! Finds the phrases that are in a message, in a time that grows with the message and not with the number of
//! phrases.

use std::{cmp::Reverse, fmt};

use super::{
    index::{Index, IndexedPhrase, NodeId, PhraseId, ROOT},
    steps::Steps,
    word_matches::WordMatches,
};
use crate::replies::{
    similar::features::Features,
    text::{letters::read_symbols, words::Words},
};

/// Length above which a message uses one of the buffers that all sessions share.
pub(crate) const LONG_MESSAGE_BYTES: usize = 256;
/// Size in bytes up to which a session's buffer is kept for the next message, enough for about 60 words.
pub(crate) const KEPT_BYTES: usize = 8 * 1024;
/// Size in bytes up to which a shared buffer is kept, enough for ordinary messages of 16 KiB. If threads
/// freed and allocated it in turn, the allocator would keep the memory once for each of them.
pub(crate) const KEPT_SHARED_BYTES: usize = 4 * 1024 * 1024;

/// Limit on the steps of each part of a search, to which each word of the message adds some. A part skips
/// what exceeds it. With replies that people write, all parts together take less than half of it for a
/// message of 16 KiB.
pub(crate) const STEPS: usize = 100_000;
/// Steps that each word of the message adds to the limit of each part.
pub(crate) const STEPS_PER_WORD: usize = 8;
/// Number of parts of a search: looking up words and prefixes, finding runs, and visiting phrases of one run
/// and of several.
#[cfg(test)]
pub(crate) const PARTS: usize = 4;
/// Extra steps for each run that is found, since the runs are sorted.
const STEPS_PER_RUN: usize = 4;

/// A phrase that is in a message, and how well it matches. The order of the fields is the order of the rules,
/// and the greatest match wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Match {
    /// `[replies]` come before `[smalltalk]`.
    pub(crate) is_reply: bool,
    /// The phrase is the whole message, without a correction.
    pub(crate) is_whole: bool,
    pub(crate) words: u32,
    /// How similar the most similar example of its reply is, in thousandths. It is computed only for ties.
    pub(crate) nearness: u32,
    pub(crate) chars: u32,
    /// Number of words with a typo.
    pub(crate) corrections: Reverse<u8>,
    /// The accents are the same too, as far as that is compared.
    pub(crate) is_exact: bool,
    /// The earlier phrase of the file wins.
    pub(crate) order: Reverse<u32>,
    pub(crate) phrase: PhraseId,
}

impl Match {
    fn of(phrase: &IndexedPhrase, id: PhraseId, corrections: u8) -> Match {
        Match {
            is_reply: phrase.is_reply,
            is_whole: false,
            words: phrase.words,
            nearness: 0,
            chars: phrase.chars,
            corrections: Reverse(corrections),
            is_exact: true,
            order: Reverse(phrase.order),
            phrase: id,
        }
    }

    /// What decides before examples are compared.
    pub(crate) fn rank(&self) -> (bool, bool, u32) {
        (self.is_reply, self.is_whole, self.words)
    }
}

/// Reusable buffers for a lookup: kept from one message to the next, they make finding a reply free of
/// allocations; see [`Replies::answer_with`](crate::Replies::answer_with).
#[derive(Default)]
pub struct SearchBuffer {
    pub(crate) words: Words,
    symbols: String,
    pub(crate) word_matches: WordMatches,
    /// Paths that the walk has yet to follow: a node, the index of the next word, and the corrections so far.
    open: Vec<(NodeId, u32, u8)>,
    /// The runs that are in the message.
    found: Vec<FoundRun>,
    /// The best match of each reply that no rule before the examples has ruled out.
    pub(crate) finalists: Vec<Match>,
    pub(crate) features: Features,
}

/// A run that is in a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct FoundRun {
    /// The node at which it ends.
    node: NodeId,
    corrections: u8,
    /// Its first word in the message, and the word after its last.
    start: u32,
    end: u32,
}

impl SearchBuffer {
    /// Calls `visit` with each phrase that is in `message`, perhaps more than once for a phrase, and returns
    /// the number of steps.
    pub(crate) fn visit(
        &mut self,
        index: &Index,
        typos: bool,
        message: &str,
        visit: impl FnMut(Match),
    ) -> usize {
        self.words.clear();
        self.words.read(message);
        if self.words.is_empty() {
            self.visit_symbols(index, message, visit);
            return 0;
        }
        let most = STEPS + STEPS_PER_WORD * self.words.len();
        self.word_matches.read(&index.vocabulary, &mut self.words, typos, most)
            + self.find_runs(index, most)
            + self.visit_phrases(index, most, visit)
    }

    /// Frees the buffers if they have grown beyond `kept` bytes: a client may send one unusual message, then
    /// stay for hours.
    pub(crate) fn shrink(&mut self, kept: usize) {
        if self.bytes() > kept {
            *self = SearchBuffer::default();
        }
    }

    /// The number of bytes of memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        fn bytes<T>(list: &Vec<T>) -> usize {
            list.capacity() * size_of::<T>()
        }
        self.words.bytes()
            + self.symbols.capacity()
            + self.word_matches.bytes()
            + bytes(&self.open)
            + bytes(&self.found)
            + bytes(&self.finalists)
            + self.features.bytes()
    }

    /// About how long the last search took, apart from examples, in units of five nanoseconds.
    pub(crate) fn work(&self, index: &Index) -> usize {
        let examined: usize = self.found.iter().map(|run| index.phrases_at(run.node).len()).sum();
        let examined = examined.min(2 * (STEPS + STEPS_PER_WORD * self.words.len()));
        let word_matches: usize = (0..self.words.len()).map(|at| self.word_matches.of(at).len()).sum();
        20 * (word_matches + self.found.len()) + 20 * examined * (1 + self.finalists.len() / 4)
    }

    /// Visits the phrases that are the whole message, for a message without letters and digits.
    fn visit_symbols(&mut self, index: &Index, message: &str, mut visit: impl FnMut(Match)) {
        self.symbols.clear();
        read_symbols(message, &mut self.symbols);
        for phrases in &index.symbols {
            if let Some(&phrase) = phrases.get(&self.symbols) {
                let matched = Match::of(&index.phrases[phrase], phrase, 0);
                visit(Match { is_whole: true, ..matched });
            }
        }
    }

    /// Finds all runs of the index in the message, sorted by node, by following the words from each start.
    fn find_runs(&mut self, index: &Index, most: usize) -> usize {
        let mut steps = Steps { left: most };
        let SearchBuffer { words, word_matches, open, found, .. } = self;
        open.clear();
        found.clear();
        'message: for start in 0..words.len() as u32 {
            let mut path = Some((ROOT, start, 0_u8));
            while let Some((node, at, corrections)) = path {
                for word_match in word_matches.of(at as usize) {
                    if !steps.spend(1) {
                        break 'message;
                    }
                    let Some(&next) = index.edges.get(&(node, word_match.id)) else { continue };
                    let corrections = corrections.saturating_add(u8::from(word_match.is_corrected));
                    let end = at + u32::from(word_match.words);
                    open.push((next, end, corrections));
                    if index.ends[next as usize].is_some() {
                        found.push(FoundRun { node: next, corrections, start, end });
                        steps.spend(STEPS_PER_RUN);
                    }
                }
                path = open.pop();
            }
        }
        found.sort_unstable();
        most - steps.left
    }

    /// Visits the phrases whose runs were all found.
    fn visit_phrases(&self, index: &Index, most: usize, mut visit: impl FnMut(Match)) -> usize {
        // Phrases of one run have their own steps, so that no number of other phrases can keep them from
        // being found.
        let [mut alone, mut together] = [(); 2].map(|()| Steps { left: most });
        for places in self.found.chunk_by(|one, other| one.node == other.node) {
            'node: for &id in index.phrases_at(places[0].node) {
                let id = id as PhraseId;
                let nodes = &index.phrases[id].nodes;
                // For a phrase of several runs, the places make no difference, so one is enough.
                let (places, steps) =
                    if nodes.len() == 1 { (places, &mut alone) } else { (&places[..1], &mut together) };
                for place in places {
                    if let Some(corrections) = self.has_all(nodes, place, steps) {
                        visit(self.matched(index, id, place, corrections));
                    }
                    if steps.left == 0 {
                        break 'node;
                    }
                }
            }
        }
        2 * most - alone.left - together.left
    }

    /// The number of corrections if all runs of a phrase are in the message. The caller has found one, so a
    /// single run needs no search.
    fn has_all(&self, nodes: &[NodeId], place: &FoundRun, steps: &mut Steps) -> Option<u8> {
        let [_] = nodes else {
            return nodes.iter().try_fold(0_u8, |corrections, node| {
                let first = self.found.partition_point(|found| found.node < *node);
                let found = self.found.get(first).filter(|found| found.node == *node && steps.spend(1))?;
                Some(corrections.saturating_add(found.corrections))
            });
        };
        steps.spend(1).then_some(place.corrections)
    }

    fn matched(&self, index: &Index, id: PhraseId, place: &FoundRun, corrections: u8) -> Match {
        let phrase = &index.phrases[id];
        let is_plain = phrase.nodes.len() == 1 && !phrase.has_prefix;
        let (start, end) = (place.start as usize, place.end as usize);
        Match {
            is_whole: is_plain && corrections == 0 && end - start == self.words.len(),
            // For phrases with several runs or a prefix, accents are not compared.
            is_exact: !is_plain || phrase.is_written_as(&self.words, start, end),
            ..Match::of(phrase, id, corrections)
        }
    }
}

impl fmt::Debug for SearchBuffer {
    /// Without the message, which is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchBuffer").finish_non_exhaustive()
    }
}
