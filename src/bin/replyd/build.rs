//! Tells the binary which commit it is built from.

use std::process::Command;

fn main() {
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let shown = if commit.trim().is_empty() { String::new() } else { format!(" ({})", commit.trim()) };
    println!("cargo::rustc-env=REPLYD_COMMIT={shown}");
    // A commit changes this file, and so does another branch.
    if std::fs::exists(".git/logs/HEAD").unwrap_or_default() {
        println!("cargo::rerun-if-changed=.git/logs/HEAD");
    }
    println!("cargo::rerun-if-changed=src/bin/replyd/build.rs");
}
