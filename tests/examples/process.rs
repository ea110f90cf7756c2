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

fn talk(session: &mut Session, child: &mut Child) -> HandlerResult {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else { unreachable!() };
    let (sender, lines) = sync_channel(100);
    let waker = session.waker()?;
    thread::spawn(move || {
        // A full channel slows the process down, and a closed one ends the loop.
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
            waker.wake();
        }
        drop(sender); // before the waker, which wakes when it is dropped
    });
    while let Some(event) = session.next()? {
        match event {
            Event::Text(line) => writeln!(input, "{line}")?,
            Event::Woken => loop {
                match lines.try_recv() {
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
