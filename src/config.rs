//! Every setting, and how a file of them is read.

mod disk;
mod files;
mod loading;
mod results;
mod settings;
mod values;

use std::{
    collections::{HashMap, HashSet},
    net::{SocketAddr, ToSocketAddrs},
    time::Duration,
};

use crate::{
    auth::{Key, KeyFault, Origins},
    error::Error,
    ini::{self, Entry, Fault, Faults, Section},
    replies::{self, Replies},
};
pub use files::{Source, Sources};
pub use results::{Loaded, Reading, Refused};
pub use settings::Config;
use settings::{MIN_MESSAGE_BYTES, SETTINGS, Setting};
pub use values::{Color, Logo, Theme, parse_duration};
use values::{MAX_DURATION, time};

/// The section with texts of the page that replace its own.
const PAGE_TEXTS: &str = "page";

impl Config {
    /// Reads the settings in `text`; a setting that is left out keeps its default. Errors begin with `name`.
    ///
    /// It reads no other file. A setting that names one, and `[log] level`, would have no effect here and are errors; use
    /// [`Config::load`] for them.
    ///
    /// # Errors
    ///
    /// All mistakes at once, one line each, with the line of the file and what to write instead. After 50 of them, the number of
    /// the others.
    pub fn parse(text: &str, name: &str) -> Result<Config, Error> {
        let (mut sections, mut faults) = ini::parse(text);
        let Loaded { mut config, sources, .. } = Loaded::of_sections(&mut sections, name, &mut faults);
        for entry in sections.iter().flat_map(|section| &section.entries) {
            let setting =
                SETTINGS.iter().find(|setting| setting.name == entry.name && !entry.value.is_empty());
            if let Some(instead) = setting.and_then(|setting| setting.instead) {
                faults.push(Fault::new(entry.line, format!("{} {instead}", entry.name)));
            }
        }
        config.tokens = sources.tokens();
        if faults.is_empty() { Ok(config) } else { Err(Error::config(faults.lines(name))) }
    }

    /// The defaults for a tool rather than a shop, which [`Server::bind`](crate::Server::bind) uses: clients may send as fast as they
    /// like ([`messages_per_second`](Config::messages_per_second) is 0), messages of up to 1 MiB
    /// ([`max_message_bytes`](Config::max_message_bytes)), and stay as long as they like ([`idle_timeout`](Config::idle_timeout)
    /// is 0), and there is no chat page ([`page`](Config::page) is false). All other settings are as in [`Config::default`].
    pub fn plain() -> Config {
        Config {
            max_message_bytes: 1024 * 1024,
            messages_per_second: 0,
            idle_timeout: Duration::ZERO,
            page: false,
            ..Config::default()
        }
    }

    /// Names of the settings that differ from `old`, apart from keys, tokens and the certificate.
    pub fn changes_since(&self, old: &Config) -> Vec<&'static str> {
        let beside = [("logo", self.logo != old.logo), ("[page]", self.page_texts != old.page_texts)];
        let settings = SETTINGS.iter().map(|setting| (setting.name, (setting.differs)(self, old)));
        settings.chain(beside).filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// Fields can be set to anything, so a server checks them. Times are limited to a year.
    pub(crate) fn checked(mut self) -> Result<Config, Error> {
        self.check_values()?;
        let times = [
            &mut self.handshake_timeout,
            &mut self.message_timeout,
            &mut self.write_timeout,
            &mut self.ping_interval,
            &mut self.idle_timeout,
            &mut self.drain_delay,
            &mut self.drain_timeout,
        ];
        for time in times {
            *time = MAX_DURATION.min(*time);
        }
        Ok(self)
    }

    pub(crate) fn check_values(&self) -> Result<(), Error> {
        let positive = [
            ("handshake_timeout", self.handshake_timeout),
            ("message_timeout", self.message_timeout),
            ("write_timeout", self.write_timeout),
            ("ping_interval", self.ping_interval),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, time)| time.is_zero()) {
            return Err(Error::config(vec![format!("{name}: expected a time longer than zero")]));
        }
        if self.max_message_bytes < MIN_MESSAGE_BYTES {
            return Err(Error::config(vec![format!(
                "max_message_bytes: expected {MIN_MESSAGE_BYTES} at least"
            )]));
        }
        if let Some((first, second)) = same_secret(self.keys.iter().chain(&self.owner_keys)) {
            return Err(Error::config(vec![format!(
                "the keys {} and {} have the same secret; give each one of its own",
                first.name(),
                second.name()
            )]));
        }
        Ok(())
    }

    /// Keeps the settings of `current` that need a restart, and returns the names of those that were to change.
    pub(crate) fn keep_fixed(&mut self, current: &Config) -> Vec<&'static str> {
        let mut changed = Vec::new();
        for Setting { name, differs, keep, .. } in SETTINGS {
            if let Some(keep) = keep.filter(|_| differs(self, current)) {
                keep(self, current);
                changed.push(*name);
            }
        }
        // A renewed certificate takes effect at once; switching TLS on or off needs a restart.
        if self.tls.is_some() != current.tls.is_some() {
            self.tls.clone_from(&current.tls);
            changed.push("tls_certificate");
        }
        changed
    }

    /// Checks that a server with these settings is not open to other machines by mistake, as
    /// [`Server::start`](crate::Server::start) does.
    ///
    /// # Errors
    ///
    /// When `listen` can be reached from other machines and neither a key nor `require_key` is set.
    pub fn check_exposure(&self) -> Result<(), Error> {
        let mut addresses = self.listen.to_socket_addrs().into_iter().flatten();
        addresses.try_for_each(|address| self.check_exposure_at(address))
    }

    pub(crate) fn check_exposure_at(&self, address: SocketAddr) -> Result<(), Error> {
        self.check_exposure_with(address, self.require_key)
    }

    /// The same where another `require_key` is in force.
    pub(crate) fn check_exposure_with(
        &self,
        address: SocketAddr,
        require_key: Option<bool>,
    ) -> Result<(), Error> {
        if address.ip().is_loopback() || self.has_keys() || require_key.is_some() {
            return Ok(());
        }
        Err(Error::config(vec![format!(
            "{address} can be reached from other machines and no key is set: add a [key NAME] section \
             ('replyd key new NAME' makes one), or write 'require_key = no' under [auth] to let everybody in"
        )]))
    }

    /// Whether there is any valid key or token.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty() || !self.tokens.is_empty()
    }
}

impl Loaded {
    /// Reads the settings of these sections; of the files that they name, only the names.
    fn of_sections(sections: &mut [Section], name: &str, faults: &mut Faults) -> Loaded {
        let mut loaded = Loaded::default();
        let (replies, found) = Replies::from_sections(sections, name);
        // Some settings are part of the replies.
        loaded.config.replies = replies;
        for section in &*sections {
            loaded.read_section(section, faults);
        }
        fault_same_keys(sections, faults);
        faults.append(found);
        loaded
    }

    fn read_section(&mut self, section: &Section, faults: &mut Faults) {
        match section.name.split_once(' ') {
            Some(("key", name)) => self.config.read_key(name.trim(), section, faults),
            None if replies::SECTIONS.contains(&&*section.name) => {}
            None if section.name == PAGE_TEXTS => self.config.read_page_texts(section, faults),
            _ if SETTINGS.iter().any(|setting| setting.section == section.name) => {
                self.read_settings(section, faults);
            }
            _ => {
                let settings = SETTINGS.iter().map(|setting| setting.section);
                let known = settings.chain(replies::SECTIONS).chain([PAGE_TEXTS, "key NAME"]);
                let hint = match ini::nearest_section(&section.name, known.clone()) {
                    Some(near) => format!("; did you mean [{near}]?"),
                    None => suggestion(&section.name, known),
                };
                faults
                    .push(Fault::new(section.line, format!("there is no section [{}]{hint}", section.name)));
            }
        }
    }

    fn read_settings(&mut self, section: &Section, faults: &mut Faults) {
        let known = || SETTINGS.iter().filter(|setting| setting.section == section.name);
        fault_duplicates(section, faults);
        for entry in &section.entries {
            let Some(setting) = known().find(|setting| setting.name == entry.name) else {
                let hint = match SETTINGS.iter().find(|setting| setting.name == entry.name) {
                    Some(elsewhere) => format!("; it belongs to [{}]", elsewhere.section),
                    None => suggestion(shown_name(&entry.name), known().map(|setting| setting.name)),
                };
                let sentence =
                    format!("[{}] has no setting {:?}{hint}", section.name, shown_name(&entry.name));
                faults.push(Fault::new(entry.line, sentence));
                continue;
            };
            if let Err(expected) = (setting.set)(self, &entry.value) {
                let Setting { name, example, .. } = setting;
                let sentence = format!(
                    "{name}: expected {expected}, found {:?}; write for example '{name} = {example}'",
                    entry.value
                );
                faults.push(Fault::new(entry.line, sentence));
            }
        }
    }
}

impl Config {
    fn read_page_texts(&mut self, section: &Section, faults: &mut Faults) {
        fault_duplicates(section, faults);
        for Entry { name, value, line, .. } in &section.entries {
            if let Err(sentence) = self.page_texts.set(shown_name(name), value) {
                faults.push(Fault::new(*line, sentence));
            }
        }
    }

    fn read_key(&mut self, name: &str, section: &Section, faults: &mut Faults) {
        fault_duplicates(section, faults);
        let mut keys = Vec::new();
        let mut origins: Option<Origins> = None;
        let mut expires = None;
        let mut is_owner = false;
        for entry in &section.entries {
            // The value may be a secret: a fault never shows it.
            let read = match entry.name.as_str() {
                "secret" => key_or_fault(Key::parse(name, &entry.value), name).map(|key| keys.push(key)),
                "secret_sha256" => {
                    key_or_fault(Key::parse_sha256(name, &entry.value), name).map(|key| keys.push(key))
                }
                "origins" => Origins::parse(&entry.value)
                    .map(|read| origins = Some(read))
                    .map_err(|expected| format!("expects {expected}")),
                "expires" => time(&entry.value)
                    .map(|read| expires = Some(read))
                    .map_err(|expected| format!("expects {expected}")),
                "role" if entry.value == "owner" => {
                    is_owner = true;
                    Ok(())
                }
                "role" => Err("expects owner; leave it out for a client's key".to_owned()),
                other => {
                    let other = shown_name(other);
                    let known = ["secret", "secret_sha256", "origins", "expires", "role"];
                    let hint = suggestion(other, known.into_iter());
                    let sentence = format!("[key {name}] has no setting {other:?}{hint}");
                    faults.push(Fault::new(entry.line, sentence));
                    continue;
                }
            };
            if let Err(sentence) = read {
                faults.push(Fault::new(entry.line, format!("{} of [key {name}] {sentence}", entry.name)));
            }
        }
        let given = section.entries.iter().filter(|entry| entry.name.starts_with("secret")).count();
        if given != 1 {
            let sentence = format!(
                "[key {name}] needs either secret or secret_sha256; 'replyd key new {name}' makes one"
            );
            faults.push(Fault::new(section.line, sentence));
        }
        if let Some(entry) = section.entries.iter().find(|entry| entry.name == "origins" && is_owner) {
            let sentence =
                format!("origins of [key {name}] has no effect: an owner comes from this server's own page");
            faults.push(Fault::new(entry.line, sentence));
        }
        for mut key in keys {
            if let Some(origins) = &origins {
                key = key.with_origins(origins.clone());
            }
            if let Some(expires) = expires {
                key = key.with_expiry(expires);
            }
            if is_owner { &mut self.owner_keys } else { &mut self.keys }.push(key);
        }
    }
}

/// Adds to a fault how to make a valid key.
fn key_or_fault(read: Result<Key, KeyFault>, name: &str) -> Result<Key, String> {
    read.map_err(|fault| match fault {
        KeyFault::Name => format!("cannot be used: the name {fault}"),
        _ => format!("{fault} ('replyd key new {name}' makes one)"),
    })
}

fn fault_duplicates(section: &Section, faults: &mut Faults) {
    let mut lines = HashMap::new();
    for Entry { name, line, .. } in &section.entries {
        let first = *lines.entry(name).or_insert(*line);
        if first != *line {
            let sentence = format!("{:?} is already at line {first}; remove one of them", shown_name(name));
            faults.push(Fault::new(*line, sentence));
        }
    }
}

/// Reports a section with the name or the secret of another one, of which one would have no effect.
fn fault_same_keys(sections: &[Section], faults: &mut Faults) {
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
            let read = match setting.as_str() {
                "secret" => Key::new(name, value),
                "secret_sha256" => Key::from_sha256(name, value),
                _ => continue,
            };
            let Ok(hash) = read.map(|key| key.sha256_hex()) else { continue };
            let (other, first) = *secrets.entry(hash).or_insert((name, *line));
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

fn same_secret<'a>(mut keys: impl Iterator<Item = &'a Key>) -> Option<(&'a Key, &'a Key)> {
    let mut seen = HashMap::new();
    keys.find_map(|key| seen.insert(key.sha256_hex(), key).map(|first| (first, key)))
}

/// The part of an unknown name that an error may show: with a ':' in place of the '=', the rest may be a secret.
fn shown_name(name: &str) -> &str {
    let end = name.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(name.len());
    &name[..end]
}

/// `; did you mean "..."?` where a known name is near, else the known names.
fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    let known: Vec<&str> = known.filter(|name| seen.insert(*name)).collect();
    match ini::nearest(name, known.iter().copied()) {
        Some(candidate) => format!("; did you mean {candidate:?}?"),
        None => format!("; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
