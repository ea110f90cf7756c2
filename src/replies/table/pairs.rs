//! A table of replies that a program makes, without a file.

use crate::replies::{
    Replies, Reply, built_in,
    check::{HeaderLines, excerpt},
    table::builder::{Builder, MAX_ALTERNATIVES},
    table::places::Places,
};
use crate::{
    error::Error,
    ini::{Fault, Faults},
};

impl Replies {
    /// Makes a table from phrases and texts, as `[replies]` of a file has them, but without a file: from a database, for example.
    ///
    /// A phrase has the grammar of a file (`|`, `&`, `word*`). Since it is not read from a line, it may also contain a `=` or begin
    /// with `#`, `;` or `[`: all punctuation only separates words. A text is sent exactly as it is, with its blanks and line
    /// breaks; `{name}` is not replaced, since there are no `[vars]`.
    ///
    /// The phrase `unknown` has the text for messages that nothing else answers. Without it, and even without any pair, such
    /// messages get the built-in text; there are no other built-in replies.
    ///
    /// ```
    /// let replies = replyd::Replies::from_pairs([
    ///     ("opening hours | when & open", "From 9 to 5."),
    ///     ("unknown", "Please call us."),
    /// ])?;
    /// assert_eq!(replies.answer("Your opening hours?").text(), "From 9 to 5.");
    /// assert_eq!(replies.answer("Do you sell cars?").text(), "Please call us.");
    /// # Ok::<(), replyd::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When a phrase is empty, has a line break, has blanks around it, is not valid in the grammar or is the same as an earlier one;
    /// when a text is empty or consists of blanks; or when there are more than 500,000 pairs or phrases. The error reports all such
    /// pairs (up to 50), one a line, each with its number, from 1.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Replies, Error> {
        let mut builder = Builder::new(Places::Pairs, &built_in(), HeaderLines::default(), &[]);
        let mut faults = Faults::default();
        for (number, (phrase, text)) in (1..).zip(pairs) {
            if number > MAX_ALTERNATIVES as usize {
                // Not the rest as well: the pairs may have no end.
                faults.push(Fault::new(number, format!("a table can have at most {MAX_ALTERNATIVES} pairs")));
                break;
            }
            match reply(phrase.as_ref(), text.as_ref(), number) {
                Ok(reply) => builder.add_reply(reply, true),
                Err(sentence) => faults.push(Fault::new(number, sentence)),
            }
        }
        let (replies, found) = builder.finish(&[], Vec::new());
        faults.append(found);
        if faults.is_empty() { Ok(replies) } else { Err(Error::config(Places::Pairs.lines(&faults))) }
    }
}

/// The reply of a pair, or a sentence that says why it cannot be one exactly as it is.
fn reply(phrase: &str, text: &str, number: usize) -> Result<Reply, String> {
    if phrase.trim().is_empty() {
        return Err(format!("the phrase for the text {} is empty", excerpt(text)));
    }
    // Phrases are shown on one line: as offers, in logs, and in `unanswered_file`.
    if phrase.contains(['\n', '\r']) {
        return Err(format!("the phrase {} has a line break", excerpt(phrase)));
    }
    if phrase.trim() != phrase {
        return Err(format!("the phrase {} has blanks around it; remove them", excerpt(phrase)));
    }
    if text.trim().is_empty() {
        return Err(format!("the text for the phrase {} is empty", excerpt(phrase)));
    }
    Ok(Reply { phrase: phrase.to_owned(), text: text.into(), line: number })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_changed(pairs in proptest::collection::vec((any::<String>(), any::<String>()), 0..4)) {
            if let Ok(replies) = Replies::from_pairs(pairs.clone()) {
                let has_unknown = replies.unknown.line > 0;
                let all = replies.entries.iter().chain(has_unknown.then_some(&replies.unknown));
                let mut kept: Vec<_> = all.map(|reply| (reply.line, reply.phrase.clone(), reply.text.to_string())).collect();
                kept.sort();
                let expected = (1..).zip(pairs).map(|(number, (phrase, text))| (number, phrase, text));
                prop_assert_eq!(kept, expected.collect::<Vec<_>>());
            }
        }
    }
}
