//! A request, as the embedding program sees it.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use crate::{
    auth,
    http::{Head, Target},
    registry::ClientId,
};

/// A request that a program admits or refuses ([`Server::admit`](crate::Server::admit)) or answers
/// ([`Server::pages`](crate::Server::pages)).
///
/// It exists only until it is answered, so that a session does not keep its headers. `Debug` shows neither
/// headers nor the query.
pub struct Request<'a> {
    pub(super) head: &'a Head,
    /// Without a key or token.
    target: Target,
    pub(super) client: &'a ClientId,
    caller: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(super) fn new(head: &'a Head, client: &'a ClientId, caller: Option<&'a str>) -> Request<'a> {
        Request { head, target: head.target().without_secrets(), client, caller }
    }

    /// `GET` or `HEAD`. The body of the response to a `HEAD` is not sent.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// The path without the query, `/rooms/blue` for example. As sent: not percent-decoded, and `..` may be
    /// in it.
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The first parameter of the query called `name`, decoded. `accessToken` is never returned, as it may be
    /// a key.
    pub fn query(&self, name: &str) -> Option<String> {
        self.target.value(name)
    }

    /// The whole query as sent, but without any `accessToken`; empty if there is none.
    pub fn query_string(&self) -> &str {
        self.target.query()
    }

    /// The value of the first header called `name` (in any case), if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|header| header.0.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| str::from_utf8(value).ok())
    }

    /// All headers in their order, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.head.headers()
    }

    /// The subprotocols that the client offers (RFC 6455, section 1.9), without any that holds a key.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        auth::subprotocols(self.head)
    }

    /// The address at the other end of the connection, which may be a proxy's.
    pub fn peer_addr(&self) -> SocketAddr {
        self.client.address
    }

    /// The client's own address: the one that a trusted proxy reports, or else that of the other end of the
    /// connection.
    pub fn client_ip(&self) -> IpAddr {
        self.client.client_ip()
    }

    /// The name of the client's key, or the `sub` of its token; `None` without a valid one. A browser that
    /// opens a page sends none, unless it is in the address (`?accessToken=`, which others may see): only a
    /// program or a script of the page can.
    pub fn caller(&self) -> Option<&str> {
        self.caller
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("path", &self.path())
            .field("client", self.client)
            .finish_non_exhaustive()
    }
}
