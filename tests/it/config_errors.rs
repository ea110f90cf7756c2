//! A configuration with mistakes: all of them are told, with their lines, and nothing is started.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{GREETING, Program, Raw, Replyd, replyd};

/// Runs `replyd serve` over a file and returns what it says.
#[track_caller]
fn refused(config: &[u8], mode: u32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.ini");
    fs::write(&file, config).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    let mut server =
        Program::piped(replyd(folder.path()).args(["--config", "my.ini", "--listen", "127.0.0.1:0"]));
    assert_eq!(server.exit_code(), Some(2), "{}", server.stderr.so_far());
    assert_eq!(server.stdout.all(), "");
    let said = server.stderr.all();
    assert!(!said.contains("Waiting for clients"), "{said}");
    said
}

#[test]
fn all_mistakes_at_once() {
    let config = "[sever]\nlisten = x\n[server]\nmax_client = 3\nmax_clients = 10O\nidle_timeout = 30\n\
                  [replies]\nhi = Hello\nHI! = Again\nbye =\n";
    assert_eq!(
        refused(config.as_bytes(), 0o644),
        "my.ini:1: there is no section [sever]; did you mean [server]?\n\
         my.ini:4: [server] has no setting \"max_client\"; did you mean \"max_clients\"?\n\
         my.ini:5: max_clients: expected a whole number from 1 to 1000000, found \"10O\"; write for example 'max_clients = 1000'\n\
         my.ini:6: idle_timeout: expected a number with a unit (ms, s, m, h or d), found \"30\"; write for example 'idle_timeout = 30m'\n\
         my.ini:9: the reply to \"HI!\" is already at line 8; remove one of them\n\
         my.ini:10: the reply to \"bye\" is empty; write it after the '='\n"
    );
}

#[test]
fn files_that_cannot_be_read() {
    assert_eq!(
        refused(b"[bot]\ngreeting = \xff\n", 0o644),
        "my.ini:2: this is not UTF-8; save the file as UTF-8\n"
    );

    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::piped(replyd(folder.path()).args(["serve", "--config", "nowhere.ini"]));
    assert_eq!(server.exit_code(), Some(2));
    let said = server.stderr.all();
    assert!(said.starts_with("nowhere.ini: cannot read this file: No such file"), "{said}");

    let mut server = Program::piped(replyd(folder.path()).env("REPLYD_CONFIG", "."));
    assert_eq!(server.exit_code(), Some(2));
    assert_eq!(server.stderr.all(), ".: this file is a folder; name a file\n");
}

#[test]
fn a_plain_secret_that_everybody_may_read() {
    let config = b"[key shop]\nsecret = tell-nobody-this-one\n";
    let more = [&config[..], b"[replies]\nhi =\n"].concat();
    assert_eq!(refused(&more, 0o644).lines().count(), 2);
    assert_eq!(
        refused(config, 0o644),
        "my.ini:2: a plain secret, and everyone can read this file; run: chmod o-rwx 'my.ini'\n"
    );
    let said = refused(b"[key shop]\nsecret = tell-nobody\n[key a]\nsecrets = tell-nobody-this-one\n", 0o600);
    assert!(said.contains("my.ini:2: ") && !said.contains("tell-nobody"), "{said}");
}

#[test]
fn beyond_loopback_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::piped(replyd(folder.path()).args(["--listen", "0.0.0.0:0"]));
    assert_eq!(server.exit_code(), Some(2));
    let said = server.stderr.all();
    assert!(said.contains("add a [key NAME] section") && said.contains("require_key = no"), "{said}");
}

#[test]
fn a_port_that_is_taken() {
    let server = Replyd::serve("");
    let mut second =
        Program::piped(replyd(server.folder.path()).args(["--listen", &server.address.to_string()]));
    assert_eq!(second.exit_code(), Some(1));
    let said = second.stderr.all();
    assert!(said.contains(&format!("cannot listen on {}: Address already in use", server.address)), "{said}");
}

#[test]
fn flags_beat_the_environment_and_the_environment_beats_the_file() {
    let files = |command: &mut std::process::Command| {
        let folder = command.get_current_dir().unwrap().to_owned();
        for name in ["flag", "variable", "config"] {
            let config = format!("[server]\nlisten = 192.0.2.1:1\n[bot]\ngreeting = {name}\n");
            fs::write(folder.join(format!("{name}.ini")), config).unwrap();
        }
    };
    for (flag, variable, greeting) in
        [(true, true, "flag"), (false, true, "variable"), (false, false, "config")]
    {
        let server = Replyd::serve_with("", |command| {
            files(command);
            if flag {
                command.args(["--config", "flag.ini"]);
            }
            if variable {
                command.env("REPLYD_CONFIG", "variable.ini");
            }
            command.env("REPLYD_LISTEN", "192.0.2.1:2");
        });
        assert!(
            server.log().so_far().contains(&format!("using {greeting}.ini")),
            "{}",
            server.log().so_far()
        );
        assert_eq!(Raw::open(server.address).text(), greeting);
    }
    let server = Replyd::serve("");
    assert_eq!(Raw::open(server.address).text(), GREETING);
}

#[test]
fn a_log_level_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Program::piped(replyd(folder.path()).env("RUST_LOG", "a=b"));
    assert_eq!(server.exit_code(), Some(2));
    assert!(server.stderr.all().starts_with("RUST_LOG: "), "{}", server.stderr.all());
}

#[test]
fn wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in
        [&["sever"][..], &["--port", "1"], &["serve", "--listen", "nonsense"], &["key"], &["chat", "-H", "x"]]
    {
        let mut wrong = Program::piped(replyd(folder.path()).args(arguments));
        assert_eq!(wrong.exit_code(), Some(2), "{arguments:?}");
        assert_ne!(wrong.stderr.all(), "", "{arguments:?}");
    }
}

/// What is written to a file for one purpose would destroy what it holds for another, or let visitors change it.
#[test]
fn two_settings_never_name_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = |config: &str| {
        fs::write(folder.path().join("config.ini"), config).unwrap();
        let mut check = Program::piped(replyd(folder.path()).arg("check"));
        let mut serve = Program::piped(replyd(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
        assert_eq!((check.exit_code(), serve.exit_code()), (Some(2), Some(2)), "{config}");
        assert_eq!(check.stderr.all(), serve.stderr.all(), "{config}");
        check.stderr.all()
    };
    fs::write(folder.path().join("replies.ini"), "[replies]\nparking = Behind the house.\n").unwrap();
    fs::hard_link(folder.path().join("replies.ini"), folder.path().join("hard.ini")).unwrap();
    for (name, target) in [("link.ini", "replies.ini"), ("new.txt", "kept.txt"), ("sub", ".")] {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    }
    let of_replies = "this is the file of replies_file (line 2); name another file";
    for (settings, line, sentence) in [
        (
            "unanswered_file = config.ini",
            3,
            "unanswered_file: this is the file of settings itself; name another file",
        ),
        ("statistics_file = sub/config.ini", 3, "statistics_file: this is the file of settings itself"),
        ("unanswered_file = replies.ini", 3, of_replies),
        ("unanswered_file = ./sub/replies.ini", 3, of_replies),
        ("statistics_file = link.ini", 3, of_replies),
        ("unanswered_file = hard.ini", 3, of_replies),
        // Neither of these is there yet.
        ("unanswered_file = kept.txt\nstatistics_file = kept.txt", 4, "the file of unanswered_file (line 3)"),
        (
            "statistics_file = sub/kept.txt\nunanswered_file = kept.txt",
            3,
            "the file of unanswered_file (line 4)",
        ),
        ("unanswered_file = new.txt\nstatistics_file = kept.txt", 4, "the file of unanswered_file (line 3)"),
        (
            "[auth]\njwt_secret_file = replies.ini",
            2,
            "replies_file: this is the file of jwt_secret_file (line 4)",
        ),
    ] {
        let said = run(&format!("[bot]\nreplies_file = replies.ini\n{settings}\n"));
        assert!(
            said.contains(&format!("config.ini:{line}: ")) && said.contains(sentence),
            "{settings}: {said}"
        );
    }
}

#[test]
fn a_reload_does_not_accept_one_file_for_two_settings() {
    let server = Replyd::serve("[bot]\ngreeting = one\nunanswered_file = kept.txt\n");
    let config = "[bot]\ngreeting = two\nunanswered_file = kept.txt\nstatistics_file = kept.txt\n";
    fs::write(server.folder.path().join("config.ini"), config).unwrap();
    server.log().wait_for("config.ini:4: statistics_file: this is the file of unanswered_file (line 3)");
    server.log().wait_for("config.ini is not accepted: keeping the previous");
    assert_eq!(Raw::open(server.address).text(), "one");
}
