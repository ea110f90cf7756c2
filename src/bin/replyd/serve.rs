//! `replyd serve`: reads the settings, starts the log and the server, and waits for a signal.

use std::{panic, process, time::Duration};

use crossbeam_channel::{Receiver, bounded, select, tick};
use replyd::Server;
use sd_notify::NotifyState;

use crate::{
    args::ServeArgs,
    failure::Failure,
    log_writer::LogWriter,
    reload::Watch,
    settings::{self, Settings},
    unanswered::Unanswered,
};

/// How often the files are looked at; a change is read when it looks the same twice.
const TICK: Duration = Duration::from_millis(500);
/// 128 + SIGINT, as shells report it.
const KILLED: i32 = 130;

pub(crate) fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let file = settings::file(args.file.config.as_deref());
    let listen = args.listen.clone().filter(|listen| !listen.is_empty());
    let mut watch = file.as_deref().map(|file| Watch::new(file, listen.clone()));
    let Settings { mut config, name } = settings::read(file.as_deref())?;
    if let Some(listen) = &listen {
        config.listen.clone_from(listen);
    }
    // Dropped at the end, whichever way it comes: that writes the last lines.
    let log = LogWriter::start(config.level)?;
    panic::set_hook(Box::new(|info| log::error!("{info}")));
    match &file {
        Some(_) => log::info!("using {name}"),
        None => {
            log::info!("using the built-in replies: there is no {} in this folder", settings::DEFAULT_FILE)
        }
    }
    for failure in config.replies.failures() {
        log::warn!("{failure}");
    }

    let signals = signals()?;
    let (unanswered, writer) = Unanswered::start(config.unanswered_file.clone())?;
    let keep = unanswered.clone();
    let server = Server::with_config(config)?;
    let running = server.start(move |session| replyd::bot_with(session, keep.of_one_session()))?;
    tell_systemd(&[NotifyState::Ready]);
    let ticks = tick(TICK);
    loop {
        select! {
            recv(signals) -> _ => break,
            recv(ticks) -> _ => {
                running.tell_lost_log_lines(log.lost());
                if let Some(watch) = &mut watch {
                    watch.tick(&running, &unanswered);
                }
            }
        }
    }
    tell_systemd(&[NotifyState::Stopping]);
    log::info!("Stopping: a second signal ends at once");
    running.stop();
    finish(unanswered, writer);
    Ok(())
}

/// Where systemd started this process and waits for word of it.
fn tell_systemd(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::warn!("cannot tell systemd: {error}");
    }
}

/// Waits a second for what is still to be written; a session that is stuck may hold the thread for ever.
fn finish(unanswered: Unanswered, writer: std::thread::JoinHandle<()>) {
    drop(unanswered);
    let (done, written) = bounded::<()>(0);
    std::thread::spawn(move || {
        let _ = writer.join();
        drop(done);
    });
    let _ = written.recv_timeout(Duration::from_secs(1));
}

/// A channel that tells of the first signal. The second ends the process, whatever it is doing.
fn signals() -> Result<Receiver<()>, Failure> {
    let (heard, signals) = bounded(1);
    let mut heard = Some(heard);
    ctrlc::set_handler(move || match heard.take() {
        // There is room for the one message that is ever sent.
        Some(heard) => drop(heard.try_send(())),
        None => process::exit(KILLED),
    })
    .map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
    Ok(signals)
}
