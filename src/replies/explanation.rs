//! Explains why a reply answers a message, and finds phrases that nearly match one.

use std::{collections::BTreeMap, fmt};

use super::{
    answer::{Answer, FoundBy},
    decision::Decision,
    entry::test::canonical,
    lookup::search::{Match, SearchBuffer},
    similar::nearest::{ANSWERING, Near},
    table::{ReplyTable, UNKNOWN},
    text::{letters::symbols, terms::for_each_term},
};

/// Number of losing phrases that are listed.
const RUNNERS_UP: usize = 2;

/// Which reply answers a message, and why; see [`Replies::explain`](crate::Replies::explain). Its `Display`
/// is what `replyd ask --why` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The reply, with what it offers.
    pub answer: String,
    /// How the reply was found.
    pub found_by: FoundBy,
    /// The message in the form in which phrases are compared: lower case, without accents and punctuation.
    pub normalised: String,
    /// Words of the message with a typo, and what the winner has instead.
    pub corrections: Vec<(String, String)>,
    /// What the reply was found by: a phrase, or the most similar example; `unknown` if there was nothing.
    pub winner: Candidate,
    /// The best of other replies, at most two, the better one first.
    pub others: Vec<Candidate>,
}

/// A phrase that matches a message, or nearly does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The alternative that matches, as the file has it, or the sentence of `[tests]`.
    pub phrase: String,
    /// Its file and line, such as `faq.ini:12`, its pair, such as `pair 12`, or `built-in`.
    pub place: String,
    /// Why it won, lost, or is suggested.
    pub why: String,
}

impl Explanation {
    pub(crate) fn of(table: &ReplyTable, message: &str) -> Explanation {
        let mut search = SearchBuffer::default();
        let decision = table.decide(message, &mut search, None);
        let answer = Answer::of(table, &decision);
        let mut explanation = Explanation {
            answer: answer.text().to_string(),
            found_by: answer.found_by,
            normalised: if search.words.is_empty() { symbols(message) } else { search.words.shown() },
            corrections: Vec::new(),
            winner: unknown(table),
            others: Vec::new(),
        };
        match decision {
            Decision::Phrase(winner) => explanation.add_phrases(table, &winner, message, &mut search),
            Decision::Nearest(winner) => {
                explanation.winner = example(table, &winner);
                explanation.add_nearest(table, 1, &mut search);
            }
            Decision::Unknown(_) => explanation.add_nearest(table, 0, &mut search),
        }
        explanation
    }

    /// Adds the examples that are nearest to the message, without the winner if there is one.
    fn add_nearest(&mut self, table: &ReplyTable, winners: usize, search: &mut SearchBuffer) {
        table.read_features(search);
        let nearest = table.nearest(search, None);
        let others = nearest.iter().skip(winners).take(RUNNERS_UP);
        self.others = others.map(|near| example(table, near)).collect();
        if let (0, Some(first), Some(best)) = (winners, self.others.first_mut(), nearest.iter().next()) {
            first.why += why_it_does_not_answer(best);
        }
        if winners + self.others.len() > 0 {
            self.corrections = meanings(table, search);
        }
    }

    /// Adds the phrase that won, and the best ones of other replies.
    fn add_phrases(&mut self, table: &ReplyTable, winner: &Match, message: &str, search: &mut SearchBuffer) {
        let matches = all_matches(table, message, search);
        let candidate = |matched: &Match, why: String| Candidate {
            phrase: table.alternative(matched.phrase).to_owned(),
            place: table.places.place(table.reply_of(matched.phrase).line),
            why,
        };
        let reply = table.number_of(winner.phrase);
        let others = matches.iter().filter(|matched| table.number_of(matched.phrase) != reply);
        let others: Vec<&Match> = others.take(RUNNERS_UP).collect();
        let is_tie = others
            .first()
            .is_some_and(|other| other.rank() == winner.rank() && other.nearness < winner.nearness);
        self.winner = candidate(winner, why_it_won(winner, is_tie));
        self.others = others.iter().map(|matched| candidate(matched, why_it_lost(matched, winner))).collect();
        self.corrections = corrections(table, winner, search);
    }
}

/// The best match of each reply, the best first. Other alternatives of a reply are not its competitors.
fn all_matches(table: &ReplyTable, message: &str, search: &mut SearchBuffer) -> Vec<Match> {
    let mut matches: BTreeMap<usize, Match> = BTreeMap::new();
    search.visit(&table.index, table.options.typos, message, |matched| {
        let best = matches.entry(table.number_of(matched.phrase)).or_insert(matched);
        *best = matched.max(*best);
    });
    // Examples were compared for the finalists only.
    for finalist in &search.finalists {
        matches.insert(table.number_of(finalist.phrase), *finalist);
    }
    let mut matches: Vec<Match> = matches.into_values().collect();
    matches.sort_unstable_by(|one, other| other.cmp(one));
    matches
}

/// The words of the message that a phrase was found in with a typo, and what they were read as.
fn corrections(table: &ReplyTable, winner: &Match, search: &SearchBuffer) -> Vec<(String, String)> {
    if winner.corrections.0 == 0 {
        return Vec::new();
    }
    let phrase = canonical(table.alternative(winner.phrase));
    let words: Vec<&str> = phrase.split(' ').map(|word| word.trim_end_matches('*')).collect();
    let read_as = |at| search.word_matches.of(at).iter().map(move |one| (at, one));
    let word_matches = (0..search.words.len()).flat_map(read_as);
    let vocabulary = &table.index.vocabulary;
    let corrected = word_matches.filter(|(_, one)| one.is_corrected && vocabulary.is_in_phrase(one.id));
    let read = corrected.map(|(at, one)| (search.words.word(at), vocabulary.text(one.id)));
    // A word that is in the message without a typo was found there.
    let is_read = |text: &str| words.contains(&text) && search.words.folded().all(|word| word != text);
    read.filter(|(_, text)| is_read(text)).map(|(word, text)| (word.to_owned(), text.to_owned())).collect()
}

/// The words of the message with a typo, and what they were read as to compare it with examples.
fn meanings(table: &ReplyTable, search: &SearchBuffer) -> Vec<(String, String)> {
    let mut meanings = Vec::new();
    for_each_term(&search.words, &mut String::new(), |at, term| {
        if table.examples.feature(term).is_none()
            && let Some(id) = table.meaning(&search.words, &search.word_matches, at)
        {
            let meant = table.index.vocabulary.text(id);
            meanings.push((search.words.word(at).to_owned(), meant.to_owned()));
        }
    });
    meanings
}

fn unknown(table: &ReplyTable) -> Candidate {
    let place = table.places.place(table.unknown.line);
    Candidate { phrase: UNKNOWN.to_owned(), place, why: "no phrase is in the message".to_owned() }
}

fn example(table: &ReplyTable, near: &Near) -> Candidate {
    let (phrase, line) = table.example(near.example);
    let why = format!("similarity {:.2}", near.score);
    Candidate { phrase: phrase.to_owned(), place: table.places.place(line), why }
}

fn why_it_does_not_answer(best: &Near) -> &'static str {
    if best.score < ANSWERING { ", and an answer needs 0.60" } else { ", and the next is nearly as similar" }
}

fn why_it_won(matched: &Match, is_tie: bool) -> String {
    if matched.is_whole {
        "it is the whole message".to_owned()
    } else if is_tie {
        format!(
            "{} in the message, and the most similar sentence, {}",
            counted(matched.words, "word"),
            score(matched)
        )
    } else {
        format!("{} in the message", counted(matched.words, "word"))
    }
}

fn why_it_lost(matched: &Match, winner: &Match) -> String {
    if matched.is_reply != winner.is_reply {
        "[replies] come before [smalltalk]".to_owned()
    } else if matched.is_whole != winner.is_whole {
        "it is not the whole message".to_owned()
    } else if matched.words != winner.words {
        format!("{} against {}", counted(matched.words, "word"), winner.words)
    } else if matched.nearness != winner.nearness {
        format!("similarity {} against {}", score(matched), score(winner))
    } else if matched.chars != winner.chars {
        format!("{} against {}", counted(matched.chars, "letter"), winner.chars)
    } else if matched.corrections != winner.corrections {
        "more typos would have to be corrected".to_owned()
    } else if matched.is_exact != winner.is_exact {
        "its accents are not those of the message".to_owned()
    } else {
        "it comes later".to_owned()
    }
}

fn score(matched: &Match) -> String {
    format!("{:.3}", f64::from(matched.nearness) / 1000.0)
}

fn counted(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.answer)?;
        writeln!(f, "message: {}", self.normalised)?;
        let phrase = if self.corrections.is_empty() { String::new() } else { canonical(&self.winner.phrase) };
        for (word, meant) in &self.corrections {
            // A prefix is shown as the phrase has it.
            let prefix = format!("{meant}*");
            let meant = if phrase.split(' ').any(|word| word == prefix) { &prefix } else { meant };
            writeln!(f, "typo:    {word:?} read as {meant:?}")?;
        }
        let label = if self.found_by == FoundBy::Nearest { "nearest" } else { "phrase" };
        write!(f, "{:9}{}", format!("{label}:"), self.winner)?;
        for other in &self.others {
            write!(f, "\nnot:     {other}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), {}", self.phrase, self.place, self.why)
    }
}
