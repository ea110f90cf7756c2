//! `replyd guide [TOPIC]`: the chapters of the guide, with a pager on a terminal.

use std::{
    io::{IsTerminal, Write, stdout},
    process::{Command, Stdio},
};

use replyd::guide::CHAPTERS;

use crate::{failure::Failure, output};

/// For a shell. `less` quits at once if the text fits on the screen; an empty PAGER asks for none.
const PAGER: &str = "pager=${PAGER-less}; export LESS=\"${LESS-FRX}\"; exec ${pager:-cat}";
/// Exit code of a shell that does not find the program.
const NOT_FOUND: i32 = 127;

/// Shows a chapter, or the list of all.
pub(crate) fn guide(topic: Option<&str>) -> Result<(), Failure> {
    let Some(topic) = topic else { return output::print(contents()) };
    let text = CHAPTERS.iter().find(|(name, _)| *name == topic).map_or("", |(_, text)| text.trim_end());
    if stdout().is_terminal() && is_shown_by_pager(text) { Ok(()) } else { output::print(text) }
}

fn contents() -> String {
    let subject = |text: &'static str| Some(text.lines().next()?.split_once(": ")?.1);
    let lines =
        CHAPTERS.iter().map(|(name, text)| format!("{name:12}  {}", subject(text).unwrap_or_default()));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_shown_by_pager(text: &str) -> bool {
    // Ctrl-C is for the pager.
    let _ = ctrlc::set_handler(|| {});
    let pager = Command::new("sh").args(["-c", PAGER]).stdin(Stdio::piped()).spawn();
    let Ok(mut pager) = pager else { return false };
    // Fails if the reader quits before the end.
    let _ = pager.stdin.take().map(|mut input| input.write_all(text.as_bytes()));
    pager.wait().is_ok_and(|status| status.code() != Some(NOT_FOUND))
}
