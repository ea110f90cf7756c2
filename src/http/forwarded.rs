//! Clients of proxies: their addresses, and how to detect a proxy.

use std::net::IpAddr;

use ipnet::IpNet;

use super::head::Head;

/// The address of the client at the far end of all trusted proxies.
///
/// Each proxy appends to `X-Forwarded-For` the address that connected to it, so the list is read backwards,
/// for as long as the proxy that added the entry is trusted. Everything before that could be forged, and is
/// ignored.
pub(crate) fn client_address(head: &Head, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    // Split as bytes: invalid UTF-8 from a client must not hide the entry that the proxy appended to it.
    let items = head.values("x-forwarded-for").flat_map(|value| value.split(|byte| *byte == b','));
    for item in items.map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()).rev() {
        if !is_trusted(address, trusted) {
            break;
        }
        let Some(before) = std::str::from_utf8(item).ok().and_then(parse) else { break };
        address = before.to_canonical();
    }
    address
}

/// Whether the request has a header that proxies add. A proxy that adds none is not detected.
fn is_forwarded(head: &Head) -> bool {
    let marks = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    marks.iter().any(|mark| head.values(mark).next().is_some())
}

/// Whether a request probably comes from a program on this machine.
pub(crate) fn is_direct(head: &Head, peer: IpAddr) -> bool {
    peer.is_loopback() && !is_forwarded(head)
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Parses an address; some proxies add the port or brackets.
fn parse(item: &str) -> Option<IpAddr> {
    let with_port = || item.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    item.parse().ok().or_else(with_port).or_else(|| item.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

/// Whether a connection counts towards the limit of its address as soon as it is accepted. Local programs are
/// not limited, and the client of a trusted proxy is known only after its head was read.
pub(crate) fn counts_on_accept(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    !address.is_loopback() && !is_trusted(address, trusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_addresses_count_on_accept() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        for (address, counts) in [
            ("203.0.113.1", true),
            ("::ffff:203.0.113.1", true),
            ("2001:db8::1", true),
            ("10.1.2.3", false),
            ("::ffff:10.1.2.3", false),
            ("127.0.0.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
        ] {
            assert_eq!(counts_on_accept(address.parse().unwrap(), &trusted), counts, "{address}");
        }
    }
}
