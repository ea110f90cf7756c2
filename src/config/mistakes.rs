//! Mistakes that show only when several settings are seen together.

use std::path::Path;

use super::{
    disk,
    file_settings::file_settings,
    sections::PAGE_TEXTS,
    settings::{ConfigFiles, Purpose, Setting},
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
    let is_given = |setting: &Setting| setting.file.as_ref().is_some_and(|file| (file.path)(files).is_some());
    for (second, file) in file_settings() {
        let Purpose::With(_, first) = file.purpose else { continue };
        let Some(first) = Setting::named(first) else { continue };
        let (given, missing) = match (is_given(first), is_given(second)) {
            (true, false) => (first, second),
            (false, true) => (second, first),
            _ => continue,
        };
        let sentence = format!("{}: {} is needed as well", given.name, missing.name);
        faults.push(Fault::new(given.line(sections).unwrap_or(1), sentence));
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

/// Reports files that two settings name: what is written to one of them would destroy the other. A certificate and its key may be in
/// one file.
pub(super) fn fault_same_files(
    files: &ConfigFiles,
    settings: &Path,
    sections: &[Section],
    faults: &mut Faults,
) {
    let line = |setting: &Setting| setting.line(sections).unwrap_or(1);
    let mut before: Vec<(Option<&Setting>, &Path)> = vec![(None, settings)];
    for (setting, file) in file_settings() {
        let Some(path) = (file.path)(files).as_deref() else { continue };
        let may_share = |other: &Option<&Setting>| match file.purpose {
            Purpose::With(_, name) => other.is_some_and(|other| other.name == name),
            _ => false,
        };
        let is_same = |(other, known): &&(Option<&Setting>, &Path)| {
            !may_share(other) && disk::is_same_file(known, path)
        };
        if let Some((other, _)) = before.iter().find(is_same) {
            let whose = match other {
                None => "the file of settings itself".to_owned(),
                Some(other) => format!("the file of {} (line {})", other.name, line(other)),
            };
            let sentence = format!("{}: this is {whose}; name another file", setting.name);
            faults.push(Fault::new(line(setting), sentence));
        }
        before.push((Some(setting), path));
    }
}

/// Warnings about texts that visitors would see with something in them that is not meant for them, and about settings that have no
/// effect without another one.
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
