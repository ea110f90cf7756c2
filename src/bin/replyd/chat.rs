//! `replyd chat`: connects, then talks with a terminal, or with what is piped in.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};

use replyd::{Client, ClientOptions};

use crate::{args::ChatArgs, escape::Escaped, failure::Failure, pipe, terminal};

/// What an empty line sends, as in the article.
pub(crate) const NO_REPLY: &str = "No reply";
/// The line that ends the conversation.
pub(crate) const EXIT: &str = "exit";

pub(crate) fn chat(args: ChatArgs) -> Result<(), Failure> {
    let interactive = args.messages.is_empty() && stdin().is_terminal() && stdout().is_terminal();
    let mut options = ClientOptions::default();
    options.key = args.key.filter(|key| !key.is_empty());
    options.headers = args.headers.iter().map(|header| split_header(header)).collect::<Result<_, _>>()?;
    #[cfg(feature = "tls")]
    if let Some(file) = &args.ca {
        let unreadable = |error| Failure::usage(format!("--ca: cannot read {}: {error}", file.display()));
        options.ca = Some(std::fs::read(file).map_err(unreadable)?);
    }

    tell(interactive, "Connecting to server ...");
    let without_key = options.key.is_none();
    let client = Client::connect_with(&args.url, &options).map_err(|error| {
        let wants_key = without_key && error.to_string().starts_with("the server requires a key");
        let hint = if wants_key { "; give it as REPLYD_KEY" } else { "" };
        Failure::new(format!("Failed to connect to server ... exiting: {error}{hint}"))
    })?;
    tell(interactive, "Connected to server ...");
    if interactive { terminal::converse(client) } else { pipe::converse(client, args.messages) }
}

/// The value may be a secret, and is in no error.
fn split_header(header: &str) -> Result<(String, String), Failure> {
    let (name, value) = header.split_once(':').ok_or_else(|| Failure::usage("-H needs 'Name: value'"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What is not an answer goes to stderr unless both are one terminal, where order matters.
pub(crate) fn tell(interactive: bool, line: &str) {
    let _ = if interactive { writeln!(stdout(), "{line}") } else { writeln!(stderr(), "{line}") };
}

pub(crate) fn describe_close(frame: Option<&(u16, replyd::Utf8Bytes)>) -> String {
    match frame {
        Some((code, reason)) if reason.is_empty() => format!("the server closed the connection ({code})"),
        Some((code, reason)) => {
            format!("the server closed the connection ({code}: {})", Escaped::for_log(reason))
        }
        None => "the server closed the connection".to_owned(),
    }
}
