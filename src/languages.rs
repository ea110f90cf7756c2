//! The languages of the page, and its texts in each of them: one table, `languages/texts.ini`.

mod page_texts;

use std::{fmt, str::FromStr};

use crate::error::Error;
pub use page_texts::PageTexts;
use page_texts::TABLE;

/// Languages that are written from right to left.
const RIGHT_TO_LEFT: [&str; 1] = ["ar"];

/// A language of the page, by its code (ISO 639-1): `en`, `de`, `fr`, `es`, `it`, `pt`, `nl`, `pl`, `tr`,
/// `zh`, `ja` or `ar`.
///
/// ```
/// let language: replyd::Language = "de".parse()?;
/// assert_eq!(language.to_string(), "de");
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Language(&'static str);

impl Language {
    pub(crate) const ENGLISH: Language = Language("en");

    pub(crate) fn all() -> impl Iterator<Item = Language> {
        TABLE.iter().map(|section| Language(&section.name))
    }

    /// As `from_str`; the error says what was expected.
    pub(crate) fn parse(code: &str) -> Result<Language, String> {
        Language::all().find(|language| language.0 == code).ok_or_else(|| {
            let codes: Vec<&str> = Language::all().map(|language| language.0).collect();
            format!("a language of the page ({})", codes.join(", "))
        })
    }

    /// The language of a tag (RFC 5646), whatever its region and script: German for `de-AT`.
    pub(crate) fn of_tag(tag: &str) -> Option<Language> {
        let (primary, _) = tag.split_once(['-', '_']).unwrap_or((tag, ""));
        Language::all().find(|language| language.0.eq_ignore_ascii_case(primary))
    }

    /// The language that the items of `Accept-Language` prefer (RFC 9110, section 12.5.4): the one with the
    /// highest weight, the first if several have the same.
    pub(crate) fn preferred<'a>(weighted: impl Iterator<Item = (&'a str, f32)>) -> Option<Language> {
        let mut best: Option<(f32, Language)> = None;
        for (tag, weight) in weighted {
            let is_better = weight > best.map_or(0.0, |(weight, _)| weight);
            if let Some(language) = Language::of_tag(tag).filter(|_| is_better) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// `ltr` or `rtl`, as the `dir` of a document has it.
    pub(crate) fn direction(self) -> &'static str {
        if RIGHT_TO_LEFT.contains(&self.0) { "rtl" } else { "ltr" }
    }

    /// The texts of the page with their names; `own` replaces some of them.
    pub(crate) fn texts(self, own: &PageTexts) -> impl Iterator<Item = (&'static str, &str)> {
        let section = TABLE.iter().find(|section| section.name == self.0);
        let entries = section.into_iter().flat_map(|section| &section.entries);
        entries.map(|entry| (&*entry.name, own.get(&entry.name).unwrap_or(&entry.value)))
    }
}

impl FromStr for Language {
    type Err = Error;

    fn from_str(code: &str) -> Result<Language, Error> {
        Language::parse(code)
            .map_err(|expected| Error::config(vec![format!("language: expected {expected}, found {code:?}")]))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::ini::{self, Section};

    /// The names in braces of a text.
    fn blanks(text: &str) -> Vec<&str> {
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }

    #[test]
    fn every_language_has_every_text() {
        let (sections, faults) = ini::parse(include_str!("languages/texts.ini"));
        assert_eq!(faults.lines("texts.ini"), [""; 0]);
        let codes: Vec<&str> = sections.iter().map(|section| &*section.name).collect();
        assert_eq!(codes, ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "zh", "ja", "ar"]);
        let english = &sections[0].entries;
        for Section { name: code, entries, .. } in &sections {
            let names = |entries: &[ini::Entry]| -> Vec<String> {
                entries.iter().map(|entry| entry.name.clone()).collect()
            };
            assert_eq!(names(entries), names(english), "{code}");
            for (entry, english) in entries.iter().zip(english) {
                let mut found = [blanks(&entry.value), blanks(&english.value)];
                found.iter_mut().for_each(|names| names.sort_unstable());
                assert_eq!(found[0], found[1], "[{code}] {}", entry.name);
                assert_eq!(entry.value.is_empty(), entry.name == "contact", "[{code}] {}", entry.name);
                let is_sentence = |text: &str| text.ends_with(['.', '。']);
                assert_eq!(is_sentence(&entry.value), is_sentence(&english.value), "[{code}] {}", entry.name);
            }
        }
    }
}
