//! The built-in bot: a handler that sends a greeting and answers each message.

use tungstenite::Utf8Bytes;

use crate::{
    http::{Excerpt, LOGGED_CHARS},
    replies::{Answer, FoundBy, SearchBuffer},
    session::{Event, HandlerResult, Session},
};

/// Close code for a message of an unsupported kind (RFC 6455, section 7.4.1).
const UNSUPPORTED_DATA: u16 = 1003;
/// Log target of the transcript, so that a logger can filter it.
const TRANSCRIPT: &str = "replyd::transcript";

/// Sends the greeting, then answers each text message with exactly one reply, in order, until the conversation ends.
///
/// The greeting and the replies are those of the session's [`Config`](crate::Config); an empty greeting is not sent. A
/// binary message is treated as text if it is valid UTF-8, and otherwise closes the session with code 1003.
///
/// ```no_run
/// let server = replyd::Server::with_config(replyd::Config::default())?;
/// let running = server.start(replyd::bot)?;
/// # Ok::<(), replyd::Error>(())
/// ```
///
/// # Errors
///
/// When the session ends because the client violates the protocol or is gone. The session has already closed the
/// connection, so that a handler can simply return the error.
pub fn bot(session: &mut Session) -> HandlerResult {
    bot_with(session, |_, _| ())
}

/// Like [`bot()`], but calls `answered` with each message and its answer, before that is sent. A program can keep the messages
/// that got `unknown` and what they were offered, or that were answered by a guess: see [`Answer::found_by`].
///
/// The session waits for `answered` to return.
///
/// # Errors
///
/// The same as [`bot()`].
pub fn bot_with(session: &mut Session, answered: impl FnMut(&str, &Answer<'_>)) -> HandlerResult {
    converse(session, answered, None)
}

/// Like [`bot()`], but asks `fallback` for the answer to each message that no reply answers, even to one without any words. Its text is
/// sent in place of `unknown` and its offers; with `None`, the bot sends what it would have sent. An empty text, or one of blanks
/// only, counts as `None`, so that the answer to a message is never empty.
///
/// The session waits for `fallback` to return, and meanwhile answers no pings. The replies before are sent first. The chat page waits as
/// well, however long it takes: it knows that the message has arrived, and does not ask again by itself.
///
/// ```no_run
/// let running = replyd::Server::bind("127.0.0.1:0")?.start(|session: &mut replyd::Session| {
///     replyd::bot_or(session, |message| message.contains('+').then(|| "I cannot count.".to_owned()))
/// })?;
/// # Ok::<(), replyd::Error>(())
/// ```
///
/// # Errors
///
/// The same as [`bot()`].
pub fn bot_or(session: &mut Session, mut fallback: impl FnMut(&str) -> Option<String>) -> HandlerResult {
    converse(session, |_, _| (), Some(&mut fallback))
}

/// What answers in place of `unknown`.
type Fallback<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

fn converse(
    session: &mut Session,
    mut answered: impl FnMut(&str, &Answer<'_>),
    mut fallback: Option<Fallback<'_>>,
) -> HandlerResult {
    if !session.config().greeting.is_empty() {
        let greeting = Utf8Bytes::from(&session.config().greeting);
        say(session, greeting, None)?;
    }
    let mut search = SearchBuffer::default();
    while let Some(event) = session.next()? {
        match event {
            Event::Text(text) => answer(session, &text, &mut search, &mut answered, &mut fallback)?,
            Event::Binary(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => answer(session, text, &mut search, &mut answered, &mut fallback)?,
                Err(_) => session.close(UNSUPPORTED_DATA, "binary message is not UTF-8")?,
            },
            // Nothing here waits by a deadline or has a waker.
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) | Event::Timeout | Event::Woken => {}
        }
    }
    Ok(())
}

fn answer(
    session: &mut Session,
    message: &str,
    search: &mut SearchBuffer,
    answered: &mut impl FnMut(&str, &Answer<'_>),
    fallback: &mut Option<Fallback<'_>>,
) -> HandlerResult {
    // Clients such as websocat send the line break of a line from a pipe.
    let message = message.trim_end_matches(['\r', '\n']);
    if session.config().transcript {
        log::info!(target: TRANSCRIPT, "CLIENT >> {} {session}", Excerpt::of(message, LOGGED_CHARS));
    }
    let answer = session.config().replies.answer_with(message, search);
    answered(message, &answer);
    session.count_answer(answer.found_by);
    let (found_by, text) = (answer.found_by, answer.text());
    let why = session.config().transcript.then(|| why(&answer)).flatten();
    match fallback {
        Some(fallback) if found_by == FoundBy::Nothing => {
            // It may take long.
            session.flush()?;
            let other = fallback(message).filter(|other| !other.trim().is_empty());
            say(session, other.map_or(text, Utf8Bytes::from), why)
        }
        _ => say(session, text, why),
    }
}

/// Which phrase answered, for a transcript of the level `debug`.
fn why(answer: &Answer<'_>) -> Option<String> {
    if !log::log_enabled!(target: TRANSCRIPT, log::Level::Debug) {
        return None;
    }
    let how = match answer.found_by {
        FoundBy::Phrase => "",
        FoundBy::Correction => ", corrected",
        FoundBy::Nearest => ", nearest",
        FoundBy::Nothing => return Some(" [no phrase]".to_owned()),
    };
    Some(format!(" [{}{how}]", answer.phrase))
}

fn say(session: &mut Session, text: Utf8Bytes, why: Option<String>) -> HandlerResult {
    if session.config().transcript {
        let (text, why) = (Excerpt::of(&text, LOGGED_CHARS), why.unwrap_or_default());
        log::info!(target: TRANSCRIPT, "SERVER >> {text}{why} {session}");
    }
    Ok(session.send(text)?)
}
