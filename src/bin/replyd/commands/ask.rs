//! `replyd ask`, which answers without a server.

use std::io::stdin;

use crate::console::{Escaped, Failure, FileArgs, input_lines, print, print_answer};

/// Print the answer to a message, without a server.
#[derive(clap::Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Explain the answer: the message as it is compared, the phrase that won with its line, and the next
    /// two.
    #[arg(long)]
    why: bool,
    /// The message; if left out, each line of input is one.
    text: Vec<String>,
}

impl AskArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let replies = self.file.load()?.config.replies;
        let explain = |text: &str| print(Escaped::for_screen(replies.explain(text)));
        if !self.text.is_empty() {
            let text = self.text.join(" ");
            return if self.why { explain(&text) } else { print(replies.answer(&text).text()) };
        }
        input_lines(stdin().lock()).try_for_each(|line| {
            let text = line?;
            if self.why { explain(&text) } else { print_answer(&replies.answer(&text).text()) }
        })
    }
}
