//! From nothing to a service: `replyd init`, systemd, and the binary alone.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt, net::UnixDatagram},
    path::Path,
    process::Command,
};

use nix::sys::signal::Signal;

use crate::support::{GREETING, HELP, Program, Raw, Replyd, raw::upgrade, replyd, tool};

/// Runs a program to its end: its exit code, stdout and stderr.
#[track_caller]
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let mut program = Program::piped(command);
    program.close_input();
    (program.exit_code(), program.stdout.all(), program.stderr.all())
}

fn init(folder: &Path) -> (Option<i32>, String, String) {
    run(replyd(folder).args(["init", "shop"]))
}

#[test]
fn what_init_writes_works() {
    let folder = tempfile::tempdir().unwrap();
    let (code, key, steps) = init(folder.path());
    assert_eq!(code, Some(0), "{steps}");
    let (key, owner) = key.trim().split_once('\n').unwrap();
    let (key, owner) = (key.strip_prefix("key: ").unwrap(), owner.strip_prefix("owner's key: ").unwrap());
    assert!(steps.lines().count() >= 10 && !steps.contains(key), "{steps}");
    // No link with a key in it: browsers keep addresses.
    assert!(!steps.contains("#key="), "{steps}");
    let shop = folder.path().join("shop");
    for entry in fs::read_dir(&shop).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(![key, owner, "{dir}", "sha256}"].iter().any(|part| text.contains(part)), "{text}");
    }
    let (code, checked, warned) = run(replyd(folder.path()).args(["check", "--config", "shop/config.ini"]));
    assert_eq!(code, Some(0));
    assert_eq!(warned.as_str(), "");
    assert!(checked.contains(" 0 warnings, 11 of 11 tests pass"), "{checked}");

    let server = Replyd::serve_with("", |command| {
        command.args(["--config"]).arg(shop.join("config.ini"));
    });
    let enter = |key: &str| {
        let mut client = Raw::connect(server.address);
        (client.ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {key}\r\n"))).status, client)
    };
    assert_eq!(enter("not the right key").0, 403);
    assert_eq!(enter(owner).0, 403);
    let at_owner = upgrade("/owner", &format!("Origin: http://localhost\r\nX-WS-AUTH-KEY: {owner}\r\n"));
    assert_eq!(Raw::connect(server.address).ask(&at_owner).status, 101);
    let (status, mut client) = enter(key);
    assert_eq!(status, 101);
    assert_eq!(client.text().as_str(), GREETING);
    client.say(crate::support::Opcode::Text, b"tell me a joke");
    client.text();
    crate::support::wait_until("the message is kept", || {
        fs::read_to_string(shop.join("unanswered.txt")).is_ok_and(|text| text.contains("tell me a joke"))
    });
}

#[test]
fn nothing_is_overwritten() {
    for name in ["config.ini", "replies.ini", "replyd.service", "nginx.conf", "Caddyfile", "haproxy.cfg"] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("shop")).unwrap();
        fs::write(folder.path().join("shop").join(name), "mine").unwrap();
        let (code, _, told) = init(folder.path());
        assert_eq!(code, Some(2), "{name}");
        assert!(told.contains(name) && told.contains("is not overwritten"), "{told}");
        assert_eq!(fs::read_dir(folder.path().join("shop")).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(folder.path().join("shop").join(name)).unwrap(), "mine");
    }
}

#[test]
fn the_unit_is_right_and_exposes_little() {
    let Some(analyze) = tool("systemd-analyze", "apt-get install systemd") else { return };
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let unit = folder.path().join("shop/replyd.service");
    let security = Command::new(&analyze)
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(&unit)
        .output()
        .unwrap();
    assert!(security.status.success(), "{}", String::from_utf8_lossy(&security.stdout));
    // It names a program that is not installed here.
    let text =
        fs::read_to_string(&unit).unwrap().replace("/usr/local/bin/replyd", env!("CARGO_BIN_EXE_replyd"));
    // What it offers as a comment is right as well.
    let offers = ["SupplementaryGroups=", "LoadCredential=", "CPUSchedulingPolicy="];
    let text = offers.iter().fold(text, |text, name| {
        assert!(text.contains(&format!("\n#{name}")), "{name}: {text}");
        text.replace(&format!("\n#{name}"), &format!("\n{name}"))
    });
    fs::write(&unit, text).unwrap();
    let verify = Command::new(&analyze).args(["verify", "--man=no"]).arg(&unit).output().unwrap();
    let told = String::from_utf8_lossy(&verify.stderr);
    assert!(!told.contains("replyd.service"), "{told}");
}

#[test]
fn a_folder_that_the_unit_cannot_name_is_refused() {
    let names: [&[u8]; 7] = [b"a\nb", b"a\tb", b"a\"b", b"a'b", b"a\\b", b"a$b", b"a\xffb"];
    for name in names.map(OsStr::from_bytes) {
        let folder = tempfile::tempdir().unwrap();
        let (code, key, told) = run(replyd(folder.path()).arg("init").arg(name));
        assert_eq!(code, Some(2), "{name:?}: {told}");
        assert_eq!(key.as_str(), "", "{name:?}: {told}");
        assert!(told.contains("name another folder") && told.lines().count() == 1, "{told}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name:?}");
    }
    // Not in the name that was given, but in the one that it leads to.
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a\nb")).unwrap();
    std::os::unix::fs::symlink("a\nb", folder.path().join("plain")).unwrap();
    assert_eq!(run(replyd(folder.path()).args(["init", "plain"])).0, Some(2));
    assert_eq!(fs::read_dir(folder.path().join("plain")).unwrap().count(), 0);
}

#[test]
fn a_folder_with_odd_letters_is_in_the_unit_as_it_is() {
    let Some(analyze) = tool("systemd-analyze", "apt-get install systemd") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (code, _, told) = run(replyd(folder.path()).args(["init", "Anna & Söhne; 100 %n #1"]));
    assert_eq!(code, Some(0), "{told}");
    let unit = folder.path().canonicalize().unwrap().join("Anna & Söhne; 100 %n #1/replyd.service");
    let text = fs::read_to_string(&unit).unwrap();
    assert!(text.contains("Anna & Söhne; 100 %%n #1/config.ini\"\n"), "{text}");
    let text = text.replace("/usr/local/bin/replyd", env!("CARGO_BIN_EXE_replyd"));
    let copy = folder.path().join("replyd.service");
    fs::write(&copy, text).unwrap();
    let verify = Command::new(&analyze).args(["verify", "--man=no"]).arg(&copy).output().unwrap();
    let told = String::from_utf8_lossy(&verify.stderr);
    assert!(!told.contains("replyd.service"), "{told}");
}

#[test]
fn systemd_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd.set_read_timeout(Some(crate::support::DEADLINE)).unwrap();
    let mut server = Replyd::serve_with("", |command| {
        command.env("NOTIFY_SOCKET", &socket);
    });
    let word = || {
        let mut buffer = [0; 1024];
        let count = systemd.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..count]).trim().to_owned()
    };
    assert_eq!(word(), "READY=1\nSTATUS=3 replies");
    let config = server.folder.path().join("config.ini");
    fs::write(&config, "[replies]\nhours = nine\nprice =\n").unwrap();
    let refused = word();
    let time = refused
        .strip_prefix("STATUS=3 replies; config.ini:3 refused at ")
        .unwrap_or_else(|| panic!("{refused}"));
    assert!(time.len() == 5 && time.as_bytes()[2] == b':', "{refused}");
    fs::write(&config, "[replies]\nhours = nine\n").unwrap();
    assert_eq!(word(), "STATUS=1 reply");
    server.program.signal(Signal::SIGTERM);
    assert_eq!(word(), "STOPPING=1");
    assert_eq!(server.program.exit_code(), Some(0));
}

/// What systemd runs before it sends the signal, as the unit has it.
#[test]
fn a_reload_fails_for_files_that_the_server_would_refuse() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let shop = folder.path().join("shop");
    let unit = fs::read_to_string(shop.join("replyd.service")).unwrap();
    let commands: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix("ExecReload=")).collect();
    assert_eq!((commands.len(), commands[1]), (2, "/bin/kill -HUP $MAINPID"), "{unit}");
    let check = commands[0].replace("/usr/local/bin/replyd", env!("CARGO_BIN_EXE_replyd"));
    let reload = || {
        let (code, printed, said) = run(Command::new("sh").args(["-c", &check]));
        (code, printed + &said)
    };
    assert_eq!(reload(), (Some(0), String::new()));
    let good = fs::read_to_string(shop.join("replies.ini")).unwrap();
    for (replies, expected, why) in [
        ("[replies]\na, b = x\n  > What is that?\nunknown = ?\n", 0, ""),
        ("[replies]\nprice =\n", 2, "replies.ini:2: the reply to \"price\" is empty"),
        ("[replies]\na = x\nb = y\n[tests]\na = b\n", 2, "replies.ini:5: \"a\" should be answered by \"b\""),
        ("", 2, "this file is empty"),
    ] {
        fs::write(shop.join("replies.ini"), replies).unwrap();
        let (code, said) = reload();
        assert_eq!(code, Some(expected), "{replies}: {said}");
        assert!(said.contains(why), "{replies}: {said}");
    }
    fs::write(shop.join("replies.ini"), good).unwrap();
    fs::write(shop.join("config.ini"), "").unwrap();
    assert_eq!(reload().0, Some(2));
}

#[test]
fn the_journal_gets_priorities_and_no_second_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let stat = log.metadata().unwrap();
    let stream = format!("{}:{}", stat.dev(), stat.ino());
    let mut child = replyd(folder.path())
        .args(["--listen", "127.0.0.1:0"])
        .env("JOURNAL_STREAM", &stream)
        .stderr(log)
        .spawn()
        .unwrap();
    let read = || fs::read_to_string(folder.path().join("log")).unwrap();
    crate::support::wait_until("it has started", || read().contains("Waiting for clients"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(read().lines().all(|line| line.starts_with("<6>")), "{}", read());
    assert!(read().contains("<6>Waiting for clients ... [ws://"), "{}", read());

    // What goes elsewhere is for people, whatever the variable says.
    let server = Replyd::serve_with("", |command| {
        command.env("JOURNAL_STREAM", &stream);
    });
    assert!(server.log().so_far().starts_with("20"), "{}", server.log().so_far());
}

#[test]
fn the_binary_alone_in_a_bare_folder() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("replyd");
    fs::copy(env!("CARGO_BIN_EXE_replyd"), &program).unwrap();
    let mut server = Program::piped(
        Command::new(&program).current_dir(folder.path()).env_clear().args(["--listen", "127.0.0.1:0"]),
    );
    let line = server.stderr.wait_for("Waiting for clients ... [ws://");
    let url = format!("ws://{}", line.split(']').next().unwrap());
    let (code, answer, told) = run(Command::new(&program).current_dir(folder.path()).env_clear().args([
        "chat",
        &url,
        "-m",
        "i need help",
    ]));
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(answer, format!("{HELP}\n"), "{told}");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_code(), Some(0));

    // All that it needs of the system is what every one with the C library has.
    let Some(ldd) = tool("ldd", "apt-get install libc-bin") else { return };
    let needed = String::from_utf8(Command::new(ldd).arg(&program).output().unwrap().stdout).unwrap();
    let known = [
        "linux-vdso.so",
        "libgcc_s.so",
        "libc.so",
        "libm.so",
        "libdl.so",
        "libpthread.so",
        "ld-linux",
        "statically",
    ];
    assert!(needed.lines().all(|line| known.iter().any(|known| line.contains(known))), "{needed}");
}

#[test]
fn version_help_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let print = |arguments: &[&str]| {
        let (code, printed, told) = run(replyd(folder.path()).args(arguments));
        assert_eq!(code, Some(0), "{told}");
        printed
    };
    let version = print(&["--version"]);
    assert!(version.starts_with(concat!("replyd ", env!("CARGO_PKG_VERSION"))), "{version}");
    if Path::new(env!("CARGO_MANIFEST_DIR")).join(".git").exists() {
        assert!(version.trim_end().ends_with(')'), "{version}");
    }
    let help = print(&["--help"]);
    for words in ["Exit codes:", "REPLYD_CONFIG", "Signals:", "Examples:", "init", "completions", "\n  man "]
    {
        assert!(help.contains(words), "{words}: {help}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(print(&["completions", shell]).contains("unanswered"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    fs::create_dir_all(&pages).unwrap();
    fs::write(pages.join("replyd.1"), "of an older version").unwrap();
    let (code, _, told) = run(replyd(folder.path()).args(["man", "share/man1"]));
    assert_eq!(code, Some(0), "{told}");
    let page = |name: &str| fs::read_to_string(pages.join(format!("{name}.1"))).unwrap_or_default();
    // Whatever its page lists has a page of its own.
    let program = page("replyd");
    let commands: Vec<&str> =
        program.lines().filter_map(|line| line.strip_suffix("(1)")?.strip_prefix("replyd\\-")).collect();
    assert!(commands.len() >= 9 && commands.contains(&"man"), "{program}");
    for name in commands.iter().chain(&["key-new"]) {
        let page = page(&format!("replyd-{name}"));
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS"), "{name}: {page}");
    }
    for words in [".SH FILES", ".SH \"EXIT CODES\"", ".SH EXAMPLES", "REPLYD_LISTEN"] {
        assert!(program.contains(words), "{words}: {program}");
    }
    assert!(!program.contains("an older version"), "{program}");

    let Some(man) = tool("man", "apt-get install man-db") else { return };
    for entry in fs::read_dir(&pages).unwrap() {
        let shown = Command::new(&man)
            .args(["--warnings=all", "--local-file"])
            .arg(entry.unwrap().path())
            .output()
            .unwrap();
        assert!(
            shown.status.success() && shown.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&shown.stderr)
        );
    }

    fs::write(folder.path().join("file"), "").unwrap();
    let (code, _, told) = run(replyd(folder.path()).args(["man", "file"]));
    assert_eq!(code, Some(1));
    assert!(told.starts_with("cannot write manual pages into file: "), "{told}");
}
