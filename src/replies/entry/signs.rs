//! What is before a `=` but does not mean what it seems to: other signs for `|` and `&`, and names of
//! settings.

use crate::{
    ini::{Entry, Fault, Faults},
    replies::text::{excerpt::excerpt, phrase::Phrase},
};

/// Length below which a prefix gets a warning: it would match too many words.
const SHORT_PREFIX_CHARS: usize = 3;
/// Settings that people look for near the replies, with their sections and what they are.
pub(crate) const NEARBY_SETTINGS: [(&str, &str, &str); 5] = [
    ("greeting", "bot", "the first message of the chat"),
    ("title", "web", "the title of the chat page"),
    ("accent", "web", "the color of the chat page"),
    ("replies_file", "bot", "the file of the replies"),
    ("unanswered_file", "bot", "the file for unanswered messages"),
];
/// Names that others give to what is `unknown` here.
pub(crate) const OTHER_NAMES_OF_UNKNOWN: [&str; 7] =
    ["default", "fallback", "otherwise", "else", "default_reply", "unknown_reply", "unknown_message"];

/// What looks at one alternative of a phrase for a mistake; the first alternative with it is reported.
const LINTS: [fn(&str) -> Option<String>; 5] = [joined_words, slash, or, and, star];

/// Warns of a phrase that does not work as it seems to.
pub(crate) fn check(entry: &Entry, warnings: &mut Faults) {
    let alternatives = || entry.name.split(['|', '｜']).map(str::trim);
    let of_alternatives = LINTS.iter().filter_map(|lint| alternatives().find_map(lint));
    let found = comma(&entry.name).into_iter().chain(of_alternatives).chain(setting(entry.name.trim()));
    warnings.extend(found.map(|sentence| Fault::new(entry.line, sentence)));
}

fn comma(name: &str) -> Option<String> {
    name.contains([',', '，', '、', '،'])
        .then(|| format!("{:?} is one phrase with a comma in it; write '|' between alternatives", name))
}

/// `B&B` is meant as a word; `dog&cat` and `dog &cat` are probably meant as `dog & cat`.
fn joined_words(alternative: &str) -> Option<String> {
    let is_joined = |word: &&str| {
        let sides: Vec<usize> = word.split(['&', '＆']).map(|side| side.chars().count()).collect();
        sides.len() > 1 && sides.iter().any(|chars| *chars > 1) && word.chars().count() > 1
    };
    let word = alternative.split_whitespace().find(is_joined)?;
    Some(format!("{word:?} is one run of words; write spaces around the '&' if the words may be apart"))
}

/// A `/` between words. `24/7`, `km/h`, `w/o` and `TCP/IP` are meant as they stand.
fn slash(alternative: &str) -> Option<String> {
    let is_word = |letters: Vec<char>| letters.len() > 1 && !letters.iter().all(|char| char.is_uppercase());
    let between_words = |(at, sign): (usize, &str)| {
        let (before, after) = (&alternative[..at], &alternative[at + sign.len()..]);
        let before = before.trim_end().chars().rev().take_while(|char| char.is_alphabetic());
        let after = after.trim_start().chars().take_while(|char| char.is_alphabetic());
        is_word(before.collect()) && is_word(after.collect())
    };
    alternative.match_indices(['/', '／']).any(between_words).then(|| {
        format!(
            "{} is one phrase with a '/' in it; write '|' between phrases of which either is enough",
            excerpt(alternative)
        )
    })
}

fn or(alternative: &str) -> Option<String> {
    inner_words(alternative).any(|(_, word)| word.eq_ignore_ascii_case("or")).then(|| {
        format!(
            "\"or\" is a word like any other in {}; write '|' between phrases of which either is enough",
            excerpt(alternative)
        )
    })
}

/// `AND` among small letters, and an `and` after a `word*`: elsewhere it is natural, as in `click and
/// collect`.
fn and(alternative: &str) -> Option<String> {
    let has_small = alternative.contains(char::is_lowercase);
    let is_shouted = |word: &str| word == "AND" && has_small;
    let is_meant = |(before, word): (&str, &str)| {
        is_shouted(word) || (word.eq_ignore_ascii_case("and") && before.ends_with(['*', '＊']))
    };
    inner_words(alternative).any(is_meant).then(|| and_is_a_word(alternative))
}

pub(crate) fn and_is_a_word(alternative: &str) -> String {
    format!(
        "\"and\" is a word like any other in {}; write '&' instead if the words may be apart",
        excerpt(alternative)
    )
}

/// The words but for the first and the last, each with the one before it.
fn inner_words(alternative: &str) -> impl Iterator<Item = (&str, &str)> {
    let words = || alternative.split_whitespace();
    words().zip(words().skip(1)).zip(words().skip(2)).map(|(pair, _)| pair)
}

fn star(alternative: &str) -> Option<String> {
    matches!(alternative, "*" | "＊").then(|| {
        format!("{alternative:?} answers only a message that is this sign; for all others, write 'unknown ='")
    })
}

/// The name of a setting, which is a phrase like any other here. People do not write a `_` in a phrase.
fn setting(name: &str) -> Option<String> {
    if let Some((_, section, what)) = NEARBY_SETTINGS.iter().find(|(setting, ..)| *setting == name) {
        return Some(format!("{name:?} is a phrase here; {what} is '{name} =' under [{section}]"));
    }
    let looks_like_one = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (looks_like_one && name.contains('_')).then(|| {
        if OTHER_NAMES_OF_UNKNOWN.contains(&name) {
            return format!("{name:?} is a phrase here; the reply to everything else is 'unknown ='");
        }
        format!("{name:?} is a phrase here; if it is a setting, it belongs under a section such as [bot]")
    })
}

/// Warns of prefixes that are too short.
pub(crate) fn check_prefixes(line: usize, phrase: &Phrase, warnings: &mut Faults) {
    let Phrase::Runs(runs) = phrase else { return };
    for run in runs {
        let prefixes = run.words.folded().zip(&run.prefixes).filter(|(_, is_prefix)| **is_prefix);
        for (word, _) in prefixes.filter(|(word, _)| word.chars().count() < SHORT_PREFIX_CHARS) {
            warnings.report(line, format!("'{word}*' matches a great many words; use a longer prefix"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::replies::tests::{check, check_none};

    #[test]
    fn signs_between_phrases() {
        let written = "write '|' between phrases";
        for phrase in ["hours/times", "hours / times", "opening hours/times | x", "and/or", "退貨／換貨"]
        {
            check(&format!("{phrase} = A"), 3, &["with a '/' in it", written]);
        }
        for phrase in ["hours or times", "cash OR card", "do you take cash or card"] {
            check(&format!("{phrase} = A"), 3, &["\"or\" is a word like any other", written]);
        }
        for phrase in ["deliver* and sunday*", "delivery AND sunday", "x | park* And ride"] {
            check(&format!("{phrase} = A"), 3, &["\"and\" is a word like any other", "write '&' instead"]);
        }
        check("delivery = A\nsunday = B\ndelivery and sunday = C", 5, &["\"and\" is a word like any other"]);
        check_none(&[
            "24/7 | open 24 / 7 = A",
            "km/h | w/o sugar | n/a | TCP/IP | c/o = A",
            "terms and conditions | bed and breakfast = A",
            "BED AND BREAKFAST | rock and roll* | and so = A",
            "breakfast = A\nbed and breakfast = B",
            "for us | or so | this or = A",
            "hours | times = A",
        ]);
    }

    #[test]
    fn a_star_is_not_everything() {
        check("* = A", 3, &["write 'unknown ='"]);
        check("hi | ＊ = A", 3, &["write 'unknown ='"]);
        check_none(&["*** = A", "deliver* = A", "? = A"]);
    }

    #[test]
    fn settings_among_the_replies() {
        check("greeting = Welcome!", 3, &["\"greeting\" is a phrase here", "'greeting =' under [bot]"]);
        check("hi = A\n[smalltalk]\ntitle = Anna's bakery", 5, &["'title =' under [web]"]);
        check("unanswered_file = a.txt", 3, &["'unanswered_file =' under [bot]"]);
        check("max_clients = 5", 3, &["if it is a setting, it belongs under a section"]);
        check("unknown_reply = Sorry", 3, &["the reply to everything else is 'unknown ='"]);
        check_none(&["greeting cards | greeting = A", "job title = A", "default = A", "name_Of | a_b c = A"]);
    }
}
