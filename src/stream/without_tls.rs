//! Replaces TLS in a build without the feature `tls`: there are no certificates, and no server can be reached
//! with it.

use std::{
    convert::Infallible,
    io,
    net::TcpStream,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::transport::SharedTransport;
use crate::error::Error;

/// A certificate with its private key. This build does not include the feature `tls`, so no value of this
/// type exists.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls(Infallible);

impl Tls {
    /// Reads a certificate and its private key; always fails in this build.
    ///
    /// # Errors
    ///
    /// Always, because this build does not include the feature `tls`.
    pub fn from_pem(_: &[u8], _: &[u8]) -> Result<Tls, Error> {
        Err(Error::plain("this build does not include the feature \"tls\""))
    }

    /// When the certificate expires.
    pub fn expiry(&self) -> Option<SystemTime> {
        match self.0 {}
    }

    /// Whether the certificate has expired.
    pub fn has_expired(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn accept(&self, _: &Arc<TcpStream>, _: Duration) -> io::Result<SharedTransport> {
        match self.0 {}
    }
}

pub(crate) fn connect(
    _: &Arc<TcpStream>,
    _: &str,
    _: Option<&[u8]>,
    _: Duration,
) -> Result<SharedTransport, Error> {
    Err(Error::plain("wss:// (TLS) is not part of this build; write ws://HOST:PORT"))
}

pub(crate) fn described(_: &io::Error, _: &str) -> Option<String> {
    None
}
