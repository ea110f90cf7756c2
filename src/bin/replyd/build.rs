//! Build script: compresses the files for browsers, and passes the git commit to the binary as
//! `REPLYD_COMMIT`, empty outside a repository.

use std::{env, fs, io::Write, path::Path, process::Command};

use flate2::{Compression, Crc, write::GzEncoder};

/// Files that end with what is filled in from the settings, from the line with `{accent}`. See
/// `src/page/packed.rs`.
const FILLED: [&str; 3] = ["src/page/page.css", "src/page/page.js", "src/page/widget.js"];
const WHOLE: [&str; 3] =
    ["src/bin/replyd/owner/owner.html", "src/bin/replyd/owner/owner.css", "src/bin/replyd/owner/owner.js"];

fn main() {
    let folder = env::var("OUT_DIR").expect("cargo sets it");
    for path in FILLED {
        pack(path, Path::new(&folder)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    for path in WHOLE {
        compress(path, Path::new(&folder)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let shown = if commit.trim().is_empty() { String::new() } else { format!(" ({})", commit.trim()) };
    println!("cargo::rustc-env=REPLYD_COMMIT={shown}");
    // Git appends to this file at every commit and checkout.
    if fs::exists(".git/logs/HEAD").unwrap_or_default() {
        println!("cargo::rerun-if-changed=.git/logs/HEAD");
    }
    println!("cargo::rerun-if-changed=src/bin/replyd/build.rs");
}

/// Writes a `Packed`: of the compressed text, only the beginning is known.
fn pack(path: &str, folder: &Path) -> std::io::Result<()> {
    let (name, text) = read(path)?;
    let line = text.find("{accent}").map(|at| text[..at].rfind('\n').map_or(0, |end| end + 1));
    let (start, end) = text.split_at(line.unwrap_or(text.len()));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(start.as_bytes())?;
    // Ends the last block, so that another may follow.
    encoder.flush()?;
    let mut crc = Crc::new();
    crc.update(start.as_bytes());
    let packed = format!(
        "Packed {{ start: {start:?}, compressed: include_bytes!({:?}), crc: {}, end: {end:?} }}",
        format!("{name}.gz"),
        crc.sum()
    );
    fs::write(folder.join(format!("{name}.gz")), encoder.get_ref())?;
    fs::write(folder.join(format!("{name}.rs")), packed)
}

/// Writes the text, and the same compressed.
fn compress(path: &str, folder: &Path) -> std::io::Result<()> {
    let (name, text) = read(path)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    fs::write(folder.join(format!("{name}.gz")), encoder.finish()?)?;
    fs::write(folder.join(name), text)
}

/// The name of a file, and its text without lines that are only comments, and without indentation.
fn read(path: &str) -> std::io::Result<(&str, String)> {
    println!("cargo::rerun-if-changed={path}");
    let source = fs::read_to_string(path)?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut text = String::with_capacity(source.len());
    let mut is_comment = false;
    for line in source.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//"))
    {
        is_comment |= line.starts_with("/*");
        if !is_comment {
            text += line;
            text.push('\n');
        }
        is_comment &= !line.ends_with("*/");
    }
    Ok((name, text))
}
