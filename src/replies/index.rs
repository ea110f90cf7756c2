//! Finds the keys that are in a message, in a time that grows with the message and not with the number of keys.

use std::{cmp::Reverse, collections::HashMap};

use super::key::{Pattern, Phrase};
use crate::normalise::{Words, symbols};

pub(super) type KeyId = usize;
type WordId = u32;
type NodeId = u32;
const ROOT: NodeId = 0;

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

/// What is remembered of a key.
#[derive(Clone, Debug)]
struct Key {
    order: usize,
    is_reply: bool,
    has_prefix: bool,
    words: usize,
    chars: usize,
    /// The words with their accents, phrase by phrase.
    exact: String,
    /// The nodes at which its phrases end, in order of their numbers.
    nodes: Vec<NodeId>,
}

/// All keys, as paths of words.
#[derive(Clone, Debug)]
pub(super) struct Index {
    keys: Vec<Key>,
    symbols: HashMap<(bool, String), KeyId>,
    words: HashMap<String, WordId>,
    /// Beginnings of words, with numbers of their own.
    prefixes: HashMap<String, WordId>,
    longest_prefix: usize,
    /// From a node and a word to the next node: a step for each word of a key, shared by all keys that begin alike.
    steps: HashMap<(NodeId, WordId), NodeId>,
    /// For each node at which a phrase ends the keys to look at: those that are this phrase, and of those that have several
    /// phrases the ones of which this is the rarest.
    ends: Vec<Option<Vec<KeyId>>>,
}

/// A key that stands there already.
pub(super) enum Twin {
    /// To the letter.
    Same(KeyId),
    /// But for its accents.
    Folded(KeyId),
}

impl Index {
    pub(super) fn new() -> Index {
        Index {
            keys: Vec::new(),
            symbols: HashMap::new(),
            words: HashMap::new(),
            prefixes: HashMap::new(),
            longest_prefix: 0,
            steps: HashMap::new(),
            ends: vec![None],
        }
    }

    /// Adds a key, the `order`th of the file, and gives its number and that of a key that answers the same messages. Keys of
    /// one phrase should all be added before those of several, which look for their rarest.
    pub(super) fn add(&mut self, pattern: &Pattern, is_reply: bool, order: usize) -> (KeyId, Option<Twin>) {
        let id = self.keys.len();
        match pattern {
            Pattern::Symbols(text) => {
                let chars = text.chars().count();
                self.keys.push(Key {
                    order,
                    is_reply,
                    has_prefix: false,
                    words: 1,
                    chars,
                    exact: text.clone(),
                    nodes: Vec::new(),
                });
                let twin = self.symbols.get(&(is_reply, text.clone())).map(|first| Twin::Same(*first));
                self.symbols.entry((is_reply, text.clone())).or_insert(id);
                (id, twin)
            }
            Pattern::Phrases(phrases) => {
                let key = self.key_of(phrases, is_reply, order);
                let twin = self.twin(&key);
                let rarest = key.nodes.iter().copied().min_by_key(|node| self.keys_at(*node).len());
                for node in &key.nodes {
                    let keys = self.ends[*node as usize].get_or_insert_default();
                    if Some(*node) == rarest && keys.last() != Some(&id) {
                        keys.push(id);
                    }
                }
                self.keys.push(key);
                (id, twin)
            }
        }
    }

    fn key_of(&mut self, phrases: &[Phrase], is_reply: bool, order: usize) -> Key {
        let mut ends: Vec<(NodeId, &Phrase)> =
            phrases.iter().map(|phrase| (self.path_to(phrase), phrase)).collect();
        ends.sort_unstable_by_key(|(node, _)| *node);
        // The same phrase twice is in the message as often as once.
        ends.dedup_by_key(|(node, _)| *node);
        let exact = ends.iter().map(|(_, phrase)| phrase.words.exact(0, phrase.words.len()));
        Key {
            order,
            is_reply,
            has_prefix: phrases.iter().any(Phrase::has_prefix),
            words: ends.iter().map(|(_, phrase)| phrase.words.count()).sum(),
            chars: ends.iter().map(|(_, phrase)| phrase.words.chars()).sum(),
            exact: exact.collect::<Vec<_>>().join(" & "),
            nodes: ends.iter().map(|(node, _)| *node).collect(),
        }
    }

    fn keys_at(&self, node: NodeId) -> &[KeyId] {
        self.ends[node as usize].as_deref().unwrap_or_default()
    }

    fn twin(&self, key: &Key) -> Option<Twin> {
        // Keys of the same phrases need not have the same rarest one.
        let near = key.nodes.iter().flat_map(|node| self.keys_at(*node)).copied();
        let twins =
            near.filter(|id| self.keys[*id].nodes == key.nodes && self.keys[*id].is_reply == key.is_reply);
        let mut folded = None;
        for twin in twins {
            if self.keys[twin].exact == key.exact {
                return Some(Twin::Same(twin));
            }
            folded = Some(Twin::Folded(twin));
        }
        folded
    }

    fn path_to(&mut self, phrase: &Phrase) -> NodeId {
        let mut node = ROOT;
        for (word, is_prefix) in phrase.words.folded().zip(&phrase.prefixes) {
            // Even numbers are words, odd ones beginnings.
            let word = if *is_prefix {
                self.longest_prefix = self.longest_prefix.max(word.len());
                let next = self.prefixes.len() as WordId;
                *self.prefixes.entry(word.to_owned()).or_insert(next) * 2 + 1
            } else {
                let next = self.words.len() as WordId;
                *self.words.entry(word.to_owned()).or_insert(next) * 2
            };
            let next = self.ends.len() as NodeId;
            node = *self.steps.entry((node, word)).or_insert_with(|| {
                self.ends.push(None);
                next
            });
        }
        node
    }

    /// Shows `visit` each key that is in `message`; one may come several times.
    pub(super) fn visit(&self, message: &str, words: &Words, mut visit: impl FnMut(Fit)) {
        if words.is_empty() {
            let text = symbols(message);
            for is_reply in [true, false] {
                if let Some(id) = self.symbols.get(&(is_reply, text.clone())) {
                    let Key { words, chars, order, .. } = self.keys[*id];
                    let order = Reverse(order);
                    visit(Fit { is_reply, is_whole: true, words, chars, is_exact: true, order, key: *id });
                }
            }
            return;
        }
        let mut found = self.phrases_in(words);
        found.sort_unstable();
        for &(node, start, end) in &found {
            for &id in self.keys_at(node) {
                let key = &self.keys[id];
                let all = key.nodes.iter().all(|node| {
                    let at = found.partition_point(|found| found.0 < *node);
                    found.get(at).is_some_and(|found| found.0 == *node)
                });
                if all {
                    visit(self.fit(id, words, start, end));
                }
            }
        }
    }

    fn fit(&self, id: KeyId, words: &Words, start: usize, end: usize) -> Fit {
        let key = &self.keys[id];
        let is_plain = key.nodes.len() == 1 && !key.has_prefix;
        Fit {
            is_reply: key.is_reply,
            is_whole: is_plain && end - start == words.len(),
            words: key.words,
            chars: key.chars,
            // Of keys with several phrases or a star that is not asked.
            is_exact: !is_plain || words.exact(start, end) == key.exact,
            order: Reverse(key.order),
            key: id,
        }
    }

    /// The phrases of keys that are in the message: the node, and the words from where to where.
    fn phrases_in(&self, words: &Words) -> Vec<(NodeId, usize, usize)> {
        let ids: Vec<Vec<WordId>> = words.folded().map(|word| self.ids_of(word)).collect();
        let mut found = Vec::new();
        let mut open = Vec::new();
        for start in 0..ids.len() {
            open.push((ROOT, start));
            while let Some((node, at)) = open.pop() {
                for id in ids.get(at).into_iter().flatten() {
                    if let Some(&next) = self.steps.get(&(node, *id)) {
                        open.push((next, at + 1));
                        if self.ends[next as usize].is_some() {
                            found.push((next, start, at + 1));
                        }
                    }
                }
            }
        }
        found
    }

    /// The numbers that a word of a message answers to: its own, and those of its beginnings.
    fn ids_of(&self, word: &str) -> Vec<WordId> {
        let mut ids: Vec<WordId> = self.words.get(word).map(|id| id * 2).into_iter().collect();
        let ends = word.char_indices().map(|(at, char)| at + char.len_utf8());
        for end in ends.take_while(|end| *end <= self.longest_prefix) {
            ids.extend(self.prefixes.get(&word[..end]).map(|id| id * 2 + 1));
        }
        ids
    }
}
