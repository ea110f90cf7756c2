//! The conversation with what is piped in, or given as arguments: a message in is an answer out.

use std::{
    io::{BufWriter, IsTerminal, Write, stderr, stdin, stdout},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, after, at, bounded, never, select};
use replyd::{Client, ClientReceiver, ClientSender, Event};

use crate::{
    chat::{EXIT, NO_REPLY, describe_close, tell},
    escape::Escaped,
    failure::Failure,
    input,
};

/// Pings whose pongs say that the greeting is over, and that every message before was answered.
const GREETED: &[u8] = b"greeted";
const ANSWERED: &[u8] = b"answered";
/// How long the next answer or pong may take once the input has ended. A bot may ask others before it answers.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// For how many times as long one message may be under way, without any answer meanwhile: 16 MiB need their time.
const LONGEST_SEND: u32 = 4;
/// How much longer each answer that is missing may take after the last pong, where a server answers pings first.
const LATE_ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long the server may take to say goodbye.
const GOODBYE_TIME: Duration = Duration::from_secs(2);

/// Sends `messages`, or what comes on stdin if there are none, and prints an answer a line.
pub(crate) fn converse(client: Client, messages: Vec<String>) -> Result<(), Failure> {
    let (sender, receiver) = client.split();
    let progress = Arc::new(Progress::default());
    let (done, spoken) = bounded(1);
    thread::spawn({
        let progress = Arc::clone(&progress);
        move || speak(sender, messages, &progress, &done)
    });
    let (event, events) = bounded(0);
    thread::spawn(move || listen(receiver, &event));

    let mut sender = Conversation::new(&progress).hold(spoken, &events)?;
    if sender.close().is_ok() {
        let late = after(GOODBYE_TIME);
        while select! { recv(events) -> event => event.is_ok(), recv(late) -> _ => false } {}
    }
    tell(false, "Disconnected from server ...");
    Ok(())
}

/// How far the speaker is.
#[derive(Default)]
struct Progress {
    /// Messages that have begun to be sent.
    asked: AtomicU64,
    /// Those of them that are sent.
    sent: AtomicU64,
}

/// What the end of the conversation depends on.
struct Conversation<'a> {
    progress: &'a Progress,
    /// The speaker's half, when it has said everything.
    sender: Option<ClientSender>,
    is_greeted: bool,
    /// The last pong has come, after which other servers may still answer.
    is_answered: bool,
    answers: u64,
    /// What was sent when the clock was last looked at, and how often it was looked at since the last sign of progress.
    sent: u64,
    looks: u32,
    deadline: Instant,
}

impl Conversation<'_> {
    fn new(progress: &Progress) -> Conversation<'_> {
        Conversation {
            progress,
            sender: None,
            is_greeted: false,
            is_answered: false,
            answers: 0,
            sent: 0,
            looks: 0,
            deadline: Instant::now() + ANSWER_TIME,
        }
    }

    /// Listens until everything is said and answered.
    fn hold(
        mut self,
        mut spoken: Receiver<Result<ClientSender, Failure>>,
        events: &Receiver<Result<Event, String>>,
    ) -> Result<ClientSender, Failure> {
        loop {
            select! {
                recv(spoken) -> end => {
                    self.sender = Some(end.map_err(|_| Failure::new("the input cannot be sent"))??);
                    self.restart_clock();
                    spoken = never();
                }
                recv(events) -> event => match event.unwrap_or_else(|_| Err("the server hung up".to_owned())) {
                    Ok(event) => self.hear(event)?,
                    // The speaker knows better why, if it was the first to notice.
                    Err(why) => return Err(match spoken.try_recv() {
                        Ok(Err(failure)) => failure,
                        _ => disconnected(&format!("before everything was answered: {why}")),
                    }),
                },
                recv(at(self.deadline)) -> _ => self.look_at_clock()?,
            }
            if self.is_answered
                && self.missing() == 0
                && let Some(sender) = self.sender.take()
            {
                return Ok(sender);
            }
        }
    }

    fn hear(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Text(text) => self.hear_text(text.as_bytes())?,
            Event::Binary(bytes) => self.hear_text(&bytes)?,
            Event::Pong(payload) if payload == GREETED => {
                self.is_greeted = true;
                self.restart_clock();
            }
            Event::Pong(payload) if payload == ANSWERED => {
                self.is_answered = true;
                self.restart_clock();
            }
            Event::Close(frame) => {
                return Err(disconnected(&format!(
                    "before everything was answered: {}",
                    describe_close(frame.as_ref())
                )));
            }
            _ => {}
        }
        Ok(())
    }

    fn hear_text(&mut self, text: &[u8]) -> Result<(), Failure> {
        if !self.is_greeted {
            greet(text);
            return Ok(());
        }
        self.count_answer();
        print(text)
    }

    fn count_answer(&mut self) {
        // Only what is waited for prolongs the waiting.
        if self.missing() > 0 {
            self.looks = 0;
            self.restart_clock();
        }
        self.answers += 1;
    }

    /// The messages that have no answer yet.
    fn missing(&self) -> u64 {
        self.progress.asked.load(Ordering::Acquire).saturating_sub(self.answers)
    }

    fn restart_clock(&mut self) {
        self.deadline = Instant::now() + if self.is_answered { LATE_ANSWER_TIME } else { ANSWER_TIME };
    }

    /// The time is over; whether that matters depends on what is waited for.
    fn look_at_clock(&mut self) -> Result<(), Failure> {
        let asked = self.progress.asked.load(Ordering::Acquire);
        let seconds = ANSWER_TIME.as_secs();
        if self.sender.is_none() {
            let sent = self.progress.sent.load(Ordering::Acquire);
            // The input takes its time, or there is much of it, unless one and the same message is under way.
            let is_under_way = asked > sent && sent == self.sent;
            self.looks = if is_under_way { self.looks + 1 } else { 0 };
            self.sent = sent;
            if self.looks >= LONGEST_SEND {
                return Err(disconnected(&format!("the server does not read message {asked}")));
            }
            self.restart_clock();
        } else if !self.is_greeted {
            return Err(disconnected(
                "the server does not answer pings: its answers cannot be told from its greeting",
            ));
        } else if self.missing() > 0 {
            let answered = format!("the server answered {} of {asked} messages", self.answers);
            let waited = if self.is_answered {
                String::new()
            } else {
                format!(", and nothing more within {seconds} s")
            };
            return Err(disconnected(&(answered + &waited)));
        } else {
            // It answers everything but pings.
            self.is_answered = true;
        }
        Ok(())
    }
}

fn disconnected(why: &str) -> Failure {
    Failure::new(format!("Disconnected from server ... {why}"))
}

/// What comes before anything was asked is no output.
fn greet(text: &[u8]) {
    let mut out = BufWriter::new(stderr().lock());
    let text = Escaped::for_screen(String::from_utf8_lossy(text));
    let _ = writeln!(out, "SERVER >> {text}").and_then(|()| out.flush());
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let printed = if out.is_terminal() {
        write!(out, "{}", Escaped::for_screen(String::from_utf8_lossy(text)))
    } else {
        out.write_all(text)
    };
    let printed = printed.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    printed.map_err(|error| Failure::new(format!("cannot write the answer: {error}")))
}

/// Passes each event on when the one before has been dealt with, and at last why there are no more.
fn listen(mut receiver: ClientReceiver, events: &Sender<Result<Event, String>>) {
    loop {
        let event = match receiver.next() {
            Ok(Some(event)) => Ok(event),
            Ok(None) => return,
            Err(error) => Err(error.to_string()),
        };
        let is_last = event.is_err();
        if events.send(event).is_err() || is_last {
            return;
        }
    }
}

fn speak(
    mut sender: ClientSender,
    messages: Vec<String>,
    progress: &Progress,
    done: &Sender<Result<ClientSender, Failure>>,
) {
    let said = if messages.is_empty() {
        say_all(&mut sender, input::lines(stdin().lock()), progress)
    } else {
        say_all(&mut sender, messages.into_iter().map(Ok), progress)
    };
    let _ = done.send(said.map(|()| sender));
}

fn say_all(
    sender: &mut ClientSender,
    messages: impl Iterator<Item = Result<String, Failure>>,
    progress: &Progress,
) -> Result<(), Failure> {
    sender.ping(GREETED)?;
    for message in messages {
        let message = message?;
        if message == EXIT {
            break;
        }
        progress.asked.fetch_add(1, Ordering::AcqRel);
        sender.send(if message.is_empty() { NO_REPLY.to_owned() } else { message })?;
        progress.sent.fetch_add(1, Ordering::AcqRel);
    }
    Ok(sender.ping(ANSWERED)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often the clock may run down while a message is under way.
    fn looks(conversation: &mut Conversation<'_>) -> u32 {
        (0..100).take_while(|_| conversation.look_at_clock().is_ok()).count() as u32
    }

    #[test]
    fn a_message_may_be_under_way_for_a_while() {
        let progress = Progress::default();
        let mut conversation = Conversation::new(&progress);
        assert_eq!(looks(&mut conversation), 100, "the input takes its time");
        progress.asked.store(1, Ordering::Release);
        assert_eq!(looks(&mut conversation), LONGEST_SEND - 1);
        // Another one.
        progress.sent.store(1, Ordering::Release);
        progress.asked.store(2, Ordering::Release);
        assert_eq!(looks(&mut conversation), LONGEST_SEND);
        // An answer is a sign that the server reads.
        conversation.count_answer();
        assert_eq!(looks(&mut conversation), LONGEST_SEND - 1);
    }
}
