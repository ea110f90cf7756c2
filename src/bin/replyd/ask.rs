//! The commands that ask the replies without a server: `ask` and `unanswered`.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write, stdin, stdout},
    path::Path,
};

use replyd::{Config, Loaded};

use crate::{
    args::{AskArgs, FileArgs},
    escape::unescaped,
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
        if args.why { print(replies.explain(text)) } else { print(replies.answer(text)) }
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
        let hint = near
            .map(|near| format!("; near {:?} ({}), perhaps another alternative of it", near.key, near.place));
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
    last: String,
}

fn groups(file: &Path, config: &Config) -> Result<Vec<Group>, Failure> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    let files = [unanswered::rotated(file), file.to_owned()];
    for line in files.iter().map(|file| read_if_there(file)).collect::<Result<Vec<_>, _>>()?.concat().lines()
    {
        let Some((time, message)) = line.split_once(' ') else { continue };
        let message = config.replies.explain(&unescaped(message));
        if message.winner.key == UNKNOWN && is_key(&message.normalised) {
            let message = message.normalised;
            let date = time.split('T').next().unwrap_or(time).to_owned();
            let group =
                groups.entry(message.clone()).or_insert(Group { message, count: 0, last: String::new() });
            group.count += 1;
            group.last = date.max(std::mem::take(&mut group.last));
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by(|one, other| {
        (other.count, &other.last, &one.message).cmp(&(one.count, &one.last, &other.message))
    });
    Ok(groups)
}

/// Whether a message can stand before a '='.
fn is_key(message: &str) -> bool {
    !message.is_empty() && message != UNKNOWN && !message.contains(['=', '|', '&', '*', '[', '#', ';', '\\'])
}

fn read_if_there(file: &Path) -> Result<String, Failure> {
    match fs::read(file) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::new(format!("{}: cannot read this file: {error}", file.display()))),
    }
}

pub(crate) fn print(line: impl std::fmt::Display) -> Result<(), Failure> {
    match writeln!(stdout(), "{line}") {
        // Whoever reads it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.map_err(|error| Failure::new(format!("cannot write: {error}"))),
    }
}
