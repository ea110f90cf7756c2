//! The commands that ask the replies without a server: `ask` and `unanswered`.

use std::{
    collections::HashMap,
    io::{self, Write, stdin, stdout},
    path::Path,
};

use jiff::civil::Date;
use replyd::{Config, Loaded};

use crate::{
    args::{AskArgs, FileArgs},
    escape::{Escaped, unescaped},
    failure::Failure,
    input, settings, unanswered,
};

/// The key of the reply to what no other answers.
const UNKNOWN: &str = "unknown";
/// For how many pairs of a message and a reply it is looked whether they are near.
const MANY: usize = 100_000;

/// Prints the answer to a text, or to each line of the input.
pub(crate) fn ask(args: AskArgs) -> Result<(), Failure> {
    let config = settings::read(args.file.config.as_deref())?.config;
    let answer = |text: &str| {
        let replies = &config.replies;
        if args.why { print(Escaped::for_screen(replies.explain(text))) } else { print(replies.answer(text)) }
    };
    if !args.text.is_empty() {
        return answer(&args.text.join(" "));
    }
    input::lines(stdin().lock()).try_for_each(|line| answer(&line?))
}

/// Prints the messages that are still unanswered as lines for `[replies]`, the most frequent first.
pub(crate) fn unanswered(args: &FileArgs) -> Result<(), Failure> {
    let Loaded { config, sources, .. } = settings::read(args.config.as_deref())?;
    let Some(file) = &sources.unanswered_file else {
        return Err(Failure::usage(
            "no messages are kept; write 'unanswered_file = unanswered.txt' under [bot]",
        ));
    };
    for (index, group) in groups(file, &config)?.iter().enumerate() {
        let times = if group.count == 1 { "once" } else { &format!("{} times", group.count) };
        // To look for what is near takes long among many.
        let near =
            (index * config.replies.len() < MANY).then(|| config.replies.nearest(&group.message)).flatten();
        let hint = near.map(|near| {
            format!("; near {:?} ({}), perhaps another alternative of it", near.phrase, near.place)
        });
        print(format_args!("# {times}, last on {}{}", group.last, hint.unwrap_or_default()))?;
        print(format_args!("{} =", group.message))?;
    }
    Ok(())
}

/// The same message, however it was written.
struct Group {
    /// In the form in which keys are compared: nothing in it means anything else in the file.
    message: String,
    count: usize,
    last: Date,
}

fn groups(file: &Path, config: &Config) -> Result<Vec<Group>, Failure> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    let real = unanswered::real(file);
    let files = [unanswered::rotated(&real), real];
    // The last line of a file may have been cut off.
    let kept = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?.join("\n");
    for line in kept.lines() {
        let Some((date, message)) = line.split_once('T') else { continue };
        let Some((_, message)) = message.split_once(' ') else { continue };
        // Somebody else may have written into the file.
        let Ok(date) = date.parse::<Date>() else { continue };
        let message = config.replies.explain(&unescaped(message));
        if message.winner.phrase == UNKNOWN && is_phrase(&message.normalised) {
            let message = message.normalised;
            let group = groups.entry(message.clone()).or_insert(Group { message, count: 0, last: date });
            group.count += 1;
            group.last = group.last.max(date);
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|one, other| {
        (other.count, other.last, &one.message).cmp(&(one.count, one.last, &other.message))
    });
    Ok(groups)
}

/// Whether a message can stand before a '=', and holds nothing that a terminal would act on.
fn is_phrase(message: &str) -> bool {
    !message.is_empty()
        && message != UNKNOWN
        && !message.contains(['=', '|', '&', '*', '[', '#', ';', '\\'])
        && Escaped::for_log(message).to_string() == message
}

fn read(file: &Path) -> Result<String, Failure> {
    unanswered::read(file).map_err(|error| {
        Failure::new(format!("cannot read unanswered messages in {}: {error}", file.display()))
    })
}

pub(crate) fn print(line: impl std::fmt::Display) -> Result<(), Failure> {
    match writeln!(stdout(), "{line}") {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.map_err(|error| Failure::new(format!("cannot write: {error}"))),
    }
}
