//! What the tests are driven with: a raw client that can send anything, programs with their output, foreign tools.

#[cfg(feature = "tls")]
pub(crate) mod certificates;
#[cfg(feature = "cli")]
mod output;
#[cfg(feature = "cli")]
mod program;
#[cfg(feature = "cli")]
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod warnings;

use std::time::Duration;

#[cfg(feature = "cli")]
pub(crate) use output::Output;
#[cfg(feature = "cli")]
pub(crate) use program::{Program, Replyd, left_out, missing, replyd, tool};
pub(crate) use raw::{Opcode, Raw};

/// No event that a test waits for takes longer, on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const GREETING: &str = "Hi, how can I help you today?";
pub(crate) const HELP: &str = "Sure, I am here to help. Can you briefly describe the problem.";
pub(crate) const SORRY: &str = "Sorry, I am unable to understand you.";

/// A server with the built-in bot and these settings, on a free port of this process.
#[track_caller]
pub(crate) fn serve(settings: &str) -> replyd::RunningServer {
    serve_with(parse(settings), replyd::bot)
}

/// The settings in this text, where keys may have the role of an owner.
pub(crate) fn parse(settings: &str) -> replyd::Config {
    replyd::ConfigReader::default().role("owner", "/owner").parse(settings, "test.ini").unwrap()
}

/// A server with this configuration and handler, on a free port of this process.
#[track_caller]
pub(crate) fn serve_with<H>(mut config: replyd::Config, handler: H) -> replyd::RunningServer
where
    H: Fn(&mut replyd::Session) -> replyd::HandlerResult + Send + Sync + 'static,
{
    config.listen = "127.0.0.1:0".into();
    replyd::Server::with_config(config).unwrap().start(handler).unwrap()
}

/// Runs what must not wait for a peer: it is over before another thread has made a hundred pauses. On a busy machine, these take
/// longer, too.
#[track_caller]
pub(crate) fn without_waiting(what: &str, pause: Duration, run: impl FnOnce()) {
    let (running, over) = std::sync::mpsc::channel::<()>();
    let pauses = std::thread::spawn(move || {
        (0..100).all(|_| over.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Timeout))
    });
    run();
    drop(running);
    assert!(!pauses.join().unwrap(), "{what}");
}

/// Waits until something holds that no event reports.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + DEADLINE;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "still not: {what}");
        std::thread::yield_now();
    }
}
