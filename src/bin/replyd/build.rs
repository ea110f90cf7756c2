//! Build script: passes the git commit to the binary as `REPLYD_COMMIT`, empty outside a repository.

use std::process::Command;

fn main() {
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let shown = if commit.trim().is_empty() { String::new() } else { format!(" ({})", commit.trim()) };
    println!("cargo::rustc-env=REPLYD_COMMIT={shown}");
    // Git appends to this file at every commit and checkout.
    if std::fs::exists(".git/logs/HEAD").unwrap_or_default() {
        println!("cargo::rerun-if-changed=.git/logs/HEAD");
    }
    println!("cargo::rerun-if-changed=src/bin/replyd/build.rs");
}
