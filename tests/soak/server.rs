//! The server under test, and what it takes of the system.

use std::{
    cell::Cell,
    fmt, fs,
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{DEADLINE, KEY};

const SETTINGS: &str = "
[server]
listen = 127.0.0.1:0
max_clients = 2000
handshake_timeout = 2s
message_timeout = 2s
write_timeout = 2s
ping_interval = 2s
idle_timeout = 1h
[log]
transcript = no
";

/// `replyd` with short time limits and a key.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
    saves: Cell<u64>,
}

/// What a process takes. Memory is anonymous and resident, in kB.
#[derive(Clone, Debug)]
pub(crate) struct Footprint {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    pub(crate) memory: u64,
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Footprint { threads, descriptors, memory } = self;
        write!(f, "{threads:>4} threads {descriptors:>4} descriptors {memory:>6} kB")
    }
}

impl Server {
    pub(crate) fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        save(&folder, 0);
        let log = folder.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_replyd"))
            .current_dir(folder.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let address = wait_for("its address", || {
            let lines = BufReader::new(File::open(&log).unwrap()).lines().map_while(Result::ok);
            lines.filter_map(|line| line.split_once("[ws://")?.1.strip_suffix(']')?.parse().ok()).next()
        });
        Server { child, address, folder, saves: Cell::new(0) }
    }

    /// Saves the settings with other replies, whole: under another name first.
    pub(crate) fn save_settings_anew(&self) {
        self.saves.set(self.saves.get() + 1);
        save(&self.folder, self.saves.get());
    }

    pub(crate) fn footprint(&self) -> Footprint {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let field = |name: &str| -> u64 {
            let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            value.trim_end_matches("kB").trim().parse().unwrap()
        };
        Footprint {
            threads: field("Threads:") as usize,
            descriptors: fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count(),
            memory: field("RssAnon:"),
        }
    }

    /// The footprint after all guests are gone: when it is back at the start, or when that has had its time.
    pub(crate) fn settle(&self, start: &Footprint) -> Footprint {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            let now = self.footprint();
            let is_back = now.threads == start.threads && now.descriptors == start.descriptors;
            if is_back || Instant::now() > deadline {
                return now;
            }
            thread::park_timeout(Duration::from_millis(50));
        }
    }

    pub(crate) fn stop(mut self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
        let status = wait_for("its end", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

fn save(folder: &TempDir, number: u64) {
    let replies = "help = Sure, I am here to help. Can you briefly describe the problem.";
    let text = format!(
        "{SETTINGS}[key soak]\nsecret = {KEY}\n[replies]\n{replies}\nnumber{number} = {number}\nunknown = Sorry.\n"
    );
    let new = folder.path().join("config.new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, folder.path().join("config.ini")).unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} does not come");
        thread::park_timeout(Duration::from_millis(10));
    }
}
