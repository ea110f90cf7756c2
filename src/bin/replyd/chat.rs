//! `replyd chat`: connects to a server, then sends what a person types at a terminal, or what a pipe delivers.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};

use replyd::{Client, ClientOptions};

use crate::{args::ChatArgs, escape::Escaped, failure::Failure, pipe, terminal};

/// The message that an empty line sends, as in the article.
pub(crate) const NO_REPLY: &str = "No reply";
/// The line that ends the conversation.
pub(crate) const EXIT: &str = "exit";

/// Connects, and converses at a terminal only if both stdin and stdout are one and no messages are given.
pub(crate) fn chat(args: ChatArgs) -> Result<(), Failure> {
    let interactive = args.messages.is_empty() && stdin().is_terminal() && stdout().is_terminal();
    let mut options = ClientOptions::default();
    options.key = args.key.filter(|key| !key.is_empty());
    options.headers = args.headers.iter().map(|header| split_header(header)).collect::<Result<_, _>>()?;
    #[cfg(feature = "tls")]
    if let Some(file) = &args.ca {
        options.ca = Some(
            read_ca(file)
                .map_err(|error| Failure::usage(format!("--ca: cannot read {}: {error}", file.display())))?,
        );
    }

    print_status(interactive, "Connecting to server ...");
    let client = Client::connect_with(&args.url, &options).map_err(|error| {
        let hint =
            if error.to_string().contains("requires a key (") { "; give it as REPLYD_KEY" } else { "" };
        Failure::new(format!("Failed to connect to server ... exiting: {error}{hint}"))
    })?;
    print_status(interactive, "Connected to server ...");
    if interactive { terminal::converse(client) } else { pipe::converse(client, args.messages) }
}

/// Reads the CA file, and no more of it than a bundle of all public authorities has.
#[cfg(feature = "tls")]
fn read_ca(file: &std::path::Path) -> std::io::Result<Vec<u8>> {
    const MAX_BYTES: u64 = 16 * 1024 * 1024;
    let mut pem = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(std::fs::File::open(file)?, MAX_BYTES), &mut pem)?;
    Ok(pem)
}

/// Splits a header at its colon. The value may be a secret, so errors do not quote it.
fn split_header(header: &str) -> Result<(String, String), Failure> {
    let (name, value) = header.split_once(':').ok_or_else(|| Failure::usage("-H: expected 'Name: value'"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Prints a status line: on a terminal to stdout, in order with the answers; otherwise to stderr, to keep stdout for answers.
pub(crate) fn print_status(interactive: bool, line: &str) {
    let _ = if interactive { writeln!(stdout(), "{line}") } else { writeln!(stderr(), "{line}") };
}

/// A sentence for the server's Close, with its code and its reason, which is escaped.
pub(crate) fn describe_close(frame: Option<&(u16, replyd::Utf8Bytes)>) -> String {
    match frame {
        Some((code, reason)) if reason.is_empty() => format!("the server closed the connection ({code})"),
        Some((code, reason)) => {
            format!("the server closed the connection ({code}: {})", Escaped::for_log(reason))
        }
        None => "the server closed the connection".to_owned(),
    }
}
