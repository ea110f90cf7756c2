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
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{DEADLINE, KEY, OWNER_KEY};

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
[bot]
replies_file = replies.ini
unanswered_file = unanswered.txt
statistics_file = statistics.tsv
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
        let preload = folder.path().join("preload.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/preload.c");
        let built =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&preload).args([source, "-ldl"]).status();
        assert!(built.unwrap().success());
        let child = Command::new(env!("CARGO_BIN_EXE_replyd"))
            .current_dir(folder.path())
            .env("LD_PRELOAD", preload)
            .env("PATH_IN_TROUBLE", "replies.ini")
            .env("TROUBLE", folder.path().join("trouble"))
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

    /// Saves the settings anew, with other replies; or replies that are nothing but mistakes; or has the disk make trouble.
    pub(crate) fn save_anew(&self) {
        let save_number = self.saves.get() + 1;
        self.saves.set(save_number);
        let trouble = self.folder.path().join("trouble");
        match save_number % 20 {
            // A read that blocks, for long enough to be noticed.
            4 => fs::write(&trouble, "").unwrap(),
            12 => fs::remove_file(&trouble).unwrap(),
            15 => fs::write(&trouble, (Errno::EMFILE as i32).to_string()).unwrap(),
            17 => fs::remove_file(&trouble).unwrap(),
            _ => {}
        }
        let replies = self.folder.path().join("replies.ini");
        // A file that takes time stays until it has been read, on a machine that is busy with all this.
        match save_number % 20 {
            1 => fs::write(replies, "no equals sign\n".repeat(500_000)).unwrap(),
            2 | 3 | 14 | 19 => {}
            // As a spreadsheet saves it, and as nothing does.
            10 => {
                fs::write(self.folder.path().join("statistics.tsv"), "20.11.2026\t9:7\thelp\t1\nrubbish\n")
                    .unwrap();
            }
            13 => fs::write(replies, like_phrases()).unwrap(),
            18 => fs::write(replies, long_values()).unwrap(),
            _ => save(&self.folder, save_number),
        }
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

    /// Returns its log.
    pub(crate) fn stop(mut self) -> String {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
        let status = wait_for("its end", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// A megabyte of phrases that differ in their accents only.
fn like_phrases() -> String {
    let accents = ['\u{300}', '\u{301}', '\u{302}', '\u{303}', '\u{308}', '\u{30a}', '\u{30c}', '\u{327}'];
    let phrase = |number: usize| -> String {
        (0..12).flat_map(|letter| ['e', accents[number >> (letter * 3) & 7]]).collect()
    };
    let lines = (0..20_000).map(|number| format!("{} = {number}\n", phrase(number)));
    "[replies]\n".to_owned() + &lines.collect::<String>()
}

/// A small file that becomes a large one once its values are put in.
fn long_values() -> String {
    format!("[replies]\nhelp = {}\n[vars]\nv = {}\n", "{v}".repeat(20_000), "x".repeat(60_000))
}

/// Whole, under another name first.
fn save(folder: &TempDir, number: u64) {
    let replies = format!(
        "[replies]\nhelp = Sure, I am here to help. Can you briefly describe the problem.\nnumber{number} = {number}\n\
         unknown = Sorry.\n"
    );
    let settings =
        format!("{SETTINGS}[key soak]\nsecret = {KEY}\n[key owner]\nsecret = {OWNER_KEY}\nrole = owner\n");
    for (name, text) in [("replies.ini", replies), ("config.ini", settings)] {
        let new = folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(new, folder.path().join(name)).unwrap();
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
