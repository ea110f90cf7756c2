//! The index of all phrases, a trie of words: `search` finds the phrases in a message by following its words
//! from node to node.

use rustc_hash::FxHashMap;

use super::{spelling::WordId, vocabulary::Vocabulary};
use crate::replies::text::{
    phrase::{Phrase, Run},
    words::Words,
};

pub(crate) type PhraseId = usize;
pub(crate) type NodeId = u32;
/// The node at which every run begins.
pub(crate) const ROOT: NodeId = 0;

/// A phrase in the index, with what decides between several that match.
#[derive(Clone, Debug)]
pub(crate) struct IndexedPhrase {
    /// Position in the file; of otherwise equal phrases the first wins.
    pub(crate) order: u32,
    /// Whether it is in `[replies]` and not in `[smalltalk]`.
    pub(crate) is_reply: bool,
    pub(crate) has_prefix: bool,
    /// Number of words in all runs.
    pub(crate) words: u32,
    /// Number of letters and digits in all runs.
    pub(crate) chars: u32,
    /// The words with their accents, run by run, if they differ from the path of the run.
    exact: Option<Box<str>>,
    /// The nodes at which its runs end, sorted and without duplicates.
    pub(crate) nodes: Box<[NodeId]>,
    /// Number of words on the path of a single run.
    path: u32,
}

/// All phrases, as paths of words. The words are numbers of the owner's file, which no client can choose, so
/// a fast hash is safe.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) phrases: Vec<IndexedPhrase>,
    /// Phrases without letters and digits: those of `[replies]`, then those of `[smalltalk]`.
    pub(crate) symbols: [FxHashMap<String, PhraseId>; 2],
    pub(crate) vocabulary: Vocabulary,
    /// The next node after a node and a word. Runs that begin with the same words share their first nodes.
    pub(crate) edges: FxHashMap<(NodeId, WordId), NodeId>,
    /// By node, if a run ends there: the phrases to examine when it is found. Those are the phrases of only
    /// this run, and the phrases of several runs of which this is the rarest, so that frequent runs do not
    /// cost a visit to each of their phrases.
    pub(crate) ends: Vec<Option<Vec<u32>>>,
    /// While phrases are added: the first phrase of a section with these runs ...
    firsts: FxHashMap<Runs, PhraseId>,
    /// ... and the first with these accents too.
    accented: FxHashMap<(Runs, Option<Box<str>>), PhraseId>,
}

/// Whether a phrase is in `[replies]`, and the nodes at which its runs end.
type Runs = (bool, Box<[NodeId]>);

impl IndexedPhrase {
    /// Whether a single run is written in the same way as the words `start..end` of a message.
    pub(crate) fn is_written_as(&self, words: &Words, start: usize, end: usize) -> bool {
        match &self.exact {
            Some(own) => own.split(' ').eq((start..end).map(|at| words.exact(at))),
            // The words are those of the path, unless one is written as several.
            None => (start..end).len() == self.path as usize && words.are_ascii(start..end),
        }
    }
}

/// An earlier phrase that matches the same messages.
pub(crate) enum Duplicate {
    /// The same phrase.
    Same(PhraseId),
    /// A phrase that differs only in its accents.
    Folded(PhraseId),
}

impl Index {
    /// Adds a phrase at the position `order` of the file. Returns its id, and an earlier phrase that matches
    /// the same messages. All phrases of one run should be added before those of several, which are filed
    /// under their rarest run.
    pub(crate) fn add(
        &mut self,
        phrase: &Phrase,
        is_reply: bool,
        order: u32,
    ) -> (PhraseId, Option<Duplicate>) {
        let id = self.insert(phrase, is_reply, order);
        let duplicate_of = match phrase {
            Phrase::Symbols(text) => {
                let first = self.symbols[usize::from(!is_reply)][text];
                (first != id).then_some(Duplicate::Same(first))
            }
            Phrase::Runs(_) => self.duplicate_of(id),
        };
        (id, duplicate_of)
    }

    fn insert(&mut self, phrase: &Phrase, is_reply: bool, order: u32) -> PhraseId {
        let id = self.phrases.len();
        match phrase {
            Phrase::Symbols(text) => {
                self.phrases.push(IndexedPhrase {
                    order,
                    is_reply,
                    has_prefix: false,
                    words: 1,
                    chars: text.chars().count() as u32,
                    exact: None,
                    nodes: Box::default(),
                    path: 0,
                });
                self.symbols[usize::from(!is_reply)].entry(text.clone()).or_insert(id);
            }
            Phrase::Runs(runs) => {
                let phrase = self.indexed(runs, is_reply, order);
                let rarest = phrase.nodes.iter().copied().min_by_key(|node| self.phrases_at(*node).len());
                for node in &*phrase.nodes {
                    let phrases = self.ends[*node as usize].get_or_insert_default();
                    if Some(*node) == rarest && phrases.last() != Some(&(id as u32)) {
                        phrases.push(id as u32);
                    }
                }
                self.phrases.push(phrase);
            }
        }
        id
    }

    /// Adds another spelling of a phrase, which counts as much, but is never exact: a phrase that is written
    /// like the message wins.
    pub(crate) fn add_variant(&mut self, original: PhraseId, variant: &Phrase) {
        let IndexedPhrase { is_reply, order, words, chars, .. } = self.phrases[original];
        let id = self.insert(variant, is_reply, order);
        let variant = &mut self.phrases[id];
        (variant.words, variant.chars, variant.exact) = (words, chars, Some("".into()));
    }

    fn indexed(&mut self, runs: &[Run], is_reply: bool, order: u32) -> IndexedPhrase {
        let mut ends: Vec<(NodeId, &Run)> = runs.iter().map(|run| (self.path_to(run), run)).collect();
        ends.sort_unstable_by_key(|(node, _)| *node);
        // `a & a` matches the same messages as `a`.
        ends.dedup_by_key(|(node, _)| *node);
        let exact =
            |run: &Run| (0..run.words.len()).map(|at| run.words.exact(at)).collect::<Vec<_>>().join(" ");
        let is_ascii = ends.iter().all(|(_, run)| run.is_ascii());
        IndexedPhrase {
            order,
            is_reply,
            has_prefix: runs.iter().any(Run::has_prefix),
            words: ends.iter().map(|(_, run)| run.words.count() as u32).sum(),
            chars: ends.iter().map(|(_, run)| run.words.chars() as u32).sum(),
            exact: (!is_ascii)
                .then(|| ends.iter().map(|(_, run)| exact(run)).collect::<Vec<_>>().join(" & ").into()),
            nodes: ends.iter().map(|(node, _)| *node).collect(),
            path: ends[0].1.words.len() as u32,
        }
    }

    /// The phrases to examine when the run that ends at `node` is in a message.
    pub(crate) fn phrases_at(&self, node: NodeId) -> &[u32] {
        self.ends[node as usize].as_deref().unwrap_or_default()
    }

    /// An earlier phrase of the same section with the same runs; one with the same accents is preferred.
    fn duplicate_of(&mut self, id: PhraseId) -> Option<Duplicate> {
        let IndexedPhrase { is_reply, nodes, exact, .. } = &self.phrases[id];
        let runs = (*is_reply, nodes.clone());
        let same = *self.accented.entry((runs.clone(), exact.clone())).or_insert(id);
        let first = *self.firsts.entry(runs).or_insert(id);
        match (same != id, first != id) {
            (true, _) => Some(Duplicate::Same(same)),
            (false, true) => Some(Duplicate::Folded(first)),
            _ => None,
        }
    }

    /// Ends the phrases: what is added later are variants of them.
    pub(crate) fn end_phrases(&mut self) {
        (self.firsts, self.accented) = Default::default();
        self.vocabulary.end_phrases();
    }

    /// The node at which a run ends; adds the nodes that are missing.
    fn path_to(&mut self, run: &Run) -> NodeId {
        if self.ends.is_empty() {
            self.ends.push(None);
        }
        let mut node = ROOT;
        for (word, is_prefix) in run.words.folded().zip(&run.prefixes) {
            let id = self.vocabulary.add(word, *is_prefix);
            let next = self.ends.len() as NodeId;
            node = *self.edges.entry((node, id)).or_insert_with(|| {
                self.ends.push(None);
                next
            });
        }
        node
    }
}
