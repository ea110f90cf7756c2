//! The built-in bot: the loop that greets and answers. It is a handler like any other.

use tungstenite::Utf8Bytes;

use crate::{
    http::{Excerpt, LOGGED_CHARS},
    replies::SearchBuffer,
    session::{Event, HandlerResult, Session},
};

/// Close code for a message of a kind that cannot be taken (RFC 6455, section 7.4.1).
const UNSUPPORTED_DATA: u16 = 1003;
/// The log target of the transcript.
const TRANSCRIPT: &str = "replyd::transcript";

/// Greets, then answers each text message with exactly one reply, in order, until the conversation ends.
///
/// The greeting and the replies are those of the session's [`Config`](crate::Config). A binary message that is UTF-8
/// counts as text; any other closes with 1003.
///
/// ```no_run
/// let server = replyd::Server::with_config(replyd::Config::default())?;
/// let running = server.start(replyd::bot)?;
/// # Ok::<(), replyd::Error>(())
/// ```
///
/// # Errors
///
/// When the client broke a rule or is gone; the session has dealt with it already.
pub fn bot(session: &mut Session) -> HandlerResult {
    bot_with(session, |_| ())
}

/// The same as [`bot()`], and shows `unanswered` each message that only `unknown` answers.
///
/// # Errors
///
/// As [`bot()`].
pub fn bot_with(session: &mut Session, mut unanswered: impl FnMut(&str)) -> HandlerResult {
    if !session.config().greeting.is_empty() {
        let greeting = Utf8Bytes::from(&session.config().greeting);
        say(session, greeting)?;
    }
    let mut search = SearchBuffer::default();
    while let Some(event) = session.next()? {
        match event {
            Event::Text(text) => answer(session, &text, &mut search, &mut unanswered)?,
            Event::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => answer(session, text, &mut search, &mut unanswered)?,
                Err(_) => session.close(UNSUPPORTED_DATA, "binary that is not text")?,
            },
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
        }
    }
    Ok(())
}

fn answer(
    session: &mut Session,
    message: &str,
    search: &mut SearchBuffer,
    unanswered: &mut impl FnMut(&str),
) -> HandlerResult {
    // websocat leaves the line break at the end of a piped line.
    let message = message.trim_end_matches(['\r', '\n']);
    if session.config().transcript {
        log::info!(target: TRANSCRIPT, "CLIENT >> {} {session}", Excerpt::of(message, LOGGED_CHARS));
    }
    let replies = &session.config().replies;
    let reply = replies.find_with(message, search).unwrap_or_else(|| {
        unanswered(message);
        replies.unknown()
    });
    let reply = reply.clone();
    say(session, reply)
}

fn say(session: &mut Session, text: Utf8Bytes) -> HandlerResult {
    if session.config().transcript {
        log::info!(target: TRANSCRIPT, "SERVER >> {} {session}", Excerpt::of(&text, LOGGED_CHARS));
    }
    Ok(session.send(text)?)
}
