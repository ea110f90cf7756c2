//! Why a reply answers a message.

use std::{collections::BTreeMap, fmt};

use super::words::{Words, symbols};
use super::{
    Replies, UNKNOWN,
    search::{Fit, Search},
};

/// How many of the keys that lost are told.
const RUNNERS_UP: usize = 2;

/// How like two phrases are that are near: one letter of four may differ.
const NEAR: f64 = 0.75;

/// Which reply answers a message, and why; `Display` is what `replyd ask --why` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The answer.
    pub answer: String,
    /// The message as keys are looked for in it.
    pub normalised: String,
    /// The key that won; that of `unknown` when no other is in the message.
    pub winner: Candidate,
    /// The next keys, the nearest first.
    pub others: Vec<Candidate>,
}

/// A key that is in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The alternative that fits.
    pub key: String,
    /// The file and the line where it stands.
    pub place: String,
    /// Why it won, or lost.
    pub why: String,
}

impl Explanation {
    pub(super) fn of(replies: &Replies, message: &str) -> Explanation {
        // The best fit of each reply, however many of its alternatives are in the message.
        let mut fits: BTreeMap<usize, Fit> = BTreeMap::new();
        let mut search = Search::default();
        search.visit(&replies.index, message, |fit| {
            let best = fits.entry(replies.keys[fit.key].0).or_insert(fit);
            *best = fit.max(*best);
        });
        let mut fits: Vec<Fit> = fits.into_values().collect();
        fits.sort_unstable_by(|one, other| other.cmp(one));

        let candidate = |fit: &Fit, why: String| Candidate {
            key: replies.keys[fit.key].1.clone(),
            place: format!("{}:{}", replies.name, replies.reply_of(fit.key).line),
            why,
        };
        let (answer, winner) = match fits.first() {
            Some(fit) => (&replies.reply_of(fit.key).text, candidate(fit, why_it_fits(fit))),
            None => (&replies.unknown.text, unknown(replies)),
        };
        Explanation {
            answer: answer.to_string(),
            normalised: if search.words.is_empty() { symbols(message) } else { search.words.shown() },
            winner,
            others: fits
                .iter()
                .skip(1)
                .take(RUNNERS_UP)
                .map(|fit| candidate(fit, why_it_lost(fit, &fits[0])))
                .collect(),
        }
    }
}

impl Replies {
    /// The key that is nearest to some words of `message` although it is not in it: often one letter is wrong, or an
    /// alternative is missing. `None` where none is near.
    ///
    /// Takes the longer the more keys there are.
    pub fn nearest(&self, message: &str) -> Option<Candidate> {
        let words = Words::of(message);
        let words: Vec<&str> = words.folded().collect();
        let likeness = |(entry, alternative): &(usize, String)| {
            let key = Words::of(alternative).folded().collect::<Vec<_>>().join(" ");
            let windows = words.windows(key.split(' ').count());
            let best = windows.map(|window| strsim::normalized_damerau_levenshtein(&window.join(" "), &key));
            (best.fold(0.0, f64::max), *entry, alternative.clone())
        };
        let all = self.keys.iter().map(likeness).filter(|(likeness, ..)| *likeness >= NEAR);
        let (_, entry, key) = all.max_by(|one, other| one.0.total_cmp(&other.0))?;
        let place = format!("{}:{}", self.name, self.entries[entry].line);
        Some(Candidate { key, place, why: "its words are near".to_owned() })
    }
}

fn unknown(replies: &Replies) -> Candidate {
    let place = match replies.unknown.line {
        0 => "built-in".to_owned(),
        line => format!("{}:{line}", replies.name),
    };
    Candidate { key: UNKNOWN.to_owned(), place, why: "no key is in the message".to_owned() }
}

fn why_it_fits(fit: &Fit) -> String {
    if fit.is_whole {
        "it is the whole message".to_owned()
    } else {
        format!("{} in the message", counted(fit.words, "word"))
    }
}

fn why_it_lost(fit: &Fit, winner: &Fit) -> String {
    if fit.is_reply != winner.is_reply {
        "[replies] come before [smalltalk]".to_owned()
    } else if fit.is_whole != winner.is_whole {
        "it is not the whole message".to_owned()
    } else if fit.words != winner.words {
        format!("{} against {}", counted(fit.words, "word"), winner.words)
    } else if fit.chars != winner.chars {
        format!("{} against {}", counted(fit.chars, "letter"), winner.chars)
    } else if fit.is_exact != winner.is_exact {
        "its accents are not those of the message".to_owned()
    } else {
        "it stands later".to_owned()
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.answer)?;
        writeln!(f, "message: {}", self.normalised)?;
        write!(f, "key:     {}", self.winner)?;
        for other in &self.others {
            write!(f, "\nnot:     {other}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}), {}", self.key, self.place, self.why)
    }
}
