//! The conversation without a terminal: sends lines or given messages, and prints the answers.

use std::{
    io::stdin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use replyd::{Client, ClientReceiver, ClientSender, Event};

use super::wording::{EXIT, NO_REPLY, describe_close, print_status};
use crate::console::{Failure, input_lines, print_answer, print_aside, print_received};

/// Payload of the ping before the first message: what arrives before its pong is the greeting.
const GREETED: &[u8] = b"greeted";
/// Payload of the ping after the last message: a server that answers in order sends its pong last.
const ANSWERED: &[u8] = b"answered";
/// Time limit for the next answer once the input has ended: a bot may query other services first.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Time limit for sending one message without an answer, in units of `ANSWER_TIME`: 16 MiB may take a while.
const MAX_SEND_TIMEOUTS: u32 = 4;
/// Time limit for each missing answer after the last pong: some servers answer pings first.
const LATE_ANSWER_TIME: Duration = Duration::from_secs(2);

/// Sends `messages`, or the lines of stdin if there are none, and prints each answer on a line. This thread
/// receives; another one reads the input and sends, since both wait.
pub(super) fn converse(mut client: Client, messages: Vec<String>) -> Result<(), Failure> {
    let waker = client.waker()?;
    let (sender, mut receiver) = client.split();
    let progress = Arc::new(Progress::default());
    let sending = thread::spawn({
        let progress = Arc::clone(&progress);
        move || {
            let sent = send(sender, messages, &progress);
            waker.wake();
            sent
        }
    });
    let mut sender = Conversation::new(&progress).run(sending, &mut receiver)?;
    if sender.close().is_ok() {
        receiver.finish();
    }
    print_status(false, "Disconnected from server ...");
    Ok(())
}

/// How far the sending thread is.
#[derive(Default)]
struct Progress {
    /// Messages whose sending has begun.
    started: AtomicU64,
    /// Messages whose sending has finished.
    sent: AtomicU64,
}

/// The state that decides when the conversation is over.
struct Conversation<'a> {
    progress: &'a Progress,
    /// The sender, handed back by its thread once everything is sent.
    sender: Option<ClientSender>,
    /// The first pong has arrived.
    is_greeted: bool,
    /// The last pong has arrived. Servers that answer pings first may still have answers to send.
    is_answered: bool,
    answers: u64,
    /// Messages sent at the last timeout.
    sent_before: u64,
    /// Timeouts since the last sign of progress.
    timeouts: u32,
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
            sent_before: 0,
            timeouts: 0,
            deadline: Instant::now() + ANSWER_TIME,
        }
    }

    /// Waits until everything is sent and answered, and returns the sender.
    fn run(
        mut self,
        sending: JoinHandle<Result<ClientSender, Failure>>,
        receiver: &mut ClientReceiver,
    ) -> Result<ClientSender, Failure> {
        let mut sending = Some(sending);
        let joined = |sending: JoinHandle<Result<ClientSender, Failure>>| {
            sending.join().unwrap_or_else(|_| Err(Failure::new("cannot send the input")))
        };
        loop {
            match next(receiver, self.deadline) {
                // The sending thread is done.
                Ok(Event::Woken) => {
                    if let Some(sending) = sending.take() {
                        self.sender = Some(joined(sending)?);
                        self.restart_clock();
                    }
                }
                Ok(event) => self.handle(event)?,
                // If the sending thread has failed too, its error says more about the reason.
                Err(why) => {
                    return Err(match sending.filter(JoinHandle::is_finished).map(joined) {
                        Some(Err(failure)) => failure,
                        _ => disconnected(&format!("before everything was answered: {why}")),
                    });
                }
            }
            // A server that never stops sending never gets to a `Timeout`.
            if Instant::now() >= self.deadline {
                self.handle_timeout()?;
            }
            if self.is_answered
                && self.missing() == 0
                && let Some(sender) = self.sender.take()
            {
                return Ok(sender);
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Text(text) if !self.is_greeted => print_greeting(text.as_bytes()),
            Event::Binary(bytes) if !self.is_greeted => print_greeting(&bytes),
            Event::Text(text) => {
                self.count_answer();
                print_answer(&text)?;
            }
            Event::Binary(bytes) => {
                self.count_answer();
                print_received(&bytes)?;
            }
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

    fn count_answer(&mut self) {
        // A server that talks all the time must not keep the client: only an expected answer counts.
        if self.missing() > 0 {
            self.timeouts = 0;
            self.restart_clock();
        }
        self.answers += 1;
    }

    /// The number of messages without an answer.
    fn missing(&self) -> u64 {
        self.progress.started.load(Ordering::Acquire).saturating_sub(self.answers)
    }

    fn restart_clock(&mut self) {
        self.deadline = Instant::now() + if self.is_answered { LATE_ANSWER_TIME } else { ANSWER_TIME };
    }

    /// Handles the end of the time limit, which is an error only if the server owes something.
    fn handle_timeout(&mut self) -> Result<(), Failure> {
        let started = self.progress.started.load(Ordering::Acquire);
        let seconds = ANSWER_TIME.as_secs();
        if self.sender.is_none() {
            let sent = self.progress.sent.load(Ordering::Acquire);
            // The input may be slow, or long; only a message that does not get through is the server's fault.
            let is_stuck = started > sent && sent == self.sent_before;
            self.timeouts = if is_stuck { self.timeouts + 1 } else { 0 };
            self.sent_before = sent;
            if self.timeouts >= MAX_SEND_TIMEOUTS {
                return Err(disconnected(&format!("the server does not read message {started}")));
            }
            self.restart_clock();
        } else if !self.is_greeted {
            return Err(disconnected(
                "the server does not answer pings, so its answers cannot be distinguished from its greeting",
            ));
        } else if self.missing() > 0 {
            let answered = format!("the server answered {} of {started} messages", self.answers);
            let waited =
                if self.is_answered { String::new() } else { format!(", and no more within {seconds} s") };
            return Err(disconnected(&(answered + &waited)));
        } else {
            // A server that has answered everything but the ping is done as well.
            self.is_answered = true;
        }
        Ok(())
    }
}

/// The next event, or a sentence when there is none.
fn next(receiver: &mut ClientReceiver, deadline: Instant) -> Result<Event, String> {
    match receiver.next_by(deadline) {
        Ok(event) => event.ok_or_else(|| "the server hung up".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn disconnected(why: &str) -> Failure {
    Failure::new(format!("Disconnected from server ... {why}"))
}

/// Prints the greeting to stderr, since stdout is for answers to messages.
fn print_greeting(text: &[u8]) {
    print_aside(format_args!("SERVER >> {}", String::from_utf8_lossy(text)));
}

fn send(
    mut sender: ClientSender,
    messages: Vec<String>,
    progress: &Progress,
) -> Result<ClientSender, Failure> {
    if messages.is_empty() {
        send_all(&mut sender, input_lines(stdin().lock()), progress)?;
    } else {
        send_all(&mut sender, messages.into_iter().map(Ok), progress)?;
    }
    Ok(sender)
}

fn send_all(
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
        progress.started.fetch_add(1, Ordering::AcqRel);
        sender.send(if message.is_empty() { NO_REPLY.to_owned() } else { message })?;
        progress.sent.fetch_add(1, Ordering::AcqRel);
    }
    Ok(sender.ping(ANSWERED)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of timeouts before the conversation fails, up to 100.
    fn timeouts(conversation: &mut Conversation<'_>) -> u32 {
        (0..100).take_while(|_| conversation.handle_timeout().is_ok()).count() as u32
    }

    #[test]
    fn sending_a_message_may_take_a_while() {
        let progress = Progress::default();
        let mut conversation = Conversation::new(&progress);
        assert_eq!(timeouts(&mut conversation), 100, "the input may be slow");
        progress.started.store(1, Ordering::Release);
        assert_eq!(timeouts(&mut conversation), MAX_SEND_TIMEOUTS - 1);
        // Another one.
        progress.sent.store(1, Ordering::Release);
        progress.started.store(2, Ordering::Release);
        assert_eq!(timeouts(&mut conversation), MAX_SEND_TIMEOUTS);
        // An answer is a sign that the server reads.
        conversation.count_answer();
        assert_eq!(timeouts(&mut conversation), MAX_SEND_TIMEOUTS - 1);
    }
}
