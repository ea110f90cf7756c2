//! Checks of a table that is valid but may not do what its owner means: warnings, and entries of `[tests]` that fail.

pub(crate) mod misspelt;
pub(crate) mod phrases;
pub(crate) mod robustness;
pub(crate) mod tested;
pub(crate) mod work;

use crate::ini::{Entry, Fault, Faults, Section};
use crate::replies::{Replies, table::places::Places};
use crate::replies::{
    check::work::Work,
    lint::{placeholders, values, values::check as check_text, vars::Vars},
};

/// Length in bytes above which a reply gets a warning, since many clients accept no longer messages by default.
const LONG_REPLY_BYTES: usize = 16 * 1024;
/// Number of letters of a file that a warning quotes.
const EXCERPT_CHARS: usize = 60;

impl Replies {
    /// Warnings about what may not work as it looks, such as a phrase that can never win: one line for each, with its line
    /// number, for the first 50, and a last one that counts the rest. Another one says if there was too much to look at everything.
    ///
    /// A table [from pairs](Replies::from_pairs) has warnings about its phrases only, each with the number of its pair.
    ///
    /// Takes as long as finding a reply for each phrase and for each entry of `[tests]`, but less than a second for each megabyte.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        let mut work = Work::on(self);
        self.phrases_that_never_win(&mut work, &mut warnings);
        self.phrases_joined_by_and(&mut work, &mut warnings);
        self.phrases_of_function_words(&mut warnings);
        self.misspelt_words(&mut warnings);
        self.circles_of_offers(&mut work, &mut warnings);
        if let Places::File(_) = self.places {
            self.what_tests_tell(&mut work, &mut warnings);
        }
        let mut lines = self.places.lines(&warnings);
        if work.is_partial {
            let mut partial = Faults::default();
            let why = "looking for all of them would take too long; make phrases and tests shorter, or fewer";
            partial.push(Fault::new(1, format!("there may be more warnings: {why}")));
            lines.extend(self.places.lines(&partial));
        }
        lines
    }
}

/// Warns of a reply that works otherwise than it looks; `text` is the one that visitors get.
pub(crate) fn check_entry(entry: &Entry, text: &str, vars: &Vars, warnings: &mut Faults) {
    phrases::check(entry, warnings);
    check_text(entry, warnings);
    placeholders::check(entry, vars, warnings);
    warnings.extend(values::second_equals(entry));
    if text.len() > LONG_REPLY_BYTES {
        let sentence = format!(
            "the reply to {:?} has {} bytes; many clients accept at most 16384",
            entry.name,
            text.len()
        );
        warnings.push(Fault::new(entry.line, sentence));
    }
}

/// Warns that a file has replies, but none for all other messages.
pub(crate) fn missing_unknown(replies: &Replies, line: usize) -> Fault {
    let sentence = format!(
        "there is no 'unknown =' under [replies], so other messages get the built-in {:?}",
        replies.unknown.text.as_str()
    );
    let named =
        replies.entries.iter().find(|reply| phrases::OTHER_NAMES_OF_UNKNOWN.contains(&&*reply.phrase));
    let hint = named.map(|reply| {
        format!("; was {:?} ({}) meant as that?", reply.phrase, replies.places.number(reply.line))
    });
    Fault::new(line, sentence + &hint.unwrap_or_default())
}

/// Lines of sections, for warnings about all of one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeaderLines {
    /// That of `[replies]`, or of `[smalltalk]` if there is no other.
    pub(crate) replies: usize,
    pub(crate) tests: Option<usize>,
}

impl HeaderLines {
    pub(crate) fn of(sections: &[Section]) -> HeaderLines {
        let line =
            |name: &str| sections.iter().find(|section| section.name == name).map(|section| section.line);
        HeaderLines {
            replies: line("replies").or(line("smalltalk")).unwrap_or_default(),
            tests: line("tests"),
        }
    }
}

/// The beginning of a text in quotes, for a warning that shows where it is.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{:?}", text[..end].to_owned() + "..."),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn warnings(table: &str) -> Vec<String> {
        Replies::parse(&format!("[replies]\nunknown = ?!\n{table}"), "f").unwrap().warnings()
    }

    /// Checks that a table has one warning, with its line (from `[replies]`, then `unknown`) and these words.
    #[track_caller]
    pub(crate) fn check(table: &str, line: usize, words: &[&str]) {
        let warnings = warnings(table);
        assert_eq!(warnings.len(), 1, "{table:?}: {warnings:?}");
        assert!(warnings[0].starts_with(&format!("f:{line}: ")), "{table:?}: {warnings:?}");
        for word in words {
            assert!(warnings[0].contains(word), "{table:?}: {word:?} in {warnings:?}");
        }
    }

    /// Checks that none of these tables has a warning.
    #[track_caller]
    pub(crate) fn check_none(tables: &[impl AsRef<str>]) {
        for table in tables.iter().map(AsRef::as_ref) {
            assert_eq!(warnings(table), [""; 0], "{table:?}");
        }
    }

    #[test]
    fn files_without_unknown() {
        let warnings = |text: &str| Replies::parse(text, "f").unwrap().warnings();
        let missing = "there is no 'unknown =' under [replies], so other messages get the built-in \"Sorry, I am unable to understand you.\"";
        assert_eq!(warnings("; x\n[replies]\nhi = A"), [format!("f:2: {missing}")]);
        assert_eq!(warnings("[smalltalk]\nhi = A"), [format!("f:1: {missing}")]);
        let named = format!("f:1: {missing}; was \"default\" (line 2) meant as that?");
        assert_eq!(warnings("[replies]\ndefault = Sorry"), [named]);
        for text in [
            "",
            "[replies]\n",
            "[smalltalk]\n",
            "[replies]\nunknown = A",
            "[tests]\nhi = hi",
            "[replies]\nUNKNOWN! = A\nx = B",
        ] {
            assert_eq!(warnings(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn what_is_quoted_is_short() {
        let long = "x".repeat(5000);
        for warning in warnings(&format!("hours/times {long} = A ;  ask {long}\n  **{long}**\n  <b {long}>"))
        {
            assert!(warning.len() < 250, "{} bytes", warning.len());
        }
        assert_eq!(excerpt(&"é".repeat(61)), format!("\"{}...\"", "é".repeat(60)));
    }
}
