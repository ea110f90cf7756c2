//! Every setting, declared once: its section and name, documentation, type and default; an example, how its
//! value is read, and whether a running server can change it; of one that names a file, what that becomes.
//! The fields of [`Config`] and [`ConfigFiles`], their defaults, what a file may say, and what a reload reads
//! and changes are made from these lines.

use std::{
    fs::Metadata,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use log::LevelFilter;

use super::{
    files::{
        Kind, PartResult, ReadFile, copy_jwt_public_key, copy_jwt_secret, copy_replies, read_certificate,
        read_jwt_public_key, read_jwt_secret, read_logo, read_replies,
    },
    values::{
        Color, Logo, Theme, address, count, duration, language, level, networks, path, positive_duration,
        text, title, web_address, yes_or_no,
    },
};
use crate::{
    auth::{Key, Origins, Role, Tokens},
    ini::Section,
    languages::{Language, PageTexts},
    replies::Replies,
    stream::Tls,
};

/// A control frame must always fit (RFC 6455, section 5.5).
pub(super) const MIN_MESSAGE_BYTES: usize = 125;

/// A setting that is a single value.
pub(super) struct Setting {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// What an error shows.
    pub(super) example: &'static str,
    /// Reads a value; an error says what was expected.
    pub(super) set: fn(&mut Config, &mut ConfigFiles, &str) -> Result<(), String>,
    /// Whether a reload reports a change of it by its name.
    pub(super) differs: fn(&Config, &Config) -> bool,
    /// For a setting that needs a restart: keeps the value of the second one.
    pub(super) keep: Option<fn(&mut Config, &Config)>,
    /// For a setting that names a file: where that name is.
    pub(super) file: Option<fn(&mut ConfigFiles) -> &mut Option<PathBuf>>,
}

/// A part of the settings that is read from files of its own, and accepted or rejected as a whole.
pub(super) struct FilePart {
    /// What messages call it.
    pub(super) noun: &'static str,
    /// Its field of [`Config`].
    pub(super) field: &'static str,
    /// The settings that name its files. It is read if all of them do.
    pub(super) files: &'static [NamedFile],
    /// Replaces the part by what was read. The flag says whether a running server reads it.
    pub(super) read: fn(&mut Config, &mut [ReadFile], bool) -> PartResult,
    /// Replaces the part by that of the second one.
    pub(super) copy: fn(&mut Config, &Config),
}

/// A file of a part, which a setting names.
pub(super) struct NamedFile {
    pub(super) setting: &'static str,
    pub(super) kind: Kind,
    pub(super) path: fn(&ConfigFiles) -> Option<&Path>,
}

impl FilePart {
    /// Its files, if all of them are named.
    pub(super) fn paths<'a>(&self, files: &'a ConfigFiles) -> Option<Vec<&'a Path>> {
        self.files.iter().map(|file| (file.path)(files)).collect()
    }
}

impl Setting {
    /// A setting that is no field of its own, and that no reload reports.
    const fn new(section: &'static str, name: &'static str, example: &'static str) -> Setting {
        Setting {
            section,
            name,
            example,
            set: |_, _, _| Ok(()),
            differs: |_, _| false,
            keep: None,
            file: None,
        }
    }

    /// The line of the setting with this name.
    pub(super) fn line(name: &str, sections: &[Section]) -> Option<usize> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
        let section = sections.iter().find(|section| section.name == setting.section)?;
        section.entries.iter().find(|entry| entry.name == name).map(|entry| entry.line)
    }
}

settings! {
    /// All settings of a server.
    ///
    /// [`Config::default`] is what `replyd` does without a file, [`Config::plain`] suits a tool. Change
    /// single fields, or read a file with [`Config::load`].
    ///
    /// ```
    /// let mut config = replyd::Config::default();
    /// config.listen = "127.0.0.1:0".into();
    /// config.max_clients = 20;
    /// ```
    config {
        /// Address and port, `127.0.0.1:5000` by default. With port 0 the system chooses a free one.
        server.listen: String = "127.0.0.1:5000".into(), "127.0.0.1:5000", address, restart;
        /// Maximum number of clients at once, 1000 by default. Further clients get 503.
        server.max_clients: usize = 1000, "1000", count(1..=1_000_000), restart;
        /// Maximum number of clients of one address, 32 by default; 0 means no limit. Loopback addresses have
        /// none. The 2^64 addresses of an IPv6 network count as one.
        server.max_clients_per_ip: usize = 32, "32", count(0..=1_000_000), restart;
        /// Maximum length of a message in bytes, 16384 by default. A longer one ends the session with close
        /// code 1009.
        server.max_message_bytes: usize = 16384, "16384", count(MIN_MESSAGE_BYTES as u64..=16 * 1024 * 1024), live;
        /// Messages read from one client per second, 20 by default, in bursts of five times that; 0 means no
        /// limit. A faster client is read more slowly, and nothing is lost.
        server.messages_per_second: u32 = 20, "20", count(0..=1_000_000), live;
        /// Time limit for receiving a request head, 10 s by default. A slower request gets 408.
        server.handshake_timeout: Duration = Duration::from_secs(10), "10s", positive_duration, live;
        /// Time limit for receiving a message, from its first byte on, 30 s by default. A slower one ends the
        /// session with close code 1008.
        server.message_timeout: Duration = Duration::from_secs(30), "30s", positive_duration, live;
        /// Time limit for a client to read an answer, 10 s by default. A slower client is disconnected.
        server.write_timeout: Duration = Duration::from_secs(10), "10s", positive_duration, live;
        /// Silence after which a client is pinged, 25 s by default. A client that is silent for three of them
        /// counts as gone.
        server.ping_interval: Duration = Duration::from_secs(25), "25s", positive_duration, live;
        /// Time without a message in either direction after which a client is closed with close code 1000, 30
        /// min by default; zero means never.
        server.idle_timeout: Duration = Duration::from_secs(30 * 60), "30m", duration, live;
        /// Time for which a stopping server keeps its sessions while it refuses new clients with 503, 0 s by
        /// default.
        server.drain_delay: Duration = Duration::ZERO, "0s", duration, live;
        /// Time limit for the sessions of a stopping server to end, 10 s by default. The rest is
        /// disconnected.
        server.drain_timeout: Duration = Duration::from_secs(10), "10s", duration, live;
        /// Proxies whose `X-Forwarded-For` is believed, 127.0.0.1 and ::1 by default.
        server.trusted_proxies: Vec<IpNet> = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
            .map(IpNet::from)
            .to_vec(), "127.0.0.1, ::1", networks, restart;
        /// Whether `GET /` serves the chat page, yes by default.
        web.page: bool = true, "yes", yes_or_no, live;
        /// Title of the page, `Chat` by default.
        web.title: String = "Chat".into(), "Chat", title, live;
        /// Color of the page's buttons and of the visitor's messages, `#0b57d0` by default.
        web.accent: Color = Color::BLUE, "#0b57d0", Color::parse, live;
        /// Whether the page is light or dark; by default, as the visitor's system is. A site that embeds it
        /// may choose another theme.
        web.theme: Theme = Theme::Auto, "auto", Theme::parse, live;
        /// Language of the page's own texts. With `None`, the default, it is that of the page around it, or
        /// else that of the visitor's browser, or else English.
        web.language: Option<Language> = None, "auto", language, live;
        /// Address of a statement on privacy, to which the page then has a link; empty by default, for none.
        web.privacy: String = String::new(), "https://shop.example/privacy", web_address, live;
        /// Sites that may put the page into a frame, none by default.
        web.embed_origins: Origins = Origins::List(Vec::new()), "https://shop.example", Origins::parse, live;
        /// Whether a valid key is required. `None`, the default, means no on a loopback address if there is
        /// no key, and yes otherwise.
        auth.require_key: Option<bool> = None, "yes", |value| yes_or_no(value).map(Some), restart;
        /// Whether `?accessToken=` is accepted as a key, yes by default.
        auth.query_token: bool = true, "yes", yes_or_no, live;
        /// Web pages that may connect, [`Origins::Same`] by default.
        auth.origins: Origins = Origins::Same, "same", Origins::parse, live;
        /// First message of the built-in bot, `Hi, how can I help you today?` by default; none if it is
        /// empty.
        bot.greeting: String = "Hi, how can I help you today?".into(), "Hi, how can I help you today?", text, live;
        /// Whether the built-in bot logs messages and replies, yes by default.
        log.transcript: bool = true, "yes", yes_or_no, live;
        /// The least important level that a log shows, info by default. The library has no log of its own:
        /// this is for the program.
        log.level: LevelFilter = LevelFilter::Info, "info", level, live;
    }
    beside {
        /// Picture beside the title of the page, none by default.
        logo: Option<Logo> = None;
        /// Texts of the page that replace its own, none by default.
        page_texts: PageTexts = PageTexts::default();
        /// Certificate and private key. When set, all clients must use TLS; none by default.
        tls: Option<Tls> = None;
        /// Keys that a client may present, none by default. With any that has no [role](Key::with_role),
        /// clients need one, unless [`require_key`](Config::require_key) is `Some(false)`.
        keys: Vec<Key> = Vec::new();
        /// The roles that keys may have, each with a path of its own; none by default. See [`Role`].
        roles: Vec<Role> = Vec::new();
        /// Secrets and public keys that verify tokens, none by default.
        tokens: Tokens = Tokens::default();
        /// Replies of the built-in bot, the article's four by default. `[bot] typos`, `nearest` and
        /// `did_you_mean` are part of them.
        replies: Replies = Replies::default();
    }
    replies {
        typos, "yes", yes_or_no;
        nearest, "yes", yes_or_no;
        did_you_mean, "Did you mean:", text;
    }
    tokens {
        jwt_issuer, "https://login.example", with_issuer;
        jwt_audience, "chat", with_audience;
    }
    files {
        tls, "certificate", read_certificate, Option::clone_from, |_, _| false => {
            /// The certificate chain in [`Config::tls`].
            server.tls_certificate, "cert.pem", Small;
            /// The private key in [`Config::tls`].
            server.tls_private_key, "key.pem", Secret;
        }
        logo, "logo", read_logo, Option::clone_from, Option::ne => {
            /// [`Config::logo`].
            web.logo, "logo.svg", Small;
        }
        tokens, "key for tokens", read_jwt_secret, copy_jwt_secret, |_, _| false => {
            /// The secret among [`Config::tokens`].
            auth.jwt_secret_file, "jwt.secret", Secret;
        }
        tokens, "key for tokens", read_jwt_public_key, copy_jwt_public_key, |_, _| false => {
            /// The public key among [`Config::tokens`].
            auth.jwt_public_key_file, "jwt.pem", Small;
        }
        replies, "replies", read_replies, copy_replies, |_, _| false => {
            /// [`Config::replies`], if they have a file of their own.
            bot.replies_file, "replies.ini", Text;
        }
    }
    written {
        /// A file for messages that only `unknown` answers, and for those that are answered by a corrected
        /// typo or the nearest example; none by default. See [`bot_with`](crate::bot_with).
        bot.unanswered_file, "unanswered.txt";
        /// A file for how often each reply was given, by day and hour; none by default.
        bot.statistics_file, "statistics.tsv";
    }
}

impl ConfigFiles {
    /// The names of the settings whose files the program writes, and those files.
    pub fn written(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.of_program().filter_map(|(setting, file)| Some((setting, file?)))
    }

    /// The names of the settings for which the program is to write other files than those of `old`.
    pub fn changes_since(&self, old: &ConfigFiles) -> Vec<&'static str> {
        let files = self.of_program().zip(old.of_program());
        files.filter(|(file, old)| file != old).map(|((setting, _), _)| setting).collect()
    }
}

impl Config {
    /// The defaults for a tool rather than a shop, which [`Server::bind`](crate::Server::bind) uses: clients
    /// may send as fast as they like ([`messages_per_second`](Config::messages_per_second) is 0), messages of
    /// up to 1 MiB ([`max_message_bytes`](Config::max_message_bytes)), and stay as long as they like
    /// ([`idle_timeout`](Config::idle_timeout) is 0), and there is no chat page ([`page`](Config::page) is
    /// false). All other settings are as in [`Config::default`].
    pub fn plain() -> Config {
        Config {
            max_message_bytes: 1024 * 1024,
            messages_per_second: 0,
            idle_timeout: Duration::ZERO,
            page: false,
            ..Config::default()
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConfigFile {
    /// Its path as it was given: relative to the current folder unless absolute.
    pub path: PathBuf,
    /// Metadata when it was opened, which tells whether it has changed since. `None` if it could not be
    /// opened.
    pub metadata: Option<Metadata>,
}
