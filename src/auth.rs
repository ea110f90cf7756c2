//! Who may come in: the keys, and the judgement over a request head. Sees no socket.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{refusal::Refusal, request::Head};

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
        Ok(Key { name: checked_name(name)?, sha256: Sha256::digest(secret).into() })
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
        Ok(Key { name: checked_name(name)?, sha256 })
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
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count())
        && name.chars().all(|char| char.is_alphanumeric() || "-_.".contains(char));
    if !fits {
        return Err("needs a name of letters, digits, '-', '_' and '.', 64 at most".into());
    }
    Ok(name.to_owned())
}

/// What the door goes by: the keys, whether one is required, and whether `?accessToken=` is looked at.
pub(crate) struct Rules<'a> {
    pub(crate) keys: &'a [Key],
    pub(crate) required: bool,
    pub(crate) query_token: bool,
}

/// Who came in: the name of the key, or nobody in particular.
pub(crate) type Caller = Option<String>;

/// Judges the credentials of a request.
pub(crate) fn admit(head: &Head, rules: &Rules<'_>) -> Result<Caller, Refusal> {
    let caller = credential(head, rules.query_token)?.and_then(|secret| find(rules.keys, &secret));
    match caller {
        None if rules.required => Err(Refusal::Forbidden(if rules.query_token {
            "A right key is needed, in 'Authorization: Bearer KEY', 'X-WS-AUTH-KEY: KEY' or '?accessToken=KEY'."
        } else {
            "A right key is needed, in 'Authorization: Bearer KEY' or 'X-WS-AUTH-KEY: KEY'."
        })),
        caller => Ok(caller),
    }
}

/// The one credential that came, wherever it stood. The same one in several places is one.
fn credential(head: &Head, query_token: bool) -> Result<Option<Vec<u8>>, Refusal> {
    let bearer = head.values("authorization").filter_map(bearer).map(<[u8]>::to_vec);
    let header = head.values("x-ws-auth-key").map(<[u8]>::to_vec);
    let query = head.query_values("accessToken").filter(|_| query_token).map(String::into_bytes);
    let mut secrets = bearer.chain(header).chain(query).filter(|secret| !secret.is_empty());
    let Some(first) = secrets.next() else { return Ok(None) };
    if secrets.any(|other| other != first) {
        return Err(Refusal::BadRequest("The request has two different keys; send one."));
    }
    Ok(Some(first))
}

/// The token behind `Bearer`, whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Looks at every key, so that the time says neither which one was right nor whether any was.
fn find(keys: &[Key], secret: &[u8]) -> Caller {
    let sha256: [u8; 32] = Sha256::digest(secret).into();
    let mut found = None;
    for key in keys {
        if key.sha256.ct_eq(&sha256).into() {
            found = Some(key);
        }
    }
    found.map(|key| key.name.clone())
}
