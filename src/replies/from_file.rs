//! Makes a table of the sections of a file.

use super::{
    builder::Builder,
    table::{HeaderLines, ReplyTable, places::Places},
};
use crate::ini::{self, Entry, Faults, Section};

/// The sections of a file that make up a table.
pub(crate) const SECTIONS: [&str; 4] = ["replies", "smalltalk", "vars", "tests"];

/// The article's replies.
const BUILT_IN: &str = "[replies]
help = Sure, I am here to help. Can you briefly describe the problem.
hi = Hi, how can I help you today?
hello = Hi, how can I help you today?
unknown = Sorry, I am unable to understand you.";

/// Reads a text as far as it is valid, and returns the table with the faults. A whole file must have a
/// section `[replies]`. The text may be large, and is dropped before the table is built.
pub(crate) fn read(text: String, name: &str, is_whole_file: bool) -> (ReplyTable, Faults) {
    let is_empty = text.trim().is_empty();
    let (mut sections, mut faults) = ini::parse(&text);
    drop(text);
    let (table, found) = from_file(&mut sections, name);
    faults.append(found);
    if is_whole_file && !sections.iter().any(|section| section.name == "replies") {
        let what =
            if is_empty { "this file is empty" } else { "there is no [replies] in this file of replies" };
        faults.report(1, what);
    }
    (table, faults)
}

/// Builds the table from a file of replies, in which any other section is a fault.
fn from_file(sections: &mut [Section], name: &str) -> (ReplyTable, Faults) {
    let (table, mut faults) = from_sections(sections, name);
    for section in sections.iter().filter(|section| !SECTIONS.contains(&&*section.name)) {
        let hint = match ini::nearest_section(&section.name, SECTIONS.into_iter()) {
            Some(near) => format!("did you mean [{near}]?"),
            None => format!("its sections are {}", SECTIONS.join(", ")),
        };
        let sentence = format!("[{}] is not a section of a file of replies; {hint}", section.name);
        faults.report(section.line, sentence);
    }
    (table, faults)
}

/// Builds the table from the entries of those of `sections` that belong to it, which it removes, and ignores
/// the others.
pub(crate) fn from_sections(sections: &mut [Section], name: &str) -> (ReplyTable, Faults) {
    let header_lines = header_lines(sections);
    let mut entries = |name: &str| {
        let section = sections.iter_mut().find(|section| section.name == name)?;
        Some(std::mem::take(&mut section.entries))
    };
    let [replies, smalltalk, vars, tests] = SECTIONS.map(&mut entries);
    let [smalltalk, vars, tests] = [smalltalk, vars, tests].map(Option::unwrap_or_default);
    let built_in = built_in();

    let mut builder = Builder::new(Places::File(name.to_owned()), &built_in, header_lines, &vars);
    // The built-in replies are never mixed into an owner's file; `unknown` aside, which there must be.
    builder.add(replies.unwrap_or(if smalltalk.is_empty() { built_in } else { Vec::new() }), true);
    builder.add(smalltalk, false);
    builder.finish(&vars, tests)
}

fn header_lines(sections: &[Section]) -> HeaderLines {
    let line = |name: &str| sections.iter().find(|section| section.name == name).map(|section| section.line);
    let replies = line("replies").or(line("smalltalk")).unwrap_or_default();
    HeaderLines { replies, tests: line("tests").unwrap_or(replies) }
}

/// The built-in replies, which have no line.
pub(crate) fn built_in() -> Vec<Entry> {
    let entries = ini::parse(BUILT_IN).0.into_iter().flat_map(|section| section.entries);
    entries.map(|entry| entry.without_line()).collect()
}
