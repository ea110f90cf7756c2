//! All keys of the replies, laid out so that `search` finds those in a message by walking over its words once.

use rustc_hash::FxHashMap;

use super::phrase::{Pattern, Phrase};

pub(super) type KeyId = usize;
pub(super) type WordId = u32;
pub(super) type NodeId = u32;
pub(super) const ROOT: NodeId = 0;

/// What is remembered of a key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) order: usize,
    pub(super) is_reply: bool,
    pub(super) has_prefix: bool,
    pub(super) words: usize,
    pub(super) chars: usize,
    /// The words with their accents, phrase by phrase.
    pub(super) exact: String,
    /// The nodes at which its phrases end, in order of their numbers.
    pub(super) nodes: Vec<NodeId>,
}

/// All keys, as paths of words.
///
/// The tables hold nothing but the owner's words, so a quick hash does: no message can crowd them.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) keys: Vec<Key>,
    /// Keys without letters and digits, of `[replies]` and of `[smalltalk]`.
    pub(super) symbols: [FxHashMap<String, KeyId>; 2],
    pub(super) words: FxHashMap<String, WordId>,
    /// Beginnings of words, with numbers of their own.
    pub(super) prefixes: FxHashMap<String, WordId>,
    pub(super) longest_prefix: usize,
    /// From a node and a word to the next node: a step for each word of a key, shared by all keys that begin alike.
    pub(super) steps: FxHashMap<(NodeId, WordId), NodeId>,
    /// For each node at which a phrase ends the keys to look at: those that are this phrase, and of those that have several
    /// phrases the ones of which this is the rarest.
    pub(super) ends: Vec<Option<Vec<KeyId>>>,
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
        Index { ends: vec![None], ..Index::default() }
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
                let first = *self.symbols[usize::from(!is_reply)].entry(text.clone()).or_insert(id);
                (id, (first != id).then_some(Twin::Same(first)))
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

    pub(super) fn keys_at(&self, node: NodeId) -> &[KeyId] {
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
}
