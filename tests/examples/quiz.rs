//! A quiz with ten seconds for each question: a handler that waits for its client until a deadline.

use std::time::{Duration, Instant};

use replyd::{Error, Event, HandlerResult, RunningServer, Server, Session};

const QUESTIONS: [(&str, &str); 3] = [
    ("What is 6 times 7?", "42"),
    ("Which planet is the largest?", "jupiter"),
    ("How many legs has a spider?", "8"),
];

fn main() -> Result<(), Error> {
    let server = start("127.0.0.1:9002", Duration::from_secs(10))?;
    println!("ws://{}", server.local_addr());
    server.wait();
    Ok(())
}

pub(crate) fn start(address: &str, time: Duration) -> Result<RunningServer, Error> {
    Server::bind(address)?.start(move |session| play(session, time))
}

/// A whole game, with its state in local variables.
fn play(session: &mut Session, time: Duration) -> HandlerResult {
    let mut points = 0;
    for (question, expected) in QUESTIONS {
        session.send(question)?;
        match answer(session, Instant::now() + time)? {
            Some(answer) if answer.trim().eq_ignore_ascii_case(expected) => points += 1,
            Some(_) => session.send(format!("No, {expected}."))?,
            None => session.send(format!("Too late: {expected}."))?,
        }
    }
    session.send(format!("{points} of {}", QUESTIONS.len()))?;
    Ok(())
}

/// The next text, or `None` at the deadline. Other events do not extend it.
fn answer(session: &mut Session, deadline: Instant) -> Result<Option<String>, Error> {
    while let Some(event) = session.next_by(deadline)? {
        match event {
            Event::Text(text) => return Ok(Some(text.to_string())),
            Event::Timeout => break,
            _ => {}
        }
    }
    Ok(None)
}
