//! `replyd chat`: connects to a server, and sends what a person types or a pipe delivers.

mod pipe;
mod screen;
mod terminal;
mod wording;

use std::io::{IsTerminal, stdin, stdout};

use replyd::{Client, ClientOptions};

use crate::console::Failure;
use wording::print_status;

/// Chat with a server from the console.
///
/// On a terminal it prompts; 'exit' or Ctrl-D leaves, and a number sends one of the questions that the answer
/// above it offers. Otherwise each line of input is a message and each answer is printed; the greeting and
/// offered questions go to stderr.
#[derive(clap::Args)]
pub(crate) struct ChatArgs {
    /// Address of the server; 'HOST:PORT' means 'ws://HOST:PORT'.
    #[arg(default_value = "ws://127.0.0.1:5000")]
    url: String,
    /// Key or token for the server; safer in REPLYD_KEY, since other users can see command lines.
    #[arg(long, env = "REPLYD_KEY", hide_env_values = true, allow_hyphen_values = true)]
    key: Option<String>,
    /// Additional request header; may be repeated.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// PEM file with the certificate to trust for wss://, instead of those of the system: an authority's, or
    /// the server's own.
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    ca: Option<std::path::PathBuf>,
    /// Send this message instead of the input, print its answer and exit; may be repeated.
    #[arg(short, long = "message", value_name = "TEXT", allow_hyphen_values = true)]
    messages: Vec<String>,
}

impl ChatArgs {
    /// Connects, and converses at a terminal only if both stdin and stdout are one and no messages are given.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let interactive = self.messages.is_empty() && stdin().is_terminal() && stdout().is_terminal();
        let options = self.options()?;
        print_status(interactive, "Connecting to server ...");
        let client = Client::connect_with(&self.url, &options).map_err(|error| {
            let hint =
                if error.to_string().contains("requires a key (") { "; give it as REPLYD_KEY" } else { "" };
            Failure::new(format!("Failed to connect to server ... exiting: {error}{hint}"))
        })?;
        print_status(interactive, "Connected to server ...");
        if interactive { terminal::converse(client) } else { pipe::converse(client, self.messages) }
    }

    fn options(&self) -> Result<ClientOptions, Failure> {
        let mut options = ClientOptions::default();
        options.key = self.key.clone().filter(|key| !key.is_empty());
        options.headers = self.headers.iter().map(|header| split_header(header)).collect::<Result<_, _>>()?;
        #[cfg(feature = "tls")]
        if let Some(file) = &self.ca {
            let failed = |error| Failure::usage(format!("--ca: cannot read {}: {error}", file.display()));
            options.ca = Some(std::fs::read(file).map_err(failed)?);
        }
        Ok(options)
    }
}

/// Splits a header at its colon. The value may be a secret, so errors do not quote it.
fn split_header(header: &str) -> Result<(String, String), Failure> {
    let (name, value) = header.split_once(':').ok_or_else(|| Failure::usage("-H: expected 'Name: value'"))?;
    Ok((name.to_owned(), value.to_owned()))
}
