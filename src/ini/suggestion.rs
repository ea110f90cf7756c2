//! What the author of a file may have meant.

/// The sections of replyd's files, except those of keys.
pub(crate) const SECTIONS: [&str; 10] =
    ["replies", "smalltalk", "vars", "tests", "server", "web", "page", "auth", "bot", "log"];
/// Number of letters up to which names are compared, which takes time and memory for each pair of letters. A
/// name may be as long as its file.
const MAX_LETTERS: usize = 100;
/// Number of letters from which two names that begin alike may be the same ...
const ALIKE_LETTERS: usize = 3;
/// ... unless one has so many more than the other.
const MORE_LETTERS: usize = 6;

/// The known name that is nearest to `name`, if a typing mistake explains the difference: one letter in three
/// may differ.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = name.chars().count();
    if letters > MAX_LETTERS {
        return None;
    }
    let limit = |known: &str| known.len() / 3;
    let near = known.filter(|known| letters.abs_diff(known.chars().count()) <= limit(known));
    let distances = near.map(|known| (strsim::damerau_levenshtein(name, known), known));
    distances.filter(|(distance, known)| *distance <= limit(known)).min().map(|(_, known)| known)
}

/// The section that is nearest to `name`, regardless of case and spaces, in the singular, or longer
/// (`[reply]`, `[variables]`).
pub(crate) fn nearest_section<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let name: String = name.to_lowercase().split([' ', '-', '_']).collect();
    let alike = |known: &str| known.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count();
    nearest(&name, known.clone()).or_else(|| {
        let near = known.filter(|known| name.len() <= known.len() + MORE_LETTERS);
        let begins_alike = near.filter(|known| alike(known) >= ALIKE_LETTERS);
        begins_alike.max_by_key(|known| alike(known))
    })
}

/// The section that a line like `(replies)`, `[reply`, `replies:` or `Replies` probably begins.
pub(super) fn section_meant(line: &str) -> Option<&'static str> {
    let line = line.trim();
    let is_enclosed = line.starts_with(['[', '(', '{', '<']);
    let name = line.trim_start_matches(['[', '(', '{', '<']);
    let end = name.find(|char: char| !char.is_alphanumeric() && !" -_".contains(char)).unwrap_or(name.len());
    let (name, after) = name.split_at(end);
    if is_enclosed {
        // Text in other brackets is more often prose.
        let is_section = line.starts_with('[') || after.len() == 1;
        return nearest_section(name.trim(), SECTIONS.into_iter()).filter(|_| is_section);
    }
    let is_alone = matches!(after, "" | ":" | "]" | "]:");
    let name: String = name.to_lowercase().split(' ').collect();
    SECTIONS.into_iter().find(|section| is_alone && *section == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        for (name, section) in [
            ("Replies", Some("replies")),
            ("REPLY", Some("replies")),
            ("replys", Some("replies")),
            ("small talk", Some("smalltalk")),
            ("small_talks", Some("smalltalk")),
            ("variables", Some("vars")),
            ("test", Some("tests")),
            ("website", Some("web")),
            ("closed", None),
            ("reply within a day", None),
            ("", None),
            ("3", None),
        ] {
            assert_eq!(nearest_section(name, SECTIONS.into_iter()), section, "{name:?}");
        }
        assert_eq!(nearest_section(&"replies".repeat(1 << 20), ["vars"].into_iter()), None);
    }

    #[test]
    fn a_long_name_is_compared_with_nothing() {
        let name = "a".repeat(1 << 24);
        assert_eq!(nearest(&name, SECTIONS.into_iter()), None);
        assert_eq!(nearest("repleis", SECTIONS.into_iter()), Some("replies"));
    }
}
