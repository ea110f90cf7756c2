//! Tokens: temporary secrets that are verified by their signature, so that they need no section in the
//! configuration.

#[cfg(feature = "jwt")]
mod jwt;
mod verified;
#[cfg(not(feature = "jwt"))]
mod without;

#[cfg(feature = "jwt")]
pub use jwt::Tokens;
pub(super) use verified::LEEWAY;
pub use verified::{TokenError, VerifiedToken};
#[cfg(not(feature = "jwt"))]
pub use without::Tokens;
