//! Faults about the names of settings: unknown ones, and those that are there twice.

use std::collections::{HashMap, HashSet};

use crate::ini::{self, Entry, Fault, Faults, Section};

pub(super) fn fault_duplicates(section: &Section, faults: &mut Faults) {
    let mut lines = HashMap::new();
    for Entry { name, line, .. } in &section.entries {
        let first = *lines.entry(name).or_insert(*line);
        if first != *line {
            let sentence = format!("{:?} is already at line {first}; remove one of them", shown_name(name));
            faults.push(Fault::new(*line, sentence));
        }
    }
}

/// The part of an unknown name that an error may show: with a ':' in place of the '=', the rest may be a
/// secret.
pub(super) fn shown_name(name: &str) -> &str {
    let end = name.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(name.len());
    &name[..end]
}

/// `; did you mean "..."?` where a known name is near, else the known names.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    let known: Vec<&str> = known.into_iter().filter(|name| seen.insert(*name)).collect();
    match ini::nearest(name, known.iter().copied()) {
        Some(candidate) => format!("; did you mean {candidate:?}?"),
        None => format!("; there are {}", known.join(", ")),
    }
}
