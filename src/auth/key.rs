//! Keys: secrets that admit a client under a name.

use std::{collections::HashSet, fmt, time::SystemTime};

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};

use super::origin::Origins;
use crate::error::Error;

/// Minimum length of a secret. Even with only digits in it, 16 characters are too many to guess over a
/// network.
const MIN_SECRET_CHARS: usize = 16;
const MAX_NAME_CHARS: usize = 64;

/// A secret that admits a client, under a name that the log shows.
///
/// Only the SHA-256 of the secret is kept, and `Debug` shows only the name.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    pub(super) sha256: [u8; 32],
    origins: Option<Origins>,
    pub(super) expires: Option<SystemTime>,
    role: Option<String>,
}

impl Key {
    /// Creates a key from its secret.
    ///
    /// # Errors
    ///
    /// An error of the kind [`Config`](crate::ErrorKind::Config) when the name is empty, has more than 64
    /// characters, or any other than letters, digits, `-`, `_` and `.`, or when the secret has fewer than 16
    /// characters, begins with `change-me`, as placeholders do, or repeats itself as `abcabcabcabcabcabc`
    /// does. The error does not contain the secret.
    ///
    /// ```
    /// assert!(replyd::Key::new("shop", "correct horse battery").is_ok());
    /// let error = replyd::Key::new("shop", "too short").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "the secret of key \"shop\" has 9 characters and can be guessed; use at least 16"
    /// );
    /// ```
    pub fn new(name: &str, secret: &str) -> Result<Key, Error> {
        Key::parse(name, secret).map_err(|fault| fault.about(name))
    }

    /// Creates a key from the SHA-256 of its secret in hexadecimal, so that the secret itself need not be
    /// stored.
    ///
    /// # Errors
    ///
    /// An error of the kind [`Config`](crate::ErrorKind::Config) when the name is not valid for [`Key::new`],
    /// or the hash is not 64 hexadecimal digits. The error does not contain the hash.
    pub fn from_sha256(name: &str, hash: &str) -> Result<Key, Error> {
        Key::parse_sha256(name, hash).map_err(|fault| fault.about(name))
    }

    pub(crate) fn parse(name: &str, secret: &str) -> Result<Key, KeyFault> {
        // Checked before the length: the advice to lengthen a placeholder would mislead.
        if secret.starts_with("change-me") {
            return Err(KeyFault::Secret("is a placeholder from an example; use a random one".into()));
        }
        let count = secret.chars().count();
        if count < MIN_SECRET_CHARS {
            let sentence =
                format!("has {count} characters and can be guessed; use at least {MIN_SECRET_CHARS}");
            return Err(KeyFault::Secret(sentence));
        }
        if repeats_itself(secret.as_bytes()) {
            let sentence = "repeats a few characters and can be guessed; use a random one";
            return Err(KeyFault::Secret(sentence.into()));
        }
        Key::named(name, Sha256::digest(secret).into())
    }

    pub(crate) fn parse_sha256(name: &str, hash: &str) -> Result<Key, KeyFault> {
        let sha256 = HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        Key::named(name, sha256.ok_or_else(|| KeyFault::Sha256("must be 64 hexadecimal digits".into()))?)
    }

    fn named(name: &str, sha256: [u8; 32]) -> Result<Key, KeyFault> {
        if (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && name.chars().all(is_name_char) {
            return Ok(Key { name: name.to_owned(), sha256, origins: None, expires: None, role: None });
        }
        Err(KeyFault::Name(format!(
            "must have 1 to {MAX_NAME_CHARS} characters, all of them letters, digits, '-', '_' or '.'"
        )))
    }

    /// Limits the key to pages of these origins, which replace [`Config::origins`](crate::Config::origins)
    /// for it.
    pub fn with_origins(self, origins: Origins) -> Key {
        Key { origins: Some(origins), ..self }
    }

    /// Makes the key expire at this time: it then admits no client, and the sessions that it opened are
    /// closed.
    pub fn with_expiry(self, expires: SystemTime) -> Key {
        Key { expires: Some(expires), ..self }
    }

    /// Gives the key this role: it opens the path of the [`Role`](crate::Role), to pages of this server
    /// itself, and nothing else.
    pub fn with_role(self, role: impl Into<String>) -> Key {
        Key { role: Some(role.into()), ..self }
    }

    /// The entry of `keys` with the same name, secret and role; its origins and expiry may have changed since
    /// this key was used.
    pub(super) fn among<'a>(&self, keys: &'a [Key]) -> Option<&'a Key> {
        // Neither hash comes from a client, so that this comparison need not take constant time.
        let is_same =
            |key: &&Key| key.name == self.name && key.sha256 == self.sha256 && key.role == self.role;
        keys.iter().find(is_same)
    }

    /// The origins to which it is limited.
    pub(super) fn origins(&self) -> Option<&Origins> {
        if self.role.is_some() { Some(&Origins::Same) } else { self.origins.as_ref() }
    }

    pub(super) fn has_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= SystemTime::now())
    }

    /// The name that the log shows for a client with this key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its role, if it has one.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// The SHA-256 of the secret in hexadecimal, as [`Key::from_sha256`] and the setting `secret_sha256`
    /// expect it.
    pub fn sha256_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.sha256)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a key is not valid: a predicate about a part of it, which a configuration names differently from the
/// library.
#[derive(Debug)]
pub(crate) enum KeyFault {
    Name(String),
    Secret(String),
    Sha256(String),
}

impl KeyFault {
    /// The error of the library's own constructors. An invalid name is reported first and not shown, since it
    /// may be a secret that was passed in its place.
    fn about(self, name: &str) -> Error {
        Error::config(vec![match Key::named(name, [0; 32]).err().unwrap_or(self) {
            KeyFault::Name(fault) => format!("the name of a key {fault}"),
            KeyFault::Secret(fault) => format!("the secret of key {name:?} {fault}"),
            KeyFault::Sha256(fault) => format!("the SHA-256 of key {name:?} {fault}"),
        }])
    }
}

/// Whether a secret has fewer than 5 different bytes, which one in 10,000 random numbers of 16 digits has, or
/// is a shorter one again and again.
pub(super) fn repeats_itself(secret: &[u8]) -> bool {
    let different: HashSet<&u8> = secret.iter().collect();
    let is_repeated = |period: usize| secret.iter().zip(&secret[period..]).all(|(one, next)| one == next);
    different.len() < 5 || (1..MIN_SECRET_CHARS.min(secret.len() / 2 + 1)).any(is_repeated)
}

/// Whether a key's name may contain this character. None of them needs an escape in the log.
pub(crate) fn is_name_char(char: char) -> bool {
    char.is_alphanumeric() || "-_.".contains(char)
}
