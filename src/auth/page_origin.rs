//! The page that opens a connection, which must be one that may.

use super::{
    origin::{Origins, is_loopback_host},
    rules::Rules,
};
use crate::http::{Head, Refusal};

/// The page that opens a connection: its origin, and the host name under which it addresses the server.
#[derive(Clone, Debug)]
pub(super) struct PageOrigin {
    origin: Box<[u8]>,
    host: Option<Box<str>>,
    is_direct: bool,
}

impl PageOrigin {
    /// Enough for a scheme, a port and a DNS name, which has at most 253 characters (RFC 1035, section
    /// 2.3.4). A longer origin, or two different ones (RFC 6454, section 7.3), counts as an empty origin,
    /// which is never in a list.
    const MAX_BYTES: usize = 300;

    pub(super) fn of(head: &Head, rules: &Rules<'_>) -> Option<PageOrigin> {
        let mut origins = head.values("origin");
        let first = origins.next()?;
        // A request may repeat the header, but must not name two origins of which one happens to be allowed.
        let is_valid = first.len() <= PageOrigin::MAX_BYTES && origins.all(|other| other == first);
        let host = head.text("host").filter(|host| host.len() <= PageOrigin::MAX_BYTES);
        let origin = if is_valid { first.into() } else { Box::default() };
        Some(PageOrigin { origin, host: host.map(Box::from), is_direct: rules.is_direct })
    }
}

impl Rules<'_> {
    /// Checks the host that a request is for, as the rules for origins do for upgrades.
    pub(crate) fn check_host(&self, head: &Head) -> Result<(), Refusal> {
        let host = head.values("host").next().map(|host| str::from_utf8(host).unwrap_or_default());
        let is_own = !self.is_direct || host.is_none_or(|host| means_this_server(host, self.origins));
        if is_own { Ok(()) } else { Err(foreign(FOREIGN_HOST, head)) }
    }
}

/// Only browsers send an origin, so that a request without one is not subject to these rules.
pub(super) fn is_allowed(page: Option<&PageOrigin>, origins: &Origins, rules: &Rules<'_>) -> bool {
    page.is_none_or(|page| {
        let is_own = |host: &&str| !page.is_direct || means_this_server(host, rules.origins);
        origins.allow(&page.origin, page.host.as_deref().filter(is_own))
    })
}

/// Whether a direct request may call the server by this name. Any other may be that of a foreign page, which
/// has it point at this machine so that page and server look the same to a visitor's browser (DNS rebinding).
fn means_this_server(host: &str, origins: &Origins) -> bool {
    is_loopback_host(host) || origins.name(host)
}

const FOREIGN_ORIGIN: &str = "Pages from this origin may not connect to this server.";
// The chat page asks for a key where a refusal has that word.
const FOREIGN_HOST: &str = "The server does not know the host name of this request. If the name is yours, list it under [auth], for example \
                            'origins = https://chat.example', or have the proxy in front of the server send X-Forwarded-For.";
const NO_PAGE: &str = "This is the address of a page that opens in a browser; the chat is at '/'.";

fn foreign(sentence: &'static str, head: &Head) -> Refusal {
    let [origin, host] = ["origin", "host"].map(|name| head.values(name).next().unwrap_or_default());
    Refusal::foreign_origin(sentence, origin, host)
}

/// The refusal of a page that is not allowed.
pub(super) fn foreign_page(page: Option<&PageOrigin>, head: &Head) -> Refusal {
    let sentence = match page {
        None => NO_PAGE,
        Some(page) if Origins::Same.allow(&page.origin, page.host.as_deref()) => FOREIGN_HOST,
        Some(_) => FOREIGN_ORIGIN,
    };
    foreign(sentence, head)
}
