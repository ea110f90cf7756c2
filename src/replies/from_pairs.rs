//! Makes a table of pairs of a phrase and a text, without a file.

use super::{
    builder::{Builder, MAX_ALTERNATIVES},
    from_file::built_in,
    table::{HeaderLines, Reply, ReplyTable, places::Places},
    text::excerpt::excerpt,
};
use crate::{error::Error, ini::Faults};

/// Makes a table of pairs; see `Replies::from_pairs`.
pub(crate) fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
    pairs: impl IntoIterator<Item = (K, V)>,
) -> Result<ReplyTable, Error> {
    let mut builder = Builder::new(Places::Pairs, &built_in(), HeaderLines::default(), &[]);
    let mut faults = Faults::default();
    for (number, (phrase, text)) in (1..).zip(pairs) {
        if number > MAX_ALTERNATIVES as usize {
            // Not the rest as well: the pairs may have no end.
            faults.report(number, format!("a table can have at most {MAX_ALTERNATIVES} pairs"));
            break;
        }
        match reply(phrase.as_ref(), text.as_ref(), number) {
            Ok(reply) => builder.add_reply(reply, true),
            Err(sentence) => faults.report(number, sentence),
        }
    }
    let (table, found) = builder.finish(&[], Vec::new());
    faults.append(found);
    if faults.is_empty() { Ok(table) } else { Err(Error::config(Places::Pairs.lines(&faults))) }
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

    use crate::replies::Replies;

    proptest! {
        #[test]
        fn nothing_is_changed(pairs in proptest::collection::vec((any::<String>(), any::<String>()), 0..4)) {
            if let Ok(replies) = Replies::from_pairs(pairs.clone()) {
                let has_unknown = replies.table.unknown.line > 0;
                let all = replies.table.entries.iter().chain(has_unknown.then_some(&replies.table.unknown));
                let mut kept: Vec<_> = all.map(|reply| (reply.line, reply.phrase.clone(), reply.text.to_string())).collect();
                kept.sort();
                let expected = (1..).zip(pairs).map(|(number, (phrase, text))| (number, phrase, text));
                prop_assert_eq!(kept, expected.collect::<Vec<_>>());
            }
        }
    }
}
