//! What commands do when nobody reads their output any longer.

#[cfg(feature = "jwt")]
use std::os::unix::fs::PermissionsExt;
use std::{fs, io::pipe, path::Path, process::Stdio};

use crate::support::{Program, Replyd, replyd};

const SETTINGS: &str = "[bot]\ngreeting =\nunanswered_file = kept.txt\n[replies]\nopen = We are open.\n";

/// Runs a command whose stdout is a pipe that is already closed at its other end.
#[track_caller]
fn check(folder: &Path, arguments: &[&str]) {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let errors = folder.join("stderr.txt");
    let mut command = replyd(folder);
    command.args(arguments).stdin(Stdio::null()).stdout(writer).stderr(fs::File::create(&errors).unwrap());
    let code = Program::as_it_is(&mut command).exit_code();
    let errors = fs::read_to_string(errors).unwrap();
    assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    assert!(!errors.contains("cannot write"), "{arguments:?}: {errors}");
}

#[test]
fn a_closed_pipe_is_success() {
    let server = Replyd::serve(SETTINGS);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("config.ini"), SETTINGS).unwrap();
    fs::write(folder.join("kept.txt"), "2026-11-22T10:00:00Z parking\n").unwrap();
    check(folder, &["ask", "open"]);
    check(folder, &["ask", "--why", "open"]);
    check(folder, &["check"]);
    check(folder, &["unanswered"]);
    check(folder, &["key", "new", "shop"]);
    check(folder, &["init", "new"]);
    check(folder, &["completions", "bash"]);
    check(folder, &["chat", &server.url(), "-m", "open"]);
}

#[cfg(feature = "jwt")]
#[test]
fn a_closed_pipe_is_success_for_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("config.ini"), "[auth]\njwt_secret_file = jwt.secret\n").unwrap();
    let secret = folder.join("jwt.secret");
    fs::write(&secret, "0123456789abcdef".repeat(4)).unwrap();
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    check(folder, &["token", "new", "--name", "shop", "--ttl", "15m"]);

    let mut program = Program::piped(replyd(folder).args(["token", "new", "--name", "shop", "--ttl", "15m"]));
    assert_eq!(program.exit_code(), Some(0), "{}", program.stderr.all());
    check(folder, &["token", "check", program.stdout.all().trim()]);
}
