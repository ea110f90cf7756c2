//! An answer to a question, as a change of the file of replies: a new reply or another phrase of one that there is, and a line of
//! `[tests]`. The changed file is read again, and must say this and nothing else.

use replyd::Replies;

use super::outline::Outline;
use crate::unanswered::{is_phrase, is_sentence};

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
}

/// A line that a change removes or adds.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) is_new: bool,
    pub(super) text: String,
}

/// Adds an answer to the text of a file, which is called `name` and holds `now`.
///
/// # Errors
///
/// A sentence why this is not possible.
pub(super) fn propose(
    text: &str,
    name: &str,
    now: &Replies,
    question: &str,
    answer: &Answer<'_>,
) -> Result<Proposal, String> {
    // Old line ends, which only the reader of the file knows.
    if text.replace("\r\n", "").contains('\r') {
        return Err("the file has line ends of an old kind; save it with an editor first".into());
    }
    let phrase = now.explain(question).normalised;
    if !is_phrase(&phrase) {
        return Err(format!("{question:?} cannot be a phrase of its own; add one to the file by hand"));
    }
    let sentence = if is_sentence(question.trim()) { question.trim() } else { &*phrase };
    let mut change = Change { text: text.to_owned(), lines: Vec::new() };
    let (reply, adds) = match answer {
        Answer::Text(reply_text) => {
            change.add_reply(&phrase, reply_text)?;
            (phrase.as_str(), true)
        }
        // A guess is confirmed by its test alone.
        Answer::Reply(reply) if now.answer(question).name() == *reply => (*reply, false),
        Answer::Reply(reply) => {
            let line =
                now.line_of(reply).ok_or_else(|| format!("there is no reply {reply:?} in the file"))?;
            change.add_phrase(line, &phrase)?;
            (*reply, true)
        }
    };
    change.add_test(sentence, reply);
    let replies = Intended { question, sentence, reply, answer, adds }.verify(&change.text, name, now)?;
    let Change { text, lines } = change;
    Ok(Proposal { text, replies, phrase: adds.then_some(phrase), lines })
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "; Anna's answers\n[replies]\nopening hours | when & open = From 9 to 5.\n  Not on Sundays.\n\n\
        parking = Behind the house.\n; the last resort\nunknown = Call us.\n\n[vars]\nphone = 555\n\n[tests]\n\
        where may I leave my car = parking\n";

    fn now() -> Replies {
        Replies::parse(FILE, "f").unwrap()
    }

    fn proposed(question: &str, answer: &Answer<'_>) -> Result<Proposal, String> {
        propose(FILE, "f", &now(), question, answer)
    }

    #[test]
    fn a_new_reply() {
        let answer = Answer::Text("Yes.\nOn Thursdays, call {phone}.");
        let proposal = proposed("Do you have rye bread?", &answer).unwrap();
        assert_eq!(proposal.phrase.as_deref(), Some("do you have rye bread"));
        let added = "Call us.\ndo you have rye bread = Yes.\n  On Thursdays, call {phone}.\n";
        let test = "Do you have rye bread? = do you have rye bread\n";
        assert_eq!(proposal.text, FILE.replace("Call us.\n", added) + test);
        assert_eq!(
            proposal.replies.answer("rye bread, do you have rye bread?").name(),
            "do you have rye bread"
        );
        let lines: Vec<(usize, bool)> =
            proposal.lines.iter().map(|line| (line.number, line.is_new)).collect();
        assert_eq!(lines, [(9, true), (10, true), (17, true)]);
    }

    #[test]
    fn another_phrase_of_a_reply() {
        let proposal = proposed("Closing time", &Answer::Reply("opening hours")).unwrap();
        let expected = FILE.replace("when & open =", "when & open | closing time =");
        assert_eq!(proposal.text, expected + "Closing time = opening hours\n");
        let old =
            Line { number: 3, is_new: false, text: "opening hours | when & open = From 9 to 5.".to_owned() };
        assert_eq!(proposal.lines[0], old);
    }

    #[test]
    fn a_guess_is_confirmed_by_a_test() {
        let proposal = proposed("where can I leave my car", &Answer::Reply("parking")).unwrap();
        assert_eq!(proposal.phrase, None);
        assert_eq!(proposal.text, FILE.to_owned() + "where can I leave my car = parking\n");
    }

    #[test]
    fn what_looks_like_a_section_is_a_line_of_the_reply() {
        let text = "Yes.\n[tests]\nx = y\n; no comment";
        let proposal = proposed("rye", &Answer::Text(text)).unwrap();
        assert_eq!(proposal.replies.answer("rye").reply.as_str(), text);
    }

    #[test]
    fn what_cannot_be_added() {
        for (question, answer, why) in [
            ("", Answer::Text("x"), "cannot be a phrase"),
            ("unknown", Answer::Text("x"), "cannot be a phrase"),
            ("rye", Answer::Text(" \n "), "the reply is empty"),
            ("rye", Answer::Text("> an offer alone"), "f:9: "),
            ("rye", Answer::Text("call {nobody}"), "f:"),
            ("rye", Answer::Text("Yes {x}\r[vars]\rphone = 1"), "control character"),
            ("rye", Answer::Reply("bread"), "there is no reply \"bread\""),
            ("parking", Answer::Text("x"), "\"parking\""),
            ("where may I leave my car", Answer::Reply("opening hours"), "a test would fail"),
        ] {
            match proposed(question, &answer) {
                Err(found) => assert!(found.contains(why), "{question}: {found}"),
                // A name that is not in [vars] is text.
                Ok(proposal) => assert_eq!(proposal.replies.answer(question).reply.as_str(), "call {nobody}"),
            }
        }
    }

    #[test]
    fn a_file_without_tests_gets_them() {
        let file = "[replies]\r\na = b";
        let now = Replies::parse(file, "f").unwrap();
        let proposal = propose(file, "f", &now, "c d", &Answer::Text("e")).unwrap();
        assert_eq!(proposal.text, "[replies]\r\na = b\r\nc d = e\r\n\r\n[tests]\r\nc d = c d\r\n");
    }

    /// Arbitrary text, and text that is full of signs of the grammar.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof!["\\PC{1,30}", "[a-d \\n=\\[\\];#|&*{}>]{1,30}"]
    }

    proptest! {
        /// Whatever a visitor has asked and an owner answers: it is refused, or exactly that is added and all else stays.
        #[test]
        fn nothing_else_changes(question in text(), reply in text()) {
            if let Ok(proposal) = proposed(&question, &Answer::Text(&reply)) {
                let (now, new) = (now(), Replies::parse(&proposal.text, "f").unwrap());
                prop_assert_eq!((new.len(), new.tests()), (now.len() + 1, 2));
                let phrase = proposal.phrase.unwrap();
                for known in ["opening hours", "parking", "where may I leave my car"] {
                    if !known.contains(&phrase) {
                        prop_assert_eq!(new.answer(known).text(), now.answer(known).text());
                    }
                }
                // Every line of before is still there, in its order.
                let mut lines = proposal.text.lines();
                prop_assert!(FILE.lines().all(|old| lines.any(|line| line == old)));
            }
            if let Ok(proposal) = proposed(&question, &Answer::Reply("parking")) {
                let new = Replies::parse(&proposal.text, "f").unwrap();
                prop_assert_eq!(new.len(), now().len());
                prop_assert_eq!(new.answer(&question).reply.as_str(), "Behind the house.");
            }
        }
    }
}
