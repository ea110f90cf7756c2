//! A small tool that embeds the server, with a bot that is slow for some.

use std::{thread, time::Duration};

use crate::wire::SLOW_QUESTION;
use replyd::{Config, Event, Server, Session};

/// Serves until it is killed.
pub(crate) fn serve(port: u16) {
    let mut config = Config::default();
    config.listen = format!("127.0.0.1:{port}");
    config.messages_per_second = 0;
    let answer = config.replies.answer("i need help").text();
    let running = Server::with_config(config).and_then(|server| {
        server.start(move |session: &mut Session| {
            let greeting = session.config().greeting.clone();
            session.send(greeting)?;
            while let Some(event) = session.next()? {
                if let Event::Text(text) = event {
                    if SLOW_QUESTION.ends_with(text.as_bytes()) {
                        thread::sleep(Duration::from_millis(50));
                    }
                    session.send(answer.clone())?;
                }
            }
            Ok(())
        })
    });
    let _running = running.expect("the port is free");
    loop {
        thread::park();
    }
}
