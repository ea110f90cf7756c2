//! A request and its one answer.

use std::{
    io::{self, Write},
    sync::atomic::Ordering,
    time::Instant,
};

use tungstenite::{Bytes, handshake::server::write_response, http::Response as HttpResponse};

use super::linger::linger;
use crate::{
    config::Config,
    http::{Head, HeadError, Refusal, asks_for_upgrade, client_address},
    registry::{ClientId, Connection, Registry},
    stream::TimedStream,
};

/// A request that waits for its answer. Methods that answer it consume it, so there is only one answer.
pub(super) struct Exchange<'a> {
    pub(super) connection: &'a Connection,
    pub(super) socket: TimedStream,
    /// The client, as far as it is known.
    pub(super) client: ClientId,
    /// Deadline for the client to disconnect after its answer, if others wait for its thread.
    pub(super) close_by: Option<Instant>,
    /// Whether the answer has a body, as all but those to `HEAD` do.
    pub(super) with_body: bool,
}

impl Exchange<'_> {
    /// Sets what depends on the head: the client's own address, and whether the answer has a body.
    pub(super) fn apply_head(&mut self, head: &Head, config: &Config) {
        let Exchange { client, with_body, .. } = self;
        let address = client_address(head, client.address.ip(), &config.trusted_proxies);
        client.forwarded = (address != client.address.ip()).then_some(address);
        *with_body = head.method() != "HEAD";
        if asks_for_upgrade(head) {
            log::info!("Incoming connection from client ... {client}");
        } else {
            log::debug!("Incoming request ... {head} {client}");
        }
    }

    /// Ends a connection whose head could not be read, with an answer if there can be one.
    #[inline(never)] // As `Head::read`.
    pub(super) fn end_without_head(mut self, error: HeadError) {
        let Exchange { connection, client, .. } = &self;
        match error {
            _ if connection.state.displaced.load(Ordering::Acquire) => {
                log::debug!("Connection closed in favor of a newer one ... {client}");
            }
            HeadError::Refused { refusal, is_head } => {
                self.with_body = !is_head;
                self.refuse(&refusal);
            }
            HeadError::Silent(why) => log::debug!("Connection ended before a request ... {why} {client}"),
            HeadError::Gone(why) => log::info!("Connection ended before a request ... {why} {client}"),
        }
    }

    /// Counts, logs and sends a refusal.
    #[inline(never)] // As `Head::read`.
    pub(super) fn refuse(self, refusal: &Refusal) {
        report_refusal(refusal, &self.connection.registry, &self.client);
        let response = refusal.response(self.with_body).map(|body| body.map(Bytes::from));
        self.answer(&response);
    }

    /// Sends an answer, and waits for the client to disconnect.
    #[inline(never)] // As `Head::read`.
    pub(super) fn answer(mut self, response: &HttpResponse<Option<Bytes>>) {
        let _ = self.socket.write_within(self.connection.registry.config().write_timeout);
        if write_answer(&mut self.socket, response).is_ok() {
            self.socket.finish();
            linger(self.connection, self.close_by, None);
        }
    }
}

/// Writes head and body in one piece, so that a short answer is a single packet.
fn write_answer(socket: &mut TimedStream, response: &HttpResponse<Option<Bytes>>) -> io::Result<()> {
    let mut bytes = Vec::new();
    write_response(&mut bytes, response).map_err(io::Error::other)?;
    bytes.extend_from_slice(response.body().as_deref().unwrap_or_default());
    socket.write_all(&bytes)
}

/// Counts and logs a refusal.
pub(super) fn report_refusal(refusal: &Refusal, registry: &Registry, client: &ClientId) {
    registry.counters.refused(refusal);
    let detail = refusal.detail();
    log::log!(refusal.level(), "Connection refused ... {} {refusal}{detail} {client}", refusal.row().status);
}
