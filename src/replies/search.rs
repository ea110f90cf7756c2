//! Finds the phrases that are in a message, in a time that grows with the message and not with the number of phrases.

use std::{
    cmp::Reverse,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::index::{Index, IndexedPhrase, NodeId, PhraseId, ROOT, WordId};
use super::words::{Words, read_symbols};

/// Length above which a message uses one of the buffers that all sessions share.
pub(super) const LONG_MESSAGE_BYTES: usize = 256;
/// Size in bytes up to which a session's buffer is kept for the next message, enough for about 60 words.
pub(super) const KEPT_BYTES: usize = 8 * 1024;
/// Size in bytes up to which a shared buffer is kept, enough for ordinary messages of 16 KiB. If threads freed and allocated it
/// in turn, the allocator would keep the memory once for each of them.
pub(super) const KEPT_SHARED_BYTES: usize = 4 * 1024 * 1024;
/// Number of shared buffers, and so of long messages that are looked up at the same time.
const SHARED_BUFFERS: usize = 4;

/// Limit on the steps of each part of a search, to which each word of the message adds some. A part skips what exceeds it. With
/// replies that people write, all parts together take less than half of it for a message of 16 KiB.
pub(super) const STEPS: usize = 100_000;
/// Steps that each word of the message adds to the limit of each part.
pub(super) const STEPS_PER_WORD: usize = 8;
/// Number of parts of a search: looking up words and prefixes, finding runs, and visiting phrases of one run and of several.
#[cfg(test)]
pub(super) const PARTS: usize = 4;
/// Number of bytes whose hashing counts as a step.
const HASHED_BYTES_PER_STEP: usize = 64;
/// Extra steps for each run that is found, since the runs are sorted.
const STEPS_PER_RUN: usize = 4;

/// A phrase that is in a message, and how well it matches. The order of the fields is the order of the rules, and the greatest
/// match wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// `[replies]` come before `[smalltalk]`.
    pub(super) is_reply: bool,
    /// The phrase is the whole message.
    pub(super) is_whole: bool,
    pub(super) words: usize,
    pub(super) chars: usize,
    /// The accents are the same too, as far as that is compared.
    pub(super) is_exact: bool,
    /// The earlier phrase of the file wins.
    pub(super) order: Reverse<usize>,
    pub(super) phrase: PhraseId,
}

/// Reusable buffers for a lookup: kept from one message to the next, they make finding a reply free of allocations;
/// see [`Replies::find_with`](crate::Replies::find_with).
#[derive(Default)]
pub struct SearchBuffer {
    pub(super) words: Words,
    symbols: String,
    /// The ids of all words and of their prefixes, word by word.
    ids: Vec<WordId>,
    /// Boundaries in `ids`: those of word `i` are at `ends[i]..ends[i + 1]`.
    ends: Vec<usize>,
    /// Paths that the walk has yet to follow: a node, and the index of the next word.
    open: Vec<(NodeId, usize)>,
    /// The runs that are in the message.
    found: Vec<FoundRun>,
}

/// The node at which a run ends, its first word in the message, and the word after its last.
type FoundRun = (NodeId, usize, usize);

impl SearchBuffer {
    /// Calls `visit` with each phrase that is in `message`, perhaps more than once for a phrase, and returns the number of steps.
    pub(super) fn visit(&mut self, index: &Index, message: &str, visit: impl FnMut(Match)) -> usize {
        self.words.clear();
        self.words.read(message);
        if self.words.is_empty() {
            self.visit_symbols(index, message, visit);
            return 0;
        }
        let most = STEPS + STEPS_PER_WORD * self.words.len();
        self.read_ids(index, most) + self.find_runs(index, most) + self.visit_phrases(index, most, visit)
    }

    /// Frees the buffers if they have grown beyond `kept` bytes: a client may send one unusual message, then stay for hours.
    pub(super) fn shrink(&mut self, kept: usize) {
        if self.bytes() > kept {
            *self = SearchBuffer::default();
        }
    }

    /// The number of bytes of memory it holds.
    pub(super) fn bytes(&self) -> usize {
        fn bytes<T>(list: &Vec<T>) -> usize {
            list.capacity() * size_of::<T>()
        }
        self.words.bytes()
            + self.symbols.capacity()
            + bytes(&self.ids)
            + bytes(&self.ends)
            + bytes(&self.open)
            + bytes(&self.found)
    }

    /// Visits the phrases that are the whole message, for a message without letters and digits.
    fn visit_symbols(&mut self, index: &Index, message: &str, mut visit: impl FnMut(Match)) {
        self.symbols.clear();
        read_symbols(message, &mut self.symbols);
        for (phrases, is_reply) in index.symbols.iter().zip([true, false]) {
            if let Some(&phrase) = phrases.get(&self.symbols) {
                let IndexedPhrase { words, chars, order, .. } = index.phrases[phrase];
                let order = Reverse(order);
                visit(Match { is_reply, is_whole: true, words, chars, is_exact: true, order, phrase });
            }
        }
    }

    /// Looks up the ids of each word of the message and of its prefixes. Returns the steps spent, as the next two do.
    fn read_ids(&mut self, index: &Index, most: usize) -> usize {
        let mut steps = Steps { left: most };
        let SearchBuffer { words, ids, ends, .. } = self;
        ids.clear();
        ends.clear();
        ends.push(0);
        for word in words.folded() {
            add_ids(index, word, ids, &mut steps);
            ends.push(ids.len());
        }
        most - steps.left
    }

    /// Finds all runs of the index in the message, sorted by node, by following the words from each start.
    fn find_runs(&mut self, index: &Index, most: usize) -> usize {
        let mut steps = Steps { left: most };
        let SearchBuffer { words, ids, ends, open, found, .. } = self;
        open.clear();
        found.clear();
        'message: for start in 0..words.len() {
            open.push((ROOT, start));
            while let Some((node, at)) = open.pop() {
                let Some(&[begin, end]) = ends.get(at..at + 2).and_then(|pair| pair.first_chunk()) else {
                    continue;
                };
                for &id in &ids[begin..end] {
                    if !steps.spend(1) {
                        break 'message;
                    }
                    let Some(&next) = index.steps.get(&(node, id)) else { continue };
                    open.push((next, at + 1));
                    if index.ends[next as usize].is_some() {
                        found.push((next, start, at + 1));
                        steps.spend(STEPS_PER_RUN);
                    }
                }
            }
        }
        found.sort_unstable();
        most - steps.left
    }

    /// Visits the phrases whose runs were all found.
    fn visit_phrases(&self, index: &Index, most: usize, mut visit: impl FnMut(Match)) -> usize {
        // Phrases of one run have their own steps, so that no number of other phrases can keep them from being found.
        let [mut alone, mut together] = [(); 2].map(|()| Steps { left: most });
        for places in self.found.chunk_by(|one, other| one.0 == other.0) {
            'node: for &id in index.phrases_at(places[0].0) {
                let nodes = &index.phrases[id].nodes;
                // For a phrase of several runs, the places make no difference, so one is enough.
                let (places, steps) =
                    if nodes.len() == 1 { (places, &mut alone) } else { (&places[..1], &mut together) };
                for &(_, start, end) in places {
                    if self.has_all(nodes, steps) {
                        visit(self.matched(index, id, start, end));
                    }
                    if steps.left == 0 {
                        break 'node;
                    }
                }
            }
        }
        2 * most - alone.left - together.left
    }

    /// Whether all runs of a phrase are in the message. The caller has found one, so a single run needs no search.
    fn has_all(&self, nodes: &[NodeId], steps: &mut Steps) -> bool {
        match nodes {
            [_] => steps.spend(1),
            nodes => nodes
                .iter()
                .all(|node| steps.spend(1) && self.found.binary_search_by_key(node, |found| found.0).is_ok()),
        }
    }

    fn matched(&self, index: &Index, id: PhraseId, start: usize, end: usize) -> Match {
        let phrase = &index.phrases[id];
        let is_plain = phrase.nodes.len() == 1 && !phrase.has_prefix;
        Match {
            is_reply: phrase.is_reply,
            is_whole: is_plain && end - start == self.words.len(),
            words: phrase.words,
            chars: phrase.chars,
            // For phrases with several runs or a prefix, accents are not compared.
            is_exact: !is_plain || self.words.exact(start, end) == phrase.exact,
            order: Reverse(phrase.order),
            phrase: id,
        }
    }
}

impl fmt::Debug for SearchBuffer {
    /// Without the message, which is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchBuffer").finish_non_exhaustive()
    }
}

/// Adds the ids that match a word of a message: its own, and those of its prefixes.
fn add_ids(index: &Index, word: &str, ids: &mut Vec<WordId>, steps: &mut Steps) {
    if let Some(id) = index.words.get(word) {
        ids.push(id * 2);
    }
    if index.longest_prefix == 0 {
        return;
    }
    let longest = affordable_prefix(index.longest_prefix.min(word.len()), steps);
    let ends = word.char_indices().map(|(at, char)| at + char.len_utf8());
    for end in ends.take_while(|end| *end <= longest) {
        if let Some(id) = index.prefixes.get(&word[..end]) {
            ids.push(id * 2 + 1);
        }
    }
}

/// Spends the steps for looking up the prefixes of a word up to `longest` bytes, which is halved until enough steps are left.
/// Each prefix is hashed, so the bytes to hash grow with the square of its length.
fn affordable_prefix(mut longest: usize, steps: &mut Steps) -> usize {
    while !steps.spend(longest + longest.saturating_mul(longest) / 2 / HASHED_BYTES_PER_STEP) {
        longest /= 2;
    }
    longest
}

/// The steps that are left.
struct Steps {
    left: usize,
}

impl Steps {
    /// Spends `count` steps, or none and returns false if fewer are left.
    fn spend(&mut self, count: usize) -> bool {
        let left = self.left.checked_sub(count);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

/// Buffers for long messages, which are rare. If each session had its own, the allocator would keep as many as were ever in use
/// at once.
#[derive(Default)]
pub(super) struct SharedBuffers {
    buffers: [Mutex<SearchBuffer>; SHARED_BUFFERS],
    turn: AtomicUsize,
}

impl SharedBuffers {
    /// Locks the next buffer in turn, and waits for it if it is in use.
    pub(super) fn next(&self) -> MutexGuard<'_, SearchBuffer> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.buffers[turn % SHARED_BUFFERS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
