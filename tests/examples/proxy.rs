//! A proxy to another server, with one thread for each client: `cargo run --example proxy -- ws://127.0.0.1:5000`.

use std::env;
use std::time::{Duration, Instant};

use replyd::{Client, Error, Event, Grant, HandlerResult, Request, Response, RunningServer, Server, Session};

fn main() -> Result<(), Error> {
    let server = start("127.0.0.1:9007", env::args().nth(1).unwrap_or("ws://127.0.0.1:5000".into()))?;
    println!("ws://{}", server.local_addr());
    server.wait();
    Ok(())
}

/// The other server is asked at the door, so that a client learns of a refusal as such.
pub(crate) fn start(address: &str, url: String) -> Result<RunningServer, Error> {
    let admit = move |_: &Request<'_>| match Client::connect(&url) {
        Ok(upstream) => Ok(Grant::default().with_value(upstream)),
        Err(error) => Err(Response::text(502, error.to_string())),
    };
    Server::bind(address)?.admit(admit).start(|session| {
        let mut upstream: Client = session.take_value().ok_or("admitted without its other side")?;
        relay(session, &mut upstream)?;
        let _ = upstream.close(); // it may have closed first
        Ok(())
    })
}

/// Waits for both sides at once. A side that does not read holds up the other one, and nobody else, until it is cut after 10 s.
fn relay(session: &mut Session, upstream: &mut Client) -> HandlerResult {
    upstream.wake_with(&session.waker()?)?;
    while let Some(event) = session.next_by(Instant::now() + Duration::from_secs(25))? {
        match event {
            Event::Text(text) => upstream.send(text)?,
            Event::Binary(bytes) => upstream.send_binary(bytes)?,
            Event::Woken | Event::Timeout => pass_on(session, upstream)?,
            _ => {}
        }
    }
    Ok(())
}

/// Everything that the other server has sent. After its Close, the client gets the same.
fn pass_on(session: &mut Session, upstream: &mut Client) -> HandlerResult {
    loop {
        match upstream.next_by(Instant::now())? {
            Some(Event::Text(text)) => session.send(text)?,
            Some(Event::Binary(bytes)) => session.send_binary(bytes)?,
            Some(Event::Close(Some((code, reason)))) => return Ok(session.close(code, &reason)?),
            Some(Event::Close(None)) | None => return Ok(session.close(1000, "")?),
            Some(Event::Timeout) => return Ok(()),
            Some(_) => {}
        }
    }
}
