//! Stands in for tokens in a build without the feature `jwt`: none is ever valid.

use super::verified::{TokenError, VerifiedToken};
use crate::error::Error;

/// The keys that tokens are verified with: none in this build, which does not have the feature `jwt`.
#[derive(Clone, Debug, Default)]
pub struct Tokens(());

impl Tokens {
    pub(crate) fn with_secret(self, _: &[u8]) -> Result<Tokens, Error> {
        Err(Error::plain("tokens cannot be used: this build does not have the feature \"jwt\""))
    }

    pub(crate) fn with_public_key(self, _: &[u8]) -> Result<Tokens, Error> {
        Err(Error::plain("tokens cannot be used: this build does not have the feature \"jwt\""))
    }

    pub(crate) fn with_issuer(self, _: &str) -> Tokens {
        self
    }

    pub(crate) fn with_audience(self, _: &str) -> Tokens {
        self
    }

    pub(crate) fn with_secret_of(self, _: &Tokens) -> Tokens {
        self
    }

    pub(crate) fn with_public_keys_of(self, _: &Tokens) -> Tokens {
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn verify(&self, _: &str) -> Result<VerifiedToken, TokenError> {
        Err(TokenError::new("this build does not support tokens"))
    }

    pub(crate) fn has(&self, _: &[u8; 32]) -> bool {
        false
    }
}
