//! Settings and replies from files: bounded, and with the rights that a secret needs.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    Config,
    credentials::{self, Credentials},
};
use crate::{
    Error, Replies,
    ini::{self, Fault},
    replies,
};

/// 100,000 replies of a few lines each are a third of it.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

impl Config {
    /// Reads the settings in a file of at most 64 MiB of UTF-8.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`]; also when the file cannot be read, or holds a plain `secret` and everybody on this
    /// machine may read it.
    pub fn load(path: impl AsRef<Path>) -> Result<Config, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let (text, public) = read_file(path)?;
        let (mut config, mut faults) = Config::read(&text, &name, public);
        // Paths in the file are relative to it.
        config.unanswered_file = config.unanswered_file.map(|file| beside(path, &file));
        config.replies_file = config.replies_file.map(|file| beside(path, &file));
        let (sections, _) = ini::parse(&text);
        Credentials { path, sections: &sections, faults: &mut faults }.load(&mut config);
        let mut others = None;
        if let Some(file) = &config.replies_file {
            if let Some(section) = sections.iter().find(|section| replies::SECTIONS.contains(&&*section.name))
            {
                let sentence =
                    format!("[{}] belongs into the replies_file; put these lines there", section.name);
                faults.push(Fault::new(section.line, sentence));
            }
            match load_replies(file) {
                Ok(replies) => config.replies = replies,
                Err(error) => others = Some(error),
            }
        }
        let own = (!faults.is_empty()).then(|| Error::faults(&name, faults));
        match (own, others) {
            (None, None) => Ok(config),
            (Some(error), None) | (None, Some(error)) => Err(error),
            (Some(own), Some(others)) => Err(Error::config(vec![own.to_string(), others.to_string()])),
        }
    }

    /// The files that [`load`](Config::load) reads: this one, and those with replies, keys and certificates that it names,
    /// however faulty they are.
    pub fn files(path: impl AsRef<Path>) -> Vec<PathBuf> {
        let path = path.as_ref();
        let sections = read_file(path).map(|(text, _)| ini::parse(&text).0).unwrap_or_default();
        let bot = sections.iter().find(|section| section.name == "bot");
        let named = bot.and_then(|bot| bot.entries.iter().find(|entry| entry.key == "replies_file"));
        let replies =
            named.filter(|entry| !entry.value.is_empty()).map(|entry| beside(path, entry.value.as_ref()));
        let credentials = credentials::files(path, &sections);
        [path.to_owned()].into_iter().chain(replies).chain(credentials).collect()
    }
}

/// Reads the replies from a file of their own.
fn load_replies(file: &Path) -> Result<Replies, Error> {
    let name = file.display().to_string();
    let (text, _) = read_file(file)?;
    let (replies, mut faults) = Replies::read(&text, &name);
    if !ini::parse(&text).0.iter().any(|section| section.name == "replies") {
        let is_empty = text.trim().is_empty();
        let what =
            if is_empty { "this file is empty" } else { "there is no [replies] in this file of replies" };
        faults.push(Fault::new(1, what));
    }
    if faults.is_empty() { Ok(replies) } else { Err(Error::faults(&name, faults)) }
}

/// A path in a file is relative to that file.
pub(super) fn beside(path: &Path, file: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(file)
}

/// A file's text, and whether everybody on this machine may read it.
fn read_file(path: &Path) -> Result<(String, bool), Error> {
    let name = path.display();
    let fault = |sentence: String| Error::config(vec![format!("{name}: {sentence}")]);
    let unreadable = |error| fault(format!("cannot read this file: {error}"));
    // Before it is opened: a pipe would wait for somebody to write into it.
    let metadata = path.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(fault("this is a folder; name a file".into()));
    }
    if !metadata.is_file() {
        return Err(fault("this is no regular file; name one".into()));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(fault("this file is over 64 MiB".into()));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::config(vec![format!("{name}:{line}: this is not UTF-8; save the file as UTF-8")])
    })?;
    // 0o004 is the right of everybody else to read.
    Ok((text, metadata.permissions().mode() & 0o004 != 0))
}
