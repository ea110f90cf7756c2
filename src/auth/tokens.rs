//! Temporary secrets that prove themselves: who has one needs no section in the configuration.

#[cfg(feature = "jwt")]
mod jwt;
#[cfg(not(feature = "jwt"))]
mod without;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

#[cfg(feature = "jwt")]
pub use jwt::Tokens;
#[cfg(not(feature = "jwt"))]
pub use without::Tokens;

/// Clocks may differ by so much.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// What a right token says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedToken {
    /// Its `sub`, 64 characters of any kind at most; `token` where it has none.
    pub name: String,
    /// Its `exp`. A session ends 30 seconds later, since clocks may differ.
    pub until: SystemTime,
    /// What it was verified with: a hash of the key, the issuer and the audience.
    pub(crate) verifier: [u8; 32],
}

impl fmt::Debug for VerifiedToken {
    /// Without the hash of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken")
            .field("name", &self.name)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// Why a token is not taken; `Display` is a sentence about "it".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError(String);

#[cfg(feature = "jwt")]
impl TokenError {
    fn new(sentence: impl Into<String>) -> TokenError {
        TokenError(sentence.into())
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TokenError {}
