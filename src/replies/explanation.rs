//! Explains why a reply answers a message, and finds phrases that nearly match one.

use std::{collections::BTreeMap, fmt};

use crate::replies::{
    Replies, UNKNOWN,
    answer::{Decision, FoundBy},
    check::tested::canonical,
    lookup::search::{Match, SearchBuffer},
    similar::examples::Source,
    similar::features::{cut, for_each_term},
    similar::nearest::{ANSWERING, Near},
    text::letters::symbols,
    text::words::Words,
};

/// Number of losing phrases that are listed.
const RUNNERS_UP: usize = 2;

/// Similarity from which two runs count as similar: one letter in four may differ.
const MIN_SIMILARITY: f64 = 0.75;
/// Reading a letter of a phrase takes as long as comparing so many pairs of letters, and so does what is done for each run.
const STEPS_OF_LETTER: u64 = 8;
const STEPS_OF_RUN: u64 = 100;

/// Which reply answers a message, and why; see [`Replies::explain`]. Its `Display` is what `replyd ask --why` prints.
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
    pub(crate) fn of(replies: &Replies, message: &str) -> Explanation {
        let mut search = SearchBuffer::default();
        let decision = replies.decide(message, &mut search, None);
        let mut explanation = Explanation {
            answer: replies.answer_of(&decision).text().to_string(),
            found_by: replies.answer_of(&decision).found_by,
            normalised: if search.words.is_empty() { symbols(message) } else { search.words.shown() },
            corrections: Vec::new(),
            winner: unknown(replies),
            others: Vec::new(),
        };
        match decision {
            Decision::Phrase(winner) => explanation.add_phrases(replies, &winner, message, &mut search),
            Decision::Nearest(winner) => {
                explanation.winner = example(replies, &winner);
                explanation.corrections = replies.meanings(&search);
                let nearest = replies.nearest_of(&search, None);
                explanation.others =
                    nearest.iter().skip(1).take(RUNNERS_UP).map(|near| example(replies, near)).collect();
            }
            Decision::Unknown(_) => {
                replies.read_features(&mut search);
                let nearest = replies.nearest_of(&search, None);
                explanation.others =
                    nearest.iter().take(RUNNERS_UP).map(|near| example(replies, near)).collect();
                if let (Some(first), Some(best)) = (explanation.others.first_mut(), nearest.iter().next()) {
                    first.why += why_it_does_not_answer(best);
                    explanation.corrections = replies.meanings(&search);
                }
            }
        }
        explanation
    }

    /// Adds the phrase that won, and the best ones of other replies.
    fn add_phrases(&mut self, replies: &Replies, winner: &Match, message: &str, search: &mut SearchBuffer) {
        let matches = replies.all_matches(message, search);
        let candidate = |matched: &Match, why: String| Candidate {
            phrase: replies.alternative(matched.phrase).to_owned(),
            place: replies.places.place(replies.reply_of(matched.phrase).line),
            why,
        };
        let reply = replies.number_of(winner.phrase);
        let others = matches.iter().filter(|matched| replies.number_of(matched.phrase) != reply);
        let others: Vec<&Match> = others.take(RUNNERS_UP).collect();
        let is_tie = others
            .first()
            .is_some_and(|other| other.rank() == winner.rank() && other.nearness < winner.nearness);
        self.winner = candidate(winner, why_it_won(winner, is_tie));
        self.others = others.iter().map(|matched| candidate(matched, why_it_lost(matched, winner))).collect();
        self.corrections = replies.corrections(winner, search);
    }
}

impl Replies {
    /// The best match of each reply, the best first. Other alternatives of a reply are not its competitors.
    fn all_matches(&self, message: &str, search: &mut SearchBuffer) -> Vec<Match> {
        let mut matches: BTreeMap<usize, Match> = BTreeMap::new();
        search.visit(&self.index, self.options.typos, message, |matched| {
            let best = matches.entry(self.number_of(matched.phrase)).or_insert(matched);
            *best = matched.max(*best);
        });
        // Examples were compared for the leaders only.
        for leader in &search.leaders {
            matches.insert(self.number_of(leader.phrase), *leader);
        }
        let mut matches: Vec<Match> = matches.into_values().collect();
        matches.sort_unstable_by(|one, other| other.cmp(one));
        matches
    }

    /// The words of the message that a phrase was found in with a typo, and what they were read as.
    fn corrections(&self, winner: &Match, search: &SearchBuffer) -> Vec<(String, String)> {
        if winner.corrections.0 == 0 {
            return Vec::new();
        }
        let phrase = canonical(self.alternative(winner.phrase));
        let words: Vec<&str> = phrase.split(' ').map(|word| word.trim_end_matches('*')).collect();
        let tokens =
            (0..search.words.len()).flat_map(|at| search.tokens.of(at).iter().map(move |token| (at, token)));
        let corrected = tokens.filter(|(_, token)| token.is_corrected);
        let read = corrected.map(|(at, token)| (search.words.word(at), self.index.vocabulary.text(token.id)));
        // A word that is in the message without a typo was found there.
        let is_read = |text: &str| words.contains(&text) && search.words.folded().all(|word| word != text);
        read.filter(|(_, text)| is_read(text))
            .map(|(word, text)| (word.to_owned(), text.to_owned()))
            .collect()
    }

    /// The words of the message with a typo, and what they were read as to compare it with examples.
    fn meanings(&self, search: &SearchBuffer) -> Vec<(String, String)> {
        let mut meanings = Vec::new();
        for_each_term(&search.words, &mut String::new(), |at, term| {
            let meaning = match self.examples.feature(cut(term)) {
                Some(_) => None,
                None => self.meaning(&search.words, &search.tokens, at),
            };
            let text = meaning.map(|token| self.index.vocabulary.text(token).to_owned());
            meanings.extend(text.map(|text| (search.words.word(at).to_owned(), text)));
        });
        meanings
    }
}

impl Replies {
    /// The phrase that is most similar to some words of `message`, for hints when no phrase is in it: often there is a typo, or
    /// an alternative is missing. `None` if no phrase is similar.
    ///
    /// Compares the message with every phrase, so it is too slow for answering. `steps` is reduced by the number of pairs of letters that
    /// were compared, some hundred million a second; once they are used up, nothing is found.
    pub fn similar_phrase(&self, message: &str, steps: &mut u64) -> Option<Candidate> {
        let words = Words::of(message);
        let words: Vec<&str> = words.folded().collect();
        let mut best = (MIN_SIMILARITY, None);
        for (entry, alternative) in self.alternatives() {
            let phrase = Words::of(alternative).folded().collect::<Vec<_>>().join(" ");
            *steps = steps.saturating_sub(STEPS_OF_LETTER * (1 + phrase.len() as u64));
            for window in words.windows(phrase.split(' ').count()) {
                let window = window.join(" ");
                *steps = steps.saturating_sub(STEPS_OF_RUN + (window.len() * phrase.len()) as u64);
                if *steps == 0 {
                    return None;
                }
                let similarity = strsim::normalized_damerau_levenshtein(&window, &phrase);
                if similarity >= best.0 {
                    best = (similarity, Some((entry, alternative)));
                }
            }
        }
        let (entry, phrase) = best.1?;
        let place = self.places.place(self.entries[entry].line);
        Some(Candidate { phrase: phrase.to_owned(), place, why: "its words are similar".to_owned() })
    }
}

fn unknown(replies: &Replies) -> Candidate {
    let place = replies.places.place(replies.unknown.line);
    Candidate { phrase: UNKNOWN.to_owned(), place, why: "no phrase is in the message".to_owned() }
}

/// The example of a reply that is nearest to a message.
fn example(replies: &Replies, near: &Near) -> Candidate {
    let (phrase, line) = match replies.examples.get(near.example).source {
        Source::Phrase(id) => (replies.alternative(id as usize), replies.reply_of(id as usize).line),
        Source::Test(at) => (&*replies.tests[at as usize].sentence, replies.tests[at as usize].line),
    };
    let why = format!("similarity {:.2}", near.score);
    Candidate { phrase: phrase.to_owned(), place: replies.places.place(line), why }
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
