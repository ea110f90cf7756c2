//! TLS as a transport, for the server and for the client.
//!
//! It lies below [`TimedStream`](super::TimedStream), so that deadlines and stop flags apply to the handshake
//! and to each record as well: a read that has received bytes but no plaintext yet returns `Interrupted`, and
//! is repeated until the deadline.

mod fault;
mod trust;

use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::{Arc, MutexGuard},
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    ClientConnection, Connection, ServerConfig, ServerConnection,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName,
        pem::{Error as PemError, PemObject},
    },
};
use x509_cert::{Certificate, der::Decode};

use super::{
    abort::Abort,
    timed::FINISH_TIMEOUT,
    transport::{SharedTransport, Transport},
};
use crate::{error::Error, ini::without_bom, lock::Lock};
pub(crate) use fault::described;
use fault::{TlsFault, unusable};
use trust::provider;

/// The protocol that is negotiated (RFC 7301): a WebSocket upgrade is an HTTP/1.1 request.
const ALPN: &[u8] = b"http/1.1";
/// The first byte of a TLS handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;
/// Size of the buffer for encrypted bytes. A larger record is read in several calls.
const READ_BYTES: usize = 4096;
/// Amount of decrypted bytes above which rustls accepts no more input until they are read.
const MAX_PLAINTEXT_BYTES: usize = 16 * 1024;

/// A certificate with its chain and private key. A server that has one accepts only TLS connections.
///
/// `Debug` does not show the private key.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Reads a certificate with its chain, and its private key (PKCS#8, PKCS#1 or SEC1), both in PEM.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or the private key belongs to another certificate.
    ///
    /// ```
    /// assert!(replyd::Tls::from_pem(b"no certificate", b"no key").is_err());
    /// ```
    pub fn from_pem(certificate: &[u8], private_key: &[u8]) -> Result<Tls, Error> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(without_bom(certificate)).collect::<Result<_, _>>().map_err(
                |_| Error::plain("tls_certificate is not a valid PEM file: one of its sections is malformed"),
            )?;
        if chain.is_empty() {
            return Err(Error::plain("tls_certificate has no '-----BEGIN CERTIFICATE-----'"));
        }
        let key = PrivateKeyDer::from_pem_slice(without_bom(private_key)).map_err(|error| {
            let is_encrypted = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"]
                .iter()
                .any(|mark| private_key.windows(mark.len()).any(|part| part == mark.as_bytes()));
            Error::plain(match error {
                _ if is_encrypted => {
                    "tls_private_key is encrypted with a passphrase; write it without one: openssl pkey -in FILE -out NEW-FILE"
                }
                PemError::NoItemsFound => "tls_private_key has no private key in PEM (PKCS#8, PKCS#1 or SEC1)",
                _ => "tls_private_key is not a valid PEM file: one of its sections is malformed",
            })
        })?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain.clone(), key))
            .map_err(|error| Error::plain(unusable(error)))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Tls { config: Arc::new(config), chain })
    }

    /// When the certificate expires; `None` if its dates cannot be read.
    pub fn expiry(&self) -> Option<SystemTime> {
        let certificate = Certificate::from_der(&self.chain[0]).ok()?;
        Some(certificate.tbs_certificate.validity.not_after.to_system_time())
    }

    /// Whether the certificate has expired. One with unreadable dates counts as not expired.
    pub fn has_expired(&self) -> bool {
        self.expiry().is_some_and(|end| end < SystemTime::now())
    }

    /// The server's side of a new connection. Does not wait: the handshake happens within the first reads.
    pub(crate) fn accept(
        &self,
        stream: &Arc<TcpStream>,
        write_timeout: Duration,
    ) -> io::Result<SharedTransport> {
        let connection = ServerConnection::new(Arc::clone(&self.config)).map_err(TlsFault)?;
        Ok(Arc::new(TlsStream::new(stream, connection.into(), write_timeout)?))
    }
}

impl PartialEq for Tls {
    /// Whether both have the same certificate chain; the private key follows from it.
    fn eq(&self, other: &Tls) -> bool {
        self.chain == other.chain
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The client's side of a new connection to `host`. Trusts the authorities in `ca`, or the system's if there
/// is no `ca`.
pub(crate) fn connect(
    stream: &Arc<TcpStream>,
    host: &str,
    ca: Option<&[u8]>,
    write_timeout: Duration,
) -> Result<SharedTransport, Error> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Error::plain(format!("{host:?} is not a valid host name for TLS")))?;
    let mut config = trust::client_config(ca)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    let connection = ClientConnection::new(Arc::new(config), name)
        .map_err(|error| Error::plain(TlsFault(error).to_string()))?;
    let stream = TlsStream::new(stream, connection.into(), write_timeout)
        .map_err(|error| Error::io("cannot start TLS", error))?;
    Ok(Arc::new(stream))
}

/// TLS over a TCP connection. No thread holds `state` while it waits for the peer, so that the two halves of
/// a client do not block each other. The locks are always acquired in the order `outbox`, `state`.
pub(crate) struct TlsStream {
    stream: Arc<TcpStream>,
    state: Lock<TlsState>,
    outbox: Lock<Outbox>,
    /// Time limit for what TLS itself sends while reading, when the caller has set no write deadline.
    write_timeout: Duration,
}

struct TlsState {
    connection: Connection,
    /// The peer does not speak TLS, so the refusal is sent to it unencrypted.
    is_plain: bool,
    /// Whether anything has been received yet.
    has_received: bool,
    /// Encrypted bytes that wait until the plaintext before them has been read.
    unprocessed: Vec<u8>,
}

/// Encrypted bytes that have not been sent yet.
#[derive(Default)]
struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
    /// Number of the caller's bytes that are already encrypted in it: after a time-out the caller repeats its
    /// write with the same bytes, which must not be encrypted twice.
    accepted: usize,
}

impl TlsStream {
    fn new(
        stream: &Arc<TcpStream>,
        connection: Connection,
        write_timeout: Duration,
    ) -> io::Result<TlsStream> {
        Transport::set_write_timeout(&**stream, write_timeout)?;
        let state =
            Lock::new(TlsState { connection, is_plain: false, has_received: false, unprocessed: Vec::new() });
        Ok(TlsStream { stream: Arc::clone(stream), state, outbox: Lock::default(), write_timeout })
    }

    fn state(&self) -> MutexGuard<'_, TlsState> {
        self.state.lock()
    }

    /// Waits for bytes from the peer and decrypts them.
    // Not inlined: its buffer would be part of the stack of every client, even without TLS.
    #[inline(never)]
    fn read_record(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = [0; READ_BYTES];
        match (*self.stream).read(&mut bytes)? {
            0 => Ok(0),
            count => self.decrypt(&bytes[..count], buffer),
        }
    }

    /// Decrypts bytes from the peer into `buffer`, or fails with `Interrupted` when they hold no plaintext
    /// yet.
    fn decrypt(&self, mut bytes: &[u8], buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        let is_server = matches!(state.connection, Connection::Server(_));
        let is_first = !std::mem::replace(&mut state.has_received, true);
        if is_server && is_first && bytes.first() != Some(&HANDSHAKE) {
            state.is_plain = true;
            return Err(Abort::NotTls.into());
        }
        let mut processed = Ok(0);
        while !bytes.is_empty() && processed.is_ok() {
            if state.connection.read_tls(&mut bytes)? == 0 {
                // Nothing is accepted after a close_notify.
                break;
            }
            processed = state.connection.process_new_packets().map(|state| state.plaintext_bytes_to_read());
            if processed.as_ref().is_ok_and(|plaintext| *plaintext >= MAX_PLAINTEXT_BYTES) {
                state.unprocessed = bytes.to_vec();
                break;
            }
        }
        if state.connection.wants_write() {
            drop(state);
            // Also after an error, so that the peer gets the alert. If another thread is sending right now,
            // its next write sends these bytes.
            if let Some(mut outbox) = self.outbox.try_lock() {
                outbox.fill(&mut self.state().connection)?;
                outbox.send_within(self.write_timeout, &self.stream)?;
            }
            state = self.state();
        }
        processed.map_err(TlsFault)?;
        state.read(buffer)
    }
}

impl TlsState {
    /// Reads plaintext that was already decrypted; fails with `Interrupted` when there is none.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(ErrorKind::Interrupted.into()),
            // The peer disconnected without a close_notify, as many do. Truncation is detected by the missing
            // Close frame.
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

    /// Makes one call; fails with `Interrupted` while there is more, so that the caller can check its
    /// deadline.
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

    /// Sends everything, or fails after `time`. A single call takes at most as long as the socket's own
    /// time-out.
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
        let mut state = self.state();
        match state.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
        let unprocessed = std::mem::take(&mut state.unprocessed);
        drop(state);
        if unprocessed.is_empty() { self.read_record(buffer) } else { self.decrypt(&unprocessed, buffer) }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut outbox = self.outbox.lock();
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
        Transport::set_read_timeout(&*self.stream, timeout)
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        Transport::set_write_timeout(&*self.stream, timeout)
    }

    fn is_ready(&self) -> bool {
        let mut state = self.state();
        let has_unprocessed = !state.unprocessed.is_empty();
        // Only to get its state: it has processed everything that it was given.
        let processed = state.connection.process_new_packets();
        has_unprocessed
            || processed.is_ok_and(|state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// Sends `close_notify`, so that the peer knows that nothing was cut off.
    fn finish(&self) {
        let mut outbox = self.outbox.lock();
        let mut state = self.state();
        if !state.is_plain {
            state.connection.send_close_notify();
            let _ = outbox.fill(&mut state.connection);
            drop(state);
            let _ = outbox.send_within(FINISH_TIMEOUT, &self.stream);
        }
    }
}
