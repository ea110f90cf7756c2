//! The messages that no phrase answers: a server keeps them, and `replyd unanswered` prints them as lines to paste.
//!
//! Some got `unknown`, and some a *guess*: a reply that was found once a typo was corrected, or by the nearest example.

pub(crate) mod file;
mod groups;
mod kept;

use std::path::Path;

use replyd::{Loaded, Replies};

use crate::{args::FileArgs, escape::Escaped, failure::Failure, output::print, settings};
pub(crate) use groups::{Group, Groups, UNKNOWN, is_phrase, is_sentence};
pub(crate) use kept::Kept;

/// Number of pairs of letters that are compared for hints; comparing takes most of the time.
const HINT_STEPS: u64 = 100_000_000;
const GUESSES: &str = "# Answered by a guess; lines for [tests]. Paste what is right; for what is wrong, add a phrase to the reply \
    that should answer.";

/// Prints the messages that no reply answers yet as lines for `[replies]`, and the guesses as lines for `[tests]`, the most
/// frequent first.
pub(crate) fn unanswered(args: &FileArgs) -> Result<(), Failure> {
    let Loaded { config, files: sources, .. } = settings::read(args.config.as_deref())?;
    let Some(file) = &sources.unanswered_file else {
        return Err(Failure::usage(
            "unanswered messages are not kept; to keep them, write 'unanswered_file = unanswered.txt' under [bot]",
        ));
    };
    let groups = Groups::of(&read(file)?, &config.replies).open(&config.replies);
    print_unanswered(&groups.unanswered, &config.replies)?;
    print_guesses(&groups.guesses, &config.replies)
}

fn read(file: &Path) -> Result<String, Failure> {
    file::read(file).map_err(|error| {
        Failure::new(format!("cannot read unanswered messages in {}: {error}", file.display()))
    })
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
    for (index, guess) in guesses.iter().enumerate() {
        if index == 0 {
            print(GUESSES)?;
        }
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
