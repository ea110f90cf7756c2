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

/// A longer message is looked at in a buffer that all sessions share.
pub(super) const LONG_MESSAGE_BYTES: usize = 256;
/// What is kept of a session's buffer from one message to the next, in bytes: enough for some 60 words.
pub(super) const KEPT_BYTES: usize = 8 * 1024;
/// What is kept of a shared buffer: enough for any message of 16 KiB. Given back and made anew by one thread after the other it
/// would remain with the allocator many times over.
pub(super) const KEPT_SHARED_BYTES: usize = 4 * 1024 * 1024;
const SHARED_BUFFERS: usize = 4;

/// Each part of a search may take so many steps, and some more for each word of the message; what is not done by then is left
/// out. Among replies as people write them all parts together do not need half as many for a message of 16 KiB.
pub(super) const STEPS: usize = 100_000;
pub(super) const STEPS_PER_WORD: usize = 8;
/// Reading beginnings of words, walking over runs, looking at phrases of one run and at phrases of several.
#[cfg(test)]
pub(super) const PARTS: usize = 4;
/// To hash so many bytes counts as a step.
const HASHED_BYTES_PER_STEP: usize = 64;
/// What a run that is found costs, since it is sorted among the others.
const STEPS_PER_RUN: usize = 4;

/// A phrase that is in a message, and how well it matches. The greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// `[replies]` come before `[smalltalk]`.
    pub(super) is_reply: bool,
    /// The phrase is the whole message.
    pub(super) is_whole: bool,
    pub(super) words: usize,
    pub(super) chars: usize,
    /// The accents are the same too.
    pub(super) is_exact: bool,
    /// The earliest comes first.
    pub(super) order: Reverse<usize>,
    pub(super) phrase: PhraseId,
}

/// Reusable buffers for a lookup: kept from one message to the next, they make finding a reply free of allocations;
/// see [`Replies::find_with`](crate::Replies::find_with).
#[derive(Default)]
pub struct SearchBuffer {
    pub(super) words: Words,
    symbols: String,
    /// The numbers of all words, one word after the other; those of a word go from one of `ends` to the next.
    ids: Vec<WordId>,
    ends: Vec<usize>,
    /// Where the walk over the words has still to go on.
    open: Vec<(NodeId, usize)>,
    /// The runs of phrases that are in the message: the node, and the words from where to where.
    found: Vec<Place>,
}

type Place = (NodeId, usize, usize);

impl SearchBuffer {
    /// Shows `visit` each phrase that is in `message`, and returns how many steps it took; a phrase may come several times.
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

    /// Gives back what only an unusual message needed: clients may send one and then stay for hours.
    pub(super) fn shrink(&mut self, kept: usize) {
        if self.bytes() > kept {
            *self = SearchBuffer::default();
        }
    }

    /// How many bytes of memory it holds.
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
                    if !steps.take(1) {
                        break 'message;
                    }
                    let Some(&next) = index.steps.get(&(node, id)) else { continue };
                    open.push((next, at + 1));
                    if index.ends[next as usize].is_some() {
                        found.push((next, start, at + 1));
                        steps.take(STEPS_PER_RUN);
                    }
                }
            }
        }
        found.sort_unstable();
        most - steps.left
    }

    fn visit_phrases(&self, index: &Index, most: usize, mut visit: impl FnMut(Match)) -> usize {
        // Phrases of one run have steps of their own: however many others there are, these are found.
        let [mut alone, mut together] = [(); 2].map(|()| Steps { left: most });
        for places in self.found.chunk_by(|one, other| one.0 == other.0) {
            'node: for &id in index.phrases_at(places[0].0) {
                let nodes = &index.phrases[id].nodes;
                // Several runs match alike wherever they stand.
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

    /// Whether all runs of a phrase are in the message; one is known to be.
    fn has_all(&self, nodes: &[NodeId], steps: &mut Steps) -> bool {
        match nodes {
            [_] => steps.take(1),
            nodes => nodes
                .iter()
                .all(|node| steps.take(1) && self.found.binary_search_by_key(node, |found| found.0).is_ok()),
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
            // Of phrases with several runs or a star that is not asked.
            is_exact: !is_plain || self.words.exact(start, end) == phrase.exact,
            order: Reverse(phrase.order),
            phrase: id,
        }
    }
}

impl fmt::Debug for SearchBuffer {
    /// Without the message, which is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchBuffer").finish_non_exhaustive()
    }
}

/// Adds the numbers that a word of a message answers to: its own, and those of its beginnings.
fn add_ids(index: &Index, word: &str, ids: &mut Vec<WordId>, steps: &mut Steps) {
    if let Some(id) = index.words.get(word) {
        ids.push(id * 2);
    }
    if index.longest_prefix == 0 {
        return;
    }
    let longest = beginnings_to_look_up(index.longest_prefix.min(word.len()), steps);
    let ends = word.char_indices().map(|(at, char)| at + char.len_utf8());
    for end in ends.take_while(|end| *end <= longest) {
        if let Some(id) = index.prefixes.get(&word[..end]) {
            ids.push(id * 2 + 1);
        }
    }
}

/// Takes the steps for the beginnings of a word up to `longest` bytes, or for as many as there are steps for.
fn beginnings_to_look_up(mut longest: usize, steps: &mut Steps) -> usize {
    while !steps.take(longest + longest.saturating_mul(longest) / 2 / HASHED_BYTES_PER_STEP) {
        longest /= 2;
    }
    longest
}

/// How many steps may still be taken.
struct Steps {
    left: usize,
}

impl Steps {
    /// Takes so many, if there are.
    fn take(&mut self, count: usize) -> bool {
        let left = self.left.checked_sub(count);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

/// Buffers for long messages. These are rare, and were each session to look at its own, the allocator would keep as many buffers
/// as ever were in use at once.
#[derive(Default)]
pub(super) struct SharedBuffers {
    buffers: [Mutex<SearchBuffer>; SHARED_BUFFERS],
    turn: AtomicUsize,
}

impl SharedBuffers {
    /// The next buffer, as soon as it is free.
    pub(super) fn next(&self) -> MutexGuard<'_, SearchBuffer> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.buffers[turn % SHARED_BUFFERS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
