//! All phrases of the replies, laid out so that `search` finds those in a message by walking over its words once.

use rustc_hash::FxHashMap;

use super::phrase::{Phrase, Run};

pub(super) type PhraseId = usize;
pub(super) type WordId = u32;
pub(super) type NodeId = u32;
pub(super) const ROOT: NodeId = 0;

/// What is remembered of a phrase.
#[derive(Clone, Debug)]
pub(super) struct IndexedPhrase {
    pub(super) order: usize,
    pub(super) is_reply: bool,
    pub(super) has_prefix: bool,
    pub(super) words: usize,
    pub(super) chars: usize,
    /// The words with their accents, run by run.
    pub(super) exact: String,
    /// The nodes at which its runs end, in order of their numbers.
    pub(super) nodes: Vec<NodeId>,
}

/// All phrases, as paths of words.
///
/// The tables hold nothing but the owner's words, so a quick hash does: no message can crowd them.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) phrases: Vec<IndexedPhrase>,
    /// Phrases without letters and digits, of `[replies]` and of `[smalltalk]`.
    pub(super) symbols: [FxHashMap<String, PhraseId>; 2],
    pub(super) words: FxHashMap<String, WordId>,
    /// Beginnings of words, with numbers of their own.
    pub(super) prefixes: FxHashMap<String, WordId>,
    pub(super) longest_prefix: usize,
    /// From a node and a word to the next node: a step for each word of a phrase, shared by all phrases that begin alike.
    pub(super) steps: FxHashMap<(NodeId, WordId), NodeId>,
    /// For each node at which a run ends the phrases to look at: those that are this run, and of those that have several
    /// runs the ones of which this is the rarest.
    pub(super) ends: Vec<Option<Vec<PhraseId>>>,
}

/// A phrase that stands there already.
pub(super) enum Duplicate {
    /// To the letter.
    Same(PhraseId),
    /// But for its accents.
    Folded(PhraseId),
}

impl Index {
    pub(super) fn new() -> Index {
        Index { ends: vec![None], ..Index::default() }
    }

    /// Adds a phrase, the `order`th of the file, and gives its number and that of a phrase that answers the same messages. Phrases of
    /// one run should all be added before those of several, which look for their rarest.
    pub(super) fn add(
        &mut self,
        phrase: &Phrase,
        is_reply: bool,
        order: usize,
    ) -> (PhraseId, Option<Duplicate>) {
        let id = self.phrases.len();
        match phrase {
            Phrase::Symbols(text) => {
                let chars = text.chars().count();
                self.phrases.push(IndexedPhrase {
                    order,
                    is_reply,
                    has_prefix: false,
                    words: 1,
                    chars,
                    exact: text.clone(),
                    nodes: Vec::new(),
                });
                let first = *self.symbols[usize::from(!is_reply)].entry(text.clone()).or_insert(id);
                (id, (first != id).then_some(Duplicate::Same(first)))
            }
            Phrase::Runs(runs) => {
                let phrase = self.indexed(runs, is_reply, order);
                let duplicate_of = self.duplicate_of(&phrase);
                let rarest = phrase.nodes.iter().copied().min_by_key(|node| self.phrases_at(*node).len());
                for node in &phrase.nodes {
                    let phrases = self.ends[*node as usize].get_or_insert_default();
                    if Some(*node) == rarest && phrases.last() != Some(&id) {
                        phrases.push(id);
                    }
                }
                self.phrases.push(phrase);
                (id, duplicate_of)
            }
        }
    }

    fn indexed(&mut self, runs: &[Run], is_reply: bool, order: usize) -> IndexedPhrase {
        let mut ends: Vec<(NodeId, &Run)> = runs.iter().map(|run| (self.path_to(run), run)).collect();
        ends.sort_unstable_by_key(|(node, _)| *node);
        // The same run twice is in the message as often as once.
        ends.dedup_by_key(|(node, _)| *node);
        let exact = ends.iter().map(|(_, run)| run.words.exact(0, run.words.len()));
        IndexedPhrase {
            order,
            is_reply,
            has_prefix: runs.iter().any(Run::has_prefix),
            words: ends.iter().map(|(_, run)| run.words.count()).sum(),
            chars: ends.iter().map(|(_, run)| run.words.chars()).sum(),
            exact: exact.collect::<Vec<_>>().join(" & "),
            nodes: ends.iter().map(|(node, _)| *node).collect(),
        }
    }

    pub(super) fn phrases_at(&self, node: NodeId) -> &[PhraseId] {
        self.ends[node as usize].as_deref().unwrap_or_default()
    }

    fn duplicate_of(&self, phrase: &IndexedPhrase) -> Option<Duplicate> {
        // Phrases of the same runs need not have the same rarest one.
        let near = phrase.nodes.iter().flat_map(|node| self.phrases_at(*node)).copied();
        let duplicates = near.filter(|id| {
            self.phrases[*id].nodes == phrase.nodes && self.phrases[*id].is_reply == phrase.is_reply
        });
        let mut folded = None;
        for duplicate_of in duplicates {
            if self.phrases[duplicate_of].exact == phrase.exact {
                return Some(Duplicate::Same(duplicate_of));
            }
            folded = Some(Duplicate::Folded(duplicate_of));
        }
        folded
    }

    fn path_to(&mut self, run: &Run) -> NodeId {
        let mut node = ROOT;
        for (word, is_prefix) in run.words.folded().zip(&run.prefixes) {
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
