//! Every setting, and how a file of them is read.

mod credentials;
mod file;
mod value;

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;

#[cfg(feature = "tls")]
use crate::Tls;
use crate::{
    Color, Error, Key, Origins, Replies, Tokens,
    ini::{self, Entry, Fault, Section},
    replies,
};
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
    /// The certificate and its key, with which all clients are spoken to; none by default. [`Config::load`] makes it from the
    /// two settings below.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
    /// A file with the certificate and its chain, in PEM.
    pub tls_certificate: Option<PathBuf>,
    /// A file with its private key, in PEM.
    pub tls_private_key: Option<PathBuf>,
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
    /// What tokens are checked with, none by default; [`Config::load`] makes it from the four settings below.
    pub tokens: Tokens,
    /// A file with the secret of tokens.
    pub jwt_secret_file: Option<PathBuf>,
    /// A file with the public key of tokens, in PEM.
    pub jwt_public_key_file: Option<PathBuf>,
    /// Whose tokens are taken (`iss`); empty, the default, is anybody's.
    pub jwt_issuer: String,
    /// For whom tokens must be (`aud`); empty, the default, is anybody.
    pub jwt_audience: String,
    /// What the built-in bot says first, `Hi, how can I help you today?` by default; empty is nothing.
    pub greeting: String,
    /// What the built-in bot answers, the article's four replies by default.
    pub replies: Replies,
    /// A file with the replies, kept apart from the keys; [`Config::load`] reads it into `replies`.
    pub replies_file: Option<PathBuf>,
    /// Where messages that only `unknown` answers are kept. The library only keeps the name for the program.
    pub unanswered_file: Option<PathBuf>,
    /// The least important level that a log shows, info by default. The library only keeps it for the program.
    pub level: log::LevelFilter,
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
            #[cfg(feature = "tls")]
            tls: None,
            tls_certificate: None,
            tls_private_key: None,
            page: true,
            title: "Chat".into(),
            accent: Color::BLUE,
            embed_origins: Origins::List(Vec::new()),
            require_key: None,
            query_token: true,
            origins: Origins::Same,
            keys: Vec::new(),
            tokens: Tokens::default(),
            jwt_secret_file: None,
            jwt_public_key_file: None,
            jwt_issuer: String::new(),
            jwt_audience: String::new(),
            greeting: "Hi, how can I help you today?".into(),
            replies: Replies::default(),
            replies_file: None,
            unanswered_file: None,
            level: log::LevelFilter::Info,
            transcript: true,
        }
    }
}

/// A setting: its section and name, what to write for example, and how its value is taken.
struct Setting {
    section: &'static str,
    name: &'static str,
    example: &'static str,
    set: fn(&mut Config, &str) -> Result<(), String>,
}

macro_rules! settings {
    ($($section:ident . $name:ident = $example:literal : $read:expr;)*) => {
        &[$(Setting {
            section: stringify!($section),
            name: stringify!($name),
            example: $example,
            set: |config, value| $read(value).map(|value| config.$name = value),
        }),*]
    };
}

/// Every setting that is a single value. Keys and replies are sections of their own.
const SETTINGS: &[Setting] = settings! {
    server.listen = "127.0.0.1:5000": address;
    server.max_clients = "1000": count(1..=1_000_000);
    server.max_clients_per_ip = "32": count(0..=1_000_000);
    server.max_message_bytes = "16384": count(MIN_MESSAGE_BYTES as u64..=16 * 1024 * 1024);
    server.messages_per_second = "20": count(0..=1_000_000);
    server.handshake_timeout = "10s": positive_duration;
    server.message_timeout = "30s": positive_duration;
    server.write_timeout = "10s": positive_duration;
    server.ping_interval = "25s": positive_duration;
    server.idle_timeout = "30m": duration;
    server.drain_delay = "0s": duration;
    server.drain_timeout = "10s": duration;
    server.trusted_proxies = "127.0.0.1, ::1": networks;
    server.tls_certificate = "cert.pem": path;
    server.tls_private_key = "key.pem": path;
    web.page = "yes": yes_or_no;
    web.title = "Chat": title;
    web.accent = "#0b57d0": str::parse;
    web.embed_origins = "https://shop.example": str::parse;
    auth.require_key = "yes": |value| yes_or_no(value).map(Some);
    auth.query_token = "yes": yes_or_no;
    auth.origins = "same": str::parse;
    auth.jwt_secret_file = "jwt.secret": path;
    auth.jwt_public_key_file = "jwt.pem": path;
    auth.jwt_issuer = "https://login.example": text;
    auth.jwt_audience = "chat": text;
    bot.greeting = "Hi, how can I help you today?": text;
    bot.replies_file = "replies.ini": path;
    bot.unanswered_file = "unanswered.txt": path;
    log.level = "info": level;
    log.transcript = "yes": yes_or_no;
};

impl Config {
    /// Reads the settings in `text`; what it leaves out keeps its default. `name` stands before the faults.
    ///
    /// # Errors
    ///
    /// All faults at once, a line for each, with the line of the file and what to write instead.
    pub fn parse(text: &str, name: &str) -> Result<Config, Error> {
        let (config, faults) = Config::read(text, name, false);
        if faults.is_empty() { Ok(config) } else { Err(Error::faults(name, faults)) }
    }

    /// `public` is whether everybody on this machine may read the text.
    fn read(text: &str, name: &str, public: bool) -> (Config, Vec<Fault>) {
        let (sections, mut faults) = ini::parse(text);
        let mut config = Config::default();
        for section in &sections {
            config.read_section(section, &mut faults);
        }
        fault_same_keys(&sections, &mut faults);
        let (replies, found) = Replies::from_sections(&sections, name);
        config.replies = replies;
        faults.extend(found);
        if let Some(entry) = plain_secret(&sections).filter(|_| public) {
            let sentence =
                format!("a plain secret, and everybody may read this file; type: chmod o-rwx '{name}'");
            faults.push(Fault::new(entry.line, sentence));
        }
        (config, faults)
    }

    /// Fields may be set to anything; this is what a server can work with. Times are cut at a year.
    pub(crate) fn checked(mut self) -> Result<Config, Error> {
        let positive = [
            ("handshake_timeout", &mut self.handshake_timeout),
            ("message_timeout", &mut self.message_timeout),
            ("write_timeout", &mut self.write_timeout),
            ("ping_interval", &mut self.ping_interval),
        ];
        for (name, time) in positive {
            if time.is_zero() {
                return Err(Error::config(vec![format!("{name}: expected a time longer than nothing")]));
            }
            *time = MAX_DURATION.min(*time);
        }
        for time in [&mut self.idle_timeout, &mut self.drain_delay, &mut self.drain_timeout] {
            *time = MAX_DURATION.min(*time);
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
        Ok(self)
    }

    /// Keeps the settings of `current` that need a restart, and names those that were to change.
    pub(crate) fn keep_fixed(&mut self, current: &Config) -> Vec<&'static str> {
        fn keep<T: Clone + PartialEq>(name: &'static str, new: &mut T, current: &T) -> Option<&'static str> {
            let changed = (new != current).then_some(name);
            new.clone_from(current);
            changed
        }
        #[cfg(feature = "tls")]
        let tls = (self.tls.is_some() != current.tls.is_some()).then(|| {
            self.tls.clone_from(&current.tls);
            "tls_certificate"
        });
        #[cfg(not(feature = "tls"))]
        let tls = None;
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
        if address.ip().is_loopback() || self.has_keys() || self.require_key.is_some() {
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

    fn read_section(&mut self, section: &Section, faults: &mut Vec<Fault>) {
        match section.name.split_once(' ') {
            Some(("key", name)) => self.read_key(name.trim(), section, faults),
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

    fn read_settings(&mut self, section: &Section, faults: &mut Vec<Fault>) {
        let known = || SETTINGS.iter().filter(|setting| setting.section == section.name);
        fault_duplicates(section, faults);
        for entry in &section.entries {
            let Some(setting) = known().find(|setting| setting.name == entry.key) else {
                let hint = match SETTINGS.iter().find(|setting| setting.name == entry.key) {
                    Some(elsewhere) => format!("; it belongs to [{}]", elsewhere.section),
                    None => suggestion(shown_name(&entry.key), known().map(|setting| setting.name)),
                };
                let sentence =
                    format!("[{}] has no setting {:?}{hint}", section.name, shown_name(&entry.key));
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

    fn read_key(&mut self, name: &str, section: &Section, faults: &mut Vec<Fault>) {
        fault_duplicates(section, faults);
        let mut keys = Vec::new();
        let mut origins: Option<Origins> = None;
        let mut expires = None;
        for entry in &section.entries {
            // The value may be a secret: a fault never shows it.
            let read = match entry.key.as_str() {
                "secret" => Key::new(name, &entry.value).map(|key| keys.push(key)),
                "secret_sha256" => Key::from_sha256(name, &entry.value).map(|key| keys.push(key)),
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
                faults.push(Fault::new(entry.line, format!("{} of [key {name}] {sentence}", entry.key)));
            }
        }
        let given = section.entries.iter().filter(|entry| entry.key.starts_with("secret")).count();
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

fn fault_duplicates(section: &Section, faults: &mut Vec<Fault>) {
    let mut lines = HashMap::new();
    for Entry { key, line, .. } in &section.entries {
        let first = *lines.entry(key).or_insert(*line);
        if first != *line {
            let sentence =
                format!("{:?} stands at line {first} already; remove one of them", shown_name(key));
            faults.push(Fault::new(*line, sentence));
        }
    }
}

/// A second section with the name or the secret of another: one of the two would open nothing.
fn fault_same_keys(sections: &[Section], faults: &mut Vec<Fault>) {
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
        for Entry { key, value, line } in &section.entries {
            let read = match key.as_str() {
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

fn plain_secret(sections: &[Section]) -> Option<&Entry> {
    let keys = sections.iter().filter(|section| section.name.starts_with("key "));
    keys.flat_map(|section| &section.entries).find(|entry| entry.key == "secret")
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
