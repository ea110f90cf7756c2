//! The `replyd` command: the server, its console client, and their tools.

mod args;
mod ask;
mod chat;
mod escape;
mod failure;
mod input;
mod key;
mod log_writer;
mod reload;
mod serve;
mod settings;
mod terminal;
#[cfg(feature = "jwt")]
mod token;
mod unanswered;

use std::process::ExitCode;

use clap::Parser;

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
        Some(Command::Check(args)) => ask::check(&args),
        Some(Command::Unanswered(args)) => ask::unanswered(&args),
        Some(Command::Key { command: KeyCommand::New { name } }) => key::new(&name),
        #[cfg(feature = "jwt")]
        Some(Command::Token { command }) => token::run(command),
    }
}
