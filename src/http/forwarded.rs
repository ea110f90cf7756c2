//! Whose connection it is when a proxy brings it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::head::Head;

/// The address of the client at the far end of all trusted proxies.
///
/// Each proxy adds to `X-Forwarded-For` the address it was connected from, so the list is read from its end, as far as
/// it was written by proxies that are trusted. From anybody else the header is ignored.
pub(crate) fn client_address(head: &Head, peer: IpAddr, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    // Split as bytes: what a client wrote in front must not hide what the proxy wrote behind it.
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

/// Whether a proxy passed the request on, as far as proxies say so.
pub(crate) fn is_forwarded(head: &Head) -> bool {
    let marks = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    marks.iter().any(|mark| head.values(mark).next().is_some())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Some proxies write the port as well.
fn parse(item: &str) -> Option<IpAddr> {
    let with_port = || item.parse().ok().map(|address: std::net::SocketAddr| address.ip());
    item.parse().ok().or_else(with_port).or_else(|| item.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

/// Whether a connection counts for its own address as soon as it is there: programs on this machine never do, and of a
/// proxy's connections it is not known yet whose they are.
pub(crate) fn counts_at_the_door(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    !address.is_loopback() && !is_trusted(address, trusted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_counts_at_the_door() {
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
            assert_eq!(counts_at_the_door(address.parse().unwrap(), &trusted), counts, "{address}");
        }
    }
}
