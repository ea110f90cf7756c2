//! The commands. Each is a file with its arguments, its help and what it does, and a line in both lists here.

mod ask;
mod check;
mod completions;
mod guide;
mod init;
mod key;
mod man;
mod statistics;
#[cfg(feature = "jwt")]
mod token;
mod unanswered;

use clap::Subcommand;

use crate::{chat::ChatArgs, console::Failure, serve::ServeArgs};

/// What the command line asks for, in the order of `--help`.
#[derive(Subcommand)]
pub(crate) enum Command {
    Serve(ServeArgs),
    Chat(ChatArgs),
    Ask(ask::AskArgs),
    Check(check::CheckArgs),
    Unanswered(unanswered::UnansweredArgs),
    Statistics(statistics::StatisticsArgs),
    Key(key::KeyArgs),
    Init(init::InitArgs),
    Guide(guide::GuideArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    #[cfg(feature = "jwt")]
    Token(token::TokenArgs),
}

impl Command {
    /// Runs the command. `program` is the definition of the whole command line.
    pub(crate) fn run(self, program: clap::Command) -> Result<(), Failure> {
        match self {
            Command::Serve(command) => command.run(),
            Command::Chat(command) => command.run(),
            Command::Ask(command) => command.run(),
            Command::Check(command) => command.run(),
            Command::Unanswered(command) => command.run(),
            Command::Statistics(command) => command.run(),
            Command::Key(command) => command.run(),
            Command::Init(command) => command.run(),
            Command::Guide(command) => command.run(),
            Command::Completions(command) => command.run(program),
            Command::Man(command) => command.run(program),
            #[cfg(feature = "jwt")]
            Command::Token(command) => command.run(),
        }
    }
}
