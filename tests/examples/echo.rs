//! An echo server, and its test in the same process: `cargo run --example echo` and `cargo test --example echo`.

use replyd::{Error, Event, RunningServer, Server};

fn main() -> Result<(), Error> {
    let server = start("127.0.0.1:9001")?;
    println!("ws://{}", server.local_addr());
    server.wait();
    Ok(())
}

/// Sends every message back.
pub(crate) fn start(address: &str) -> Result<RunningServer, Error> {
    Server::bind(address)?.start(|session| {
        while let Some(event) = session.next()? {
            match event {
                Event::Text(text) => session.send(text)?,
                Event::Binary(bytes) => session.send_binary(bytes)?,
                _ => {}
            }
        }
        Ok(())
    })
}

#[test]
fn it_echoes() -> Result<(), Error> {
    let server = start("127.0.0.1:0")?;
    let mut client = replyd::Client::connect(&server.local_addr().to_string())?;
    client.send("Is anybody there?")?;
    client.send_binary(vec![1, 2, 3])?;
    assert_eq!(client.next()?, Some(Event::Text("Is anybody there?".into())));
    assert_eq!(client.next()?, Some(Event::Binary(vec![1, 2, 3].into())));
    client.close()
}
