//! The decision whether a request is admitted, by its credential and its origin.

use std::time::SystemTime;

use super::{
    credential::credential,
    key::Key,
    origin::Origins,
    page_origin::{PageOrigin, foreign_page, is_allowed},
    role::Role,
    rules::Rules,
    tokens::{LEEWAY, VerifiedToken},
};
use crate::http::{Head, Refusal};

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

/// The same where only a key with this role admits: from a page of this server itself, whatever `origins`
/// says, and not in the address, which others may see.
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
    // An expired key is treated like an unknown one, so that a refusal does not reveal that it was once
    // valid.
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
