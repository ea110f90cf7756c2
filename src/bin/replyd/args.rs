//! The command line. It only parses; `main` acts on the result.

use std::path::PathBuf;

use clap::{Parser, Subcommand, builder::PossibleValuesParser};
use replyd::guide::CHAPTERS;

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
/// Without a command, it serves. It reads config.ini in the current folder; without that file, it serves built-in replies on
/// ws://127.0.0.1:5000.
#[derive(Debug, Parser)]
#[command(version = VERSION, args_conflicts_with_subcommands = true, after_long_help = MANUAL)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGINT or SIGTERM (the default).
    Serve(ServeArgs),
    /// Chat with a server from the console.
    ///
    /// On a terminal it prompts; 'exit' or Ctrl-D leaves, and a number sends one of the questions that the answer above it
    /// offers. Otherwise each line of input is a message and each answer is printed; the greeting and offered questions go
    /// to stderr.
    Chat(ChatArgs),
    /// Print the answer to a message, without a server.
    Ask(AskArgs),
    /// Check the configuration and the replies, and run the [tests].
    ///
    /// Also warns about what does not work as it looks, and tries the tests with typos. The exit code is 0 if all is well, 1 if
    /// a test fails, 2 if the configuration has mistakes.
    Check(CheckArgs),
    /// Print the messages that no reply answers, most frequent first, as lines for [replies].
    ///
    /// Then come those that are answered by a guess (a corrected typo, or the nearest sentence), as lines for [tests]. A guess
    /// is confirmed, and no longer printed, once its line is there.
    Unanswered(FileArgs),
    /// Show how often each reply was given, by day and by hour.
    ///
    /// Needs statistics_file under [bot]. Days and hours are those of this machine's time zone.
    Statistics(StatisticsArgs),
    /// Make keys for clients.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Write everything a new server needs into a folder.
    ///
    /// That is a configuration with a new key, a first set of answers, a systemd unit, and snippets for nginx, Caddy and
    /// HAProxy. Existing files are not overwritten.
    Init {
        /// The folder; created if it does not exist.
        folder: PathBuf,
    },
    /// Show a chapter of the guide, or list the chapters.
    ///
    /// On a terminal, PAGER shows it, or 'less' if PAGER is not set.
    Guide {
        /// The chapter.
        #[arg(value_parser = PossibleValuesParser::new(CHAPTERS.iter().map(|(name, _)| *name)))]
        topic: Option<String>,
    },
    /// Print a completion script for a shell.
    Completions { shell: clap_complete::Shell },
    /// Write the manual pages into a folder.
    ///
    /// There is one for the program and one for each command. Pages of an older version are replaced.
    Man {
        /// The folder, such as /usr/local/share/man/man1; created if it does not exist.
        folder: PathBuf,
    },
    /// Make and check access tokens.
    #[cfg(feature = "jwt")]
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// Configuration file [default: config.ini if it exists, otherwise built-in replies].
    #[arg(long, value_name = "FILE", env = "REPLYD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Address and port to listen on; overrides the file.
    #[arg(long, value_name = "ADDRESS:PORT", env = "REPLYD_LISTEN")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// List the tests that pass only because their own sentence is in [tests].
    #[arg(long)]
    pub(crate) unproven: bool,
    /// Only say whether a running server would accept the files. Failing tests count, but neither warnings nor offers that fail.
    #[arg(long, conflicts_with = "unproven")]
    pub(crate) reload: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StatisticsArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// How far back, with a unit: h or d; at most 365d. Months of which only sums are left count as a whole.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub(crate) since: String,
    /// Print everything as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Explain the answer: the message as it is compared, the phrase that won with its line, and the next two.
    #[arg(long)]
    pub(crate) why: bool,
    /// The message; if left out, each line of input is one.
    pub(crate) text: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct ChatArgs {
    /// Address of the server; 'HOST:PORT' means 'ws://HOST:PORT'.
    #[arg(default_value = "ws://127.0.0.1:5000")]
    pub(crate) url: String,
    /// Key or token for the server; safer in REPLYD_KEY, since other users can see command lines.
    #[arg(long, env = "REPLYD_KEY", hide_env_values = true, allow_hyphen_values = true)]
    pub(crate) key: Option<String>,
    /// Additional request header; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// PEM file with the certificate to trust for wss://, instead of those of the system: an authority's, or the server's
    /// own.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Send this message instead of the input, print its answer and exit; may be repeated.
    #[arg(short, long = "message", value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) messages: Vec<String>,
}

/// Commands for tokens.
#[cfg(feature = "jwt")]
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Print a token signed with the secret in jwt_secret_file.
    New {
        #[command(flatten)]
        file: FileArgs,
        /// Name that the server's log shows for the client.
        #[arg(long)]
        name: String,
        /// Lifetime, with a unit: s, m, h or d; at most a year.
        #[arg(long, value_name = "TIME")]
        ttl: String,
    },
    /// Report whether a server with this configuration accepts a token: its name and end, or why not.
    Check {
        #[command(flatten)]
        file: FileArgs,
        /// The token; safer as a line of input, since other users can see command lines.
        token: Option<String>,
    },
}

/// Without the token, which is a secret.
#[cfg(feature = "jwt")]
impl std::fmt::Debug for TokenCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenCommand")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Print a new random key, once, and the section that makes a server accept it.
    New {
        /// Name that the server's log shows for the client.
        name: String,
        /// Make an owner's key, which opens the page at /owner and nothing else.
        #[arg(long)]
        owner: bool,
    },
}

/// Without the key and the headers, which may hold one.
impl std::fmt::Debug for ChatArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatArgs").field("messages", &self.messages).finish_non_exhaustive()
    }
}
