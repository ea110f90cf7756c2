//! `replyd guide [TOPIC]`: the chapters of the guide, with a pager on a terminal.

use std::{
    env,
    io::{IsTerminal, Write, stdout},
    process::{Command, Stdio},
};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use replyd::guide::CHAPTERS;

use crate::{failure::Failure, output};

/// Exit code of a shell that does not find the program.
const NOT_FOUND: i32 = 127;

/// Shows a chapter, or the list of all.
pub(crate) fn guide(chapter: Option<&str>) -> Result<(), Failure> {
    match chapter.map(str::trim_end) {
        Some(text) if stdout().is_terminal() && is_shown_by_pager(text) => Ok(()),
        Some(text) => output::print(text),
        None => output::print(contents()),
    }
}

/// Reads the name of a chapter; its value is the text.
pub(crate) fn chapter() -> impl TypedValueParser<Value = &'static str> {
    let names = CHAPTERS.iter().map(|(name, text)| PossibleValue::new(*name).help(subject(text)));
    PossibleValuesParser::new(names)
        .map(|name| CHAPTERS.iter().find(|chapter| chapter.0 == name).map_or("", |(_, text)| *text))
}

fn contents() -> String {
    let lines = CHAPTERS.iter().map(|(name, text)| format!("replyd guide {name:12}  {}", subject(text)));
    lines.collect::<Vec<_>>().join("\n")
}

/// What follows the name in the title of a chapter.
fn subject(text: &'static str) -> &'static str {
    text.lines().next().and_then(|title| title.split_once(": ")).map_or("", |(_, subject)| subject)
}

/// Whether `PAGER`, or else `less`, has shown the text.
fn is_shown_by_pager(text: &str) -> bool {
    let pager = env::var_os("PAGER").unwrap_or_else(|| "less".into());
    // An empty PAGER asks for none.
    if pager.is_empty() {
        return false;
    }
    let mut command = Command::new("sh");
    command.arg("-c").arg(pager).stdin(Stdio::piped());
    // Quits at once if the text fits on the screen, and leaves it there.
    if env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    // Ctrl-C is for the pager.
    let _ = ctrlc::set_handler(|| {});
    let Ok(mut pager) = command.spawn() else { return false };
    // Fails if the reader quits before the end.
    let _ = pager.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
    pager.wait().is_ok_and(|status| status.code() != Some(NOT_FOUND))
}
