//! `replyd ask` and `replyd unanswered`, which look up replies without a server.

use std::{collections::HashMap, io::stdin, path::Path};

use jiff::civil::Date;
use replyd::{Config, Loaded};

use crate::{
    args::{AskArgs, FileArgs},
    escape::{Escaped, unescaped},
    failure::Failure,
    input,
    output::{print, print_answer},
    settings, unanswered,
};

/// The phrase of the fallback reply.
const UNKNOWN: &str = "unknown";
/// Number of pairs of a message and a reply that are compared for hints; comparing takes most of the time.
const MAX_COMPARED_PAIRS: usize = 100_000;

/// Prints the answer to the message on the command line, or to each line of the input.
pub(crate) fn ask(args: AskArgs) -> Result<(), Failure> {
    let config = settings::read(args.file.config.as_deref())?.config;
    let replies = &config.replies;
    let explain = |text: &str| print(Escaped::for_screen(replies.explain(text)));
    if !args.text.is_empty() {
        let text = args.text.join(" ");
        return if args.why { explain(&text) } else { print(replies.answer(&text).text()) };
    }
    input::lines(stdin().lock()).try_for_each(|line| {
        let text = line?;
        if args.why { explain(&text) } else { print_answer(&replies.answer(&text).text()) }
    })
}

/// Prints the messages that no reply answers yet as lines for `[replies]`, the most frequent first.
pub(crate) fn unanswered(args: &FileArgs) -> Result<(), Failure> {
    let Loaded { config, sources, .. } = settings::read(args.config.as_deref())?;
    let Some(file) = &sources.unanswered_file else {
        return Err(Failure::usage(
            "unanswered messages are not kept; to keep them, write 'unanswered_file = unanswered.txt' under [bot]",
        ));
    };
    for (index, group) in groups(file, &config)?.iter().enumerate() {
        let times = if group.count == 1 { "once" } else { &format!("{} times", group.count) };
        let near = (index * config.replies.len() < MAX_COMPARED_PAIRS)
            .then(|| config.replies.nearest(&group.message))
            .flatten();
        let hint = near.map(|near| {
            format!("; similar to {:?} ({}): perhaps add it there after a '|'", near.phrase, near.place)
        });
        print(format_args!("# {times}, last on {}{}", group.last, hint.unwrap_or_default()))?;
        print(format_args!("{} =", group.message))?;
    }
    Ok(())
}

/// Messages that are the same once case, accents and punctuation are ignored.
struct Group {
    /// The form in which phrases are compared, which has none of the signs of the file's grammar.
    message: String,
    count: usize,
    last: Date,
}

/// The kept messages that no reply answers now, most frequent first. Earlier ones may have got a reply since.
fn groups(file: &Path, config: &Config) -> Result<Vec<Group>, Failure> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    let real = unanswered::real(file);
    let files = [unanswered::rotated(&real), real];
    // The last line may lack its line break after a crash, so the files are joined with one.
    let kept = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?.join("\n");
    for line in kept.lines() {
        let Some((date, message)) = line.split_once('T') else { continue };
        let Some((_, message)) = message.split_once(' ') else { continue };
        // Other programs, or an editor, may have written to the file.
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

/// Whether a message can be printed as a phrase: without signs of the file's grammar, and without control characters.
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
