//! Which signals stop the server, and which make it read its files.

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

use crate::failure::Failure;

/// 128 + SIGINT, as shells report it.
const KILLED: i32 = 130;

/// What the signals of this process ask for.
pub(crate) struct Signals {
    /// The first one that stops it; the second one ends it at once, whatever it is doing.
    pub(crate) stop: Receiver<()>,
    /// To read the files now.
    pub(crate) reload: Receiver<()>,
}

/// What a SIGHUP means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hangup {
    /// Nothing: whoever started this process wanted it to outlive a terminal (nohup).
    Ignored,
    /// The terminal that the process was started from is gone.
    Stop,
    /// There is no terminal, and an administrator or a service manager sent it.
    Reload,
}

impl Signals {
    /// Hears SIGINT, SIGTERM and SIGHUP from now on.
    pub(crate) fn hear() -> Result<Signals, Failure> {
        // Judged before any handler is installed, and while the terminal is there: at the hangup it is gone.
        let hangup = Hangup::judge();
        let (sender, stop) = bounded(1);
        let stopping = Arc::new(Stop { asked: AtomicBool::new(false), sender });
        let (reload_asked, reload) = bounded(1);
        let failed = |error: String| Failure::new(format!("cannot listen for signals: {error}"));
        let interrupted = Arc::clone(&stopping);
        ctrlc::set_handler(move || interrupted.stop_or_end()).map_err(|error| failed(error.to_string()))?;
        let heard = if hangup == Hangup::Ignored { &[SIGTERM][..] } else { &[SIGTERM, SIGHUP] };
        let mut incoming = Incoming::new(heard).map_err(|error| failed(error.to_string()))?;
        let hear = move || {
            for signal in incoming.forever() {
                match hangup {
                    // One wish that is waiting is as good as two.
                    Hangup::Reload if signal == SIGHUP => drop(reload_asked.try_send(())),
                    _ => stopping.stop_or_end(),
                }
            }
        };
        let thread = thread::Builder::new().name("signals".into()).spawn(hear);
        thread.map_err(|error| failed(error.to_string()))?;
        Ok(Signals { stop, reload })
    }
}

/// Where all signals that stop the server come together.
struct Stop {
    asked: AtomicBool,
    sender: Sender<()>,
}

impl Stop {
    /// Stops the server, or ends the process when that was asked for before.
    fn stop_or_end(&self) {
        if self.asked.swap(true, Ordering::AcqRel) {
            process::exit(KILLED);
        }
        // There is room for the one message that is ever sent.
        let _ = self.sender.try_send(());
    }
}

impl Hangup {
    fn judge() -> Hangup {
        if is_ignored(SIGHUP) {
            Hangup::Ignored
        } else if File::open("/dev/tty").is_ok() {
            Hangup::Stop
        } else {
            Hangup::Reload
        }
    }
}

/// Whether this process was started to ignore a signal (proc_pid_status(5)); not where the system does not say.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = bits.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    bits >> (signal - 1) & 1 == 1
}
