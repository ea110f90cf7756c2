//! Who may come in: the keys, and the judgement over a request head. Sees no socket.

use std::{fmt, time::SystemTime};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

mod origin;
mod tokens;

use crate::http::{Head, Refusal, bad};
pub(crate) use origin::is_loopback_host;
pub use origin::{Origins, Site};
use tokens::LEEWAY;
pub use tokens::{TokenError, Tokens, VerifiedToken};

/// A secret of fewer characters can be guessed.
const MIN_SECRET_CHARS: usize = 16;
const MAX_NAME_CHARS: usize = 64;

/// A key that opens the server: a name for the log and the SHA-256 of its secret.
///
/// The secret itself is not kept, and `Debug` shows the name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    sha256: [u8; 32],
    origins: Option<Origins>,
    expires: Option<SystemTime>,
}

impl Key {
    /// A key from its secret.
    ///
    /// # Errors
    ///
    /// A sentence, when the name is not made of letters, digits, `-`, `_` and `.`, or the secret has fewer than 16
    /// characters or is the `change-me` of an example.
    ///
    /// ```
    /// assert!(replyd::Key::new("shop", "correct horse battery").is_ok());
    /// assert!(replyd::Key::new("shop", "too short").is_err());
    /// ```
    pub fn new(name: &str, secret: &str) -> Result<Key, String> {
        let count = secret.chars().count();
        if secret.starts_with("change-me") {
            return Err("is the example's; make one with 'replyd key new NAME'".into());
        }
        if count < MIN_SECRET_CHARS {
            return Err(format!(
                "has {count} characters and can be guessed; use {MIN_SECRET_CHARS} at least, or make one with 'replyd key new NAME'"
            ));
        }
        Ok(Key {
            name: checked_name(name)?,
            sha256: Sha256::digest(secret).into(),
            origins: None,
            expires: None,
        })
    }

    /// A key from the SHA-256 of its secret, in hexadecimal.
    ///
    /// # Errors
    ///
    /// A sentence, when the name is not made of letters, digits, `-`, `_` and `.`, or the hash is not 64 hexadecimal
    /// digits.
    pub fn from_sha256(name: &str, hash: &str) -> Result<Key, String> {
        let sha256 = HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let sha256 = sha256.ok_or("is not the 64 hexadecimal digits that 'replyd key new NAME' prints")?;
        Ok(Key { name: checked_name(name)?, sha256, origins: None, expires: None })
    }

    /// The same key for pages of these origins, in place of those of [`Config::origins`](crate::Config::origins).
    pub fn with_origins(self, origins: Origins) -> Key {
        Key { origins: Some(origins), ..self }
    }

    /// The same key until a point in time; then it opens nothing, and ends the sessions that it opened.
    pub fn with_expiry(self, expires: SystemTime) -> Key {
        Key { expires: Some(expires), ..self }
    }

    /// This key as `keys` have it now: its name and its secret.
    fn among<'a>(&self, keys: &'a [Key]) -> Option<&'a Key> {
        keys.iter().find(|key| key.name == self.name && key.sha256 == self.sha256)
    }

    fn has_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= SystemTime::now())
    }

    /// The name that the log shows for whoever comes in with this key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SHA-256 of the secret in hexadecimal, as `secret_sha256` takes it.
    pub fn sha256_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.sha256)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

fn checked_name(name: &str) -> Result<String, String> {
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && name.chars().all(is_of_a_name);
    if !fits {
        return Err("needs a name of letters, digits, '-', '_' and '.', 64 at most".into());
    }
    Ok(name.to_owned())
}

/// What the names of keys are made of.
pub(crate) fn is_of_a_name(char: char) -> bool {
    char.is_alphanumeric() || "-_.".contains(char)
}

/// What the acceptor goes by: the keys, what tokens are checked with, whether one is required, whether `?accessToken=` is looked at, and which pages
/// may connect.
pub(crate) struct Rules<'a> {
    pub(crate) keys: &'a [Key],
    pub(crate) tokens: &'a Tokens,
    pub(crate) required: bool,
    pub(crate) query_token: bool,
    pub(crate) origins: &'a Origins,
}

/// Who came in.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Nobody,
    Key(Key),
    Token(VerifiedToken),
}

impl Caller {
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Caller::Nobody => None,
            Caller::Key(key) => Some(key.name()),
            Caller::Token(pass) => Some(&pass.name),
        }
    }

    /// When its session ends at the latest, with these keys.
    pub(crate) fn expires_at(&self, keys: &[Key]) -> Option<SystemTime> {
        match self {
            Caller::Nobody => None,
            Caller::Key(key) => key.among(keys)?.expires,
            Caller::Token(pass) => Some(pass.until + LEEWAY),
        }
    }
}

/// Who came in, and from which page: what is needed to judge it again when the settings change.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    pub(crate) caller: Caller,
    /// Boxed, and of browsers alone: it stays for as long as the session does.
    page: Option<Box<Page>>,
}

impl Admission {
    /// Whether it would come in with these settings too.
    pub(crate) fn still_holds(&self, rules: &Rules<'_>) -> bool {
        let (is_welcome, own) = match &self.caller {
            Caller::Nobody => (!rules.required, None),
            Caller::Key(key) => {
                let key = key.among(rules.keys).filter(|key| !key.has_expired());
                (key.is_some(), key.and_then(|key| key.origins.as_ref()))
            }
            Caller::Token(pass) => (rules.tokens.has(&pass.verifier), None),
        };
        is_welcome && is_allowed(self.page.as_deref(), own.unwrap_or(rules.origins))
    }
}

/// The page that opens a connection: its origin, and the server's own name in it.
#[derive(Clone, Debug)]
struct Page {
    origin: Box<[u8]>,
    host: Option<Box<str>>,
}

impl Page {
    /// A name in the DNS has 253 characters at most (RFC 1035, section 2.3.4); what is longer, or came twice (RFC 6454, section
    /// 7.3), counts as an origin that is none.
    const MAX_BYTES: usize = 300;

    fn of(head: &Head) -> Option<Page> {
        let mut origins = head.values("origin");
        let first = origins.next()?;
        let is_one = first.len() <= Page::MAX_BYTES && origins.all(|other| other == first);
        let host = head.text("host").filter(|host| host.len() <= Page::MAX_BYTES);
        Some(Page { origin: if is_one { first.into() } else { Box::default() }, host: host.map(Box::from) })
    }
}

/// No page is no browser's, and may always connect.
fn is_allowed(page: Option<&Page>, origins: &Origins) -> bool {
    page.is_none_or(|page| origins.allow(&page.origin, page.host.as_deref()))
}

/// Judges the credentials and the origin of a request.
pub(crate) fn admit(head: &Head, rules: &Rules<'_>) -> Result<Admission, Refusal> {
    let caller =
        credential(head, rules.query_token)?.map_or(Caller::Nobody, |secret| identify(rules, &secret));
    let origins = match &caller {
        Caller::Key(Key { origins: Some(own), .. }) => own,
        _ => rules.origins,
    };
    let page = Page::of(head).map(Box::new);
    if !is_allowed(page.as_deref(), origins) {
        let [origin, host] = ["origin", "host"].map(|name| head.values(name).next().unwrap_or_default());
        return Err(Refusal::foreign_origin(origin, host));
    }
    if matches!(caller, Caller::Nobody) && rules.required {
        return Err(Refusal::NoKey { query_token: rules.query_token });
    }
    Ok(Admission { caller, page })
}

/// A secret is a key, or else a token, or else nobody's.
fn identify(rules: &Rules<'_>, secret: &[u8]) -> Caller {
    if let Some(key) = find(rules.keys, secret).filter(|key| !key.has_expired()) {
        return Caller::Key(key.clone());
    }
    let token = std::str::from_utf8(secret).ok().filter(|_| !rules.tokens.is_empty());
    match token.map(|token| rules.tokens.verify(token)) {
        Some(Ok(pass)) => Caller::Token(pass),
        Some(Err(why)) => {
            log::debug!("a key or token is not taken: {why}");
            Caller::Nobody
        }
        None => Caller::Nobody,
    }
}

/// The subprotocol to choose: the first that was offered, and never one that holds a secret.
pub(crate) fn subprotocol(head: &Head) -> Option<&str> {
    let secret = credential(head, true).ok().flatten().unwrap_or_default();
    head.items(SUBPROTOCOLS)
        .find(|offered| !is_bearer(offered) && offered.bytes().all(is_token) && offered.as_bytes() != secret)
}

/// Browsers cannot send headers with a WebSocket, but a list of subprotocols.
const SUBPROTOCOLS: &str = "sec-websocket-protocol";
const BEARER: &str = "bearer.";

/// The one credential that came, wherever it stood. The same one in several places is one.
fn credential(head: &Head, query_token: bool) -> Result<Option<Vec<u8>>, Refusal> {
    let bearer = head.values("authorization").filter_map(bearer).map(<[u8]>::to_vec);
    let header = head.values("x-ws-auth-key").map(<[u8]>::to_vec);
    let query = head.query_values("accessToken").filter(|_| query_token).map(String::into_bytes);
    let offered = head.items(SUBPROTOCOLS).filter(|item| is_bearer(item)).map(|item| {
        let encoded = item[BEARER.len()..].trim_end_matches('=').as_bytes();
        // What is no base64url is a wrong key, not none: no secret has this byte, which UTF-8 does not have.
        BASE64URL_NOPAD.decode(encoded).unwrap_or_else(|_| [b"\xff", encoded].concat())
    });
    let mut secrets = bearer.chain(header).chain(query).chain(offered).filter(|secret| !secret.is_empty());
    let Some(first) = secrets.next() else { return Ok(None) };
    if secrets.any(|other| other != first) {
        return Err(bad("The request has two different keys; send one."));
    }
    Ok(Some(first))
}

fn is_bearer(subprotocol: &str) -> bool {
    subprotocol.get(..BEARER.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEARER))
}

/// The token behind `Bearer`, whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Looks at every key, so that the time says neither which one was right nor whether any was.
fn find<'a>(keys: &'a [Key], secret: &[u8]) -> Option<&'a Key> {
    let sha256: [u8; 32] = Sha256::digest(secret).into();
    let mut found = None;
    for key in keys {
        if key.sha256.ct_eq(&sha256).into() {
            found = Some(key);
        }
    }
    found
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
