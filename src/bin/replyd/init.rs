//! `replyd init DIR`: everything that a new server needs, in files to read and change.

use std::{
    fs::{self, OpenOptions},
    io::{Write, stderr, stdout},
    path::{self, Path},
};

use crate::{failure::Failure, key};

/// Each file, and what is in it; `{braces}` are filled in where they are known.
const FILES: [(&str, &str); 6] = [
    ("config.ini", include_str!("init/config.ini")),
    ("replies.ini", include_str!("init/replies.ini")),
    ("replyd.service", include_str!("init/replyd.service")),
    ("nginx.conf", include_str!("init/nginx.conf")),
    ("Caddyfile", include_str!("init/Caddyfile")),
    ("haproxy.cfg", include_str!("init/haproxy.cfg")),
];
const KEY_NAME: &str = "first";

pub(crate) fn init(folder: &Path) -> Result<(), Failure> {
    let failed = |what: &Path, error| Failure::new(format!("cannot write {}: {error}", what.display()));
    check_name(&path::absolute(folder).map_err(|error| failed(folder, error))?)?;
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let folder = folder.canonicalize().map_err(|error| failed(folder, error))?;
    check_name(&folder)?;
    let there: Vec<&str> =
        FILES.iter().map(|(name, _)| *name).filter(|name| exists(&folder.join(name))).collect();
    if !there.is_empty() {
        return Err(Failure::usage(format!(
            "{} is there already, and nothing is overwritten; name another folder",
            folder.join(there[0]).display()
        )));
    }
    let (secret, key) = key::fresh(KEY_NAME)?;
    let shown = folder.display().to_string();
    for (name, template) in FILES {
        // A percent sign has a meaning of its own in a unit (systemd.unit(5), specifiers).
        let shown = if name.ends_with(".service") { shown.replace('%', "%%") } else { shown.clone() };
        let text = template.replace("{sha256}", &key.sha256_hex()).replace("{dir}", &shown);
        let file = folder.join(name);
        write_new(&file, &text).map_err(|error| failed(&file, error))?;
    }
    let steps = include_str!("init/steps.txt").replace("{dir}", &shown);
    let printed = stdout().write_all(format!("key: {secret}\n").as_bytes());
    printed.map_err(|error| Failure::new(format!("cannot write the key: {error}")))?;
    let _ = stderr().write_all(steps.as_bytes());
    Ok(())
}

/// The name goes into a unit, where a line break begins another line and others have a meaning of their own, and into lines
/// for a shell.
fn check_name(folder: &Path) -> Result<(), Failure> {
    let misread = |char: char| match char {
        '"' => Some("a double quote"),
        '\'' => Some("a single quote"),
        '\\' => Some("a backslash"),
        '$' => Some("a dollar sign"),
        char => char.is_control().then_some("a control character"),
    };
    let found = match folder.to_str() {
        Some(name) => name.chars().find_map(misread),
        None => Some("bytes that are not UTF-8"),
    };
    found.map_or(Ok(()), |found| {
        Err(Failure::usage(format!(
            "the folder's path has {found} in it, which a systemd unit or a shell would misread; name another folder"
        )))
    })
}

/// Also a link that leads nowhere.
fn exists(file: &Path) -> bool {
    file.symlink_metadata().is_ok()
}

/// Never writes into a file that has appeared meanwhile.
fn write_new(file: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(file)?.write_all(text.as_bytes())
}
