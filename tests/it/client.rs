//! The client of the library: waiting with a deadline, several senders, and what it offers and is answered.

use std::time::{Duration, Instant};

use replyd::{Client, ClientReceiver, Config, Event};

use crate::support::{DEADLINE, GREETING, HELP, serve, serve_with};

#[test]
fn a_conversation_goes_on_after_a_timeout() {
    let server = serve("");
    let mut client = Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    let deadline = Instant::now() + DEADLINE;
    assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Text(GREETING.into())));
    for _ in 0..3 {
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(client.next_by(soon).unwrap(), Some(Event::Timeout));
        assert!(Instant::now() >= soon);
        client.send("help").unwrap();
        assert_eq!(client.next_by(deadline).unwrap(), Some(Event::Text(HELP.into())));
    }
    let (_sender, mut receiver) = client.split();
    assert_eq!(receiver.next_by(Instant::now()).unwrap(), Some(Event::Timeout));
    server.stop();
    assert!(matches!(receiver.next_by(deadline).unwrap(), Some(Event::Close(Some((1001, _))))));
    assert_eq!(receiver.next_by(deadline).unwrap(), None);
}

/// Waits for the server's Close after ours, whatever comes before.
#[track_caller]
fn close_of(receiver: &mut ClientReceiver) -> Event {
    loop {
        let event = receiver.next_by(Instant::now() + DEADLINE).unwrap().expect("a Close, not the end");
        match event {
            Event::Close(_) => return event,
            Event::Timeout => panic!("nothing arrives"),
            _ => {}
        }
    }
}

#[test]
fn a_close_has_its_code_and_as_much_of_its_reason_as_fits() {
    let (closed, closes) = crossbeam_channel::unbounded();
    let server = serve_with(Config::default(), move |session| {
        while let Some(event) = session.next()? {
            if let Event::Close(_) = event {
                closed.send(event)?;
            }
        }
        Ok(())
    });
    let connect = || Client::connect(&format!("ws://{}", server.local_addr())).unwrap();
    let reason = "é".repeat(100);
    let expected = |code: u16, reason: &str| Event::Close(Some((code, reason.into())));

    let (mut sender, mut receiver) = connect().split();
    assert!(sender.close_with(1005, "").is_err());
    // It has sent nothing, so the conversation continues.
    sender.send("still here").unwrap();
    sender.close_with(4321, &reason).unwrap();
    assert_eq!(closes.recv_timeout(DEADLINE).unwrap(), expected(4321, &reason[..122]));
    assert!(matches!(close_of(&mut receiver), Event::Close(Some((4321, _)))));
    assert_eq!(sender.send("too late").unwrap_err().to_string(), "the connection is closed");

    connect().close_with(1001, "bye").unwrap();
    assert_eq!(closes.recv_timeout(DEADLINE).unwrap(), expected(1001, "bye"));
    connect().close().unwrap();
    assert_eq!(closes.recv_timeout(DEADLINE).unwrap(), expected(1000, ""));
    assert!(connect().close_with(1006, "").is_err());
}
