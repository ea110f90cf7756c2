//! What a hangup means: with a terminal its end, without one a reload, and nothing under nohup.

use std::{
    fs::{self, OpenOptions},
    process::{Command, Stdio},
};

use nix::{
    fcntl::OFlag,
    pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::signal::Signal,
};

use crate::support::{GREETING, Opcode, Program, Raw, replyd, tool};

const CONFIG: &str = "[bot]\ngreeting =\n[replies]\nhours = one\n";

/// These tests, too, may run under nohup, and an ignored signal is inherited.
const WITH_HANGUPS: [&str; 2] = ["env", "--default-signal=HUP"];

struct Server {
    program: Program,
    folder: tempfile::TempDir,
    /// The other side of the pseudo-terminal it runs on, if it does.
    terminal: Option<PtyMaster>,
}

/// A server in a session of its own, behind these words of a shell.
#[track_caller]
fn started(words: &str, with_terminal: bool) -> Option<Server> {
    let setsid = tool("setsid", "apt-get install util-linux")?;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.ini"), CONFIG).unwrap();
    let replyd = replyd(folder.path());
    let mut command = Command::new(setsid);
    command.current_dir(folder.path()).env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null());
    let mut terminal = None;
    if with_terminal {
        // No other child may inherit it: the terminal would not end.
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(ptsname_r(&master).unwrap()).unwrap();
        command.arg("--ctty").stdin(slave);
        terminal = Some(master);
    }
    command.args(WITH_HANGUPS).args(["sh", "-c"]).arg(format!("{words} exec \"$0\" \"$@\" 2>log"));
    command.arg(replyd.get_program()).args(["serve", "--listen", "127.0.0.1:0"]);
    let program = Program::as_it_is(&mut command);
    // Where the other end is the command's, the terminal's end is not noticed.
    drop(command);
    let server = Server { program, folder, terminal };
    server.wait_for("Waiting for clients ... [ws://");
    Some(server)
}

impl Server {
    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    #[track_caller]
    fn wait_for(&self, words: &str) {
        crate::support::wait_until(words, || self.log().contains(words));
    }

    #[track_caller]
    fn ask(&self) -> String {
        let log = self.log();
        let address = log.split_once("[ws://").unwrap().1.split_once(']').unwrap().0;
        let mut client = Raw::open(address.parse().unwrap());
        client.say(Opcode::Text, b"hours");
        client.text()
    }
}

#[test]
fn the_end_of_its_terminal_stops_it() {
    let Some(mut server) = started("", true) else { return };
    assert_eq!(server.ask(), "one");
    server.terminal = None;
    assert_eq!(server.program.exit_code(), Some(0));
    assert!(server.log().trim_end().ends_with("Stopped"), "{}", server.log());
}

#[test]
fn under_nohup_it_outlives_its_terminal() {
    let Some(mut server) = started("trap '' HUP;", true) else { return };
    server.terminal = None;
    server.program.signal(Signal::SIGHUP);
    assert_eq!(server.ask(), "one");
    fs::write(server.folder.path().join("config.ini"), CONFIG.replace("one", "two")).unwrap();
    server.wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert!(!server.log().contains("SIGHUP"));
    server.program.signal(Signal::SIGTERM);
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn without_a_terminal_a_hangup_reads_the_files_at_once() {
    let Some(mut server) = started("", false) else { return };
    server.program.signal(Signal::SIGHUP);
    server.wait_for("SIGHUP: reading config.ini");
    // Also what has not changed.
    server.wait_for("reloaded config.ini: +0 ~0 -0 replies");
    fs::write(server.folder.path().join("config.ini"), CONFIG.replace("one", "two")).unwrap();
    server.program.signal(Signal::SIGHUP);
    server.wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert_eq!(server.ask(), "two");
    server.program.signal(Signal::SIGTERM);
    assert_eq!(server.program.exit_code(), Some(0));
}

/// As a shell starts what runs in its background, where only Ctrl-C is to be ignored.
#[test]
fn an_interrupt_that_was_ignored_at_the_start_stops_it_all_the_same() {
    let Some(mut server) = started("trap '' INT;", false) else { return };
    assert_eq!(server.ask(), "one");
    server.program.signal(Signal::SIGINT);
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn without_a_file_a_hangup_says_so() {
    let Some(setsid) = tool("setsid", "apt-get install util-linux") else { return };
    let folder = tempfile::tempdir().unwrap();
    let program = replyd(folder.path());
    let mut command = Command::new(setsid);
    command
        .current_dir(folder.path())
        .args(WITH_HANGUPS)
        .arg(program.get_program())
        .args(["--listen", "127.0.0.1:0"])
        .env_remove("RUST_LOG");
    let server = Program::piped(&mut command);
    let line = server.stderr.wait_for("Waiting for clients ... [ws://");
    server.signal(Signal::SIGHUP);
    server.stderr.wait_for("SIGHUP: there is no file to reload");
    assert_eq!(Raw::open(line.split(']').next().unwrap().parse().unwrap()).text(), GREETING);
}
