//! Authentication: the keys, and the decision whether a request is admitted. It works on the request head alone and does
//! no I/O.

use std::time::SystemTime;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

mod key;
mod origin;
mod role;
mod tokens;

use crate::http::{ACCESS_TOKEN, Head, Refusal, bad};
pub use key::Key;
pub(crate) use key::{KeyFault, is_name_char};
pub use origin::{Origins, Site};
pub(crate) use origin::{is_loopback_host, is_site};
pub use role::Role;
use tokens::LEEWAY;
pub use tokens::{TokenError, Tokens, VerifiedToken};

/// The settings that decide whether a request is admitted.
pub(crate) struct Rules<'a> {
    pub(crate) keys: &'a [Key],
    pub(crate) roles: &'a [Role],
    pub(crate) tokens: &'a Tokens,
    /// Whether a client needs a key or token.
    pub(crate) required: bool,
    /// Whether a credential is also accepted as `?accessToken=`, which proxies and browsers may record.
    pub(crate) query_token: bool,
    pub(crate) origins: &'a Origins,
    /// Whether the request comes directly from a program on this machine, and no other machine can reach the server.
    pub(crate) is_direct: bool,
}

impl Rules<'_> {
    /// The role whose path this is, while there is a key that has it.
    fn role_at(&self, path: &str) -> Option<&Role> {
        let role = self.roles.iter().find(|role| role.is_at(path))?;
        self.keys.iter().any(|key| key.role() == Some(role.name())).then_some(role)
    }

    /// The key with this secret and role that has not expired. Compares the secret with every key, so that the time it takes reveals
    /// neither which one matched nor whether any did.
    fn valid_key(&self, role: Option<&str>, secret: &[u8]) -> Option<&Key> {
        let sha256: [u8; 32] = Sha256::digest(secret).into();
        let mut found = None;
        for key in self.keys.iter().filter(|key| key.role() == role) {
            if key.sha256.ct_eq(&sha256).into() {
                found = Some(key);
            }
        }
        found.filter(|key| !key.has_expired())
    }

    /// Checks the host that a request is for, as the rules for origins do for upgrades.
    pub(crate) fn check_host(&self, head: &Head) -> Result<(), Refusal> {
        let host = head.values("host").next().map(|host| str::from_utf8(host).unwrap_or_default());
        let is_own = !self.is_direct || host.is_none_or(|host| means_this_server(host, self.origins));
        if is_own { Ok(()) } else { Err(foreign(FOREIGN_HOST, head)) }
    }
}

/// The identity that a client has proved.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    Key(Key),
    Token(VerifiedToken),
}

impl Caller {
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Caller::Anonymous => None,
            Caller::Key(key) => Some(key.name()),
            Caller::Token(token) => Some(&token.name),
        }
    }

    /// The role of its key.
    pub(crate) fn role(&self) -> Option<&str> {
        match self {
            Caller::Key(key) => key.role(),
            Caller::Anonymous | Caller::Token(_) => None,
        }
    }

    fn expires_at(&self, keys: &[Key]) -> Option<SystemTime> {
        match self {
            Caller::Anonymous => None,
            Caller::Key(key) => key.among(keys)?.expires,
            Caller::Token(token) => Some(token.until + LEEWAY),
        }
    }
}

/// An admitted caller and its page: what is needed to decide again after a reload.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    pub(crate) caller: Caller,
    /// The end of its session that the embedding program has set.
    pub(crate) expires: Option<SystemTime>,
    /// Set for browsers only. Boxed, since every session keeps an `Admission` until it ends.
    page: Option<Box<PageOrigin>>,
}

impl Admission {
    /// The latest end of its session, if there is one. A reload may have given the key another expiry.
    pub(crate) fn expires_at(&self, keys: &[Key]) -> Option<SystemTime> {
        let of_caller = self.caller.expires_at(keys);
        of_caller.into_iter().chain(self.expires).min()
    }

    /// Whether the same request would still be admitted under these rules.
    pub(crate) fn still_holds(&self, rules: &Rules<'_>) -> bool {
        let (is_known, key_origins) = match &self.caller {
            Caller::Anonymous => (!rules.required, None),
            Caller::Key(key) => {
                let key = key.among(rules.keys).filter(|key| !key.has_expired());
                (key.is_some(), key.and_then(Key::origins))
            }
            Caller::Token(token) => (rules.tokens.has(&token.verifier), None),
        };
        is_known && is_allowed(self.page.as_deref(), key_origins.unwrap_or(rules.origins), rules)
    }
}

/// The page that opens a connection: its origin, and the host name under which it addresses the server.
#[derive(Clone, Debug)]
struct PageOrigin {
    origin: Box<[u8]>,
    host: Option<Box<str>>,
    is_direct: bool,
}

impl PageOrigin {
    /// Enough for a scheme, a port and a DNS name, which has at most 253 characters (RFC 1035, section 2.3.4). A longer
    /// origin, or two different ones (RFC 6454, section 7.3), counts as an empty origin, which is never in a list.
    const MAX_BYTES: usize = 300;

    fn of(head: &Head, rules: &Rules<'_>) -> Option<PageOrigin> {
        let mut origins = head.values("origin");
        let first = origins.next()?;
        // A request may repeat the header, but must not name two origins of which one happens to be allowed.
        let is_valid = first.len() <= PageOrigin::MAX_BYTES && origins.all(|other| other == first);
        let host = head.text("host").filter(|host| host.len() <= PageOrigin::MAX_BYTES);
        let origin = if is_valid { first.into() } else { Box::default() };
        Some(PageOrigin { origin, host: host.map(Box::from), is_direct: rules.is_direct })
    }
}

/// Only browsers send an origin, so that a request without one is not subject to these rules.
fn is_allowed(page: Option<&PageOrigin>, origins: &Origins, rules: &Rules<'_>) -> bool {
    page.is_none_or(|page| {
        let is_own = |host: &&str| !page.is_direct || means_this_server(host, rules.origins);
        origins.allow(&page.origin, page.host.as_deref().filter(is_own))
    })
}

/// Whether a direct request may call the server by this name. Any other may be that of a foreign page, which has it point at this
/// machine so that page and server look the same to a visitor's browser (DNS rebinding).
fn means_this_server(host: &str, origins: &Origins) -> bool {
    is_loopback_host(host) || origins.name(host)
}

const FOREIGN_ORIGIN: &str = "Pages from this origin may not connect to this server.";
// The chat page asks for a key where a refusal has that word.
const FOREIGN_HOST: &str = "The server does not know the host name of this request. If the name is yours, list it under [auth], for example \
                            'origins = https://chat.example', or have the proxy in front of the server send X-Forwarded-For.";
const NO_PAGE: &str = "This is the address of a page that opens in a browser; the chat is at '/'.";

fn foreign(sentence: &'static str, head: &Head) -> Refusal {
    let [origin, host] = ["origin", "host"].map(|name| head.values(name).next().unwrap_or_default());
    Refusal::foreign_origin(sentence, origin, host)
}

/// The refusal of a page that is not allowed.
fn foreign_page(page: Option<&PageOrigin>, head: &Head) -> Refusal {
    let sentence = match page {
        None => NO_PAGE,
        Some(page) if Origins::Same.allow(&page.origin, page.host.as_deref()) => FOREIGN_HOST,
        Some(_) => FOREIGN_ORIGIN,
    };
    foreign(sentence, head)
}

/// Checks the credential and the origin of a request.
///
/// # Errors
///
/// The refusal to send. A foreign origin takes precedence over a missing key.
pub(crate) fn admit(head: &Head, rules: &Rules<'_>) -> Result<Admission, Refusal> {
    if let Some(role) = rules.role_at(head.target().path()) {
        return admit_role(role, head, rules);
    }
    let secret = credential(head, rules.query_token)?;
    let caller = secret.as_deref().map_or(Caller::Anonymous, |secret| identify(rules, secret));
    let origins = match &caller {
        Caller::Key(key) => key.origins().unwrap_or(rules.origins),
        _ => rules.origins,
    };
    let page = PageOrigin::of(head, rules).map(Box::new);
    if !is_allowed(page.as_deref(), origins, rules) {
        return Err(foreign_page(page.as_deref(), head));
    }
    if matches!(caller, Caller::Anonymous) && rules.required {
        return Err(Refusal::NoKey { query_token: rules.query_token, is_wrong: secret.is_some() });
    }
    Ok(Admission { caller, expires: None, page })
}

/// The same where only a key with this role admits: from a page of this server itself, whatever `origins` says, and not in the
/// address, which others may see.
fn admit_role(role: &Role, head: &Head, rules: &Rules<'_>) -> Result<Admission, Refusal> {
    let page = PageOrigin::of(head, rules).map(Box::new);
    if page.is_none() || !is_allowed(page.as_deref(), &Origins::Same, rules) {
        return Err(foreign_page(page.as_deref(), head));
    }
    let secret = credential(head, false)?;
    let key = secret.as_deref().and_then(|secret| rules.valid_key(Some(role.name()), secret));
    let key = key.ok_or(Refusal::NoKey { query_token: false, is_wrong: secret.is_some() })?;
    Ok(Admission { caller: Caller::Key(key.clone()), expires: None, page })
}

/// Looks a secret up among the keys, then tries it as a token.
fn identify(rules: &Rules<'_>, secret: &[u8]) -> Caller {
    // An expired key is treated like an unknown one, so that a refusal does not reveal that it was once valid.
    if let Some(key) = rules.valid_key(None, secret) {
        return Caller::Key(key.clone());
    }
    let token = std::str::from_utf8(secret).ok().filter(|_| !rules.tokens.is_empty());
    match token.map(|token| rules.tokens.verify(token)) {
        Some(Ok(token)) => Caller::Token(token),
        Some(Err(why)) => {
            // The response does not say why, so that it gives an attacker no hints.
            log::debug!("a key or token was not accepted: {why}");
            Caller::Anonymous
        }
        None => Caller::Anonymous,
    }
}

/// The offered subprotocols of which one may be chosen: those that do not contain a secret, which the response would repeat.
pub(crate) fn subprotocols(head: &Head) -> impl Iterator<Item = &str> {
    let secret = credential(head, true).ok().flatten().unwrap_or_default();
    head.items(SUBPROTOCOLS).filter(move |offered| {
        !is_bearer(offered) && offered.bytes().all(is_token) && offered.as_bytes() != secret
    })
}

/// The only header of an upgrade that a script in a browser can set.
const SUBPROTOCOLS: &str = "sec-websocket-protocol";
const BEARER: &str = "bearer.";

/// The credential of a request, from any of the places that may have one. The same one may be in several places.
fn credential(head: &Head, query_token: bool) -> Result<Option<Vec<u8>>, Refusal> {
    let bearer = head.values("authorization").filter_map(bearer).map(<[u8]>::to_vec);
    let header = head.values("x-ws-auth-key").map(<[u8]>::to_vec);
    let query = head.target().values(ACCESS_TOKEN).filter(|_| query_token).map(String::into_bytes);
    let offered = head.items(SUBPROTOCOLS).filter(|item| is_bearer(item)).map(|item| {
        let encoded = item[BEARER.len()..].trim_end_matches('=').as_bytes();
        // Invalid base64url must count as a wrong key, not as none. The byte makes it one: it never occurs in UTF-8.
        BASE64URL_NOPAD.decode(encoded).unwrap_or_else(|_| [b"\xff", encoded].concat())
    });
    let mut secrets = bearer.chain(header).chain(query).chain(offered).filter(|secret| !secret.is_empty());
    let Some(first) = secrets.next() else { return Ok(None) };
    // Choosing one of them could admit a request that a proxy in front has judged by the other.
    if secrets.any(|other| other != first) {
        return Err(bad("The request has two different keys; send one."));
    }
    Ok(Some(first))
}

/// Whether a subprotocol contains a key or token, as pages send it.
pub(crate) fn is_bearer(subprotocol: &str) -> bool {
    subprotocol.get(..BEARER.len()).is_some_and(|start| start.eq_ignore_ascii_case(BEARER))
}

/// The token after `Bearer`, which is not case-sensitive (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Whether a byte may be part of a token in the sense of HTTP (RFC 9110, section 5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
