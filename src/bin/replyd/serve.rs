//! `replyd serve`: reads the settings, starts the log and the server, and waits for a signal.

mod address_space;
mod log_writer;
mod reload;
mod reports;
mod signals;
mod watch;

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    panic,
    sync::Arc,
    time::Duration,
};

use crossbeam_channel::{never, select, tick};
use replyd::{Loaded, RunningServer, Server};
use sd_notify::NotifyState;

use crate::{
    console::{DEFAULT_FILE, Failure, FileArgs, OWNER},
    owner::{self, Owner},
    records::Recorder,
};
use log_writer::LogWriter;
use reload::Reload;
use reports::{notices_at_start, notify_systemd, status};
use signals::Signals;

/// Interval between checks of the files. A change is read once two checks see the same state.
const TICK: Duration = Duration::from_millis(500);
/// Time limit for writing the last records at the end of the program.
const RECORDING_TIME: Duration = Duration::from_secs(1);

/// Serve until SIGINT or SIGTERM (the default).
#[derive(clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Address and port to listen on; overrides the file.
    #[arg(long, value_name = "ADDRESS:PORT", env = "REPLYD_LISTEN")]
    listen: Option<String>,
}

impl ServeArgs {
    /// Serves until a signal, then stops gracefully. Mistakes are reported before anything is started.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let file = self.file.path();
        let listen = self.listen.filter(|listen| !listen.is_empty());
        let Loaded { mut config, files: sources, warnings, .. } = self.file.load()?;
        if let Some(listen) = &listen {
            config.listen.clone_from(listen);
        }
        // Dropping it writes the last lines, on every way out of this function.
        let log = LogWriter::start(config.level)?;
        panic::set_hook(Box::new(|info| log::error!("{info}")));
        match &file {
            Some(file) => log::info!("using {}", file.display()),
            None => log::info!("using the built-in replies: there is no {DEFAULT_FILE} in this folder"),
        }
        let notices = notices_at_start(warnings, &config);
        notices.iter().for_each(|notice| log::warn!("{notice}"));

        let signals = Signals::handle()?;
        let (recorder, written) = Recorder::start(&sources)?;
        let owner = Owner::new(&config, &sources, notices);
        address_space::warn(config.max_clients);
        let server = Server::with_config(config).map_err(listening_failed)?;
        let running = start(server, &recorder, &owner)?;
        report_page(&running);
        notify_systemd(&[NotifyState::Ready, NotifyState::Status(&status(&running.config()))]);
        let reload = file.map(|file| Reload::start(&file, sources, listen)).transpose()?;
        wait(&running, &signals, &log, &recorder, &owner, reload);
        notify_systemd(&[NotifyState::Stopping]);
        log::info!("Stopping: a second signal exits at once");
        running.stop();
        drop(recorder);
        // A session that is stuck keeps a handle of the recorder, and then it never ends.
        let _ = written.recv_timeout(RECORDING_TIME);
        Ok(())
    }
}

/// Starts the server: owners get their page, and all others the bot.
fn start(server: Server, recorder: &Recorder, owner: &Arc<Owner>) -> Result<RunningServer, Failure> {
    let (recorder, for_sessions, for_pages) = (recorder.clone(), Arc::clone(owner), Arc::clone(owner));
    let running = server.pages(move |request| for_pages.page(request)).start(move |session| {
        if session.role() == Some(OWNER) {
            owner::converse(session, &for_sessions)
        } else {
            let answered = recorder.for_session(session.client_ip());
            replyd::bot_with(session, answered)
        }
    })?;
    Ok(running)
}

/// Adds advice for an address in use, with a flag of this program.
fn listening_failed(error: replyd::Error) -> Failure {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
    if source.is_some_and(|source| source.kind() == std::io::ErrorKind::AddrInUse) {
        return Failure::new(format!(
            "{error}: another program listens there, perhaps another replyd; stop it, or choose another address with --listen ADDRESS:PORT"
        ));
    }
    error.into()
}

/// Logs the address of the chat page, if there is one.
fn report_page(running: &RunningServer) {
    let config = running.config();
    if !config.page {
        return;
    }
    #[cfg(feature = "tls")]
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    #[cfg(not(feature = "tls"))]
    let scheme = "http";
    let mut address = running.local_addr();
    if address.ip().is_unspecified() {
        // Not every browser opens an unspecified address (0.0.0.0 or [::]); this machine reaches loopback.
        let is_v4 = address.is_ipv4();
        address.set_ip(if is_v4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    log::info!("Chat page: {scheme}://{address}/");
}

/// Watches files and signals until a signal stops the server.
fn wait(
    running: &RunningServer,
    signals: &Signals,
    log: &LogWriter,
    recorder: &Recorder,
    owner: &Owner,
    mut reload: Option<Reload>,
) {
    let results = reload.as_ref().map_or(never(), |reload| reload.results.clone());
    let ticks = tick(TICK);
    loop {
        select! {
            recv(signals.stop) -> _ => return,
            recv(signals.reload) -> _ => match &mut reload {
                Some(reload) => reload.read_now(running, "SIGHUP"),
                None => log::warn!("SIGHUP: there is no file to reload, since the server was started without one"),
            },
            recv(ticks) -> _ => {
                running.set_lost_log_lines(log.lost());
                owner.tick(running);
                match &mut reload {
                    Some(reload) if owner.was_file_saved() => reload.read_now(running, ""),
                    Some(reload) => reload.tick(running),
                    None => {}
                }
            }
            recv(results) -> result => if let (Some(reload), Ok(result)) = (&mut reload, result) {
                reload.accept(result, running, recorder, owner);
            },
        }
    }
}
