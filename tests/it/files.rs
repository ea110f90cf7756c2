//! Files that are slow, gone, out of reach or full of mistakes hold up nobody, and one keeps none of the others out.

use std::{
    fs::{self, File},
    io::Write,
    os::{
        fd::AsRawFd,
        unix::fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use nix::{errno::Errno, sys::signal::Signal};

use crate::support::{GREETING, Opcode, Program, Raw, Replyd, replyd};

const SETTINGS: &str = "[bot]\ngreeting =\nreplies_file = faq.ini\n";

fn faq(reply: &str) -> String {
    format!("[replies]\nhours = {reply}\nunknown = ?\n")
}

/// A server with these settings and a file of replies.
#[track_caller]
fn serve(settings: &str, change: impl FnOnce(&mut Command)) -> Replyd {
    Replyd::serve_with(settings, |command| {
        fs::write(command.get_current_dir().unwrap().join("faq.ini"), faq("one")).unwrap();
        change(command);
    })
}

impl Replyd {
    fn save(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }
}

#[track_caller]
fn ask(server: &Replyd, message: &str) -> String {
    let mut client = Raw::open(server.address);
    client.say(Opcode::Text, message.as_bytes());
    client.text()
}

/// Runs a command to its end in a folder, and returns its exit code with all that it wrote.
#[track_caller]
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = Program::piped(replyd(folder).args(arguments));
    let code = program.exit_code();
    (code, program.stdout.all() + &program.stderr.all())
}

#[test]
fn a_file_of_mistakes_takes_little_log_and_memory() {
    let server = serve(SETTINGS, |_| {});
    let mistakes = "this line has no equals sign\n".repeat(300_000);
    let before = server.memory();
    server.save("faq.ini", &mistakes);
    server.log().wait_for("faq.ini: and 299951 more");
    server.log().wait_for("faq.ini is not accepted: keeping the previous 1 replies");
    let lines = server.log().so_far().matches("faq.ini:").count();
    assert!(lines <= 52, "{lines} lines");
    let grown = server.memory().saturating_sub(before) as usize * 1024;
    assert!(grown < 4 * mistakes.len(), "{grown} bytes for {}", mistakes.len());
    assert_eq!(ask(&server, "hours"), "one");

    let (code, said) = run(server.folder.path(), &["check"]);
    assert_eq!(code, Some(2));
    assert!(said.lines().count() <= 52, "{said}");
    // Warnings and failing tests are as many as anybody reads, too.
    let many: String = (0..1002).map(|number| format!("a{number}, b{number} = x\n")).collect();
    let tests: String = (2..1002).map(|number| format!("a{number} b{number} = a1, b1\n")).collect();
    server.save("other.ini", format!("[replies]\n{many}[tests]\n{tests}"));
    let (code, said) = run(server.folder.path(), &["check", "--config", "other.ini"]);
    assert_eq!(code, Some(1));
    assert!(said.lines().count() < 110, "{} lines", said.lines().count());
    assert!(said.contains("more than 50 warnings, 0 of 1000 tests pass"), "{said}");
}

/// The library that makes trouble, built by the C compiler that Rust needs anyway.
pub(crate) fn preload(folder: &Path) -> PathBuf {
    let library = folder.join("preload.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/preload.c");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).status();
    assert!(built.unwrap().success());
    library
}

/// A server for which this file can be in trouble.
#[track_caller]
fn serve_in_trouble(path: &str) -> (Replyd, PathBuf) {
    let mut trouble = PathBuf::new();
    let server = serve(SETTINGS, |command| {
        let folder = command.get_current_dir().unwrap().to_owned();
        trouble = folder.join("trouble");
        command.env("LD_PRELOAD", preload(&folder)).env("PATH_IN_TROUBLE", path).env("TROUBLE", &trouble);
    });
    (server, trouble)
}

#[test]
fn a_read_that_blocks_delays_nobody() {
    for file in ["faq.ini", "config.ini"] {
        let (server, trouble) = serve_in_trouble(file);
        fs::write(&trouble, "").unwrap();
        server.save("faq.ini", faq("two"));
        server.log().wait_for("reading takes long");
        assert_eq!(ask(&server, "hours"), "one");
        fs::remove_file(&trouble).unwrap();
        server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
        assert_eq!(ask(&server, "hours"), "two");
    }
    // A signal is heard in the middle of it.
    let (mut server, trouble) = serve_in_trouble("faq.ini");
    fs::write(&trouble, "").unwrap();
    server.save("faq.ini", faq("two"));
    server.log().wait_for("reading takes long");
    server.program.signal(Signal::SIGTERM);
    assert_eq!(server.program.exit_code(), Some(0));
}

#[test]
fn trouble_of_the_system_is_waited_out() {
    for error in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EIO] {
        for file in ["faq.ini", "config.ini"] {
            let (server, trouble) = serve_in_trouble(file);
            fs::write(&trouble, (error as i32).to_string()).unwrap();
            server.save("faq.ini", faq("two"));
            server.log().wait_for(&format!("cannot read {file}: "));
            server.log().wait_for("trying again");
            fs::remove_file(&trouble).unwrap();
            server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
            assert_eq!(server.log().so_far().matches("trying again").count(), 1);
            // The file of replies is watched as before.
            server.save("faq.ini", faq("three"));
            server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
            assert_eq!(ask(&server, "hours"), "three");
        }
    }
}

#[test]
fn a_file_that_is_copied_into_place_slowly_is_never_read_by_half() {
    let server = serve(SETTINGS, |_| {});
    let copy = |name: &str, text: &str| {
        // Each half of it would be a good file.
        let mut file = File::create(server.folder.path().join(name)).unwrap();
        for line in text.split_inclusive('\n') {
            file.write_all(line.as_bytes()).unwrap();
            thread::park_timeout(Duration::from_millis(100));
        }
    };
    let many: String = (0..25).map(|number| format!("word{number} = x\n")).collect();
    copy("faq.ini", &(faq("two") + &many));
    server.log().wait_for("reloaded config.ini: +25 ~1 -0 replies");
    // One that is named for the first time, and one that comes while another is being read.
    server.save("config.ini", SETTINGS.replace("faq.ini", "other.ini"));
    copy("other.ini", &(faq("three") + &many));
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    copy(
        "config.ini",
        &(SETTINGS.replace("faq.ini", "other.ini") + &"# comment\n".repeat(10) + "[web]\ntitle = Shop\n"),
    );
    server.log().wait_for("replies, changed: title");
    let reloads = server.log().so_far().matches("reloaded").count();
    assert_eq!(reloads, 3, "{}", server.log().so_far());
}

#[test]
fn each_file_is_accepted_or_refused_on_its_own() {
    let server = serve(SETTINGS, |_| {});
    // Broken settings do not hold up the replies, nor the other way round.
    server.save("config.ini", SETTINGS.replace("greeting", "greting"));
    server.log().wait_for("[bot] has no setting \"greting\"");
    server.log().wait_for("config.ini is not accepted: keeping the previous settings");
    server.save("faq.ini", faq("two"));
    server.log().wait_for("config.ini:2: [bot] has no setting");
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
    assert_eq!(ask(&server, "hours"), "two");

    server.save("faq.ini", "[replies]\nhours =\n");
    server.log().wait_for("faq.ini is not accepted: keeping the previous 1 replies");
    server.save("config.ini", SETTINGS.replace("greeting =", "greeting = Welcome"));
    server.log().wait_for("faq.ini:2: the reply to \"hours\" is empty");
    server.log().wait_for("reloaded config.ini: +0 ~0 -0 replies, changed: greeting");
    assert_eq!(Raw::open(server.address).text(), "Welcome");

    // Failing tests are a fault of the file that they are in.
    server.save("faq.ini", faq("three") + "[tests]\nhours = unknown\n");
    server.log().wait_for("\"hours\" should be answered by \"unknown\"");
    server.log().wait_for("faq.ini is not accepted: keeping the previous 1 replies");
    server.save("faq.ini", faq("three"));
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");

    // A file that is named for the first time counts to the settings, and the old one is still read.
    server.save("config.ini", SETTINGS.replace("faq.ini", "new.ini"));
    server.log().wait_for("new.ini: cannot read this file: No such file");
    server.log().wait_for("config.ini is not accepted: keeping the previous settings");
    assert_eq!(Raw::open(server.address).text(), "Welcome");
    server.save("new.ini", faq("four"));
    server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies, changed: greeting");
    assert_eq!(ask(&server, "hours"), "four");
}

#[test]
fn changes_and_warnings_are_named_at_the_start_and_at_each_reload() {
    let settings = "[bot]\ngreeting =\n[replies]\nhours, times = one\n";
    let server = Replyd::serve(settings);
    let started = server.log().so_far();
    assert!(
        started.contains("WARN  config.ini:4: \"hours, times\" is one phrase with a comma in it"),
        "{started}"
    );
    server.save(
        "config.ini",
        "[server]\nmax_message_bytes = 500\n[auth]\njwt_issuer = me\n[bot]\ngreeting = Hi\n\
         unanswered_file = kept.txt\n[replies]\nhours = one\nbye, see you = two\n[log]\nlevel = debug\n",
    );
    server.log().wait_for("+2 ~0 -1 replies, changed: max_message_bytes, greeting, level, unanswered_file");
    server.log().wait_for("WARN  config.ini:4: jwt_issuer: has no effect without jwt_secret_file");
    server.log().wait_for("WARN  config.ini:10: \"bye, see you\" is one phrase with a comma in it");
}

/// As when a single file is mounted into a container and replaced on the host.
#[test]
fn a_file_without_a_name_is_reported() {
    let server = serve(SETTINGS, |_| {});
    let path = server.folder.path().join("elsewhere.ini");
    fs::write(&path, SETTINGS).unwrap();
    let open = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let config = server.folder.path().join("config.ini");
    fs::remove_file(&config).unwrap();
    symlink(format!("/proc/{}/fd/{}", std::process::id(), open.as_raw_fd()), &config).unwrap();
    server.log().wait_for("config.ini: this file has been replaced outside");
    server.log().wait_for("mount the folder that holds it");
}

#[test]
fn check_judges_the_replies_although_a_secret_is_out_of_reach() {
    if !nix::unistd::geteuid().is_root() {
        return crate::support::left_out("only root may start a program as another user");
    }
    let Some(setpriv) = crate::support::tool("setpriv", "apt-get install util-linux") else { return };
    let server = serve(SETTINGS, |_| {});
    let folder = server.folder.path();
    server.save("jwt.secret", "0123456789 abcdefghij ABCDEFGHIJ");
    fs::set_permissions(folder.join("jwt.secret"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    server.save("config.ini", SETTINGS.to_owned() + "[auth]\njwt_secret_file = jwt.secret\n");
    fs::copy(env!("CARGO_BIN_EXE_replyd"), folder.join("replyd")).unwrap();
    let mut check = Command::new(setpriv);
    check.current_dir(folder).args(["--reuid=54322", "--regid=54322", "--clear-groups", "./replyd", "check"]);
    let mut check = Program::piped(&mut check);
    assert_eq!(check.exit_code(), Some(2));
    assert_eq!(check.stdout.all(), "config.ini: 1 reply, 0 warnings, 0 of 0 tests pass\n");
    let said = check.stderr.all();
    assert!(
        said.contains("config.ini:5: jwt_secret_file: cannot read jwt.secret: Permission denied"),
        "{said}"
    );
    assert!(
        said.contains("checked as user 54322; a server that runs as another user may be able to read more"),
        "{said}"
    );
}

#[test]
fn check_judges_what_the_start_judges() {
    let folder = tempfile::tempdir().unwrap();
    for (listen, why) in [
        ("*:6799", "config.ini:2: listen: expected an address and a port"),
        ("192.0.2.1:6799", "cannot listen on 192.0.2.1:6799"),
        ("nowhere.invalid:6799", "cannot listen on nowhere.invalid:6799"),
        ("0.0.0.0:0", "no key is set"),
    ] {
        let open = if listen == "0.0.0.0:0" { "" } else { "[auth]\nrequire_key = no\n" };
        fs::write(folder.path().join("config.ini"), format!("[server]\nlisten = {listen}\n{open}")).unwrap();
        for command in ["check", "serve"] {
            let (code, said) = run(folder.path(), &[command]);
            assert!(
                code == Some(2) || (command, code) == ("serve", Some(1)),
                "{command} {listen}: {code:?} {said}"
            );
            assert!(said.contains(why), "{command} {listen}: {said}");
        }
    }
    // The running server's own port is not in its way.
    let server = Replyd::serve("");
    fs::write(folder.path().join("config.ini"), format!("[server]\nlisten = {}\n", server.address)).unwrap();
    assert_eq!(run(folder.path(), &["check"]).0, Some(0));
    let (code, said) = run(folder.path(), &["serve"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("another program listens there, perhaps another replyd"), "{said}");
    assert!(said.contains("--listen ADDRESS:PORT"), "{said}");
}

#[test]
fn the_chat_page_is_named_where_there_is_one() {
    let server = Replyd::serve("");
    server.log().wait_for(&format!("Chat page: http://{}/", server.address));
    let server = Replyd::serve("[web]\npage = no\n");
    assert_eq!(Raw::open(server.address).text(), GREETING);
    assert!(!server.log().so_far().contains("Chat page"));
}
