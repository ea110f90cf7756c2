//! An answer to a question, as a change of the file of replies: a new reply or another phrase of one that
//! there is, and a line of `[tests]`. The changed file is read again, and must say this and nothing else.

use replyd::{FoundBy, Replies};

use super::text_lines::TextLines;
use crate::records::unanswered::{UNKNOWN, is_phrase, is_sentence};

/// How a question is to be answered.
#[derive(Clone, Debug)]
pub(super) enum AnswerBy<'a> {
    /// By a new reply with this text.
    Text(&'a str),
    /// By the reply with this name.
    Reply(&'a str),
}

/// The file with one more answer.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) text: String,
    pub(super) replies: Replies,
    /// The phrase that was added, if there was one.
    pub(super) phrase: Option<String>,
    /// The lines that differ.
    pub(super) lines: Vec<ChangedLine>,
    /// What is doubtful about the phrase.
    pub(super) warnings: Vec<String>,
}

/// A line that a change removes or adds.
#[derive(Debug, PartialEq)]
pub(super) struct ChangedLine {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) is_new: bool,
    pub(super) text: String,
}

/// Adds an answer to the text of a file, which is called `name` and holds `now`. It is found by `phrase` or,
/// without one, by the whole question.
///
/// # Errors
///
/// A sentence that says why this is not possible.
pub(super) fn propose(
    text: &str,
    name: &str,
    now: &Replies,
    (question, phrase): (&str, Option<&str>),
    answer: &AnswerBy<'_>,
) -> Result<Proposal, String> {
    // Only the reader of the file knows these line ends.
    if text.replace("\r\n", "").contains('\r') {
        return Err("the file has old-style line ends; save it with an editor first".into());
    }
    let normalised = now.explain(question).normalised;
    let sentence = if is_sentence(question.trim()) { question.trim() } else { &*normalised };
    let mut change = Change { text: text.to_owned(), lines: Vec::new() };
    // A test alone confirms a guess, and says that no answer is needed.
    let is_confirmation = phrase.is_none_or(|phrase| phrase == normalised)
        && matches!(answer, AnswerBy::Reply(reply) if *reply == UNKNOWN || now.answer(question).name() == *reply);
    let phrase = match phrase {
        _ if is_confirmation => None,
        Some(phrase) => Some(written(phrase, now)?),
        None if is_phrase(&normalised) => Some(normalised.clone()),
        None => return Err(format!("{question:?} cannot be a phrase of its own; write another one")),
    };
    let reply = match answer {
        AnswerBy::Reply(reply) => {
            phrase.iter().try_for_each(|phrase| change.add_phrase(now, reply, phrase))?;
            reply
        }
        AnswerBy::Text(text) => {
            let phrase = phrase.as_deref().unwrap_or_default();
            change.add_reply(phrase, text)?;
            name_of(phrase)
        }
    };
    change.add_test(sentence, reply);
    let intended = Intended { question, sentence, reply, answer, adds: phrase.is_some() };
    let replies = intended.verify(&change.text, name, now)?;
    let warnings = phrase.as_deref().map_or(Vec::new(), |phrase| doubts(phrase, question, now));
    Ok(Proposal { text: change.text, replies, phrase, lines: change.lines, warnings })
}

/// A phrase as an owner wrote it, in one line.
fn written(phrase: &str, now: &Replies) -> Result<String, String> {
    let phrase = phrase.split_whitespace().collect::<Vec<_>>().join(" ");
    if !is_sentence(&phrase) {
        return Err(format!("{phrase:?} cannot be a phrase; write words, 'word*' or 'word & word'"));
    }
    if now.explain(name_of(&phrase)).normalised == UNKNOWN {
        return Err(format!("{UNKNOWN:?} is the reply to everything else; write another phrase"));
    }
    Ok(phrase)
}

/// The name of a reply with this phrase: its first alternative.
fn name_of(phrase: &str) -> &str {
    phrase.split(['|', '｜']).next().unwrap_or_default().trim()
}

/// What `check` would warn about if there were no other phrase, and whether this one misses the question.
fn doubts(phrase: &str, question: &str, now: &Replies) -> Vec<String> {
    const NAME: &str = "phrase";
    // Its text shows the language of the file.
    let unknown = now.answer("").reply.replace('\n', "\n  ");
    let Ok(alone) = Replies::parse_file(&format!("[replies]\n{phrase} = x\nunknown = {unknown}\n"), NAME)
    else {
        return Vec::new();
    };
    let alone = alone.with_options_of(now);
    let mut doubts: Vec<String> = alone
        .warnings()
        .iter()
        .filter_map(|warning| warning.strip_prefix(NAME)?.strip_prefix(":2: ").map(str::to_owned))
        .collect();
    if alone.answer(question).found_by != FoundBy::Phrase {
        doubts.push("this phrase does not match the question, which gets this reply only because of its line under [tests]".into());
    }
    doubts
}

/// A text that is being changed, and the lines that were.
struct Change {
    text: String,
    lines: Vec<ChangedLine>,
}

impl Change {
    fn add_reply(&mut self, phrase: &str, text: &str) -> Result<(), String> {
        if text.replace("\r\n", "\n").contains(|char: char| char.is_control() && !"\n\t".contains(char)) {
            return Err("the reply has a control character in it; write it without".into());
        }
        let mut lines = text.trim().lines().map(str::trim);
        let Some(first) = lines.next() else { return Err("the reply is empty; write what it says".into()) };
        let first = format!("{phrase} = {first}");
        let rest = lines.map(|line| if line.is_empty() { String::new() } else { format!("  {line}") });
        let at = TextLines::new(&self.text).end_of("replies");
        let at = at.ok_or("the file has no [replies]; write this line into it first")?;
        self.insert(at, [first].into_iter().chain(rest).collect());
        Ok(())
    }

    /// Adds an alternative to the phrase of a reply, which begins a line.
    fn add_phrase(&mut self, now: &Replies, reply: &str, phrase: &str) -> Result<(), String> {
        let number = now.line_of(reply).ok_or_else(|| format!("there is no reply {reply:?} in the file"))?;
        let text_lines = TextLines::new(&self.text);
        let line = text_lines.line(number).unwrap_or_default();
        let (phrases, rest) = line
            .split_once(['=', '＝'])
            .ok_or_else(|| format!("line {number} has changed; read the file again"))?;
        let changed = format!("{} | {phrase} ={rest}", phrases.trim_end());
        let text = text_lines.with_line(number, &changed);
        self.lines.push(ChangedLine { number, is_new: false, text: line.to_owned() });
        self.lines.push(ChangedLine { number, is_new: true, text: changed });
        self.text = text;
        Ok(())
    }

    fn add_test(&mut self, sentence: &str, reply: &str) {
        let text_lines = TextLines::new(&self.text);
        let line = format!("{sentence} = {reply}");
        match text_lines.end_of("tests") {
            Some(at) => self.insert(at, vec![line]),
            None => {
                let at = text_lines.len();
                self.insert(at, vec![String::new(), "[tests]".to_owned(), line]);
            }
        }
    }

    /// Inserts lines after the first `at`.
    fn insert(&mut self, at: usize, lines: Vec<String>) {
        self.text = TextLines::new(&self.text).with_lines(at, &lines);
        for line in self.lines.iter_mut().filter(|line| line.is_new && line.number > at) {
            line.number += lines.len();
        }
        let numbered = lines.into_iter().enumerate();
        self.lines.extend(numbered.map(|(index, text)| ChangedLine {
            number: at + index + 1,
            is_new: true,
            text,
        }));
    }
}

/// What a change is meant to do.
struct Intended<'a> {
    question: &'a str,
    sentence: &'a str,
    reply: &'a str,
    answer: &'a AnswerBy<'a>,
    /// Whether it adds a phrase.
    adds: bool,
}

impl Intended<'_> {
    /// Reads the changed text, and refuses it if it says anything else, as signs of the grammar may do.
    fn verify(&self, text: &str, name: &str, now: &Replies) -> Result<Replies, String> {
        let new =
            Replies::parse_file(text, name).map_err(|error| format!("this cannot be added: {error}"))?;
        let new = new.with_options_of(now);
        let expected = match (self.answer, self.adds) {
            (_, false) => (0, 0, 0),
            (AnswerBy::Text(_), true) => (1, 0, 0),
            (AnswerBy::Reply(_), true) => (0, 1, 0),
        };
        if new.changes_since(now) != expected || !self.adds_only_this_test(&new, now) {
            return Err("this would change more than one reply; write it into the file by hand".into());
        }
        let answer = new.answer(self.question);
        if answer.name() != self.reply {
            return Err(format!("the question would still be answered by {:?}", answer.name()));
        }
        if let AnswerBy::Text(wanted) = self.answer
            && !says(answer.reply, wanted)
        {
            return Err("the reply would not be read as it is written; write it into the file by hand".into());
        }
        match new.failures().first() {
            Some(failure) => Err(format!("a test would fail: {failure}")),
            None => Ok(new),
        }
    }

    fn adds_only_this_test(&self, new: &Replies, now: &Replies) -> bool {
        let tests: Vec<&str> = new.test_sentences().collect();
        let before: Vec<&str> = now.test_sentences().collect();
        tests.split_last().is_some_and(|(last, rest)| *last == self.sentence && rest == before)
    }
}

/// Whether a reply is the text that was wanted. Names in braces stand for lines of `[vars]`.
fn says(reply: &str, wanted: &str) -> bool {
    let lines = |text: &str| text.trim().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    wanted.contains('{') || lines(reply) == lines(wanted)
}

#[cfg(test)]
mod tests;
