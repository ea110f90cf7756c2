//! The `replyd` program: the server, its console client, and tools for their files.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod address_space;
mod args;
mod ask;
mod chat;
mod check;
mod clock;
mod escape;
mod failure;
mod guide;
mod init;
mod input;
mod keeper;
mod kept_file;
mod key;
mod log_writer;
mod man;
mod offers;
mod output;
mod owner;
mod pipe;
mod reload;
mod screen;
mod serve;
mod settings;
mod signals;
mod statistics;
mod terminal;
#[cfg(feature = "jwt")]
mod token;
mod unanswered;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;

use args::{Args, Command, KeyCommand};
use failure::Failure;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        None => serve::serve(&args.serve),
        Some(Command::Serve(args)) => serve::serve(&args),
        Some(Command::Chat(args)) => chat::chat(args),
        Some(Command::Ask(args)) => ask::ask(args),
        Some(Command::Check(args)) => check::check(&args),
        Some(Command::Statistics(args)) => statistics::statistics(&args),
        Some(Command::Unanswered(args)) => unanswered::unanswered(&args),
        Some(Command::Key { command: KeyCommand::New { name, owner } }) => key::new(&name, owner),
        Some(Command::Init { folder }) => init::init(&folder),
        Some(Command::Guide { topic }) => guide::guide(topic.as_deref()),
        Some(Command::Completions { shell }) => completions(shell),
        Some(Command::Man { folder }) => man::man(Args::command(), &folder),
        #[cfg(feature = "jwt")]
        Some(Command::Token { command }) => token::run(command),
    }
}

fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "replyd", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())
}
