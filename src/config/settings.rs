//! Every setting, declared once: its section and name, documentation, type and default; an example, how its value is read, and
//! whether a running server can change it. The fields of [`Config`], its default, what a file may say, and what a reload changes
//! are made from these lines.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::IpNet;

use super::{
    results::Loaded,
    values::{
        Color, Logo, Theme, address, color, count, duration, language, level, networks, origins, path,
        positive_duration, text, theme, title, web_address, yes_or_no,
    },
};
use crate::{
    auth::{Key, Origins, Tokens},
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
    pub(super) set: fn(&mut Loaded, &str) -> Result<(), String>,
    /// Always false for those that are not a server's own.
    pub(super) differs: fn(&Config, &Config) -> bool,
    /// For a setting that needs a restart: keeps the value of the second one.
    pub(super) keep: Option<fn(&mut Config, &Config)>,
    /// For a setting that a text alone cannot make work: what to do instead.
    pub(super) instead: Option<&'static str>,
}

macro_rules! settings {
    (
        $(#[$of_config:meta])*
        config { $($(#[$doc:meta])* $section:ident.$name:ident: $type:ty = $default:expr, $example:literal, $read:expr, $when:ident;)* }
        beside { $($(#[$beside_doc:meta])* $beside:ident: $beside_type:ty = $beside_default:expr;)* }
        replies { $($of_replies:ident, $replies_example:literal, $replies_read:expr;)* }
        sources { $($source_section:ident.$source:ident, $source_example:literal, $source_read:expr, $instead:expr;)* }
    ) => {
        $(#[$of_config])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct Config {
            $($(#[$doc])* pub $name: $type,)*
            $($(#[$beside_doc])* pub $beside: $beside_type,)*
        }

        impl Default for Config {
            fn default() -> Config {
                Config { $($name: $default,)* $($beside: $beside_default,)* }
            }
        }

        /// Keys and replies are sections of their own.
        pub(super) const SETTINGS: &[Setting] = &[
            $(Setting {
                section: stringify!($section),
                name: stringify!($name),
                example: $example,
                set: |loaded, value| $read(value).map(|value| loaded.config.$name = value),
                differs: |one, other| one.$name != other.$name,
                keep: settings!(@keep $when $name),
                instead: None,
            },)*
            $(Setting {
                section: "bot",
                name: stringify!($of_replies),
                example: $replies_example,
                set: |loaded, value| {
                    $replies_read(value).map(|value| loaded.config.replies.options_mut().$of_replies = value)
                },
                differs: |one, other| one.replies.options().$of_replies != other.replies.options().$of_replies,
                keep: None,
                instead: None,
            },)*
            $(Setting {
                section: stringify!($source_section),
                name: stringify!($source),
                example: $source_example,
                set: |loaded, value| $source_read(value).map(|value| loaded.sources.$source = value),
                differs: |_, _| false,
                keep: None,
                instead: $instead,
            },)*
        ];
    };
    (@keep live $name:ident) => { None };
    (@keep restart $name:ident) => { Some(|new, current| new.$name.clone_from(&current.$name)) };
}

settings! {
    /// All settings of a server.
    ///
    /// [`Config::default`] is what `replyd` does without a file, [`Config::plain`] suits a tool. Change single fields, or read a
    /// file with [`Config::load`].
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
        /// Maximum number of clients of one address, 32 by default; 0 is no limit. Loopback addresses have none. The 2^64
        /// addresses of an IPv6 network count as one.
        server.max_clients_per_ip: usize = 32, "32", count(0..=1_000_000), restart;
        /// Maximum length of a message in bytes, 16384 by default. A longer one ends the session with close code 1009.
        server.max_message_bytes: usize = 16384, "16384", count(MIN_MESSAGE_BYTES as u64..=16 * 1024 * 1024), live;
        /// Messages read from one client per second, 20 by default, in bursts of five times that; 0 is no limit. A faster client
        /// is read more slowly, and nothing is lost.
        server.messages_per_second: u32 = 20, "20", count(0..=1_000_000), live;
        /// Time limit for receiving a request head, 10 s by default. A slower request gets 408.
        server.handshake_timeout: Duration = Duration::from_secs(10), "10s", positive_duration, live;
        /// Time limit for receiving a message, from its first byte on, 30 s by default. A slower one ends the session with close
        /// code 1008.
        server.message_timeout: Duration = Duration::from_secs(30), "30s", positive_duration, live;
        /// Time limit for a client to read an answer, 10 s by default. A slower client is disconnected.
        server.write_timeout: Duration = Duration::from_secs(10), "10s", positive_duration, live;
        /// Silence after which a client is pinged, 25 s by default. A client that is silent for three of them counts as gone.
        server.ping_interval: Duration = Duration::from_secs(25), "25s", positive_duration, live;
        /// Time without a message in either direction after which a client is closed with close code 1000, 30 min by default; zero
        /// is never.
        server.idle_timeout: Duration = Duration::from_secs(30 * 60), "30m", duration, live;
        /// Time for which a stopping server keeps its sessions while it refuses new clients with 503, 0 s by default.
        server.drain_delay: Duration = Duration::ZERO, "0s", duration, live;
        /// Time limit for the sessions of a stopping server to end, 10 s by default. The rest is disconnected.
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
        web.accent: Color = Color::BLUE, "#0b57d0", color, live;
        /// Whether the page is light or dark, as the visitor's system by default. A site that embeds it may choose otherwise.
        web.theme: Theme = Theme::Auto, "auto", theme, live;
        /// Language of the page's own texts. `None`, the default, is that of the page around it, or else of the visitor's browser, or
        /// else English.
        web.language: Option<Language> = None, "auto", language, live;
        /// Address of a statement on privacy, to which the page then has a link; empty, the default, is none.
        web.privacy: String = String::new(), "https://shop.example/privacy", web_address, live;
        /// Sites that may put the page into a frame, none by default.
        web.embed_origins: Origins = Origins::List(Vec::new()), "https://shop.example", origins, live;
        /// Whether a valid key is required. `None`, the default, is no on a loopback address without any key, and yes otherwise.
        auth.require_key: Option<bool> = None, "yes", |value| yes_or_no(value).map(Some), restart;
        /// Whether `?accessToken=` is accepted as a key, yes by default.
        auth.query_token: bool = true, "yes", yes_or_no, live;
        /// Web pages that may connect, [`Origins::Same`] by default.
        auth.origins: Origins = Origins::Same, "same", origins, live;
        /// First message of the built-in bot, `Hi, how can I help you today?` by default; empty is none.
        bot.greeting: String = "Hi, how can I help you today?".into(), "Hi, how can I help you today?", text, live;
        /// Whether the built-in bot logs what is said, yes by default.
        log.transcript: bool = true, "yes", yes_or_no, live;
    }
    beside {
        /// Picture beside the title of the page, none by default.
        logo: Option<Logo> = None;
        /// Texts of the page that replace its own, none by default.
        page_texts: PageTexts = PageTexts::default();
        /// Certificate and private key. When set, all clients must use TLS; none by default.
        tls: Option<Tls> = None;
        /// Keys that a client may present, none by default. With any, clients need one, unless [`require_key`](Config::require_key)
        /// is `Some(false)`.
        keys: Vec<Key> = Vec::new();
        /// Keys of owners, none by default. While there are any, an upgrade to the path `/owner` needs one of them, and must come from a
        /// page of this server. They admit to no other path, and count nowhere else: a server without [`keys`](Config::keys) stays open.
        /// Two owners find a place even if [`max_clients`](Config::max_clients) or
        /// [`max_clients_per_ip`](Config::max_clients_per_ip) are reached, their messages may have 16 KiB in any case, and
        /// [`messages_per_second`](Config::messages_per_second) is not for them.
        /// What happens there is the program's affair; see [`Session::is_owner`](crate::Session::is_owner).
        owner_keys: Vec<Key> = Vec::new();
        /// Secrets and public keys that verify tokens, none by default.
        tokens: Tokens = Tokens::default();
        /// Replies of the built-in bot, the article's four by default. `[bot] typos`, `nearest` and `did_you_mean` are part of them.
        replies: Replies = Replies::default();
    }
    replies {
        typos, "yes", yes_or_no;
        nearest, "yes", yes_or_no;
        did_you_mean, "Did you mean:", text;
    }
    sources {
        server.tls_certificate, "cert.pem", path, Some("names a file; call Config::load, or set Config::tls");
        server.tls_private_key, "key.pem", path, Some("names a file; call Config::load, or set Config::tls");
        web.logo, "logo.svg", path, Some("names a file; call Config::load, or set Config::logo");
        auth.jwt_secret_file, "jwt.secret", path, Some("names a file; call Config::load, or set Config::tokens");
        auth.jwt_public_key_file, "jwt.pem", path, Some("names a file; call Config::load, or set Config::tokens");
        auth.jwt_issuer, "https://login.example", text, None;
        auth.jwt_audience, "chat", text, None;
        bot.replies_file, "replies.ini", path, Some("names a file; call Config::load, or set Config::replies");
        bot.unanswered_file, "unanswered.txt", path, Some("names a file; call Config::load, whose Sources have it, and see bot_with");
        bot.statistics_file, "statistics.tsv", path, Some("names a file; call Config::load, whose Sources have it");
        log.level, "info", level, Some("is for a program that logs; call Config::load, whose Sources have it, or leave it out");
    }
}
