//! What goes wrong with TLS, in sentences: those of rustls are for programmers.

use std::{error, fmt, io};

use rustls::{AlertDescription as Alert, CertificateError, Error as TlsError};

/// A fault of TLS. Travels inside an [`io::Error`] through tungstenite.
#[derive(Debug)]
pub(super) struct Fault(pub(super) TlsError);

impl error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, fault)
    }
}

/// As both sides may say it.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            TlsError::AlertReceived(alert) => match alert {
                Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity => {
                    "the peer and this program have no version or cipher of TLS in common"
                }
                Alert::UnknownCA
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateUnknown => "the peer does not trust the certificate that it was shown",
                Alert::CertificateExpired => "the peer says that the certificate has expired",
                Alert::CertificateRequired => {
                    "the peer wants a certificate of the client, which is not supported"
                }
                Alert::UnrecognisedName => "the peer is not called by this name",
                Alert::NoApplicationProtocol => "the peer does not speak HTTP/1.1",
                alert => {
                    return write!(f, "the peer ended the connection with TLS alert {}", u8::from(*alert));
                }
            },
            TlsError::PeerIncompatible(_) => {
                "the peer and this program have no version or cipher of TLS in common"
            }
            TlsError::InvalidMessage(_) => "what the peer sent is not TLS",
            TlsError::PeerMisbehaved(_)
            | TlsError::InappropriateMessage { .. }
            | TlsError::InappropriateHandshakeMessage { .. }
            | TlsError::PeerSentOversizedRecord => "the peer broke a rule of TLS",
            TlsError::DecryptError => "what the peer sent cannot be decrypted",
            TlsError::NoCertificatesPresented => "the peer has no certificate",
            TlsError::InvalidCertificate(_) => "the certificate of the peer is not valid here",
            TlsError::NoApplicationProtocol => "the peer does not speak HTTP/1.1",
            TlsError::InconsistentKeys(_) => "the private key does not belong to the certificate",
            TlsError::FailedToGetRandomBytes => "the system gives no random bytes",
            TlsError::FailedToGetCurrentTime => "the system gives no time",
            TlsError::General(why) => return write!(f, "TLS failed ({why})"),
            _ => "TLS failed",
        })
    }
}

/// What a failed handshake says to the person at the client.
pub(crate) fn described(error: &io::Error, host: &str) -> Option<String> {
    let fault = error.get_ref()?.downcast_ref::<Fault>()?;
    Some(match &fault.0 {
        TlsError::InvalidCertificate(error) => certificate(error, host),
        TlsError::InvalidMessage(_) => "it does not speak TLS; try ws:// instead of wss://".to_owned(),
        TlsError::AlertReceived(Alert::UnrecognisedName) => format!("the server is not called {host}"),
        _ => fault.to_string().replacen("the peer", "the server", 1),
    })
}

fn certificate(error: &CertificateError, host: &str) -> String {
    use CertificateError as Kind;
    match error {
        Kind::UnknownIssuer => {
            "its certificate is from an authority that is not trusted here; name the authority's certificate with --ca FILE"
        }
        Kind::BadSignature => {
            "its certificate is from an authority that is not trusted here, or it lacks the private key; name the \
             authority's certificate with --ca FILE"
        }
        Kind::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            return format!("its certificate has no host name (subjectAltName); one for {host} is needed");
        }
        Kind::NotValidForName | Kind::NotValidForNameContext { .. } => {
            return format!("its certificate is for another name than {host}");
        }
        Kind::Expired | Kind::ExpiredContext { .. } => "its certificate has expired",
        Kind::NotValidYet | Kind::NotValidYetContext { .. } => {
            "its certificate is not valid yet; is the clock of this machine right?"
        }
        Kind::Revoked => "its certificate was revoked",
        Kind::BadEncoding => "its certificate cannot be read",
        Kind::InvalidPurpose | Kind::InvalidPurposeContext { .. } => "its certificate is not one for servers",
        Kind::UnhandledCriticalExtension => "its certificate has a critical extension that is not understood here",
        Kind::UnsupportedSignatureAlgorithmContext { .. }
        | Kind::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its certificate is signed in a way that is not supported here, such as with SHA-1"
        }
        _ => {
            "its certificate is not one that can be trusted; if it signed its certificate itself, name that with --ca FILE"
        }
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use rustls::{InvalidMessage, OtherError, PeerIncompatible, PeerMisbehaved};

    use super::*;

    #[track_caller]
    fn check(error: TlsError, expected: &str) {
        let error = io::Error::from(Fault(error));
        assert_eq!(described(&error, "a.example").unwrap(), expected);
    }

    #[test]
    fn sentences() {
        check(
            PeerIncompatible::NoCipherSuitesInCommon.into(),
            "the server and this program have no version or cipher of TLS in common",
        );
        check(PeerMisbehaved::InvalidKeyShare.into(), "the server broke a rule of TLS");
        check(
            TlsError::AlertReceived(Alert::InternalError),
            "the server ended the connection with TLS alert 80",
        );
        check(TlsError::AlertReceived(Alert::UnrecognisedName), "the server is not called a.example");
        check(
            InvalidMessage::InvalidContentType.into(),
            "it does not speak TLS; try ws:// instead of wss://",
        );
        check(CertificateError::BadEncoding.into(), "its certificate cannot be read");
        check(
            CertificateError::Other(OtherError(std::sync::Arc::new(io::Error::other("MaximumPathDepth"))))
                .into(),
            "its certificate is not one that can be trusted; if it signed its certificate itself, name that with --ca FILE",
        );
    }
}
