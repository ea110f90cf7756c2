//! Which server certificates a client trusts.

use std::{sync::Arc, time::Duration};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use x509_cert::{Certificate, der::Decode};

use super::fault::TlsFault;
use crate::{error::Error, ini::without_bom};

/// A client configuration that trusts the certificates in `ca` only, or the system's authorities if there is
/// no `ca`.
pub(super) fn client_config(ca: Option<&[u8]>) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::plain(TlsFault(error).to_string()))?;
    Ok(match ca {
        None => builder.with_root_certificates(authorities_of_the_system()?).with_no_client_auth(),
        // Not as dangerous as it looks: see `CaVerifier`.
        Some(pem) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(CaVerifier::new(pem)?))
            .with_no_client_auth(),
    })
}

fn authorities_of_the_system() -> Result<RootCertStore, Error> {
    store(rustls_native_certs::load_native_certs().certs).ok_or_else(|| {
        Error::plain("this system has no list of trusted authorities; pass a file of your own with --ca FILE")
    })
}

/// A store of `certificates`, or `None` when it would be empty. Certificates that rustls cannot parse are
/// left out: most systems have some.
fn store(certificates: Vec<CertificateDer<'static>>) -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    (!store.is_empty()).then_some(store)
}

/// The cryptography of both sides.
pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Accepts what the trusted certificates signed, and those certificates themselves.
///
/// rustls rejects an authority's certificate as a server's own, but that is what `openssl req -x509` makes.
/// Accepting it is safe: the owner of its private key could sign any server certificate with it, which would
/// be accepted. The name and the dates are still checked, and the signatures of the handshake prove that the
/// server has the private key.
#[derive(Debug)]
struct CaVerifier {
    rustls: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl CaVerifier {
    fn new(pem: &[u8]) -> Result<CaVerifier, Error> {
        let given: Vec<_> = CertificateDer::pem_slice_iter(without_bom(pem)).filter_map(Result::ok).collect();
        let store = store(given.clone())
            .ok_or_else(|| Error::plain("the CA file has no certificate in PEM that can be read"))?;
        let rustls = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider())
            .build()
            .map_err(|error| Error::plain(format!("the CA file cannot be used: {error}")))?;
        Ok(CaVerifier { rustls, given })
    }
}

impl ServerCertVerifier for CaVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.rustls.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // rustls reports an authority's certificate used by a server as one of its "other" errors.
            Err(TlsError::InvalidCertificate(
                CertificateError::Other(_) | CertificateError::UnknownIssuer,
            )) if self.given.contains(end_entity) => {
                check_dates(end_entity, now)?;
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rustls.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rustls.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rustls.supported_verify_schemes()
    }
}

/// Checks the dates of a certificate that rustls has not checked, because it rejected it for another reason.
fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), TlsError> {
    let certificate = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let validity = certificate.tbs_certificate.validity;
    let now = Duration::from_secs(now.as_secs());
    if now < validity.not_before.to_unix_duration() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.to_unix_duration() {
        return Err(CertificateError::Expired.into());
    }
    Ok(())
}
