//! The client of the library: waiting with a deadline, several senders, and what it offers and is answered.

use std::time::{Duration, Instant};

use replyd::{Client, Event};

use crate::support::{DEADLINE, GREETING, HELP, serve};

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
