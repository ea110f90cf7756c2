//! Which guesses the owner has confirmed: those whose sentence is in `[tests]`.

use std::{collections::HashSet, fs, path::Path};

use replyd::Replies;

use super::groups::Group;
use crate::failure::Failure;

/// The guesses that are not in `[tests]` of the file with the replies.
pub(super) fn without<'a>(
    guesses: &'a [Group],
    replies: &Replies,
    file: &Path,
) -> Result<Vec<&'a Group>, Failure> {
    if guesses.is_empty() {
        return Ok(Vec::new());
    }
    // The library does not list the sentences, but it has just read the file, which is therefore valid.
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    let normalised = |sentence: &str| replies.explain(sentence).normalised;
    let confirmed: HashSet<String> = sentences(&text).map(normalised).collect();
    Ok(guesses.iter().filter(|guess| !confirmed.contains(&normalised(&guess.sentence))).collect())
}

/// The sentences in `[tests]` of a valid file.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut is_in_tests = false;
    text.lines().filter_map(move |line| {
        if let Some(header) = line.strip_prefix('[') {
            is_in_tests = header.trim_end().strip_suffix(']').is_some_and(|name| name.trim() == "tests");
            return None;
        }
        let is_entry = is_in_tests && !line.starts_with([';', '#', ' ', '\t']);
        let (sentence, _) = line.split_once('=').filter(|_| is_entry)?;
        Some(sentence.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(sentences(text).collect::<Vec<_>>(), expected, "{text:?}");
    }

    #[test]
    fn sentences_are_the_names_in_tests() {
        check("[tests]\nAre you open? = hours\r\nhi=hello = x\n", &["Are you open?", "hi"]);
        check("[replies]\na = b\n[ tests ] \nc = d\n[vars]\ne = f\n", &["c"]);
        check("[tests]\n\n# a = b\n; c = d\ne = f\n  g = h\n\ti = j\n", &["e"]);
        check("tests = x\n[testsuite]\na = b\n", &[]);
    }
}
