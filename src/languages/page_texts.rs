//! The texts of the page: those of each language, and the owner's own.

use std::sync::LazyLock;

use crate::{
    error::Error,
    ini::{self, Section},
};

/// A section for each language, the first of which is English.
pub(super) static TABLE: LazyLock<Vec<Section>> = LazyLock::new(|| ini::parse(include_str!("texts.ini")).0);

/// Texts of the page that replace its own, whatever the language. The names are those of `[page]` in
/// `config.example.ini`.
///
/// ```
/// let texts = replyd::PageTexts::default().with("your_message", "Ask us anything")?;
/// assert!(replyd::PageTexts::default().with("your_massage", "Ask us anything").is_err());
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageTexts(Vec<(&'static str, String)>);

impl PageTexts {
    /// The same with another text.
    ///
    /// # Errors
    ///
    /// When no text has this name, or `text` is empty. Only `contact` may be, which is empty by default.
    pub fn with(mut self, name: &str, text: &str) -> Result<PageTexts, Error> {
        self.set(name, text).map_err(|sentence| Error::config(vec![sentence]))?;
        Ok(self)
    }

    pub(crate) fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
        let english = &TABLE[0].entries;
        let Some(entry) = english.iter().find(|entry| entry.name == name) else {
            let names: Vec<&str> = english.iter().map(|entry| &*entry.name).collect();
            let hint = match ini::nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", names.join(", ")),
            };
            return Err(format!("the page has no text {name:?}; {hint}"));
        };
        let (known, example): (&'static str, _) = (&entry.name, &entry.value);
        if text.trim().is_empty() && !example.is_empty() {
            return Err(format!("{name}: expected a text; write for example '{name} = {example}'"));
        }
        self.0.retain(|(other, _)| *other != known);
        self.0.push((known, text.to_owned()));
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, text)| &**text)
    }
}
