//! A feed of progress to all who watch: another thread pushes, and a watcher that reads too slowly is dropped with a reason.

use std::sync::mpsc::{SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::{thread, time::Duration};

use replyd::{Error, Event, HandlerResult, Server, Session, Waker};

/// All watchers: where to put their news, and how to wake them for it.
#[derive(Clone, Default)]
pub(crate) struct Feed(Arc<Mutex<Vec<Watcher>>>);

type Watcher = (SyncSender<String>, Waker);

fn main() -> Result<(), Error> {
    let feed = Feed::default();
    let server = Server::bind("127.0.0.1:9003")?.start({
        let feed = feed.clone();
        move |session| feed.watch(session)
    })?;
    println!("ws://{}", server.local_addr());
    for percent in 0..=100 {
        feed.push(&format!("{percent} %"));
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

impl Feed {
    /// The handler: sends what is pushed.
    pub(crate) fn watch(&self, session: &mut Session) -> HandlerResult {
        let (sender, news) = sync_channel(100);
        self.0.lock().unwrap().push((sender, session.waker()?));
        while let Some(event) = session.next()? {
            while let Event::Woken = event {
                match news.try_recv() {
                    Ok(text) => session.send(text)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(session.close(4000, "you read too slowly")?),
                }
            }
        }
        Ok(())
    }

    /// Never waits for a watcher: one with 100 unread messages is dropped, and so is one that is gone.
    pub(crate) fn push(&self, text: &str) {
        self.0.lock().unwrap().retain(|(sender, waker)| {
            let has_room = sender.try_send(text.to_owned()).is_ok();
            if has_room {
                waker.wake();
            }
            // Otherwise both are dropped, which wakes the session, too.
            has_room
        });
    }
}
