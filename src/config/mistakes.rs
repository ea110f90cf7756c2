//! Mistakes that show only when several settings are seen together.

use std::path::Path;

use super::{
    disk,
    sections::PAGE_TEXTS,
    settings::{ConfigFiles, FilePart, NamedFile, PARTS, SETTINGS, Setting},
};
use crate::{
    ini::{Entry, Fault, Faults, Section},
    replies,
};

/// Reports a secret in a file that everyone can read.
pub(super) fn fault_plain_secret(sections: &[Section], name: &str, faults: &mut Faults) {
    let keys = sections.iter().filter(|section| section.name.starts_with("key "));
    if let Some(entry) = keys.flat_map(|section| &section.entries).find(|entry| entry.name == "secret") {
        let sentence = format!("a plain secret, and everyone can read this file; run: chmod o-rwx '{name}'");
        faults.push(Fault::new(entry.line, sentence));
    }
}

/// Reports half a certificate pair.
pub(super) fn fault_halves(files: &ConfigFiles, sections: &[Section], faults: &mut Faults) {
    for part in PARTS {
        let is_named = |file: &&NamedFile| (file.path)(files).is_some();
        let (given, missing): (Vec<_>, Vec<_>) = part.files.iter().partition(is_named);
        if let ([given, ..], [missing, ..]) = (&given[..], &missing[..]) {
            let sentence = format!("{}: {} is needed as well", given.setting, missing.setting);
            faults.push(Fault::new(Setting::line(given.setting, sections).unwrap_or(1), sentence));
        }
    }
}

/// Reports replies that are in the file of settings although they have a file of their own.
pub(super) fn fault_replies_elsewhere(files: &ConfigFiles, sections: &[Section], faults: &mut Faults) {
    let replies = sections.iter().find(|section| replies::SECTIONS.contains(&&*section.name));
    if let Some(section) = replies.filter(|_| files.replies_file.is_some()) {
        let sentence = format!("[{}] belongs in the replies_file; move these lines there", section.name);
        faults.push(Fault::new(section.line, sentence));
    }
}

/// Reports files that two settings name: what is written to one of them would destroy the other. A
/// certificate and its key may be in one file.
pub(super) fn fault_same_files(
    files: &mut ConfigFiles,
    settings: &Path,
    sections: &[Section],
    faults: &mut Faults,
) {
    let line = |setting| Setting::line(setting, sections).unwrap_or(1);
    let of_one_part = |one: &str, other: &str| {
        let has = |part: &FilePart, name| part.files.iter().any(|file| file.setting == name);
        PARTS.iter().any(|part| has(part, one) && has(part, other))
    };
    let mut before = vec![("", settings.to_owned())];
    for Setting { name, file, .. } in SETTINGS {
        let Some(path) = file.and_then(|file| file(files).clone()) else { continue };
        let same = before
            .iter()
            .find(|(other, known)| !of_one_part(other, name) && disk::is_same_file(known, &path));
        if let Some((other, _)) = same {
            let whose = match *other {
                "" => "the file of settings itself".to_owned(),
                other => format!("the file of {other} (line {})", line(other)),
            };
            faults.push(Fault::new(line(name), format!("{name}: this is {whose}; name another file")));
        }
        before.push((name, path));
    }
}

/// Warnings about texts that visitors would see with something in them that is not meant for them, and about
/// settings that have no effect without another one.
pub(super) fn warnings(files: &ConfigFiles, sections: &[Section], name: &str) -> Vec<String> {
    let mut shown = Faults::default();
    for section in sections {
        let is_shown = |entry: &&Entry| match &*section.name {
            "bot" | "web" => ["greeting", "title", "did_you_mean"].contains(&&*entry.name),
            name => name == PAGE_TEXTS,
        };
        section.entries.iter().filter(is_shown).for_each(|entry| replies::check_text(entry, &mut shown));
    }
    let mut warnings = shown.lines(name);
    if files.jwt_secret_file.is_none() && files.jwt_public_key_file.is_none() {
        warnings.extend(idle_claims(sections, name));
    }
    warnings
}

fn idle_claims(sections: &[Section], name: &str) -> impl Iterator<Item = String> {
    let auth = sections.iter().filter(|section| section.name == "auth");
    let claims = auth
        .flat_map(|section| &section.entries)
        .filter(|entry| ["jwt_issuer", "jwt_audience"].contains(&&*entry.name) && !entry.value.is_empty());
    claims.map(move |Entry { name: claim, line, .. }| {
        format!("{name}:{line}: {claim}: has no effect without jwt_secret_file or jwt_public_key_file")
    })
}
