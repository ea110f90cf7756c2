//! Programs under test: the real binary, and foreign tools.

use std::{
    env,
    fs::File,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    pty::{Winsize, openpty},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::{DEADLINE, Output};

/// A running program. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    input: Option<File>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

impl Program {
    /// Starts a program with pipes.
    #[track_caller]
    pub(crate) fn piped(command: &mut Command) -> Program {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = child.stdin.take().map(|stdin| File::from(std::os::fd::OwnedFd::from(stdin)));
        let stdout = Output::of(child.stdout.take().unwrap());
        let stderr = Output::of(child.stderr.take().unwrap());
        Program { child, input, stdout, stderr }
    }

    /// Starts a program on a pseudo-terminal; all it writes is `stdout`.
    #[track_caller]
    pub(crate) fn on_terminal(command: &mut Command) -> Program {
        let size = Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        let command = command.env("TERM", "xterm").stdin(slave()).stdout(slave()).stderr(slave());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // The command keeps its ends open, and the output would have no end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(pty.slave);
        let master = File::from(pty.master);
        Program {
            child,
            input: Some(master.try_clone().unwrap()),
            stdout: Output::of(master),
            stderr: Output::default(),
        }
    }

    /// Starts a program whose input and output are set already.
    #[track_caller]
    pub(crate) fn as_it_is(command: &mut Command) -> Program {
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Program { child, input: None, stdout: Output::default(), stderr: Output::default() }
    }

    #[track_caller]
    pub(crate) fn type_in(&mut self, text: &str) {
        self.input.as_mut().expect("its input is open").write_all(text.as_bytes()).unwrap();
    }

    /// The pseudo-terminal it runs on.
    pub(crate) fn terminal(&self) -> &File {
        self.input.as_ref().expect("its input is open")
    }

    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory in kB that was ever resident; 0 when it has ended.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse().unwrap())
    }

    /// Waits for the end, and returns the exit code.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.exit_code_within(DEADLINE)
    }

    /// Waits for an end that takes a time of its own.
    #[track_caller]
    pub(crate) fn exit_code_within(&mut self, time: Duration) -> Option<i32> {
        let deadline = Instant::now() + time;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "still running; it wrote:\n{}{}",
                self.stdout.so_far(),
                self.stderr.so_far()
            );
            // std offers no wait with a deadline.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary under test, in an empty folder and without variables that change what it does.
pub(crate) fn replyd(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_replyd"));
    command.current_dir(folder);
    for variable in ["RUST_LOG", "REPLYD_CONFIG", "REPLYD_LISTEN", "REPLYD_KEY"] {
        command.env_remove(variable);
    }
    command
}

/// `replyd serve` on a free port.
pub(crate) struct Replyd {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
}

impl Replyd {
    /// With these settings as its `config.ini`.
    #[track_caller]
    pub(crate) fn serve(config: &str) -> Replyd {
        Replyd::serve_with(config, |_| {})
    }

    #[track_caller]
    pub(crate) fn serve_with(config: &str, change: impl FnOnce(&mut Command)) -> Replyd {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.ini"), config).unwrap();
        let mut command = replyd(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        change(&mut command);
        let program = Program::piped(&mut command);
        let line = program.stderr.wait_for("Waiting for clients ... [");
        let address = line
            .trim_start_matches("ws://")
            .trim_start_matches("wss://")
            .split(']')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        Replyd { program, address, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub(crate) fn log(&self) -> &Output {
        &self.program.stderr
    }

    /// Its memory in kB: what is resident now.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The processor time that it has spent, in hundredths of a second.
    pub(crate) fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.program.id())).unwrap();
        // User and system time are the 14th and 15th field; the second one may hold blanks.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Stops it as a person would, and returns its whole log.
    #[track_caller]
    pub(crate) fn stop(mut self) -> String {
        self.program.signal(Signal::SIGTERM);
        assert_eq!(self.program.exit_code(), Some(0), "{}", self.log().so_far());
        self.log().all()
    }
}

/// A foreign tool, from the PATH or from `target/tools/bin`. Without it a test is left out, but never under `CI=true`.
pub(crate) fn tool(name: &str, install: &str) -> Option<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let found =
        env::split_paths(&path).chain([tools]).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        missing(name, install);
    }
    found
}

/// Says that a test is left out for want of a tool, which under `CI=true` is a failure.
#[track_caller]
pub(crate) fn missing(name: &str, install: &str) {
    let sentence = format!("{name} is missing; install it with: {install}");
    assert!(env::var("CI").as_deref() != Ok("true"), "{sentence}");
    left_out(&sentence);
}

/// Keeps what is left out for the list that `tests/left_out.rs` prints at the end.
pub(crate) fn left_out(why: &str) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("left-out.txt");
    let test = thread::current().name().unwrap_or("?").to_owned();
    let mut list = File::options().create(true).append(true).open(file).unwrap();
    list.write_all(format!("{why}\t{test}\n").as_bytes()).unwrap();
}
