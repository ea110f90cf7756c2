//! `replyd serve`: reads the settings, starts the log and the server, and waits for a signal.

use std::{
    panic,
    path::{Path, PathBuf},
    process,
};

use crossbeam_channel::{Receiver, bounded};
use replyd::{Config, Server};

use crate::{args::ServeArgs, failure::Failure, log_writer::LogWriter};

/// The file that is read when none is named, if there is one.
const DEFAULT_FILE: &str = "config.ini";
/// 128 + SIGINT, as shells report it.
const KILLED: i32 = 130;

pub(crate) fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let file = config_file(args);
    let config = read_config(args, file.as_deref())?;
    // Dropped at the end, whichever way it comes: that writes the last lines.
    let _log = LogWriter::start(config.level)?;
    panic::set_hook(Box::new(|info| log::error!("{info}")));
    match &file {
        Some(file) => log::info!("using {}", file.display()),
        None => log::info!("using the built-in replies: there is no {DEFAULT_FILE} in this folder"),
    }
    let signals = signals()?;
    let running = Server::with_config(config)?.start(replyd::bot)?;
    let _ = signals.recv();
    log::info!("Stopping: a second signal ends at once");
    running.stop();
    Ok(())
}

fn config_file(args: &ServeArgs) -> Option<PathBuf> {
    let default = || Path::new(DEFAULT_FILE).exists().then(|| DEFAULT_FILE.into());
    args.config.clone().filter(|file| !file.as_os_str().is_empty()).or_else(default)
}

fn read_config(args: &ServeArgs, file: Option<&Path>) -> Result<Config, Failure> {
    let mut config = file.map_or_else(|| Ok(Config::default()), Config::load)?;
    if let Some(listen) = args.listen.clone().filter(|listen| !listen.is_empty()) {
        config.listen = listen;
    }
    Ok(config)
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
