//! Whose connection it is when a proxy brings it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::request::Head;

/// The address of the client at the far end of all trusted proxies.
///
/// Each proxy adds to `X-Forwarded-For` the address it was connected from, so the list is read from its end, as far as
/// it was written by proxies that are trusted. From anybody else the header is ignored.
pub(crate) fn client_address(head: &Head, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    for item in head.items("x-forwarded-for").rev() {
        if !is_trusted(address, trusted) {
            break;
        }
        let Some(before) = parse(item) else { break };
        address = before.to_canonical();
    }
    address
}

pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Some proxies write the port as well.
fn parse(item: &str) -> Option<IpAddr> {
    let with_port = || item.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    item.parse().ok().or_else(with_port).or_else(|| item.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}
