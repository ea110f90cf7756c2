//! The server under test, and what it takes of the system.

use std::{
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
idle_timeout = 10s
[log]
transcript = no
";

/// `replyd` with short time limits and a key.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
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
        let config = folder.path().join("config.ini");
        fs::write(&config, format!("{SETTINGS}[key soak]\nsecret = {KEY}\n")).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
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
        Server { child, address, _folder: folder }
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
