//! `replyd serve`: reads the settings, starts the log and the server, and waits for a signal.

use std::{panic, path::PathBuf, sync::Arc, time::Duration};

use crossbeam_channel::{bounded, never, select, tick};
use replyd::{Config, ConfigFiles, Loaded, RunningServer, Server};
use sd_notify::NotifyState;

use crate::{
    address_space,
    args::ServeArgs,
    failure::Failure,
    keeper::Keeper,
    log_writer::LogWriter,
    owner::{self, Owner},
    reload::{Reload, notify_systemd, status},
    settings,
    signals::Signals,
};

/// Interval between checks of the files. A change is read once two checks see the same state.
const TICK: Duration = Duration::from_millis(500);
/// Number of failing `[tests]` that are logged at the start; nobody fixes more in one go.
const MAX_SHOWN_FAILURES: usize = 50;

/// Serves until a signal, then stops gracefully. Mistakes in the configuration are reported before anything is started.
pub(crate) fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let file = settings::file(args.file.config.as_deref());
    let listen = args.listen.clone().filter(|listen| !listen.is_empty());
    let Loaded { mut config, files: sources, warnings, .. } = settings::read(file.as_deref())?;
    if let Some(listen) = &listen {
        config.listen.clone_from(listen);
    }
    // Dropping it writes the last lines, on every way out of this function.
    let log = LogWriter::start(config.level)?;
    panic::set_hook(Box::new(|info| log::error!("{info}")));
    match &file {
        Some(file) => log::info!("using {}", file.display()),
        None => {
            log::info!("using the built-in replies: there is no {} in this folder", settings::DEFAULT_FILE)
        }
    }
    let notices = notices(warnings, &config);
    notices.iter().for_each(|notice| log::warn!("{notice}"));

    let signals = Signals::handle()?;
    let (keeper, writer) = Keeper::start(&sources)?;
    let owner = Owner::new(&config, &sources, notices);
    address_space::warn(config.max_clients);
    let server = Server::with_config(config).map_err(listening_failed)?;
    let running = start(server, &keeper, &owner)?;
    report_page(&running);
    notify_systemd(&[NotifyState::Ready, NotifyState::Status(&status(&running.config()))]);
    wait(&running, &signals, &log, &keeper, &owner, reload(file, sources, listen)?);
    notify_systemd(&[NotifyState::Stopping]);
    log::info!("Stopping: a second signal exits at once");
    running.stop();
    finish(keeper, writer);
    Ok(())
}

/// Starts the server: owners get their page, and all others the bot.
fn start(server: Server, keeper: &Keeper, owner: &Arc<Owner>) -> Result<RunningServer, Failure> {
    let (keeper, for_sessions, for_pages) = (keeper.clone(), Arc::clone(owner), Arc::clone(owner));
    let running = server.pages(move |request| for_pages.page(request)).start(move |session| {
        if session.role() == Some(settings::OWNER) {
            owner::converse(session, &for_sessions)
        } else {
            let answered = keeper.of_one_session(session.client_ip());
            replyd::bot_with(session, answered)
        }
    })?;
    Ok(running)
}

/// What is to be said of valid settings: warnings, and the `[tests]` that fail.
fn notices(warnings: Vec<String>, config: &Config) -> Vec<String> {
    let mut notices = warnings;
    notices.extend(settings::warnings_of(config));
    let failures = config.replies.failures();
    let more = failures.len().saturating_sub(MAX_SHOWN_FAILURES);
    notices.extend(failures.into_iter().take(MAX_SHOWN_FAILURES));
    notices.extend((more > 0).then(|| format!("and {more} more tests fail")));
    notices
}

/// Adds advice for an address in use. The library cannot give it, since it does not know the flags of this program.
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
        // Not every browser opens an unspecified address (0.0.0.0 or [::]), but loopback always works from this machine.
        address.set_ip(match address {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    log::info!("Chat page: {scheme}://{address}/");
}

fn reload(
    file: Option<PathBuf>,
    sources: ConfigFiles,
    listen: Option<String>,
) -> Result<Option<Reload>, Failure> {
    file.map(|file| Reload::start(&file, sources, listen)).transpose()
}

/// Watches files and signals until a signal stops the server.
fn wait(
    running: &RunningServer,
    signals: &Signals,
    log: &LogWriter,
    keeper: &Keeper,
    owner: &Owner,
    mut reload: Option<Reload>,
) {
    let answers = reload.as_ref().map_or(never(), Reload::answers);
    let ticks = tick(TICK);
    loop {
        select! {
            recv(signals.stop) -> _ => return,
            recv(signals.reload) -> _ => match &mut reload {
                Some(reload) => reload.reload_now(running),
                None => log::warn!("SIGHUP: there is no file to reload, since the server was started without one"),
            },
            recv(ticks) -> _ => {
                running.set_lost_log_lines(log.lost());
                owner.tick(running);
                match &mut reload {
                    Some(reload) if owner.take_saved() => reload.read_now(running),
                    Some(reload) => reload.tick(running),
                    None => {}
                }
            }
            recv(answers) -> answer => if let (Some(reload), Ok(answer)) = (&mut reload, answer) {
                reload.accept(answer, running, keeper, owner);
            },
        }
    }
}

/// Waits for what is kept to be written, for a second at most: a session that is stuck keeps a sender, and then
/// the writer never ends.
fn finish(keeper: Keeper, writer: std::thread::JoinHandle<()>) {
    drop(keeper);
    let (done, written) = bounded::<()>(0);
    std::thread::spawn(move || {
        let _ = writer.join();
        drop(done);
    });
    let _ = written.recv_timeout(Duration::from_secs(1));
}
