//! Signals that stop the server, and SIGHUP, which may make it reload its files.

use std::{
    fs::{self, File},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::{
    consts::{SIGHUP, SIGTERM},
    iterator::Signals as Incoming,
};

use crate::console::Failure;

/// Exit code after a second signal: 128 + SIGINT, as shells report it.
const KILLED: i32 = 130;

/// Requests that arrive as signals.
pub(crate) struct Signals {
    /// The first signal to stop. A second one exits at once, since the server may be stuck.
    pub(crate) stop: Receiver<()>,
    /// Requests to read the files now.
    pub(crate) reload: Receiver<()>,
}

/// What a SIGHUP means to this process.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hangup {
    /// Nothing: the process was started to outlive its terminal (nohup).
    Ignored,
    /// The terminal of the process is gone.
    Stop,
    /// A request to reload: there is no terminal, so an administrator or a service manager sent it.
    Reload,
}

impl Signals {
    /// Handles SIGINT, SIGTERM and SIGHUP from now on.
    pub(crate) fn handle() -> Result<Signals, Failure> {
        // Decided now: a handler would hide that SIGHUP was ignored, and at the hangup the terminal is gone.
        let hangup = Hangup::meaning();
        let (sender, stop) = bounded(1);
        let stopping = Arc::new(Stop { asked: AtomicBool::new(false), sender });
        let (reload_asked, reload) = bounded(1);
        let failed = |error: String| Failure::new(format!("cannot handle signals: {error}"));
        let interrupted = Arc::clone(&stopping);
        ctrlc::set_handler(move || interrupted.stop_or_end()).map_err(|error| failed(error.to_string()))?;
        let handled = if hangup == Hangup::Ignored { &[SIGTERM][..] } else { &[SIGTERM, SIGHUP] };
        let mut incoming = Incoming::new(handled).map_err(|error| failed(error.to_string()))?;
        let forward = move || {
            for signal in incoming.forever() {
                match hangup {
                    // If a request is already waiting, one reload will do for both.
                    Hangup::Reload if signal == SIGHUP => drop(reload_asked.try_send(())),
                    _ => stopping.stop_or_end(),
                }
            }
        };
        let thread = thread::Builder::new().name("signals".into()).spawn(forward);
        thread.map_err(|error| failed(error.to_string()))?;
        Ok(Signals { stop, reload })
    }
}

/// The state that all handlers of stopping signals share.
struct Stop {
    asked: AtomicBool,
    sender: Sender<()>,
}

impl Stop {
    /// Requests a stop, or exits at once if that was requested before.
    fn stop_or_end(&self) {
        if self.asked.swap(true, Ordering::AcqRel) {
            process::exit(KILLED);
        }
        // The channel has space for the only message ever sent.
        let _ = self.sender.try_send(());
    }
}

impl Hangup {
    fn meaning() -> Hangup {
        if is_ignored(SIGHUP) {
            Hangup::Ignored
        } else if File::open("/dev/tty").is_ok() {
            Hangup::Stop
        } else {
            Hangup::Reload
        }
    }
}

/// Whether this process was started with a signal ignored, where the system reports it (proc_pid_status(5)).
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    bits >> (signal - 1) & 1 == 1
}
