//! `replyd init DIR`: writes everything that a new server needs, as files to read and edit.

use std::{
    fs::{self, File},
    io::{self, Write, stderr},
    path::{self, Path, PathBuf},
};

use super::key;
use crate::console::{Failure, print};

/// The files and their templates, in which `{sha256}`, `{owner_sha256}` and `{dir}` are replaced.
const FILES: [(&str, &str); 6] = [
    ("config.ini", include_str!("init/config.ini")),
    ("replies.ini", include_str!("init/replies.ini")),
    ("replyd.service", include_str!("init/replyd.service")),
    ("nginx.conf", include_str!("init/nginx.conf")),
    ("Caddyfile", include_str!("init/Caddyfile")),
    ("haproxy.cfg", include_str!("init/haproxy.cfg")),
];
/// Names of the keys that are made for the new configuration: for clients, and for the owner's page.
const KEY_NAME: &str = "first";
const OWNER_NAME: &str = "owner";

/// Write everything a new server needs into a folder.
///
/// That is a configuration with a new key, a first set of answers, a systemd unit, and snippets for nginx,
/// Caddy and HAProxy. Existing files are not overwritten.
#[derive(clap::Args)]
pub(crate) struct InitArgs {
    /// The folder; created if it does not exist.
    folder: PathBuf,
}

impl InitArgs {
    /// Prints the new keys and the next steps. Nothing is written if one of the files exists.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = make(&self.folder)?;
        // A dangling link exists, too: writing to it would create its target somewhere else.
        let exists = |file: &PathBuf| file.symlink_metadata().is_ok();
        if let Some(file) = FILES.iter().map(|(name, _)| folder.join(name)).find(exists) {
            return Err(Failure::usage(format!(
                "{} already exists and is not overwritten; name another folder",
                file.display()
            )));
        }
        write_files(&folder)
    }
}

/// Creates the folder if needed, and returns its path without links.
fn make(folder: &Path) -> Result<PathBuf, Failure> {
    check_name(&path::absolute(folder).map_err(|error| failed(folder, &error))?)?;
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let folder = folder.canonicalize().map_err(|error| failed(folder, &error))?;
    check_name(&folder)?;
    Ok(folder)
}

fn write_files(folder: &Path) -> Result<(), Failure> {
    let (secret, key) = key::fresh(KEY_NAME)?;
    let (owner_secret, owner_key) = key::fresh(OWNER_NAME)?;
    let shown = folder.display().to_string();
    for (name, template) in FILES {
        // A percent sign has a meaning of its own in a unit (systemd.unit(5), specifiers).
        let shown = if name.ends_with(".service") { shown.replace('%', "%%") } else { shown.clone() };
        let text = template.replace("{owner_sha256}", &owner_key.sha256_hex());
        let text = text.replace("{sha256}", &key.sha256_hex()).replace("{dir}", &shown);
        let file = folder.join(name);
        let written = File::create_new(&file).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| failed(&file, &error))?;
    }
    let steps = include_str!("init/steps.txt").replace("{dir}", &shown);
    print(format_args!("key: {secret}\nowner's key: {owner_secret}"))?;
    let _ = stderr().write_all(steps.as_bytes());
    Ok(())
}

fn failed(file: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", file.display()))
}

/// Rejects a path that a systemd unit or a shell would read differently: it is written, unquoted, into the
/// unit and into the commands that `init` prints.
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
