//! A server under load, in a process of its own, and what the system says of it.

use std::{
    env, fs,
    fs::File,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::wire::{UPGRADE, UPGRADED};

const START_TIME: Duration = Duration::from_secs(20);
/// Linux counts processor time in hundredths of a second (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICK: Duration = Duration::from_millis(10);

/// What replyd is told for the benchmark.
const SETTINGS: &str = "
[server]
max_clients = 20000
messages_per_second = 0
idle_timeout = 0s
ping_interval = 10m
";

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// From its start until it has upgraded a first client.
    pub(crate) started: Duration,
    /// Anonymous memory before any client, in kB.
    pub(crate) empty: u64,
    pub(crate) threads_when_empty: u64,
    child: Child,
}

impl Subject {
    /// The real binary; with a transcript, to `log`.
    pub(crate) fn replyd(folder: &Path, transcript: bool) -> Subject {
        let name = if transcript { "transcript" } else { "replyd" };
        Subject::of_binary(env!("CARGO_BIN_EXE_replyd").as_ref(), name, folder, transcript)
    }

    /// Another build of the binary, where the variable `REPLYD_BEFORE` names one.
    pub(crate) fn before(folder: &Path) -> Option<Subject> {
        let binary = env::var_os("REPLYD_BEFORE")?;
        Some(Subject::of_binary(binary.as_ref(), "before", folder, false))
    }

    fn of_binary(binary: &Path, name: &'static str, folder: &Path, transcript: bool) -> Subject {
        let config = folder.join(format!("{name}.ini"));
        let more = if transcript { "" } else { "[log]\ntranscript = no\n" };
        fs::write(&config, format!("{SETTINGS}{more}")).expect("the folder is writable");
        let log = File::create(Subject::log(folder)).expect("the folder is writable");
        let mut command = Command::new(binary);
        command.env_remove("RUST_LOG").arg("--config").arg(config);
        Subject::start(name, &mut command, |command, port| {
            command.args(["--listen", &format!("127.0.0.1:{port}")]).stderr(match transcript {
                true => Stdio::from(log),
                false => Stdio::null(),
            });
        })
    }

    /// Where the one with a transcript writes it.
    pub(crate) fn log(folder: &Path) -> std::path::PathBuf {
        folder.join("transcript.log")
    }

    /// This program itself, in one of the roles that its command line knows.
    pub(crate) fn role(name: &'static str) -> Subject {
        let program = env::current_exe().expect("the system knows this program");
        Subject::start(name, Command::new(program).arg(name), |command, port| {
            command.arg(port.to_string());
        })
    }

    /// The article's program, where there is a Deno for it.
    pub(crate) fn article() -> Option<Subject> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/server/article.js");
        let version = Command::new("deno").arg("--version").output().ok()?;
        if !version.status.success() {
            return None;
        }
        let mut command = Command::new("deno");
        command.args(["run", "--allow-net", "--no-prompt", script]);
        Some(Subject::start("article", &mut command, |command, port| {
            command.arg(port.to_string());
        }))
    }

    fn start(name: &'static str, command: &mut Command, listen: impl FnOnce(&mut Command, u16)) -> Subject {
        // Free now; nobody else on this machine is expected to take it in the next moment.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.expect("there is a free port");
        listen(command, address.port());
        let begin = Instant::now();
        let child = command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut subject =
            Subject { name, address, started: Duration::ZERO, empty: 0, threads_when_empty: 0, child };
        while TcpStream::connect(address).and_then(upgraded).is_err() {
            assert!(begin.elapsed() < START_TIME, "{name} does not start");
            thread::park_timeout(Duration::from_micros(100));
        }
        subject.started = begin.elapsed();
        // The client of the start takes a moment to be gone.
        thread::park_timeout(Duration::from_millis(100));
        subject.empty = subject.memory();
        subject.threads_when_empty = subject.threads();
        subject
    }

    pub(crate) fn threads(&self) -> u64 {
        field(&format!("/proc/{}/status", self.child.id()), "Threads:")
    }

    /// User and system time so far.
    pub(crate) fn processor_time(&self) -> Duration {
        processor_time(&self.child.id().to_string())
    }

    /// Anonymous resident memory in kB.
    pub(crate) fn memory(&self) -> u64 {
        field(&format!("/proc/{}/status", self.child.id()), "RssAnon:")
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn upgraded(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(START_TIME))?;
    stream.write_all(UPGRADE)?;
    stream.read_exact(&mut UPGRADED[..12].to_vec())
}

/// The processor time of a process, `self` for this one.
pub(crate) fn processor_time(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // User and system time are the 14th and 15th field; the second one may hold blanks.
    let (_, fields) = stat.rsplit_once(") ").expect("a process has a name");
    let ticks: u32 = fields.split(' ').skip(11).take(2).flat_map(str::parse::<u32>).sum();
    TICK * ticks
}

/// What the system's own memory grows by with clients and threads, in kB: both ends of each connection are in it.
pub(crate) fn kernel_memory() -> u64 {
    ["Slab:", "KernelStack:", "PageTables:"].iter().map(|name| field("/proc/meminfo", name)).sum()
}

fn field(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(file).expect("the system tells");
    let value = text.lines().find_map(|line| line.strip_prefix(name)).expect("the field is there");
    value.trim().trim_end_matches(" kB").parse().expect("a number")
}
