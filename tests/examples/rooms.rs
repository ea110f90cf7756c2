//! Chat rooms by path, with tickets of one's own, and a page in JSON that lists the room of each member.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};

use replyd::{Error, Event, Grant, HandlerResult, Request, Response, RunningServer, Server, Session, Waker};

const ROOMS: [&str; 2] = ["/rooms/blue", "/rooms/red"];

/// By the numbers of their sessions, the room of each member, and how to reach it.
type Members = Mutex<BTreeMap<u64, (String, mpsc::SyncSender<String>, Waker)>>;

fn main() -> Result<(), Error> {
    let server = start("127.0.0.1:9005")?;
    println!("ws://{0}/rooms/blue?ticket=ann-1234 and http://{0}/rooms.json", server.local_addr());
    server.wait();
    Ok(())
}

pub(crate) fn start(address: &str) -> Result<RunningServer, Error> {
    let members = Arc::new(Members::default());
    let listed = Arc::clone(&members);
    let pages = move |request: &Request<'_>| {
        let members = listed.lock().unwrap();
        let rooms: Vec<&String> = members.values().map(|member| &member.0).collect();
        (request.path() == "/rooms.json").then(|| Response::json(format!("{rooms:?}")))
    };
    Server::bind(address)?.admit(admit).pages(pages).start(move |session| {
        let talked = talk(session, &members);
        members.lock().unwrap().remove(&session.number());
        talked
    })
}

/// A ticket is a name and a secret.
fn admit(request: &Request<'_>) -> Result<Grant, Response> {
    match request.query("ticket").as_deref().and_then(|ticket| ticket.split_once('-')) {
        _ if !ROOMS.contains(&request.path()) => Err(Response::text(404, "There is no such room.")),
        Some((name, "1234")) => Ok(Grant::named(name)),
        _ => Err(Response::text(403, "This room needs a ticket.")),
    }
}

fn talk(session: &mut Session, members: &Members) -> HandlerResult {
    let (sender, heard) = mpsc::sync_channel(100);
    let member = (session.path().to_owned(), sender, session.waker()?);
    members.lock().unwrap().insert(session.number(), member);
    while let Some(event) = session.next()? {
        match event {
            Event::Text(text) => {
                let said = format!("{}: {text}", session.caller().unwrap_or("somebody"));
                let members = members.lock().unwrap();
                for (_, sender, waker) in members.values().filter(|member| member.0 == session.path()) {
                    let _ = sender.try_send(said.clone()); // one that does not read misses it
                    waker.wake();
                }
            }
            Event::Woken => heard.try_iter().try_for_each(|text| session.send(text))?,
            _ => {}
        }
    }
    Ok(())
}
