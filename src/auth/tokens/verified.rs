//! What is found out about a token.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// Tolerance for clocks that differ, which RFC 7519 allows (section 4.1.4).
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// The claims of a valid token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedToken {
    /// Its `sub`, cut to 64 characters of any kind; `token` if it has none.
    pub name: String,
    /// Its `exp`. The session ends 30 seconds later, since clocks may differ.
    pub until: SystemTime,
    /// A hash of the key, the issuer and the audience that it was verified with, for a check after a reload.
    pub(crate) verifier: [u8; 32],
}

impl fmt::Debug for VerifiedToken {
    /// Omits the hash of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("name", &self.name)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Why a token was rejected. Its `Display` is a sentence about "it", as in "it expired 3 min ago".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError(String);

impl TokenError {
    pub(super) fn new(sentence: impl Into<String>) -> TokenError {
        TokenError(sentence.into())
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TokenError {}
