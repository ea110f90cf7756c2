//! The README and the guide keep their word: what their `console` blocks show is what the real binary prints.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use replyd::guide::CHAPTERS;
use tempfile::TempDir;

use crate::support::{Program, replyd};

const README: &str = include_str!("../../README.md");

/// A fenced block: its language, its text, and where it begins.
struct Block {
    language: &'static str,
    text: String,
    place: String,
}

/// A line after `$ `, and what is printed below it.
struct Claim<'a> {
    command: &'a str,
    output: String,
}

#[test]
fn each_console_block_shows_what_is_printed() {
    let blocks: Vec<Block> = files().flat_map(|(name, text)| blocks(&name, text)).collect();
    let mut claims = 0;
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "console") {
        // A file that comes just before its commands is the one that they read.
        let config =
            at.checked_sub(1).map(|before| &blocks[before]).filter(|before| before.language == "ini");
        let folder = folder(config.map(|config| config.text.as_str()));
        for claim in claims_of(block) {
            assert_eq!(run(claim.command, &folder), claim.output, "{}: {}", block.place, claim.command);
            claims += usize::from(!claim.output.is_empty());
        }
    }
    assert!(claims >= 5, "only {claims} commands with an output were found");
}

/// The code that is shown in the library's manual is code that the tests run: each of its lines is in the example of the feed.
#[test]
fn the_feed_is_the_example() {
    let example = include_str!("../examples/feed.rs").replace("pub(crate) ", "");
    let manual = include_str!("../../src/lib.rs").replace("//! ", "");
    let (_, shown) = manual.split_once("struct Feed").unwrap();
    let (shown, _) = shown.split_once("let feed = ").unwrap();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.contains("//") && !line.contains("close(");
    let missing: Vec<&str> =
        shown.lines().skip(1).filter(is_code).filter(|line| !example.contains(line.trim())).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Links lead to the web, or to a chapter or a picture that is there.
#[test]
fn no_link_is_broken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, text) in files() {
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let references =
            text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
        for target in inline.chain(references.map(|(_, target)| target)) {
            let is_absolute = ["https://", "tel:"].iter().any(|scheme| target.starts_with(scheme));
            let file = root.join(&name).with_file_name(target);
            assert!(is_absolute || file.is_file(), "{name}: {target}");
        }
    }
}

#[test]
fn the_readme_is_one_page() {
    assert!(README.len() <= 9 * 1024, "{} bytes", README.len());
    for (name, _) in CHAPTERS {
        assert!(README.contains(&format!("| [`{name}`](src/guide/{name}.md) |")), "{name}");
    }
}

#[test]
fn the_program_shows_the_guide() {
    let folder = tempfile::tempdir().unwrap();
    let topics = run("replyd guide", &folder);
    assert_eq!(topics.lines().count(), CHAPTERS.len());
    for (name, text) in CHAPTERS {
        assert!(topics.lines().any(|line| line.starts_with(&format!("{name} "))), "{topics}");
        assert_eq!(run(&format!("replyd guide {name}"), &folder), *text);
    }
    let mut unknown = Program::piped(replyd(folder.path()).args(["guide", "answer"]));
    assert_eq!(unknown.exit_code(), Some(2));
    assert!(unknown.stderr.all().contains("'answers'"));
}

#[test]
fn a_terminal_has_a_pager() {
    let folder = tempfile::tempdir().unwrap();
    for (pager, shown) in [("sed 1s/^/PAGER:/", "PAGER:# Site"), ("no-such-pager", "# Site"), ("", "# Site")]
    {
        let mut program =
            Program::on_terminal(replyd(folder.path()).args(["guide", "site"]).env("PAGER", pager));
        assert_eq!(program.exit_code(), Some(0));
        let printed = program.stdout.all();
        assert!(printed.contains(shown) && printed.contains("transcript = no"), "{pager}: {printed}");
    }
}

/// Names and texts of what is shown to people.
fn files() -> impl Iterator<Item = (String, &'static str)> {
    let chapters = CHAPTERS.iter().map(|(name, text)| (format!("src/guide/{name}.md"), *text));
    [("README.md".to_owned(), README)].into_iter().chain(chapters)
}

/// All fenced blocks, in order.
fn blocks(name: &str, text: &'static str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block { language, text: String::new(), place: format!("{name}:{}", index + 1) });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{name} has a block without an end");
    blocks
}

fn claims_of(block: &Block) -> Vec<Claim<'_>> {
    let mut claims: Vec<Claim<'_>> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), claims.last_mut()) {
            (Some(command), _) => claims.push(Claim { command, output: String::new() }),
            (None, Some(claim)) => claim.output += &format!("{line}\n"),
            (None, None) => panic!("{}: an output before any command", block.place),
        }
    }
    claims
}

/// A folder with this `config.ini`, and with the files of the repository that are named.
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
