//! Every setting, and how a file of them is read.

mod color;
mod disk;
mod loading;
mod sources;
mod value;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use ipnet::IpNet;

use crate::{
    auth::{Key, KeyFault, Origins, Tokens},
    error::Error,
    ini::{self, Entry, Fault, Faults, Section},
    replies::{self, Replies},
    stream::Tls,
};
pub use color::Color;
pub use loading::{Loaded, Reading, Refused};
pub use sources::{Source, Sources};
use value::{
    MAX_DURATION, address, count, duration, level, networks, path, positive_duration, text, time, title,
    yes_or_no,
};

/// A control frame must always fit (RFC 6455, section 5.5).
const MIN_MESSAGE_BYTES: usize = 125;

/// All settings of a server.
///
/// [`Config::default`] is what `replyd` does without a file. Change single fields, or read a file with
/// [`Config::load`].
///
/// ```
/// let mut config = replyd::Config::default();
/// config.listen = "127.0.0.1:0".into();
/// config.max_clients = 20;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Address and port, `127.0.0.1:5000` by default; port 0 takes a free one.
    pub listen: String,
    /// How many clients may be connected at once, 1000 by default; whoever comes then gets a 503.
    pub max_clients: usize,
    /// How many clients one address may have, 32 by default; 0 is no limit. Loopback addresses have none. The 2^64
    /// addresses of an IPv6 network count as one.
    pub max_clients_per_ip: usize,
    /// The longest message that is taken, in bytes, 16384 by default; a longer one ends the session with 1009.
    pub max_message_bytes: usize,
    /// How many messages a second are read from one client, 20 by default, in bursts of five times that. 0 is no limit.
    pub messages_per_second: u32,
    /// Within which a request head must be whole, 10 s by default; else 408.
    pub handshake_timeout: Duration,
    /// Within which a message must be whole, from its first byte on, 30 s by default; else 1008.
    pub message_timeout: Duration,
    /// Within which a client must read an answer, 10 s by default; else it is cut.
    pub write_timeout: Duration,
    /// After which a silent client is pinged, 25 s by default; after three of them it counts as gone.
    pub ping_interval: Duration,
    /// After which a client that sent no message is closed with 1000, 30 min by default; zero is never.
    pub idle_timeout: Duration,
    /// How long a stopping server still serves its sessions while it refuses newcomers with 503, 0 s by default.
    pub drain_delay: Duration,
    /// How long a stopping server waits for its sessions to end, 10 s by default; the rest is cut.
    pub drain_timeout: Duration,
    /// The proxies whose `X-Forwarded-For` is believed, 127.0.0.1 and ::1 by default.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate and its private key. When set, all clients must use TLS; none by default.
    pub tls: Option<Tls>,
    /// Whether `GET /` has the chat page, yes by default.
    pub page: bool,
    /// What the page is called, `Chat` by default.
    pub title: String,
    /// The color of the page's buttons and of what its visitor says, `#0b57d0` by default.
    pub accent: Color,
    /// Which sites may have the page in a frame, none by default.
    pub embed_origins: Origins,
    /// Whether a key is needed to come in. `None`, the default, is no on a loopback address without any key, and yes
    /// otherwise.
    pub require_key: Option<bool>,
    /// Whether `?accessToken=` is looked at for a key, yes by default.
    pub query_token: bool,
    /// Which web pages may connect, [`Origins::Same`] by default.
    pub origins: Origins,
    /// The keys that open the server, none by default.
    pub keys: Vec<Key>,
    /// What tokens are checked with, none by default.
    pub tokens: Tokens,
    /// What the built-in bot says first, `Hi, how can I help you today?` by default; empty is nothing.
    pub greeting: String,
    /// What the built-in bot answers, the article's four replies by default.
    pub replies: Replies,
    /// Whether the built-in bot logs what is said, yes by default.
    pub transcript: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: "127.0.0.1:5000".into(),
            max_clients: 1000,
            max_clients_per_ip: 32,
            max_message_bytes: 16384,
            messages_per_second: 20,
            handshake_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(25),
            idle_timeout: Duration::from_secs(30 * 60),
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            trusted_proxies: [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
                .map(IpNet::from)
                .to_vec(),
            tls: None,
            page: true,
            title: "Chat".into(),
            accent: Color::BLUE,
            embed_origins: Origins::List(Vec::new()),
            require_key: None,
            query_token: true,
            origins: Origins::Same,
            keys: Vec::new(),
            tokens: Tokens::default(),
            greeting: "Hi, how can I help you today?".into(),
            replies: Replies::default(),
            transcript: true,
        }
    }
}

/// A setting: its section and name, what to write for example, how its value is read, and whether it differs.
struct Setting {
    section: &'static str,
    name: &'static str,
    example: &'static str,
    set: fn(&mut Loaded, &str) -> Result<(), String>,
    /// Always false for those that are not a server's own.
    differs: fn(&Config, &Config) -> bool,
}

macro_rules! settings {
    ($($section:ident . $name:ident = $example:literal : $part:ident, $read:expr;)*) => {
        &[$(Setting {
            section: stringify!($section),
            name: stringify!($name),
            example: $example,
            set: |loaded, value| $read(value).map(|value| loaded.$part.$name = value),
            differs: settings!(@differs $part $name),
        }),*]
    };
    (@differs config $name:ident) => { |one, other| one.$name != other.$name };
    (@differs sources $name:ident) => { |_, _| false };
}

/// Every setting that is a single value. Keys and replies are sections of their own.
const SETTINGS: &[Setting] = settings! {
    server.listen = "127.0.0.1:5000": config, address;
    server.max_clients = "1000": config, count(1..=1_000_000);
    server.max_clients_per_ip = "32": config, count(0..=1_000_000);
    server.max_message_bytes = "16384": config, count(MIN_MESSAGE_BYTES as u64..=16 * 1024 * 1024);
    server.messages_per_second = "20": config, count(0..=1_000_000);
    server.handshake_timeout = "10s": config, positive_duration;
    server.message_timeout = "30s": config, positive_duration;
    server.write_timeout = "10s": config, positive_duration;
    server.ping_interval = "25s": config, positive_duration;
    server.idle_timeout = "30m": config, duration;
    server.drain_delay = "0s": config, duration;
    server.drain_timeout = "10s": config, duration;
    server.trusted_proxies = "127.0.0.1, ::1": config, networks;
    server.tls_certificate = "cert.pem": sources, path;
    server.tls_private_key = "key.pem": sources, path;
    web.page = "yes": config, yes_or_no;
    web.title = "Chat": config, title;
    web.accent = "#0b57d0": config, str::parse;
    web.embed_origins = "https://shop.example": config, str::parse;
    auth.require_key = "yes": config, |value| yes_or_no(value).map(Some);
    auth.query_token = "yes": config, yes_or_no;
    auth.origins = "same": config, str::parse;
    auth.jwt_secret_file = "jwt.secret": sources, path;
    auth.jwt_public_key_file = "jwt.pem": sources, path;
    auth.jwt_issuer = "https://login.example": sources, text;
    auth.jwt_audience = "chat": sources, text;
    bot.greeting = "Hi, how can I help you today?": config, text;
    bot.replies_file = "replies.ini": sources, path;
    bot.unanswered_file = "unanswered.txt": sources, path;
    log.level = "info": sources, level;
    log.transcript = "yes": config, yes_or_no;
};

/// Settings that are not in a [`Config`], since a text alone cannot make them work: what to do instead.
const NOT_IN_A_TEXT: [(&str, &str); 7] = [
    ("tls_certificate", "names a file; call Config::load, or set Config::tls"),
    ("tls_private_key", "names a file; call Config::load, or set Config::tls"),
    ("jwt_secret_file", "names a file; call Config::load, or set Config::tokens"),
    ("jwt_public_key_file", "names a file; call Config::load, or set Config::tokens"),
    ("replies_file", "names a file; call Config::load, or set Config::replies"),
    ("unanswered_file", "names a file; call Config::load, whose Sources have it, and see bot_with"),
    ("level", "is for a program that logs; call Config::load, whose Sources have it, or leave it out"),
];

impl Config {
    /// Reads the settings in `text`; what it leaves out keeps its default. `name` stands before the faults.
    ///
    /// No file is read: a setting that names one, and `[log] level`, are faults here, so that none is without effect. Use
    /// [`Config::load`] for them.
    ///
    /// # Errors
    ///
    /// All faults at once (of more than 50 the first ones, and how many more there are), a line for each, with the line of the
    /// file and what to write instead.
    pub fn parse(text: &str, name: &str) -> Result<Config, Error> {
        let (sections, mut faults) = ini::parse(text);
        let Loaded { mut config, sources, .. } = Loaded::of_sections(&sections, name, &mut faults);
        for entry in sections.iter().flat_map(|section| &section.entries) {
            let instead = NOT_IN_A_TEXT.iter().find(|(setting, _)| *setting == entry.name);
            if let Some((setting, instead)) = instead.filter(|_| !entry.value.is_empty()) {
                faults.push(Fault::new(entry.line, format!("{setting} {instead}")));
            }
        }
        config.tokens = sources.tokens();
        if faults.is_empty() { Ok(config) } else { Err(Error::config(faults.lines(name))) }
    }

    /// The names of the settings in which it differs from `old`, keys, tokens and the certificate apart.
    pub fn changes_since(&self, old: &Config) -> Vec<&'static str> {
        SETTINGS.iter().filter(|setting| (setting.differs)(self, old)).map(|setting| setting.name).collect()
    }

    /// Fields may be set to anything; this is what a server can work with. Times are cut at a year.
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
            return Err(Error::config(vec![format!("{name}: expected a time longer than nothing")]));
        }
        if self.max_message_bytes < MIN_MESSAGE_BYTES {
            return Err(Error::config(vec![format!(
                "max_message_bytes: expected {MIN_MESSAGE_BYTES} at least"
            )]));
        }
        if let Some((first, second)) = same_secret(&self.keys) {
            return Err(Error::config(vec![format!(
                "the keys {} and {} have the same secret; give each one of its own",
                first.name(),
                second.name()
            )]));
        }
        Ok(())
    }

    /// Keeps the settings of `current` that need a restart, and names those that were to change.
    pub(crate) fn keep_fixed(&mut self, current: &Config) -> Vec<&'static str> {
        fn keep<T: Clone + PartialEq>(name: &'static str, new: &mut T, current: &T) -> Option<&'static str> {
            let changed = (new != current).then_some(name);
            new.clone_from(current);
            changed
        }
        let tls = (self.tls.is_some() != current.tls.is_some()).then(|| {
            self.tls.clone_from(&current.tls);
            "tls_certificate"
        });
        let changes = [
            tls,
            keep("listen", &mut self.listen, &current.listen),
            keep("max_clients", &mut self.max_clients, &current.max_clients),
            keep("max_clients_per_ip", &mut self.max_clients_per_ip, &current.max_clients_per_ip),
            keep("trusted_proxies", &mut self.trusted_proxies, &current.trusted_proxies),
            keep("require_key", &mut self.require_key, &current.require_key),
        ];
        changes.into_iter().flatten().collect()
    }

    /// Whether a server with these settings would be open to other machines by oversight, as
    /// [`Server::start`](crate::Server::start) judges it.
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

    /// Whether anybody could have a right key or token.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty() || !self.tokens.is_empty()
    }
}

impl Loaded {
    /// The settings of these sections, and of the files that they name only the names.
    fn of_sections(sections: &[Section], name: &str, faults: &mut Faults) -> Loaded {
        let mut loaded = Loaded::default();
        for section in sections {
            loaded.read_section(section, faults);
        }
        fault_same_keys(sections, faults);
        let (replies, found) = Replies::from_sections(sections, name);
        loaded.config.replies = replies;
        faults.append(found);
        loaded
    }

    fn read_section(&mut self, section: &Section, faults: &mut Faults) {
        match section.name.split_once(' ') {
            Some(("key", name)) => self.config.read_key(name.trim(), section, faults),
            None if replies::SECTIONS.contains(&&*section.name) => {}
            _ if SETTINGS.iter().any(|setting| setting.section == section.name) => {
                self.read_settings(section, faults);
            }
            _ => {
                let known = SETTINGS
                    .iter()
                    .map(|setting| setting.section)
                    .chain(replies::SECTIONS)
                    .chain(["key NAME"]);
                let sentence =
                    format!("there is no section [{}]{}", section.name, suggestion(&section.name, known));
                faults.push(Fault::new(section.line, sentence));
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
    fn read_key(&mut self, name: &str, section: &Section, faults: &mut Faults) {
        fault_duplicates(section, faults);
        let mut keys = Vec::new();
        let mut origins: Option<Origins> = None;
        let mut expires = None;
        for entry in &section.entries {
            // The value may be a secret: a fault never shows it.
            let read = match entry.name.as_str() {
                "secret" => key_or_fault(Key::parse(name, &entry.value), name).map(|key| keys.push(key)),
                "secret_sha256" => {
                    key_or_fault(Key::parse_sha256(name, &entry.value), name).map(|key| keys.push(key))
                }
                "origins" => entry
                    .value
                    .parse()
                    .map(|read| origins = Some(read))
                    .map_err(|expected: String| format!("expects {expected}")),
                "expires" => time(&entry.value)
                    .map(|read| expires = Some(read))
                    .map_err(|expected| format!("expects {expected}")),
                other => {
                    let other = shown_name(other);
                    let hint =
                        suggestion(other, ["secret", "secret_sha256", "origins", "expires"].into_iter());
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
        for mut key in keys {
            if let Some(origins) = &origins {
                key = key.with_origins(origins.clone());
            }
            if let Some(expires) = expires {
                key = key.with_expiry(expires);
            }
            self.keys.push(key);
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
            let sentence =
                format!("{:?} stands at line {first} already; remove one of them", shown_name(name));
            faults.push(Fault::new(*line, sentence));
        }
    }
}

/// A second section with the name or the secret of another: one of the two would open nothing.
fn fault_same_keys(sections: &[Section], faults: &mut Faults) {
    let (mut names, mut secrets) = (HashMap::new(), HashMap::new());
    for section in sections {
        let Some(("key", name)) = section.name.split_once(' ') else { continue };
        let name = name.trim();
        let (begun, written) = *names.entry(name).or_insert((section.line, &section.name));
        // The same name with the same blanks is a fault of any section.
        if *written != section.name {
            let sentence = format!("[key {name}] begins at line {begun} already; put these lines there");
            faults.push(Fault::new(section.line, sentence));
        }
        for Entry { name: setting, value, line } in &section.entries {
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

fn same_secret(keys: &[Key]) -> Option<(&Key, &Key)> {
    let mut seen = HashMap::new();
    keys.iter().find_map(|key| seen.insert(key.sha256_hex(), key).map(|first| (first, key)))
}

/// What a fault may show of an unknown name: a secret that was written with a ':' has everything before its own '='.
fn shown_name(name: &str) -> &str {
    let end = name.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(name.len());
    &name[..end]
}

/// `; did you mean "..."?` where a known name is near, else the known names.
fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.dedup();
    let near = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min();
    match near {
        Some((_, candidate)) => format!("; did you mean {candidate:?}?"),
        None => format!("; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
