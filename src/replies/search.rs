//! Finds the keys that are in a message, in a time that grows with the message and not with the number of keys.

use std::{cmp::Reverse, fmt};

use super::index::{Index, Key, KeyId, NodeId, ROOT, WordId};
use crate::normalise::{Words, read_symbols};

/// What a message of so many words and bytes needed is kept for the next one; what a longer one needed is given back.
const KEPT_WORDS: usize = 64;
const KEPT_BYTES: usize = 512;

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
    found: Vec<(NodeId, usize, usize)>,
}

impl Search {
    /// Shows `visit` each key that is in `message`; one may come several times.
    pub(super) fn visit(&mut self, index: &Index, message: &str, mut visit: impl FnMut(Fit)) {
        self.words.clear();
        self.words.read(message);
        if self.words.is_empty() {
            self.symbols.clear();
            read_symbols(message, &mut self.symbols);
            for (keys, is_reply) in index.symbols.iter().zip([true, false]) {
                if let Some(&key) = keys.get(&self.symbols) {
                    let Key { words, chars, order, .. } = index.keys[key];
                    let order = Reverse(order);
                    visit(Fit { is_reply, is_whole: true, words, chars, is_exact: true, order, key });
                }
            }
            return;
        }
        self.find_phrases(index);
        for &(node, start, end) in &self.found {
            for &id in index.keys_at(node) {
                if self.has_all(&index.keys[id].nodes) {
                    visit(self.fit(index, id, start, end));
                }
            }
        }
    }

    /// Gives back what only a long message needed: clients may send one and then stay for hours.
    pub(super) fn shrink(&mut self) {
        if self.words.len() > KEPT_WORDS || self.words.bytes().max(self.symbols.len()) > KEPT_BYTES {
            *self = Search::default();
        }
    }

    /// Whether all phrases of a key are in the message; one is known to be.
    fn has_all(&self, nodes: &[NodeId]) -> bool {
        nodes.len() == 1
            || nodes.iter().all(|node| self.found.binary_search_by_key(node, |found| found.0).is_ok())
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

    fn find_phrases(&mut self, index: &Index) {
        let Search { words, ids, ends, open, found, .. } = self;
        ids.clear();
        ends.clear();
        found.clear();
        ends.push(0);
        for word in words.folded() {
            add_ids(index, word, ids);
            ends.push(ids.len());
        }
        for start in 0..words.len() {
            open.push((ROOT, start));
            while let Some((node, at)) = open.pop() {
                let Some(&[begin, end]) = ends.get(at..at + 2).and_then(|pair| pair.first_chunk()) else {
                    continue;
                };
                for &id in &ids[begin..end] {
                    if let Some(&next) = index.steps.get(&(node, id)) {
                        open.push((next, at + 1));
                        if index.ends[next as usize].is_some() {
                            found.push((next, start, at + 1));
                        }
                    }
                }
            }
        }
        found.sort_unstable();
    }
}

impl fmt::Debug for Search {
    /// Without the message, which is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
    }
}

/// Adds the numbers that a word of a message answers to: its own, and those of its beginnings.
fn add_ids(index: &Index, word: &str, ids: &mut Vec<WordId>) {
    if let Some(id) = index.words.get(word) {
        ids.push(id * 2);
    }
    if index.longest_prefix > 0 {
        let ends = word.char_indices().map(|(at, char)| at + char.len_utf8());
        for end in ends.take_while(|end| *end <= index.longest_prefix) {
            if let Some(id) = index.prefixes.get(&word[..end]) {
                ids.push(id * 2 + 1);
            }
        }
    }
}
