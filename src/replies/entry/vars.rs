//! The values of `[vars]`, and the `{name}` in replies that stand for them.

use std::collections::HashMap;

use crate::ini::{Entry, Faults};

/// The entries of `[vars]`.
#[derive(Default)]
pub(crate) struct Vars {
    /// Value, line, and whether a reply uses it, by name.
    values: HashMap<String, (String, usize, bool)>,
}

impl Vars {
    /// Reads the entries, and reports invalid and repeated names.
    pub(crate) fn new(entries: &[Entry], faults: &mut Faults) -> Vars {
        let mut values = HashMap::new();
        for Entry { name, value, line, .. } in entries {
            if !is_name(name) {
                faults
                    .report(*line, format!("{name:?} is not a valid name; use letters, digits, '-' and '_'"));
            } else if let Some((_, first, _)) = values.insert(name.clone(), (value.clone(), *line, false)) {
                faults.report(*line, format!("{name:?} is already at line {first}; remove one of them"));
            }
        }
        Vars { values }
    }

    /// The value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|(value, ..)| value.as_str())
    }

    /// The value of an entry with each known `{name}` replaced, unless it would be longer than `most` bytes.
    /// All other braces are ordinary text, as replies may need them.
    pub(crate) fn fill(&mut self, entry: &Entry, most: usize, warnings: &mut Faults) -> Option<String> {
        let mut filled = String::with_capacity(entry.value.len().min(most));
        let mut rest = entry.value.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            if filled.len() > most {
                return None;
            }
            filled.push_str(before);
            let (name, tail) = split_name(after);
            let name = tail.strip_prefix('}').filter(|_| !name.is_empty()).map(|tail| (name, tail));
            match name.and_then(|(name, tail)| Some((self.values.get_mut(name)?, tail))) {
                Some(((value, _, used), tail)) => {
                    *used = true;
                    if filled.len() + value.len() > most {
                        return None;
                    }
                    filled.push_str(value);
                    rest = tail;
                }
                None => {
                    if let Some((name, _)) = name {
                        let sentence = format!("{{{name}}} is not replaced, since [vars] has no {name:?}");
                        warnings.report(entry.line, sentence);
                    }
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        (filled.len() <= most).then_some(filled)
    }

    /// Warns of entries that no reply uses, once all replies are filled in.
    pub(crate) fn warn_of_unused(&self, warnings: &mut Faults) {
        for (name, (_, line, used)) in &self.values {
            if !used {
                warnings.report(*line, format!("no reply uses {{{name}}}"));
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && split_name(text).1.is_empty()
}

/// The name that a text begins with, perhaps an empty one, and the rest.
pub(crate) fn split_name(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|char: char| !char.is_alphanumeric() && !"-_".contains(char)).unwrap_or(text.len()),
    )
}
