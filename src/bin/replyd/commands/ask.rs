//! `replyd ask`, which answers without a server.

use std::io::stdin;

use crate::{
    args::AskArgs,
    escape::Escaped,
    failure::Failure,
    input,
    output::{print, print_answer},
    settings,
};

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
