//! Finds the keys that are in a message, in a time that grows with the message and not with the number of keys.

use std::{
    cmp::Reverse,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::index::{Index, Key, KeyId, NodeId, ROOT, WordId};
use super::words::{Words, read_symbols};

/// A longer message is looked at in a room that all sessions share.
pub(super) const LONG_MESSAGE_BYTES: usize = 256;
/// What is kept of a session's room from one message to the next, in bytes: enough for some 60 words.
pub(super) const KEPT_ROOM: usize = 8 * 1024;
/// What is kept of a shared room: enough for any message of 16 KiB. Given back and made anew by one thread after the other it
/// would remain with the allocator many times over.
pub(super) const KEPT_SHARED_ROOM: usize = 4 * 1024 * 1024;
const SHARED_ROOMS: usize = 4;

/// Each part of a search may take so many steps, and some more for each word of the message; what is not done by then is left
/// out. Among replies as people write them all parts together do not need half as many for a message of 16 KiB.
pub(super) const STEPS: usize = 100_000;
pub(super) const STEPS_PER_WORD: usize = 8;
/// Reading beginnings of words, walking over phrases, looking at keys of one phrase and at keys of several.
#[cfg(test)]
pub(super) const PARTS: usize = 4;
/// To hash so many bytes counts as a step.
const HASHED_BYTES_PER_STEP: usize = 64;
/// What a phrase that is found costs, since it is sorted among the others.
const STEPS_PER_PHRASE: usize = 4;

/// A key that is in a message, and how well it fits. The greater one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    /// `[replies]` come before `[smalltalk]`.
    pub(super) is_reply: bool,
    /// The key is the whole message.
    pub(super) is_whole: bool,
    pub(super) words: usize,
    pub(super) chars: usize,
    /// The accents are the same too.
    pub(super) is_exact: bool,
    /// The earliest comes first.
    pub(super) order: Reverse<usize>,
    pub(super) key: KeyId,
}

/// The room in which a message is looked at. Who keeps it from one message to the next finds replies without allocating;
/// see [`Replies::find_with`](crate::Replies::find_with).
#[derive(Default)]
pub struct Search {
    pub(super) words: Words,
    symbols: String,
    /// The numbers of all words, one word after the other; those of a word go from one of `ends` to the next.
    ids: Vec<WordId>,
    ends: Vec<usize>,
    /// Where the walk over the words has still to go on.
    open: Vec<(NodeId, usize)>,
    /// The phrases of keys that are in the message: the node, and the words from where to where.
    found: Vec<Place>,
}

type Place = (NodeId, usize, usize);

impl Search {
    /// Shows `visit` each key that is in `message`, and returns how many steps it took; a key may come several times.
    pub(super) fn visit(&mut self, index: &Index, message: &str, visit: impl FnMut(Fit)) -> usize {
        self.words.clear();
        self.words.read(message);
        if self.words.is_empty() {
            self.visit_symbols(index, message, visit);
            return 0;
        }
        let most = STEPS + STEPS_PER_WORD * self.words.len();
        self.read_ids(index, most) + self.find_phrases(index, most) + self.visit_keys(index, most, visit)
    }

    /// Gives back what only an unusual message needed: clients may send one and then stay for hours.
    pub(super) fn shrink(&mut self, kept: usize) {
        if self.room() > kept {
            *self = Search::default();
        }
    }

    /// How many bytes of memory it holds.
    pub(super) fn room(&self) -> usize {
        fn bytes<T>(list: &Vec<T>) -> usize {
            list.capacity() * size_of::<T>()
        }
        self.words.room()
            + self.symbols.capacity()
            + bytes(&self.ids)
            + bytes(&self.ends)
            + bytes(&self.open)
            + bytes(&self.found)
    }

    fn visit_symbols(&mut self, index: &Index, message: &str, mut visit: impl FnMut(Fit)) {
        self.symbols.clear();
        read_symbols(message, &mut self.symbols);
        for (keys, is_reply) in index.symbols.iter().zip([true, false]) {
            if let Some(&key) = keys.get(&self.symbols) {
                let Key { words, chars, order, .. } = index.keys[key];
                let order = Reverse(order);
                visit(Fit { is_reply, is_whole: true, words, chars, is_exact: true, order, key });
            }
        }
    }

    fn read_ids(&mut self, index: &Index, most: usize) -> usize {
        let mut steps = Steps { left: most };
        let Search { words, ids, ends, .. } = self;
        ids.clear();
        ends.clear();
        ends.push(0);
        for word in words.folded() {
            add_ids(index, word, ids, &mut steps);
            ends.push(ids.len());
        }
        most - steps.left
    }

    fn find_phrases(&mut self, index: &Index, most: usize) -> usize {
        let mut steps = Steps { left: most };
        let Search { words, ids, ends, open, found, .. } = self;
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
                        steps.take(STEPS_PER_PHRASE);
                    }
                }
            }
        }
        found.sort_unstable();
        most - steps.left
    }

    fn visit_keys(&self, index: &Index, most: usize, mut visit: impl FnMut(Fit)) -> usize {
        // Keys of one phrase have steps of their own: however many others there are, these are found.
        let [mut alone, mut together] = [(); 2].map(|()| Steps { left: most });
        for places in self.found.chunk_by(|one, other| one.0 == other.0) {
            'node: for &id in index.keys_at(places[0].0) {
                let nodes = &index.keys[id].nodes;
                // Several phrases fit alike wherever they stand.
                let (places, steps) =
                    if nodes.len() == 1 { (places, &mut alone) } else { (&places[..1], &mut together) };
                for &(_, start, end) in places {
                    if self.has_all(nodes, steps) {
                        visit(self.fit(index, id, start, end));
                    }
                    if steps.left == 0 {
                        break 'node;
                    }
                }
            }
        }
        2 * most - alone.left - together.left
    }

    /// Whether all phrases of a key are in the message; one is known to be.
    fn has_all(&self, nodes: &[NodeId], steps: &mut Steps) -> bool {
        match nodes {
            [_] => steps.take(1),
            nodes => nodes
                .iter()
                .all(|node| steps.take(1) && self.found.binary_search_by_key(node, |found| found.0).is_ok()),
        }
    }

    fn fit(&self, index: &Index, id: KeyId, start: usize, end: usize) -> Fit {
        let key = &index.keys[id];
        let is_plain = key.nodes.len() == 1 && !key.has_prefix;
        Fit {
            is_reply: key.is_reply,
            is_whole: is_plain && end - start == self.words.len(),
            words: key.words,
            chars: key.chars,
            // Of keys with several phrases or a star that is not asked.
            is_exact: !is_plain || self.words.exact(start, end) == key.exact,
            order: Reverse(key.order),
            key: id,
        }
    }
}

impl fmt::Debug for Search {
    /// Without the message, which is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
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

/// Rooms for long messages. These are rare, and were each session to look at its own, the allocator would keep as many rooms
/// as ever were in use at once.
#[derive(Default)]
pub(super) struct SharedRooms {
    rooms: [Mutex<Search>; SHARED_ROOMS],
    turn: AtomicUsize,
}

impl SharedRooms {
    /// The next room, as soon as it is free.
    pub(super) fn next(&self) -> MutexGuard<'_, Search> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.rooms[turn % SHARED_ROOMS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
