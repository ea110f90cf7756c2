//! TLS under a connection, for the server and for the client.
//!
//! It lies below [`TimedStream`](super::TimedStream), whose deadlines and stop_flags therefore hold for the handshake and for each
//! record as well: a read that brought bytes but no text yet says `Interrupted`, and is made again as long as there is time.

mod fault;
mod trust;

use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustls::{
    ClientConnection, Connection, Error as TlsError, ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use x509_cert::{Certificate, der::Decode};

use super::{
    abort::Abort,
    timed::FAREWELL_TIME,
    transport::{SharedTransport, Transport},
};
use crate::error::Error;
use fault::Fault;
pub(crate) use fault::described;

/// The only protocol that a WebSocket begins with (RFC 7301).
const ALPN: &[u8] = b"http/1.1";
/// The first byte of a TLS handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
const READ_BYTES: usize = 4096;

/// A certificate with its chain and its private key: what makes a server speak TLS, and nothing else.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Takes a certificate with its chain, and its private key (PKCS#8, PKCS#1 or SEC1), both in PEM.
    ///
    /// # Errors
    ///
    /// A sentence, when one of them cannot be read, or the key belongs to another certificate.
    ///
    /// ```
    /// assert!(replyd::Tls::from_pem(b"no certificate", b"no key").is_err());
    /// ```
    pub fn from_pem(certificate: &[u8], private_key: &[u8]) -> Result<Tls, Error> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>().map_err(|_| {
                Error::plain("tls_certificate is not a valid PEM file: a section of it is broken")
            })?;
        if chain.is_empty() {
            return Err(Error::plain("tls_certificate has no '-----BEGIN CERTIFICATE-----'"));
        }
        let key = PrivateKeyDer::from_pem_slice(private_key).map_err(|_| {
            Error::plain("tls_private_key has no private key in PEM (PKCS#8, PKCS#1 or SEC1)")
        })?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain.clone(), key))
            .map_err(|error| {
                Error::plain(match error {
                    TlsError::InconsistentKeys(_) => {
                        "tls_private_key does not belong to tls_certificate".to_owned()
                    }
                    TlsError::InvalidCertificate(_) => {
                        "tls_certificate has something in it that is not a certificate".to_owned()
                    }
                    TlsError::General(why) => format!("tls_private_key cannot be used: {why}"),
                    error => format!("tls_certificate or tls_private_key cannot be used: {}", Fault(error)),
                })
            })?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Tls { config: Arc::new(config), chain })
    }

    /// Whether the certificate has run out; one whose dates cannot be read has not.
    pub fn has_expired(&self) -> bool {
        let certificate = Certificate::from_der(&self.chain[0]).ok();
        let end =
            certificate.map(|certificate| certificate.tbs_certificate.validity.not_after.to_system_time());
        end.is_some_and(|end| end < std::time::SystemTime::now())
    }

    /// The server's side of a new connection.
    pub(crate) fn accept(
        &self,
        stream: &Arc<TcpStream>,
        write_timeout: Duration,
    ) -> io::Result<SharedTransport> {
        let connection = ServerConnection::new(Arc::clone(&self.config)).map_err(Fault)?;
        Ok(Arc::new(TlsStream::new(stream, connection.into(), write_timeout)?))
    }
}

impl PartialEq for Tls {
    /// Whether the certificates are the same.
    fn eq(&self, other: &Tls) -> bool {
        self.chain == other.chain
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// The client's side of a new connection to `host`, which trusts the authorities in `ca`, or else those of the system.
pub(crate) fn connect(
    stream: &Arc<TcpStream>,
    host: &str,
    ca: Option<&[u8]>,
    write_timeout: Duration,
) -> Result<SharedTransport, Error> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Error::plain(format!("{host:?} is not a name that a certificate can have")))?;
    let mut config = trust::client_config(ca)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    let connection = ClientConnection::new(Arc::new(config), name)
        .map_err(|error| Error::plain(Fault(error).to_string()))?;
    let stream = TlsStream::new(stream, connection.into(), write_timeout)
        .map_err(|error| Error::io("cannot begin TLS", error))?;
    Ok(Arc::new(stream))
}

/// A connection's TLS. Whoever waits for the peer, to read or to write, does not hold `state` meanwhile: the two halves of a
/// client must not wait for each other.
pub(crate) struct TlsStream {
    stream: Arc<TcpStream>,
    state: Mutex<State>,
    outbox: Mutex<Outbox>,
    /// For what TLS itself has to say, which no deadline of ours is set for.
    write_timeout: Duration,
}

struct State {
    connection: Connection,
    /// The peer does not speak TLS, and is told so in plain text.
    is_plain: bool,
    /// Whether anything has come yet.
    has_heard: bool,
}

/// What is encrypted and not sent yet.
#[derive(Default)]
struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    /// What of the caller's bytes is in it: a write that timed out is made again with the same bytes.
    accepted: usize,
}

impl TlsStream {
    fn new(
        stream: &Arc<TcpStream>,
        connection: Connection,
        write_timeout: Duration,
    ) -> io::Result<TlsStream> {
        Transport::set_write_timeout(&**stream, write_timeout)?;
        let state = Mutex::new(State { connection, is_plain: false, has_heard: false });
        Ok(TlsStream { stream: Arc::clone(stream), state, outbox: Mutex::default(), write_timeout })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for bytes of the peer.
    // Their buffer must not be on the stack of clients without TLS: that is memory of each.
    #[inline(never)]
    fn read_record(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = [0; READ_BYTES];
        match (*self.stream).read(&mut bytes)? {
            0 => Ok(0),
            count => self.take(&bytes[..count], buffer),
        }
    }

    /// Takes what came from the peer; says `Interrupted` when there is no text in it.
    fn take(&self, mut bytes: &[u8], buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        let is_server = matches!(state.connection, Connection::Server(_));
        if is_server && !std::mem::replace(&mut state.has_heard, true) && bytes.first() != Some(&HANDSHAKE) {
            state.is_plain = true;
            return Err(Abort::NotTls.into());
        }
        let mut processed = Ok(());
        while !bytes.is_empty() && processed.is_ok() {
            if state.connection.read_tls(&mut bytes)? == 0 {
                // Behind a close_notify nothing is taken.
                break;
            }
            processed = state.connection.process_new_packets().map(drop);
        }
        if state.connection.wants_write() {
            drop(state);
            // Also where the peer broke a rule: it is told which. Whoever is sending now takes it along.
            if let Ok(mut outbox) = self.outbox.try_lock() {
                outbox.fill(&mut self.state().connection)?;
                outbox.send_within(self.write_timeout, &self.stream)?;
            }
            state = self.state();
        }
        processed.map_err(Fault)?;
        state.read(buffer)
    }
}

impl State {
    /// Text that has come already; `Interrupted` when there is none.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::Interrupted.into()),
            // The peer hung up without a close_notify; a Close of its own says whether it meant to.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            result => result,
        }
    }
}

impl Outbox {
    fn fill(&mut self, connection: &mut Connection) -> io::Result<()> {
        while connection.wants_write() {
            connection.write_tls(&mut self.bytes)?;
        }
        Ok(())
    }

    /// Makes one call; `Interrupted` while there is more, so that the caller can look at its deadline.
    fn send(&mut self, stream: &TcpStream) -> io::Result<()> {
        if self.sent < self.bytes.len() {
            self.sent += stream.write(&self.bytes[self.sent..])?;
        }
        if self.sent < self.bytes.len() {
            return Err(ErrorKind::Interrupted.into());
        }
        self.bytes.clear();
        self.sent = 0;
        Ok(())
    }

    /// Sends all, or fails when the time is over. A single call takes as long as the socket's own time-out at most.
    fn send_within(&mut self, time: Duration, stream: &TcpStream) -> io::Result<()> {
        let deadline = Instant::now() + time;
        loop {
            match self.send(stream) {
                Err(error) if error.kind() == ErrorKind::Interrupted && Instant::now() < deadline => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(Abort::Write.into()),
                result => return result,
            }
        }
    }
}

impl Transport for TlsStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.state().read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
        self.read_record(buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        if outbox.accepted == 0 {
            let mut state = self.state();
            if state.is_plain {
                return (*self.stream).write(bytes);
            }
            outbox.accepted = state.connection.writer().write(bytes)?;
            outbox.fill(&mut state.connection)?;
        }
        outbox.send(&self.stream)?;
        Ok(std::mem::take(&mut outbox.accepted).min(bytes.len()))
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(timeout)
    }

    /// Says `close_notify`, so that the peer knows that nothing was cut off.
    fn finish(&self) {
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        if !state.is_plain {
            state.connection.send_close_notify();
            let _ = outbox.fill(&mut state.connection);
            drop(state);
            let _ = outbox.send_within(FAREWELL_TIME, &self.stream);
        }
    }
}
