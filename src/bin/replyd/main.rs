//! The `replyd` program: the server, its console client, and tools for their files.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod chat;
mod clock;
mod commands;
mod console;
mod lock;
mod owner;
mod records;
mod serve;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use commands::Command;
use serve::ServeArgs;

/// The version, with the commit that it was built from if that is known.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("REPLYD_COMMIT"));

/// The end of `--help`, after the commands.
const MANUAL: &str = "\
Files:
  config.ini      settings, keys and replies. '--config FILE' after the
                  command, or REPLYD_CONFIG, names another file. A running
                  server reloads it when it is saved; if it has mistakes,
                  the log reports them and nothing changes.

Environment:
  REPLYD_CONFIG   the configuration file
  REPLYD_LISTEN   address and port; overrides the file
  REPLYD_KEY      the key or token for 'replyd chat'
  RUST_LOG        log level, such as 'debug'; overrides the file
  NO_COLOR        if set, no colors on a terminal

Signals:
  SIGINT, SIGTERM stop: each conversation ends with Close 1001. A second
                  signal exits at once, with exit code 130
  SIGHUP          without a terminal, read the files at once; with a
                  terminal, stop as above; under nohup, ignored

Exit codes:
  0 success, 1 failure, 2 wrong usage or configuration, 130 second signal

Examples:
  replyd                              serve on ws://127.0.0.1:5000, with a
                                      chat page at http://127.0.0.1:5000
  replyd chat                         chat with it
  echo 'i need help' | replyd chat    ask one question
  replyd init /etc/replyd             write a commented configuration
  replyd ask --why 'are you open'     see which phrase answers, and why";

/// Answers chat messages over WebSocket from a text file of replies.
///
/// Without a command, it serves. It reads config.ini in the current folder; without that file, it serves
/// built-in replies on ws://127.0.0.1:5000.
#[derive(Parser)]
#[command(version = VERSION, args_conflicts_with_subcommands = true, after_long_help = MANUAL)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    let CommandLine { command, serve } = CommandLine::parse();
    match command.unwrap_or(Command::Serve(serve)).run(CommandLine::command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
