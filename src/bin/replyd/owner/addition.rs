//! An answer to a question, as a change of the file of replies: a new reply or another phrase of one that there is, and a line of
//! `[tests]`. The changed file is read again, and must say this and nothing else.

use replyd::{FoundBy, Replies};

use super::outline::Outline;
use crate::unanswered::{UNKNOWN, is_phrase, is_sentence};

/// How a question is to be answered.
#[derive(Clone, Debug)]
pub(super) enum Answer<'a> {
    /// By a new reply with this text.
    Text(&'a str),
    /// By the reply with this name.
    Reply(&'a str),
}

/// The file with an answer more.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) text: String,
    pub(super) replies: Replies,
    /// The phrase that was added, if there was one.
    pub(super) phrase: Option<String>,
    /// The lines that differ.
    pub(super) lines: Vec<Line>,
    /// What may not be as it was meant.
    pub(super) warnings: Vec<String>,
}

/// A line that a change removes or adds.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) is_new: bool,
    pub(super) text: String,
}

/// Adds an answer to the text of a file, which is called `name` and holds `now`. The phrase that finds it is `phrase`, or else the
/// whole question.
///
/// # Errors
///
/// A sentence why this is not possible.
pub(super) fn propose(
    text: &str,
    name: &str,
    now: &Replies,
    (question, phrase): (&str, Option<&str>),
    answer: &Answer<'_>,
) -> Result<Proposal, String> {
    // Old line ends, which only the reader of the file knows.
    if text.replace("\r\n", "").contains('\r') {
        return Err("the file has line ends of an old kind; save it with an editor first".into());
    }
    let normalised = now.explain(question).normalised;
    let phrase = match phrase {
        Some(phrase) => single_phrase(phrase)?,
        None if is_phrase(&normalised) => normalised.clone(),
        None => return Err(format!("{question:?} cannot be a phrase of its own; write another one")),
    };
    let sentence = if is_sentence(question.trim()) { question.trim() } else { &*normalised };
    let mut change = Change { text: text.to_owned(), lines: Vec::new() };
    let (reply, adds) = match answer {
        Answer::Text(reply_text) => {
            change.add_reply(&phrase, reply_text)?;
            (phrase.as_str(), true)
        }
        // A guess is confirmed by its test alone.
        Answer::Reply(reply) if phrase == normalised && now.answer(question).name() == *reply => {
            (*reply, false)
        }
        Answer::Reply(reply) => {
            let line =
                now.line_of(reply).ok_or_else(|| format!("there is no reply {reply:?} in the file"))?;
            change.add_phrase(line, &phrase)?;
            (*reply, true)
        }
    };
    change.add_test(sentence, reply);
    let replies = Intended { question, sentence, reply, answer, adds }.verify(&change.text, name, now)?;
    let mut warnings = change.warnings(&replies, name);
    if adds && replies.answer(question).found_by != FoundBy::Phrase {
        warnings.push("the question does not have the words of this phrase; only its test answers it".into());
    }
    let Change { text, lines } = change;
    Ok(Proposal { text, replies, phrase: adds.then_some(phrase), lines, warnings })
}

/// A phrase as an owner has written it, in one line.
fn single_phrase(phrase: &str) -> Result<String, String> {
    let phrase = phrase.split_whitespace().collect::<Vec<_>>().join(" ");
    if phrase.contains('|') {
        return Err("'|' separates phrases; add one at a time".into());
    }
    if !is_sentence(&phrase) || phrase == UNKNOWN {
        return Err(format!("{phrase:?} cannot be a phrase; write words, 'word*' or 'word & word'"));
    }
    Ok(phrase)
}

/// A text that is being changed, and the lines that were.
struct Change {
    text: String,
    lines: Vec<Line>,
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
        let at = Outline::of(&self.text).end_of("replies");
        let at = at.ok_or("the file has no [replies]; write this line into it first")?;
        self.insert(at, [first].into_iter().chain(rest).collect());
        Ok(())
    }

    /// Adds an alternative to the phrase that begins a line.
    fn add_phrase(&mut self, number: usize, phrase: &str) -> Result<(), String> {
        let outline = Outline::of(&self.text);
        let line = outline.line(number).unwrap_or_default();
        let (phrases, rest) =
            line.split_once('=').ok_or_else(|| format!("line {number} has changed; read the file again"))?;
        let changed = format!("{} | {phrase} ={rest}", phrases.trim_end());
        let text = outline.with_line(number, &changed);
        self.lines.push(Line { number, is_new: false, text: line.to_owned() });
        self.lines.push(Line { number, is_new: true, text: changed });
        self.text = text;
        Ok(())
    }

    fn add_test(&mut self, sentence: &str, reply: &str) {
        let outline = Outline::of(&self.text);
        let line = format!("{sentence} = {reply}");
        match outline.end_of("tests") {
            Some(at) => self.insert(at, vec![line]),
            None => {
                let at = outline.len();
                self.insert(at, vec![String::new(), "[tests]".to_owned(), line]);
            }
        }
    }

    /// The warnings about the new lines in the file, which is called `name`.
    fn warnings(&self, replies: &Replies, name: &str) -> Vec<String> {
        let is_new =
            |number: &str| self.lines.iter().any(|line| line.is_new && line.number.to_string() == number);
        let of_new_line = |warning: &String| {
            let (number, text) = warning.strip_prefix(name)?.strip_prefix(':')?.split_once(": ")?;
            is_new(number).then(|| text.to_owned())
        };
        replies.warnings().iter().filter_map(of_new_line).collect()
    }

    /// Inserts lines after the first `at`.
    fn insert(&mut self, at: usize, lines: Vec<String>) {
        self.text = Outline::of(&self.text).with_lines(at, &lines);
        let numbered = lines.into_iter().enumerate();
        self.lines.extend(numbered.map(|(index, text)| Line { number: at + index + 1, is_new: true, text }));
    }
}

/// What a change is meant to do.
struct Intended<'a> {
    question: &'a str,
    sentence: &'a str,
    reply: &'a str,
    answer: &'a Answer<'a>,
    /// Whether it adds a phrase.
    adds: bool,
}

impl Intended<'_> {
    /// Reads the changed text, and refuses it if it says anything else: a visitor's text may hold signs of the grammar.
    fn verify(&self, text: &str, name: &str, now: &Replies) -> Result<Replies, String> {
        let new = Replies::parse_file(text, name).map_err(|error| error.to_string())?.with_options_of(now);
        let expected = match (self.answer, self.adds) {
            (_, false) => (0, 0, 0),
            (Answer::Text(_), true) => (1, 0, 0),
            (Answer::Reply(_), true) => (0, 1, 0),
        };
        if new.changes_since(now) != expected || !self.is_one_test_more(&new, now) {
            return Err("this would change more than one reply; write it into the file by hand".into());
        }
        let answer = new.answer(self.question);
        if answer.name() != self.reply {
            return Err(format!("the question would still be answered by {:?}", answer.name()));
        }
        if let Answer::Text(wanted) = self.answer
            && !says(answer.reply, wanted)
        {
            return Err("the reply would not be read as it is written; write it into the file by hand".into());
        }
        match new.failures().first() {
            Some(failure) => Err(format!("a test would fail: {failure}")),
            None => Ok(new),
        }
    }

    fn is_one_test_more(&self, new: &Replies, now: &Replies) -> bool {
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
