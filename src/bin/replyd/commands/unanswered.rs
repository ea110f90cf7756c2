//! `replyd unanswered`: prints the messages that no phrase answers as lines to paste.

use replyd::{Loaded, Replies};

use crate::{
    console::{Escaped, Failure, FileArgs, print},
    records::unanswered::{Group, Groups, NOT_KEPT},
};

/// Number of pairs of letters that are compared for hints; comparing takes most of the time.
const HINT_STEPS: u64 = 100_000_000;
const GUESSES: &str = "# Answered by a guess; lines for [tests]. Paste what is right; for what is wrong, add a phrase to the reply \
    that should answer.";

/// Print the messages that no reply answers, most frequent first, as lines for [replies].
///
/// Then come those that are answered by a guess (a corrected typo, or the nearest sentence), as lines for
/// [tests]. A guess is confirmed, and no longer printed, once its line is there.
#[derive(clap::Args)]
pub(crate) struct UnansweredArgs {
    #[command(flatten)]
    file: FileArgs,
}

impl UnansweredArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let Loaded { config, files: sources, .. } = self.file.load()?;
        let Some(file) = &sources.unanswered_file else { return Err(Failure::usage(NOT_KEPT)) };
        let groups = Groups::read(file, &config.replies).map_err(Failure::new)?;
        print_unanswered(&groups.unanswered, &config.replies)?;
        print_guesses(&groups.guesses, &config.replies)
    }
}

fn print_unanswered(groups: &[Group], replies: &Replies) -> Result<(), Failure> {
    let mut steps = HINT_STEPS;
    for group in groups {
        let near = replies.similar_phrase(&group.sentence, &mut steps);
        let hint = near.map(|near| {
            format!("; similar to {:?} ({}): perhaps add it there after a '|'", near.phrase, near.place)
        });
        print(format_args!("{}{}", comment(group), hint.unwrap_or_default()))?;
        print(format_args!("{} =", group.sentence))?;
    }
    Ok(())
}

/// Prints the guesses that the owner has not confirmed.
fn print_guesses(guesses: &[Group], replies: &Replies) -> Result<(), Failure> {
    if !guesses.is_empty() {
        print(GUESSES)?;
    }
    for guess in guesses {
        let answer = replies.answer(&guess.sentence);
        print(comment(guess))?;
        print(format_args!("{} = {}", guess.sentence, Escaped::for_screen(answer.phrase)))?;
    }
    Ok(())
}

fn comment(group: &Group) -> String {
    let times = if group.count == 1 { "once" } else { &format!("{} times", group.count) };
    let notes: String = group.notes.iter().map(|note| format!("; {note}")).collect();
    format!("# {times}, last on {}{notes}", group.last)
}
