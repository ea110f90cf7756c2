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

/// Sends the greeting, then answers each text message with exactly one reply, in order, until the
/// conversation ends.
///
/// The greeting and the replies are those of the session's [`Config`](crate::Config); an empty greeting is
/// not sent. A binary message is treated as text if it is valid UTF-8, and otherwise closes the session with
/// code 1003.
///
/// ```no_run
/// let server = replyd::Server::with_config(replyd::Config::default())?;
/// let running = server.start(replyd::bot)?;
/// # Ok::<(), replyd::Error>(())
/// ```
///
/// # Errors
///
/// When the session ends because the client violates the protocol or is gone. The session has already closed
/// the connection, so that a handler can simply return the error.
pub fn bot(session: &mut Session) -> HandlerResult {
    Bot::new().run(session)
}

/// Like [`bot()`], with [`Bot::observed_by`].
///
/// # Errors
///
/// The same as [`bot()`].
pub fn bot_with(session: &mut Session, observer: impl FnMut(&str, &Answer<'_>)) -> HandlerResult {
    Bot::new().observed_by(observer).run(session)
}

/// Like [`bot()`], with [`Bot::falling_back_to`].
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
pub fn bot_or(session: &mut Session, fallback: impl FnMut(&str) -> Option<String>) -> HandlerResult {
    Bot::new().falling_back_to(fallback).run(session)
}

/// The built-in bot in single steps, for a program that runs the loop of the conversation itself. [`bot()`],
/// [`bot_with`] and [`bot_or`] are its short forms.
///
/// ```no_run
/// use replyd::{Bot, Event, Session};
///
/// let running = replyd::Server::bind("127.0.0.1:0")?.start(|session: &mut Session| {
///     let mut bot = Bot::new()
///         .observed_by(|message, answer| println!("{message}: {}", answer.phrase))
///         .falling_back_to(|message| Some(format!("Nobody has ever asked {message:?}.")));
///     bot.greet(session)?;
///     while let Some(event) = session.next()? {
///         match event {
///             Event::Text(text) if text.as_str() == "bye" => session.close(1000, "")?,
///             event => bot.handle(session, &event)?,
///         }
///     }
///     Ok(())
/// })?;
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Default)]
pub struct Bot<'a> {
    search: SearchBuffer,
    observer: Option<Observer<'a>>,
    fallback: Option<Fallback<'a>>,
}

type Observer<'a> = Box<dyn FnMut(&str, &Answer<'_>) + 'a>;
type Fallback<'a> = Box<dyn FnMut(&str) -> Option<String> + 'a>;

impl<'a> Bot<'a> {
    /// A bot with neither an observer nor a fallback.
    pub fn new() -> Bot<'a> {
        Bot::default()
    }

    /// Calls `observer` with each message and its answer, before that is sent. A program can keep the
    /// messages that got `unknown` and what they were offered, or that were answered by a guess: see
    /// [`Answer::found_by`].
    ///
    /// The session waits for `observer` to return.
    #[must_use]
    pub fn observed_by(mut self, observer: impl FnMut(&str, &Answer<'_>) + 'a) -> Bot<'a> {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Asks `fallback` for the answer to each message that no reply answers, even to one without any words.
    /// Its text is sent in place of `unknown` and its offers; with `None`, the bot sends what it would have
    /// sent. An empty text, or one of blanks only, counts as `None`, so that the answer to a message is never
    /// empty.
    ///
    /// The session waits for `fallback` to return, and meanwhile answers no pings. The replies before are
    /// sent first. The chat page waits as well, however long it takes: it knows that the message has arrived,
    /// and does not ask again by itself.
    #[must_use]
    pub fn falling_back_to(mut self, fallback: impl FnMut(&str) -> Option<String> + 'a) -> Bot<'a> {
        self.fallback = Some(Box::new(fallback));
        self
    }

    /// Greets, then handles each event until the conversation ends.
    ///
    /// # Errors
    ///
    /// The same as [`bot()`].
    pub fn run(mut self, session: &mut Session) -> HandlerResult {
        self.greet(session)?;
        while let Some(event) = session.next()? {
            self.handle(session, &event)?;
        }
        Ok(())
    }

    /// Sends the greeting, unless it is empty.
    ///
    /// # Errors
    ///
    /// The same as those of [`Session::send`].
    pub fn greet(&mut self, session: &mut Session) -> HandlerResult {
        if session.config().greeting.is_empty() {
            return Ok(());
        }
        let greeting = Utf8Bytes::from(&session.config().greeting);
        say(session, greeting, None)
    }

    /// Answers a message of either kind, as [`bot()`] does, and ignores other events.
    ///
    /// # Errors
    ///
    /// The same as those of [`Session::send`].
    pub fn handle(&mut self, session: &mut Session, event: &Event) -> HandlerResult {
        match event {
            Event::Text(text) => self.answer(session, text),
            Event::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.answer(session, text),
                Err(_) => Ok(session.close(UNSUPPORTED_DATA, "binary message is not UTF-8")?),
            },
            Event::Ping(_) | Event::Pong(_) | Event::Close(_) | Event::Timeout | Event::Woken => Ok(()),
        }
    }

    /// Sends the answer to `message`, as if the client had just sent it.
    ///
    /// # Errors
    ///
    /// The same as those of [`Session::send`].
    pub fn answer(&mut self, session: &mut Session, message: &str) -> HandlerResult {
        // Clients such as websocat send the line break of a line from a pipe.
        let message = message.trim_end_matches(['\r', '\n']);
        if session.config().transcript {
            log::info!(target: TRANSCRIPT, "CLIENT >> {} {session}", Excerpt::of(message, LOGGED_CHARS));
        }
        let answer = session.config().replies.answer_with(message, &mut self.search);
        if let Some(observer) = &mut self.observer {
            observer(message, &answer);
        }
        session.count_answer(answer.found_by);
        let (found_by, text) = (answer.found_by, answer.text());
        let why = session.config().transcript.then(|| why(&answer)).flatten();
        match &mut self.fallback {
            Some(fallback) if found_by == FoundBy::Nothing => {
                // It may take long.
                session.flush()?;
                let other = fallback(message).filter(|other| !other.trim().is_empty());
                say(session, other.map_or(text, Utf8Bytes::from), why)
            }
            _ => say(session, text, why),
        }
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
