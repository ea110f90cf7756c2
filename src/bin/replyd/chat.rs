//! `replyd chat`: connects, then talks with a terminal, or with what is piped in.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};

use crossbeam_channel::bounded;
use replyd::{Client, ClientOptions, ClientSender, Event};

use crate::{args::ChatArgs, escape::Escaped, failure::Failure, input, terminal};

/// What an empty line sends, as in the article.
pub(crate) const NO_REPLY: &str = "No reply";
/// The line that ends the conversation.
pub(crate) const EXIT: &str = "exit";
/// Pings whose pongs say that the greeting is over, and that every question before was answered.
const GREETED: &[u8] = b"greeted";
const ANSWERED: &[u8] = b"answered";

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
        let wants_key = without_key && error.to_string().starts_with("the server wants a key");
        let hint = if wants_key { "; give it as REPLYD_KEY" } else { "" };
        Failure::new(format!("Failed to connect to server ... exiting: {error}{hint}"))
    })?;
    tell(interactive, "Connected to server ...");
    if interactive { terminal::converse(client) } else { converse(client, args.messages) }
}

/// The value may be a secret, and is in no error.
fn split_header(header: &str) -> Result<(String, String), Failure> {
    let (name, value) = header.split_once(':').ok_or_else(|| Failure::usage("-H needs 'Name: value'"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What is no answer goes to stderr unless both are one terminal, where order matters.
fn tell(interactive: bool, line: &str) {
    let _ = if interactive { writeln!(stdout(), "{line}") } else { writeln!(stderr(), "{line}") };
}

/// Sends `messages`, or what comes on stdin if there are none, and prints an answer a line.
fn converse(client: Client, messages: Vec<String>) -> Result<(), Failure> {
    let (mut sender, mut receiver) = client.split();
    let (done, spoken) = bounded(1);
    std::thread::spawn(move || {
        if let Err(failure) = speak(&mut sender, messages) {
            let _ = done.send(Err(failure));
            // This wakes the loop below, which then finds the failure.
            sender.hang_up();
        } else {
            let _ = done.send(Ok(sender));
        }
    });
    let mut greeted = false;
    loop {
        let ended = match receiver.next() {
            Ok(Some(Event::Text(text))) => {
                print(greeted, text.as_bytes())?;
                continue;
            }
            Ok(Some(Event::Binary(bytes))) => {
                print(greeted, &bytes)?;
                continue;
            }
            Ok(Some(Event::Pong(payload))) if payload == GREETED => {
                greeted = true;
                continue;
            }
            Ok(Some(Event::Pong(payload))) if payload == ANSWERED => break,
            Ok(Some(Event::Ping(_) | Event::Pong(_))) => continue,
            Ok(Some(Event::Close(frame))) => describe_close(frame.as_ref()),
            Ok(None) => "the server hung up".to_owned(),
            Err(error) => error.to_string(),
        };
        // The speaker knows better why, if it was the one to hang up.
        if let Ok(Err(failure)) = spoken.try_recv() {
            return Err(failure);
        }
        return Err(Failure::new(format!(
            "Disconnected from server ... before everything was answered: {ended}"
        )));
    }
    if let Ok(mut sender) = spoken.recv().map_err(Failure::new)?
        && sender.close().is_ok()
    {
        receiver.finish();
    }
    tell(false, "Disconnected from server ...");
    Ok(())
}

pub(crate) fn describe_close(frame: Option<&(u16, replyd::Utf8Bytes)>) -> String {
    match frame {
        Some((code, reason)) if reason.is_empty() => format!("the server closed the connection ({code})"),
        Some((code, reason)) => format!("the server closed the connection ({code}: {reason})"),
        None => "the server closed the connection".to_owned(),
    }
}

fn print(is_answer: bool, text: &[u8]) -> Result<(), Failure> {
    if !is_answer {
        let _ = writeln!(stderr(), "SERVER >> {}", Escaped::for_screen(String::from_utf8_lossy(text)));
        return Ok(());
    }
    let mut out = stdout().lock();
    let escaped = out.is_terminal().then(|| Escaped::for_screen(String::from_utf8_lossy(text)).to_string());
    let text = escaped.as_ref().map_or(text, |escaped| escaped.as_bytes());
    let printed = out.write_all(text).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    printed.map_err(|error| Failure::new(format!("cannot write the answer: {error}")))
}

fn speak(sender: &mut ClientSender, messages: Vec<String>) -> Result<(), Failure> {
    if messages.is_empty() {
        say_all(sender, input::lines(stdin().lock()))
    } else {
        say_all(sender, messages.into_iter().map(Ok))
    }
}

fn say_all(
    sender: &mut ClientSender,
    messages: impl Iterator<Item = Result<String, Failure>>,
) -> Result<(), Failure> {
    sender.ping(GREETED)?;
    for message in messages {
        match message?.as_str() {
            EXIT => break,
            "" => sender.send(NO_REPLY)?,
            message => sender.send(message)?,
        }
    }
    Ok(sender.ping(ANSWERED)?)
}
