//! An authority of the tests' own, and TLS without a library's manners.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::DEADLINE;

/// Signs certificates; its own is `pem`.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, in PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) private_key: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the tests' authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// For 127.0.0.1 and localhost.
    pub(crate) fn identity(&self) -> Identity {
        self.identity_for(&["localhost", "127.0.0.1"], 4096)
    }

    /// For these names, until the end of a year.
    pub(crate) fn identity_for(&self, names: &[&str], year: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), private_key: key.serialize_pem() }
    }

    /// A TLS connection that trusts this authority alone.
    pub(crate) fn connect(&self, address: SocketAddr) -> Secure {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Secure(StreamOwned::new(connection, stream))
    }
}

impl Identity {
    /// Signed by itself, for these names, until the end of a year: an authority as well, as `openssl req -x509` makes it.
    pub(crate) fn self_signed(names: &[&str], year: i32) -> Identity {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Identity { certificate: certificate.pem(), private_key: key.serialize_pem() }
    }
}

/// Raw bytes over TLS.
pub(crate) struct Secure(pub(crate) StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    /// Sends a head, and reads the answer's head and what comes in the same breath.
    pub(crate) fn ask(&mut self, head: &str) -> String {
        self.0.write_all(head.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
        String::from_utf8(bytes).unwrap()
    }

    /// The next frame of at most 125 bytes.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let mut payload = vec![0; usize::from(head[1])];
        self.0.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    /// Reads a Close, then the end, which must be a `close_notify`: rustls takes any other for an error.
    #[track_caller]
    pub(crate) fn close_code(&mut self) -> u16 {
        let (first, payload) = loop {
            let frame = self.frame();
            if frame.0 == 0x88 {
                break frame;
            }
        };
        assert_eq!(first, 0x88);
        assert_eq!(self.0.read(&mut [0]).expect("a close_notify"), 0);
        u16::from_be_bytes([payload[0], payload[1]])
    }
}
