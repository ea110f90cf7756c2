//! The command line. Parses, and does nothing.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// With the commit it was built from, where that is known.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("REPLYD_COMMIT"));

/// What `--help` has behind the commands.
const MANUAL: &str = "\
Files:
  config.ini      settings, keys and replies; '--config FILE' behind the
                  command, or REPLYD_CONFIG, names another one. Saving is
                  reloading: a running server takes what is good, and says
                  why not otherwise.

Environment:
  REPLYD_CONFIG   the file of settings
  REPLYD_LISTEN   address and port; beats the file
  REPLYD_KEY      the key or token of 'replyd chat'
  RUST_LOG        what is logged, such as 'debug'; beats the file
  NO_COLOR        no colors on a terminal

Signals:
  SIGINT, SIGTERM end each conversation with Close 1001; a second one ends
                  at once, with exit code 130
  SIGHUP          reads the files at once; where the server has a terminal,
                  stops it as above; under nohup it is ignored

Exit codes:
  0 fine, 1 it failed, 2 wrong usage or configuration, 130 second signal

Examples:
  replyd                              serve on ws://127.0.0.1:5000, with a
                                      chat page at http://127.0.0.1:5000
  replyd chat                         chat with it
  echo 'i need help' | replyd chat    ask one question
  replyd init /etc/replyd             begin with files that explain themselves
  replyd ask --why 'are you open'     see which key answers, and why";

/// Answers people's chat over WebSocket from a text file of replies.
///
/// Without a command it serves: replyd reads config.ini in the current folder if there is one, and listens on
/// ws://127.0.0.1:5000 otherwise.
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
    /// Serve, until SIGINT or SIGTERM (the default).
    Serve(ServeArgs),
    /// Chat with a server from the console.
    ///
    /// On a terminal it prompts, and 'exit' or Ctrl-D leaves. Otherwise each line of the input is a message, and each
    /// answer a line of the output; the greeting goes to stderr.
    Chat(ChatArgs),
    /// Print what would be answered, without any server.
    Ask(AskArgs),
    /// Read the settings and the replies, warn of what works otherwise than it looks, and run the [tests].
    ///
    /// Exit code 0 when all is well, 1 when a test fails, 2 when the file has mistakes.
    Check(FileArgs),
    /// Print the messages that no reply answers, the most frequent first, as lines for [replies].
    Unanswered(FileArgs),
    /// Make keys that open a server.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Write everything that a new server needs into a folder: a configuration with a fresh key, answers to begin with, a
    /// systemd unit, and snippets for nginx, Caddy and HAProxy. Nothing that is there is overwritten.
    Init {
        /// The folder; it is made if it is not there.
        folder: PathBuf,
    },
    /// Print a script that completes this command line, for a shell.
    Completions { shell: clap_complete::Shell },
    /// Make and check temporary secrets.
    #[cfg(feature = "jwt")]
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// The file of settings [default: config.ini if there is one, else built-in replies].
    #[arg(long, value_name = "FILE", env = "REPLYD_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Address and port; beats the file.
    #[arg(long, value_name = "ADDRESS:PORT", env = "REPLYD_LISTEN")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,
    /// Say why: the message as it is compared, the key that won and its line, and the next two.
    #[arg(long)]
    pub(crate) why: bool,
    /// The message; without one, each line of the input is.
    pub(crate) text: Vec<String>,
}

#[derive(clap::Args)]
pub(crate) struct ChatArgs {
    /// The server; 'HOST:PORT' means 'ws://HOST:PORT'.
    #[arg(default_value = "ws://127.0.0.1:5000")]
    pub(crate) url: String,
    /// The key that opens the server; better given as REPLYD_KEY, since others can see command lines.
    #[arg(long, env = "REPLYD_KEY", hide_env_values = true, allow_hyphen_values = true)]
    pub(crate) key: Option<String>,
    /// A further header for the upgrade.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// A file with the certificate to trust for wss://, in PEM, in place of those of the system: an authority's, or the
    /// server's own.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Send this message instead of the input, print its answer and leave; may be given several times.
    #[arg(short, long = "message", value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) messages: Vec<String>,
}

/// A secret that opens a server for a while.
#[cfg(feature = "jwt")]
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Print a token that is signed with the secret of jwt_secret_file.
    New {
        #[command(flatten)]
        file: FileArgs,
        /// What the server's log calls whoever comes in with it.
        #[arg(long)]
        name: String,
        /// How long it holds, with a unit: s, m, h or d.
        #[arg(long, value_name = "TIME")]
        ttl: String,
    },
    /// Say whether a server with these settings takes a token: who has it and until when, or why not.
    Check {
        #[command(flatten)]
        file: FileArgs,
        /// The token; better given as a line of the input, since others can see command lines.
        token: Option<String>,
    },
}

/// Says what was asked for without the token.
#[cfg(feature = "jwt")]
impl std::fmt::Debug for TokenCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenCommand")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Print a fresh random key, once, and the section that makes a server accept it.
    New {
        /// What the server's log calls whoever comes in with it.
        name: String,
    },
}

/// Says what was asked for without the key and the headers, which may hold one.
impl std::fmt::Debug for ChatArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatArgs").field("messages", &self.messages).finish_non_exhaustive()
    }
}
