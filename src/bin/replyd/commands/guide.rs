//! `replyd guide [TOPIC]`: the chapters of the guide, with a pager on a terminal.

use std::{
    io::{IsTerminal, Write, stdout},
    process::{Command, Stdio},
};

use clap::builder::PossibleValuesParser;
use replyd::guide::CHAPTERS;

use crate::console::{Failure, print};

/// For a shell. `less` quits at once if the text fits on the screen; an empty PAGER asks for none.
const PAGER: &str = "pager=${PAGER-less}; export LESS=\"${LESS-FRX}\"; exec ${pager:-cat}";
/// Exit code of a shell that does not find the program.
const NOT_FOUND: i32 = 127;

/// Show a chapter of the guide, or list the chapters.
///
/// On a terminal, PAGER shows it, or 'less' if PAGER is not set.
#[derive(clap::Args)]
pub(crate) struct GuideArgs {
    /// The chapter.
    #[arg(value_parser = PossibleValuesParser::new(CHAPTERS.iter().map(|(name, _)| *name)))]
    topic: Option<String>,
}

impl GuideArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Some(topic) = self.topic else { return print(contents()) };
        let text = CHAPTERS.iter().find(|(name, _)| *name == topic).map_or("", |(_, text)| text.trim_end());
        if stdout().is_terminal() && is_shown_by_pager(text) { Ok(()) } else { print(text) }
    }
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
