//! Explains why a reply answers a message, and finds phrases that nearly match one.

use std::{collections::BTreeMap, fmt};

use super::words::{Words, symbols};
use super::{
    Replies, UNKNOWN,
    search::{Match, SearchBuffer},
};

/// Number of losing phrases that are listed.
const RUNNERS_UP: usize = 2;

/// Similarity from which two runs count as similar: one letter in four may differ.
const MIN_SIMILARITY: f64 = 0.75;

/// Which reply answers a message, and why; see [`Replies::explain`]. Its `Display` is what `replyd ask --why` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The reply.
    pub answer: String,
    /// The message in the form in which phrases are compared: lower case, without accents and punctuation.
    pub normalised: String,
    /// The phrase that won; `unknown` if no phrase is in the message.
    pub winner: Candidate,
    /// The best phrases of other replies, at most two, the better one first.
    pub others: Vec<Candidate>,
}

/// A phrase that matches a message, or nearly does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The alternative that matches, as the file has it.
    pub phrase: String,
    /// Its file and line, such as `faq.ini:12`, or `built-in`.
    pub place: String,
    /// Why it won, lost, or is suggested.
    pub why: String,
}

impl Explanation {
    pub(super) fn of(replies: &Replies, message: &str) -> Explanation {
        // The best match of each reply: other alternatives of the winner are not competitors.
        let mut matches: BTreeMap<usize, Match> = BTreeMap::new();
        let mut search = SearchBuffer::default();
        search.visit(&replies.index, message, |matched| {
            let best = matches.entry(replies.phrases[matched.phrase].0).or_insert(matched);
            *best = matched.max(*best);
        });
        let mut matches: Vec<Match> = matches.into_values().collect();
        matches.sort_unstable_by(|one, other| other.cmp(one));

        let candidate = |matched: &Match, why: String| Candidate {
            phrase: replies.phrases[matched.phrase].1.clone(),
            place: format!("{}:{}", replies.name, replies.reply_of(matched.phrase).line),
            why,
        };
        let (answer, winner) = match matches.first() {
            Some(matched) => {
                (&replies.reply_of(matched.phrase).text, candidate(matched, why_it_won(matched)))
            }
            None => (&replies.unknown.text, unknown(replies)),
        };
        Explanation {
            answer: answer.to_string(),
            normalised: if search.words.is_empty() { symbols(message) } else { search.words.shown() },
            winner,
            others: matches
                .iter()
                .skip(1)
                .take(RUNNERS_UP)
                .map(|matched| candidate(matched, why_it_lost(matched, &matches[0])))
                .collect(),
        }
    }
}

impl Replies {
    /// The phrase that is most similar to some words of `message`, for hints when no phrase is in it: often there is a typo, or
    /// an alternative is missing. `None` if no phrase is similar.
    ///
    /// Compares the message with every phrase, so it is too slow for answering.
    pub fn nearest(&self, message: &str) -> Option<Candidate> {
        let words = Words::of(message);
        let words: Vec<&str> = words.folded().collect();
        let similarity = |(entry, alternative): &(usize, String)| {
            let phrase = Words::of(alternative).folded().collect::<Vec<_>>().join(" ");
            let windows = words.windows(phrase.split(' ').count());
            let best =
                windows.map(|window| strsim::normalized_damerau_levenshtein(&window.join(" "), &phrase));
            (best.fold(0.0, f64::max), *entry, alternative.clone())
        };
        let all =
            self.phrases.iter().map(similarity).filter(|(similarity, ..)| *similarity >= MIN_SIMILARITY);
        let (_, entry, phrase) = all.max_by(|one, other| one.0.total_cmp(&other.0))?;
        let place = format!("{}:{}", self.name, self.entries[entry].line);
        Some(Candidate { phrase, place, why: "its words are similar".to_owned() })
    }
}

fn unknown(replies: &Replies) -> Candidate {
    let place = match replies.unknown.line {
        0 => "built-in".to_owned(),
        line => format!("{}:{line}", replies.name),
    };
    Candidate { phrase: UNKNOWN.to_owned(), place, why: "no phrase is in the message".to_owned() }
}

fn why_it_won(matched: &Match) -> String {
    if matched.is_whole {
        "it is the whole message".to_owned()
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
    } else if matched.chars != winner.chars {
        format!("{} against {}", counted(matched.chars, "letter"), winner.chars)
    } else if matched.is_exact != winner.is_exact {
        "its accents are not those of the message".to_owned()
    } else {
        "it comes later in the file".to_owned()
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.answer)?;
        writeln!(f, "message: {}", self.normalised)?;
        write!(f, "phrase:  {}", self.winner)?;
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
