//! The table of replies: which one answers a message. Thinks only; nothing here reads or writes.

use std::{cmp::Reverse, collections::HashMap};

use tungstenite::Utf8Bytes;

use crate::{
    ini::{Entry, Fault},
    normalise::normalise,
};

/// The key of the reply that answers when no other does.
const UNKNOWN: &str = "unknown";
const SORRY: &str = "Sorry, I am unable to understand you.";

/// The article's replies.
const BUILT_IN: [(&str, &str); 4] = [
    ("help", "Sure, I am here to help. Can you briefly describe the problem."),
    ("hi", "Hi, how can I help you today?"),
    ("hello", "Hi, how can I help you today?"),
    (UNKNOWN, SORRY),
];

/// A table of replies, made once and only read from then on.
///
/// A key is one or more words; it answers a message in which they stand next to each other, whatever their case,
/// accents and the punctuation around. Of several, the one that is the whole message wins, then the one of most
/// words, then of most characters, then the earliest.
///
/// ```
/// let replies = replyd::Replies::default();
/// assert_eq!(replies.answer("I need HELP!").as_str(), "Sure, I am here to help. Can you briefly describe the problem.");
/// assert_eq!(replies.answer("this thing").as_str(), "Sorry, I am unable to understand you.");
/// ```
#[derive(Clone, Debug)]
pub struct Replies {
    answers: Vec<Utf8Bytes>,
    unknown: Utf8Bytes,
    keys: Vec<Key>,
    /// Keys that have no letters and digits (`?`), compared as they stand.
    symbols: HashMap<String, usize>,
    words: HashMap<String, WordId>,
    /// Keys as paths of words: from a node and a word to the next node. Finding costs a step for each word of the
    /// message and of the longest key, however many keys there are.
    steps: HashMap<(NodeId, WordId), NodeId>,
    /// The key whose last word leads to a node.
    ends: Vec<Option<usize>>,
}

type WordId = u32;
type NodeId = u32;
const ROOT: NodeId = 0;

/// One alternative of an entry's key.
#[derive(Clone, Debug)]
struct Key {
    answer: usize,
    line: usize,
    words: usize,
    chars: usize,
}

impl Replies {
    /// The reply to `message`; never empty.
    pub fn answer(&self, message: &str) -> &Utf8Bytes {
        self.find(message).map_or(&self.unknown, |key| &self.answers[self.keys[key].answer])
    }

    /// Builds the table from the entries of `[replies]`, and says what is wrong with them.
    pub(crate) fn from_entries(entries: &[Entry]) -> (Replies, Vec<Fault>) {
        let mut replies = Replies::empty();
        let mut faults = Vec::new();
        let mut unknown_line = None;
        for entry in entries {
            if entry.value.is_empty() {
                faults.push(Fault::new(
                    entry.line,
                    format!("the reply to {:?} is empty; write it after the '='", entry.key),
                ));
            } else if normalise(&entry.key) == UNKNOWN {
                if let Some(first) = unknown_line.replace(entry.line) {
                    faults.push(duplicate(entry.line, UNKNOWN, first));
                }
                replies.unknown = entry.value.as_str().into();
            } else {
                replies.add(entry, &mut faults);
            }
        }
        (replies, faults)
    }

    fn empty() -> Replies {
        Replies {
            answers: Vec::new(),
            unknown: Utf8Bytes::from_static(SORRY),
            keys: Vec::new(),
            symbols: HashMap::new(),
            words: HashMap::new(),
            steps: HashMap::new(),
            ends: vec![None],
        }
    }

    fn add(&mut self, entry: &Entry, faults: &mut Vec<Fault>) {
        let answer = self.answers.len();
        self.answers.push(entry.value.as_str().into());
        for alternative in entry.key.split('|').map(str::trim) {
            if alternative.is_empty() {
                faults.push(Fault::new(entry.line, format!("{:?} has nothing beside a '|'", entry.key)));
                continue;
            }
            let normalised = normalise(alternative);
            let key = Key {
                answer,
                line: entry.line,
                words: normalised.split(' ').count(),
                chars: normalised.chars().count(),
            };
            if let Err(first) = self.insert(alternative, &normalised, key) {
                faults.push(duplicate(entry.line, alternative, first));
            }
        }
    }

    /// Puts a key in, or gives the line of the one that stands there already.
    fn insert(&mut self, raw: &str, normalised: &str, key: Key) -> Result<(), usize> {
        let index = self.keys.len();
        let taken = if normalised.is_empty() {
            self.symbols.insert(raw.to_owned(), index)
        } else {
            let node = self.path_to(normalised);
            self.ends[node as usize].replace(index)
        };
        self.keys.push(key);
        taken.map_or(Ok(()), |first| Err(self.keys[first].line))
    }

    fn path_to(&mut self, normalised: &str) -> NodeId {
        let mut node = ROOT;
        for word in normalised.split(' ') {
            let next_word = self.words.len() as WordId;
            let word = *self.words.entry(word.to_owned()).or_insert(next_word);
            let next_node = self.ends.len() as NodeId;
            node = *self.steps.entry((node, word)).or_insert_with(|| {
                self.ends.push(None);
                next_node
            });
        }
        node
    }

    fn find(&self, message: &str) -> Option<usize> {
        let normalised = normalise(message);
        if normalised.is_empty() {
            return self.symbols.get(message.trim()).copied();
        }
        let words: Vec<Option<WordId>> =
            normalised.split(' ').map(|word| self.words.get(word).copied()).collect();
        let candidates = (0..words.len())
            .flat_map(|start| self.keys_from(&words[start..]).map(move |(length, key)| (length, key, start)));
        candidates
            .max_by_key(|&(length, key, _)| {
                let Key { words: count, chars, line, .. } = self.keys[key];
                (length == words.len(), count, chars, Reverse(line), Reverse(key))
            })
            .map(|(_, key, _)| key)
    }

    /// The keys that `words` begin with, each with its number of words.
    fn keys_from<'a>(&'a self, words: &'a [Option<WordId>]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let mut node = Some(ROOT);
        words
            .iter()
            .enumerate()
            .map_while(move |(index, word)| {
                node = self.steps.get(&(node?, (*word)?)).copied();
                node.map(|node| self.ends[node as usize].map(|key| (index + 1, key)))
            })
            .flatten()
    }
}

impl Default for Replies {
    /// The article's four replies.
    fn default() -> Replies {
        let entry = |(line, (key, value)): (usize, (&str, &str))| Entry {
            key: key.to_owned(),
            value: value.to_owned(),
            line,
        };
        let entries: Vec<Entry> = BUILT_IN.into_iter().enumerate().map(entry).collect();
        Replies::from_entries(&entries).0
    }
}

fn duplicate(line: usize, key: &str, first: usize) -> Fault {
    Fault::new(line, format!("the reply to {key:?} stands at line {first} already; remove one of them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(text: &str) -> (Replies, Vec<Fault>) {
        let (sections, faults) = crate::ini::parse(text);
        assert_eq!(faults, []);
        Replies::from_entries(&sections[0].entries)
    }

    #[track_caller]
    fn check(table: &str, message: &str, expected: &str) {
        let (replies, faults) = replies(&format!("[replies]\n{table}\nunknown = ?!"));
        assert_eq!(faults, [], "{table:?}");
        assert_eq!(replies.answer(message).as_str(), expected, "{table:?}: {message:?}");
    }

    #[track_caller]
    fn check_fault(table: &str, line: usize, words: &str) {
        let (_, faults) = replies(&format!("[replies]\n{table}"));
        assert_eq!(faults.len(), 1, "{table:?}: {faults:?}");
        assert_eq!(faults[0].line, line, "{faults:?}");
        assert!(faults[0].sentence.contains(words), "{faults:?}");
    }

    #[test]
    fn the_article_is_answered() {
        let replies = Replies::default();
        for (message, start) in
            [("hello", "Hi, how"), ("i need help", "Sure, I am"), ("HI!\n", "Hi, how"), ("why", "Sorry")]
        {
            assert!(replies.answer(message).starts_with(start), "{message:?}");
        }
    }

    #[test]
    fn whole_words_next_to_each_other() {
        check("hi = A", "this thing", "?!");
        check("hi = A", "Oh, hi there", "A");
        check("opening hours = A", "What are your opening hours?", "A");
        check("opening hours = A", "hours of opening", "?!");
        check("opening hours = A", "opening the hours", "?!");
        check("what's up = A", "Whats up", "A");
    }

    #[test]
    fn alternatives() {
        for message in ["hey", "good morning", "Hello"] {
            check("hello | hey|good morning = A", message, "A");
        }
        check("hello | hey = A", "hello | hey", "A");
    }

    #[test]
    fn the_winner() {
        check("one = A\none two = B", "one two three", "B");
        check("one two = A\nthree = B", "three", "B");
        check("a b = A\nabcdef = B", "abcdef a b", "A");
        check("open = A\nclosed = B", "open closed", "B");
        check("aaa = A\nbbb = B", "bbb aaa", "A");
        check("one two = A\none two three four = B", "one two three", "A");
    }

    #[test]
    fn symbols_are_compared_as_they_stand() {
        check("? = A\n🎉 = B", "?\n", "A");
        check("? = A\n🎉 = B", " 🎉 ", "B");
        check("? = A", "??", "?!");
        check("? = A", "", "?!");
    }

    #[test]
    fn faults() {
        check_fault("a = x\nb =\n", 3, "the reply to \"b\" is empty");
        check_fault("a = x\nA! = y", 3, "line 2 already");
        check_fault("a = x\nb | a = y", 3, "line 2 already");
        check_fault("unknown = x\nunknown = y", 3, "line 2 already");
        check_fault("a | = x", 2, "nothing beside a '|'");
    }

    #[test]
    fn unknown_has_a_default() {
        let (without, _) = replies("[replies]\na = b");
        assert_eq!(without.answer("c").as_str(), SORRY);
        let (capital, _) = replies("[replies]\nUnknown = what?");
        assert_eq!(capital.answer("c").as_str(), "what?");
    }
}
