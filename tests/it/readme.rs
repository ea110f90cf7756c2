//! The README keeps its word: what its `console` blocks show is what the real binary prints.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::Program;

const README: &str = include_str!("../../README.md");

/// A fenced block: its language, its text, and the line at which it begins.
struct Block {
    language: &'static str,
    text: String,
    line: usize,
}

/// A line after `$ `, and what is printed below it.
struct Claim<'a> {
    command: &'a str,
    output: String,
}

#[test]
fn each_console_block_shows_what_is_printed() {
    let blocks = blocks();
    let mut claims = 0;
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "console") {
        // A file that comes just before its commands is the one that they read.
        let config =
            at.checked_sub(1).map(|before| &blocks[before]).filter(|before| before.language == "ini");
        let folder = folder(config.map(|config| config.text.as_str()));
        for claim in claims_of(block) {
            assert_eq!(
                run(claim.command, &folder),
                claim.output,
                "README.md:{}: {}",
                block.line,
                claim.command
            );
            claims += usize::from(!claim.output.is_empty());
        }
    }
    assert!(claims >= 5, "only {claims} commands with an output were found");
}

/// The code that is shown is code that the tests run: each of its lines is in the example of the feed.
#[test]
fn the_feed_is_the_example() {
    let example = include_str!("../examples/feed.rs").replace("pub(crate) ", "");
    let blocks = blocks();
    let shown = blocks.iter().find(|block| block.language == "rust" && block.text.contains("struct Feed"));
    let is_code = |line: &&str| !line.trim().is_empty() && !line.contains("//") && !line.starts_with("use ");
    let missing: Vec<&str> =
        shown.unwrap().text.lines().filter(is_code).filter(|line| !example.contains(line.trim())).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The README is shown on crates.io and docs.rs as well, where there are no other files.
#[test]
fn no_link_needs_the_repository() {
    let targets = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let headings: Vec<String> = README
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-"))
        .collect();
    for target in targets {
        let is_heading =
            target.strip_prefix('#').is_some_and(|name| headings.iter().any(|heading| heading == name));
        let is_absolute = ["https://", "tel:"].iter().any(|scheme| target.starts_with(scheme));
        assert!(is_heading || is_absolute, "{target}");
    }
}

/// All fenced blocks, in order.
fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in README.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some(Block { language, text: String::new(), line: index + 1 }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "README.md has a block without an end");
    blocks
}

fn claims_of(block: &Block) -> Vec<Claim<'_>> {
    let mut claims: Vec<Claim<'_>> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), claims.last_mut()) {
            (Some(command), _) => claims.push(Claim { command, output: String::new() }),
            (None, Some(claim)) => claim.output += &format!("{line}\n"),
            (None, None) => panic!("README.md:{}: an output before any command", block.line),
        }
    }
    claims
}

/// A folder with this `config.ini`, and with the files of the repository that the README names.
fn folder(config: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), folder.path().join("tests")).unwrap();
    if let Some(config) = config {
        fs::write(folder.path().join("config.ini"), config).unwrap();
    }
    folder
}

/// What a shell prints for a command that succeeds, on stdout and stderr.
#[track_caller]
fn run(command: &str, folder: &TempDir) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(folder.path()).env("PATH", path());
    for variable in ["RUST_LOG", "REPLYD_CONFIG", "REPLYD_LISTEN", "REPLYD_KEY"] {
        shell.env_remove(variable);
    }
    let mut program = Program::piped(&mut shell);
    program.close_input();
    let code = program.exit_code();
    let printed = program.stdout.all();
    assert_eq!(code, Some(0), "{command}\n{printed}");
    printed
}

/// The folder of the binary under test, before all others.
fn path() -> std::ffi::OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_replyd")).parent().unwrap().to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([binary].into_iter().chain(env::split_paths(&others)).collect::<Vec<PathBuf>>()).unwrap()
}
