//! TLS errors in plain sentences: the messages of rustls are written for programmers.

use std::{error, fmt, io};

use rustls::{AlertDescription as Alert, CertificateError, Error as TlsError, InvalidMessage};

/// A TLS error. Travels inside an [`io::Error`] through tungstenite.
#[derive(Debug)]
pub(super) struct TlsFault(pub(super) TlsError);

impl error::Error for TlsFault {}

impl From<TlsFault> for io::Error {
    fn from(fault: TlsFault) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, fault)
    }
}

const NOTHING_IN_COMMON: &str =
    "the peer and this program have no TLS version, cipher or extension in common";

/// Wording that fits both a server and a client.
impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            TlsError::AlertReceived(alert) => match alert {
                Alert::ProtocolVersion | Alert::InsufficientSecurity => NOTHING_IN_COMMON,
                Alert::HandshakeFailure => {
                    "the peer refused the TLS handshake, without a reason (handshake_failure)"
                }
                Alert::UnknownCA
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateUnknown => "the peer does not accept the certificate that it was sent",
                Alert::CertificateExpired => "the peer says that the certificate has expired",
                Alert::CertificateRequired => {
                    "the peer requires a client certificate, which is not supported"
                }
                Alert::UnrecognisedName => "the peer does not serve this host name",
                Alert::NoApplicationProtocol => "the peer does not speak HTTP/1.1",
                alert => {
                    return write!(f, "the peer ended the connection with TLS alert {}", u8::from(*alert));
                }
            },
            TlsError::PeerIncompatible(_) => NOTHING_IN_COMMON,
            TlsError::InvalidMessage(_) => "the peer sent something that is not TLS, or not valid",
            TlsError::PeerMisbehaved(_)
            | TlsError::InappropriateMessage { .. }
            | TlsError::InappropriateHandshakeMessage { .. }
            | TlsError::PeerSentOversizedRecord => "the peer violated the TLS protocol",
            TlsError::DecryptError => "the peer sent something that cannot be decrypted",
            TlsError::NoCertificatesPresented => "the peer sent no certificate",
            TlsError::InvalidCertificate(_) => "the peer's certificate is not valid",
            TlsError::NoApplicationProtocol => "the peer does not speak HTTP/1.1",
            TlsError::InconsistentKeys(_) => "the private key does not belong to the certificate",
            TlsError::FailedToGetRandomBytes => "cannot get random bytes from the system",
            TlsError::FailedToGetCurrentTime => "cannot get the time from the system",
            TlsError::General(why) => return write!(f, "TLS failed ({why})"),
            _ => "TLS failed",
        })
    }
}

/// Why a handshake failed, for the user of the client: the subject is the server at `host`. `None` when
/// `error` is not about TLS.
pub(crate) fn described(error: &io::Error, host: &str) -> Option<String> {
    let fault = error.get_ref()?.downcast_ref::<TlsFault>()?;
    Some(match &fault.0 {
        TlsError::InvalidCertificate(error) => certificate(error, host),
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it does not speak TLS; try ws:// instead of wss://".to_owned()
        }
        TlsError::AlertReceived(Alert::UnrecognisedName) => {
            format!("the server does not serve the host name {host}")
        }
        // The sentences of `Display` are about "the peer", which is the server here.
        _ => fault.to_string().replacen("the peer", "the server", 1),
    })
}

/// Why a server cannot use its certificate and private key.
pub(super) fn unusable(error: TlsError) -> String {
    match error {
        TlsError::InconsistentKeys(_) => "tls_private_key does not belong to tls_certificate".to_owned(),
        TlsError::InvalidCertificate(CertificateError::BadEncoding) => {
            "tls_certificate contains something that is not a certificate".to_owned()
        }
        TlsError::InvalidCertificate(why) => {
            format!("the first certificate of tls_certificate has an unsupported form: {why}")
        }
        TlsError::General(why) => format!("tls_private_key cannot be used: {why}"),
        error => format!("tls_certificate or tls_private_key cannot be used: {}", TlsFault(error)),
    }
}

fn certificate(error: &CertificateError, host: &str) -> String {
    use CertificateError as Kind;
    match error {
        Kind::UnknownIssuer => {
            "its certificate is from an authority that is not trusted here, or it does not send the certificates in between; pass the \
             authority's certificate with --ca FILE"
        }
        Kind::BadSignature => {
            "its certificate is from an authority that is not trusted here, or it lacks the private key; pass the \
             authority's certificate with --ca FILE"
        }
        Kind::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            return format!("its certificate has no host name (subjectAltName); it must name {host}");
        }
        Kind::NotValidForName | Kind::NotValidForNameContext { .. } => {
            return format!("its certificate is for a name other than {host}");
        }
        Kind::Expired | Kind::ExpiredContext { .. } => "its certificate has expired",
        Kind::NotValidYet | Kind::NotValidYetContext { .. } => {
            "its certificate is not valid yet; check the clock of this machine"
        }
        Kind::Revoked => "its certificate has been revoked",
        Kind::BadEncoding => "its certificate cannot be read",
        Kind::InvalidPurpose | Kind::InvalidPurposeContext { .. } => "its certificate is not a server certificate",
        Kind::UnhandledCriticalExtension => "its certificate has a critical extension that is not supported",
        Kind::UnsupportedSignatureAlgorithmContext { .. }
        | Kind::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate has a signature that is not supported, such as one with SHA-1"
        }
        _ => "its certificate cannot be trusted; if it is self-signed, pass it with --ca FILE",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use rustls::{OtherError, PeerIncompatible, PeerMisbehaved};

    use super::*;

    #[track_caller]
    fn check(error: TlsError, expected: &str) {
        let error = io::Error::from(TlsFault(error));
        assert_eq!(described(&error, "a.example").unwrap(), expected);
    }

    #[test]
    fn sentences() {
        check(
            PeerIncompatible::NoCipherSuitesInCommon.into(),
            "the server and this program have no TLS version, cipher or extension in common",
        );
        check(PeerMisbehaved::InvalidKeyShare.into(), "the server violated the TLS protocol");
        check(
            TlsError::AlertReceived(Alert::InternalError),
            "the server ended the connection with TLS alert 80",
        );
        check(
            TlsError::AlertReceived(Alert::UnrecognisedName),
            "the server does not serve the host name a.example",
        );
        check(
            InvalidMessage::InvalidContentType.into(),
            "it does not speak TLS; try ws:// instead of wss://",
        );
        check(CertificateError::BadEncoding.into(), "its certificate cannot be read");
        check(
            CertificateError::Other(OtherError(std::sync::Arc::new(io::Error::other("MaximumPathDepth"))))
                .into(),
            "its certificate cannot be trusted; if it is self-signed, pass it with --ca FILE",
        );
    }
}
