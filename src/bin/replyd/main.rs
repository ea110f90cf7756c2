//! The `replyd` command: the server, its console client, and their tools.

mod args;
mod chat;
mod escape;
mod failure;
mod input;
mod key;
mod log_writer;
mod serve;
mod terminal;

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
        Some(Command::Key { command: KeyCommand::New { name } }) => key::new(&name),
    }
}
