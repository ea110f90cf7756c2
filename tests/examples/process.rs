//! A process for each client, with lines both ways, as websocketd does: `cargo run --example process -- bc -l`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{TryRecvError, sync_channel};
use std::{env, thread};

use replyd::{Error, Event, HandlerResult, RunningServer, Server, Session};

fn main() -> Result<(), Error> {
    let server = start("127.0.0.1:9004", env::args().skip(1).collect())?;
    println!("ws://{}", server.local_addr());
    server.wait();
    Ok(())
}

pub(crate) fn start(address: &str, command: Vec<String>) -> Result<RunningServer, Error> {
    Server::bind(address)?.start(move |session| {
        let mut process = Command::new(command.first().ok_or("name a program")?);
        let mut child = process.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let talked = talk(session, &mut child);
        child.kill()?;
        child.wait()?;
        talked
    })
}

/// Only the two threads wait for the process, so that the session always hears its client.
fn talk(session: &mut Session, child: &mut Child) -> HandlerResult {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { unreachable!() };
    let (to_process, input) = sync_channel::<String>(100);
    let (from_process, output) = sync_channel(100);
    let waker = session.waker()?;
    thread::spawn(move || input.iter().try_for_each(|line| writeln!(stdin, "{line}")));
    thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let _ = lines.try_for_each(|line| from_process.send(line).map(|()| waker.wake()));
        drop(from_process); // before the waker, which wakes when it is dropped
    });
    while let Some(event) = session.next()? {
        match event {
            Event::Text(line) if to_process.try_send(line.to_string()).is_ok() => {}
            Event::Text(_) => session.close(1013, "the process is busy")?,
            Event::Woken => loop {
                match output.try_recv() {
                    Ok(line) => session.send(line)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            },
            _ => {}
        }
    }
    Ok(())
}
