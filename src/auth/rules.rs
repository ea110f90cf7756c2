//! The settings that decide whether a request is admitted.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{key::Key, origin::Origins, role::Role, tokens::Tokens};

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
    /// Whether the request comes directly from a program on this machine, and no other machine can reach the
    /// server.
    pub(crate) is_direct: bool,
}

impl Rules<'_> {
    /// The role whose path this is, while there is a key that has it.
    pub(super) fn role_at(&self, path: &str) -> Option<&Role> {
        let role = self.roles.iter().find(|role| role.is_at(path))?;
        self.keys.iter().any(|key| key.role() == Some(role.name())).then_some(role)
    }

    /// The key with this secret and role that has not expired. Compares the secret with every key, so that
    /// the time it takes reveals neither which one matched nor whether any did.
    pub(super) fn valid_key(&self, role: Option<&str>, secret: &[u8]) -> Option<&Key> {
        let sha256: [u8; 32] = Sha256::digest(secret).into();
        let mut found = None;
        for key in self.keys.iter().filter(|key| key.role() == role) {
            if key.sha256.ct_eq(&sha256).into() {
                found = Some(key);
            }
        }
        found.filter(|key| !key.has_expired())
    }
}
