//! The sections `[key NAME]`.

use std::{collections::HashMap, time::SystemTime};

use super::{
    names::{fault_duplicates, shown_name, suggestion},
    settings::Config,
    values::time,
};
use crate::{
    auth::{Key, KeyFault, Origins, Role},
    ini::{Entry, Fault, Faults, Section},
};

const SETTINGS: [&str; 5] = ["secret", "secret_sha256", "origins", "expires", "role"];

/// What a section says.
struct KeySection<'a> {
    name: &'a str,
    /// The roles that a key may have.
    roles: &'a [Role],
    key: Option<Key>,
    origins: Option<Origins>,
    expires: Option<SystemTime>,
    role: Option<&'a Role>,
}

/// Reads a section `[key NAME]`.
pub(super) fn read_key(config: &mut Config, name: &str, section: &Section, faults: &mut Faults) {
    fault_duplicates(section, faults);
    let mut read =
        KeySection { name, roles: &config.roles, key: None, origins: None, expires: None, role: None };
    for entry in &section.entries {
        if let Err(sentence) = read.set(entry) {
            faults.push(Fault::new(entry.line, sentence));
        }
    }
    let given = section.entries.iter().filter(|entry| entry.name.starts_with("secret")).count();
    if given != 1 {
        let sentence =
            format!("[key {name}] needs either secret or secret_sha256; 'replyd key new {name}' makes one");
        faults.push(Fault::new(section.line, sentence));
    }
    let origins = section.entries.iter().find(|entry| entry.name == "origins");
    if let (Some(entry), Some(role)) = (origins, read.role) {
        let sentence = format!(
            "origins of [key {name}] has no effect: the role {} is for pages of this server itself",
            role.name()
        );
        faults.push(Fault::new(entry.line, sentence));
    }
    let key = read.key();
    config.keys.extend(key);
}

impl KeySection<'_> {
    /// Reads a setting. Its value may be a secret: a fault never shows it.
    fn set(&mut self, entry: &Entry) -> Result<(), String> {
        let KeySection { name, roles, .. } = *self;
        let Entry { name: setting, value, .. } = entry;
        let expects = |expected| format!("expects {expected}");
        let read = match setting.as_str() {
            "secret" => valid(Key::parse(name, value), name).map(|key| self.key = Some(key)),
            "secret_sha256" => valid(Key::parse_sha256(name, value), name).map(|key| self.key = Some(key)),
            "origins" => Origins::parse(value).map(|origins| self.origins = Some(origins)).map_err(expects),
            "expires" => time(value).map(|expires| self.expires = Some(expires)).map_err(expects),
            "role" => role_named(value, roles).map(|role| self.role = Some(role)),
            other => {
                let other = shown_name(other);
                let hint = suggestion(other, SETTINGS);
                return Err(format!("[key {name}] has no setting {other:?}{hint}"));
            }
        };
        read.map_err(|sentence| format!("{setting} of [key {name}] {sentence}"))
    }

    fn key(self) -> Option<Key> {
        let key = self.origins.into_iter().fold(self.key?, Key::with_origins);
        let key = self.expires.into_iter().fold(key, Key::with_expiry);
        Some(self.role.into_iter().fold(key, |key, role| key.with_role(role.name())))
    }
}

/// Adds to a fault how to make a valid key.
fn valid(read: Result<Key, KeyFault>, name: &str) -> Result<Key, String> {
    read.map_err(|fault| match fault {
        KeyFault::Name(fault) => format!("cannot be used: the name {fault}"),
        KeyFault::Secret(fault) | KeyFault::Sha256(fault) => {
            format!("{fault} ('replyd key new {name}' makes one)")
        }
    })
}

fn role_named<'a>(name: &str, roles: &'a [Role]) -> Result<&'a Role, String> {
    roles.iter().find(|role| role.name() == name).ok_or_else(|| {
        let names: Vec<&str> = roles.iter().map(Role::name).collect();
        match &names[..] {
            [] => "has no effect in this program; leave it out".to_owned(),
            names => format!("expects {}; leave it out for a client's key", names.join(" or ")),
        }
    })
}

/// Reports a section with the name or the secret of another one, of which one would have no effect.
pub(super) fn fault_same_keys(sections: &[Section], faults: &mut Faults) {
    let (mut names, mut secrets) = (HashMap::new(), HashMap::new());
    for section in sections {
        let Some(("key", name)) = section.name.split_once(' ') else { continue };
        let name = name.trim();
        let (begun, written) = *names.entry(name).or_insert((section.line, &section.name));
        // The same name with the same blanks is a fault of any section.
        if *written != section.name {
            let sentence = format!("[key {name}] already begins at line {begun}; move these lines there");
            faults.push(Fault::new(section.line, sentence));
        }
        for Entry { name: setting, value, line, .. } in &section.entries {
            let Ok(key) = (match setting.as_str() {
                "secret" => Key::parse(name, value),
                "secret_sha256" => Key::parse_sha256(name, value),
                _ => continue,
            }) else {
                continue;
            };
            let (other, first) = *secrets.entry(key.sha256_hex()).or_insert((name, *line));
            if other != name {
                let sentence = format!(
                    "[key {name}] has the secret of [key {other}] at line {first}; give it one of its own \
                     ('replyd key new {name}' makes one), or remove one of them"
                );
                faults.push(Fault::new(*line, sentence));
            }
        }
    }
}
