//! Which web pages may connect. Browsers send the origin of a page with each upgrade, so that a server can
//! keep foreign pages from connecting through a visitor's browser (RFC 6455, section 10.2).

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use crate::error::Error;

/// The origins of pages that may connect. A request without an `Origin` header does not come from a browser,
/// and is not restricted.
///
/// Its `FromStr` reads the same values as the setting `origins`, and its `Display` writes the sources of a
/// `frame-ancestors` directive.
///
/// ```
/// let origins: replyd::Origins = "https://shop.example, http://localhost:8000".parse()?;
/// assert!(matches!(origins, replyd::Origins::List(_)));
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origins {
    /// Pages whose host and port equal those of the `Host` header. The scheme may differ, since a proxy may
    /// terminate TLS. A server on a loopback address knows only `localhost` and loopback addresses as its
    /// hosts, unless a proxy's header shows that one is in between.
    Same,
    /// All pages.
    Any,
    /// Pages of these sites only; with an empty list, no page.
    List(Vec<Site>),
}

/// A host and its port, as in `https://shop.example:8443`; the default port of the scheme is omitted.
///
/// The scheme counts only for apps and browser extensions, which have their own (`capacitor://localhost`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// `None` for `http` and `https`.
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Origins {
    /// As `from_str`; the error says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Origins, String> {
        match text {
            "same" => return Ok(Origins::Same),
            "any" => return Ok(Origins::Any),
            "none" => return Ok(Origins::List(Vec::new())),
            _ => {}
        }
        let site = |item: &str| Site::of_origin(item).ok_or_else(|| expected(item));
        text.split(',').map(|item| site(item.trim())).collect::<Result<_, _>>().map(Origins::List)
    }

    /// Whether a request with these `Origin` and `Host` headers may connect.
    pub(crate) fn allow(&self, origin: &[u8], host: Option<&str>) -> bool {
        let Some(site) = std::str::from_utf8(origin).ok().and_then(Site::of_origin) else {
            // `null`, which browsers send for pages without an origin, or an invalid value.
            return *self == Origins::Any;
        };
        match self {
            Origins::Any => true,
            Origins::Same => host.and_then(Site::of_host).is_some_and(|host| host == site),
            Origins::List(sites) => sites.contains(&site),
        }
    }

    /// Whether they list the site of a `Host`.
    pub(crate) fn name(&self, host: &str) -> bool {
        match self {
            Origins::Any => true,
            Origins::Same => false,
            Origins::List(sites) => Site::of_host(host).is_some_and(|host| sites.contains(&host)),
        }
    }
}

impl fmt::Display for Origins {
    /// Writes the sources of a `frame-ancestors` directive (CSP3, section 6.4.2). A source without a scheme
    /// allows that of the page and its secure variant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origins::Same => f.write_str("'self'"),
            Origins::Any => f.write_str("*"),
            Origins::List(sites) if sites.is_empty() => f.write_str("'none'"),
            Origins::List(sites) => {
                let sites: Vec<String> = sites.iter().map(Site::to_string).collect();
                f.write_str(&sites.join(" "))
            }
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(f, "{scheme}://")?;
        }
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl FromStr for Origins {
    type Err = Error;

    /// Reads `same`, `any`, `none`, or origins such as `https://shop.example`, separated by commas.
    fn from_str(text: &str) -> Result<Origins, Error> {
        Origins::parse(text)
            .map_err(|expected| Error::config(vec![format!("origins: expected {expected}, found {text:?}")]))
    }
}

/// What should be written instead of a text that is not an origin.
fn expected(item: &str) -> String {
    let host = item.find("://").map_or(item.len(), |at| at + "://".len());
    let end = item[host..].find(['/', '?', '#']).map_or(item.len(), |end| host + end);
    let secure = item.replacen("ws", "http", 1);
    match item {
        _ if !item.is_ascii() => {
            format!("{item:?} in ASCII, as browsers send it: a host with other letters begins with 'xn--'")
        }
        _ if is_site(&item[..end]) => format!("{:?} without anything after the host", &item[..end]),
        _ if item.starts_with("ws") && is_site(&secure) => {
            format!("{secure:?}, the address of the page and not that of the chat")
        }
        _ => "same, any, none, or a list such as https://a.example, https://b.example".into(),
    }
}

/// Whether a text is the origin of a site, such as `https://shop.example`.
pub(crate) fn is_site(origin: &str) -> bool {
    Site::of_origin(origin).is_some()
}

impl Site {
    fn of_origin(origin: &str) -> Option<Site> {
        let (scheme, rest) = origin.split_once("://")?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" => Site::parse(rest, |port| port == 80),
            "https" => Site::parse(rest, |port| port == 443),
            // The address of a WebSocket, a likely mistake: no page has such an origin.
            "ws" | "wss" => None,
            scheme => Site::of_app(scheme, rest),
        }
    }

    /// The origin of an app or extension. Browsers do not lower-case its host, so that it is compared
    /// exactly.
    fn of_app(scheme: &str, rest: &str) -> Option<Site> {
        let is_scheme = scheme.starts_with(|char: char| char.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
        let site = Site::parse(rest, |_| false).filter(|_| is_scheme)?;
        let host = rest[..site.host.len()].to_owned();
        Some(Site { scheme: Some(scheme.to_owned()), host, ..site })
    }

    /// The site of a `Host` header. It has no scheme, so that either default port may be omitted.
    fn of_host(host: &str) -> Option<Site> {
        Site::parse(host, |port| port == 80 || port == 443)
    }

    fn parse(text: &str, is_default: impl Fn(u16) -> bool) -> Option<Site> {
        let (host, port) = match text.rsplit_once(':') {
            // The last colon of `[::1]` is inside the brackets.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (text, None),
        };
        let is_plain = |char: char| char.is_ascii_graphic() && !"/?#@\\*;,'\"".contains(char);
        let is_valid = !host.is_empty() && host.chars().all(is_plain);
        is_valid.then(|| Site {
            scheme: None,
            host: host.to_ascii_lowercase(),
            port: port.filter(|port| !is_default(*port)),
        })
    }
}

/// Whether a `Host` header names this machine without a look-up in the DNS, which an attacker could control
/// (RFC 6761, section 6.3).
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let Some(Site { host, .. }) = Site::of_host(host) else { return false };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_loopback = match address {
        Some(address) => address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback()),
        None => host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback()),
    };
    is_loopback || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origins: &str, origin: &str, host: &str, expected: bool) {
        let allowed = origins.parse::<Origins>().unwrap().allow(origin.as_bytes(), Some(host));
        assert_eq!(allowed, expected, "{origins:?} {origin:?} {host:?}");
    }

    #[test]
    fn the_same_host_and_port() {
        check("same", "https://shop.example", "shop.example", true);
        check("same", "http://shop.example", "shop.example", true);
        check("same", "https://SHOP.example", "Shop.Example", true);
        check("same", "https://shop.example", "shop.example:443", true);
        check("same", "http://shop.example:80", "shop.example", true);
        check("same", "http://127.0.0.1:5000", "127.0.0.1:5000", true);
        check("same", "http://[::1]:5000", "[::1]:5000", true);
        check("same", "http://[::1]", "[::1]", true);
        check("same", "http://127.0.0.1:5001", "127.0.0.1:5000", false);
        check("same", "https://evil.example", "shop.example", false);
        check("same", "https://shop.example.evil.example", "shop.example", false);
        check("same", "https://shop.example:8443", "shop.example", false);
        check("same", "http://localhost:5000", "127.0.0.1:5000", false);
    }

    #[test]
    fn invalid_origins() {
        for origin in [
            "null",
            "",
            "shop.example",
            "file://",
            "https://",
            "https://shop.example/path",
            "https://a b",
            "\u{fffd}",
        ] {
            check("same", origin, "shop.example", false);
            check("https://shop.example", origin, "shop.example", false);
            check("any", origin, "shop.example", true);
        }
        assert!(!Origins::Same.allow(b"https://\xff", Some("a")));
        assert!(!Origins::Same.allow(b"https://a", None));
    }

    #[test]
    fn apps_and_extensions() {
        let list = "capacitor://localhost, chrome-extension://AbC, app.x+y-z://h:80, http://shop.example";
        check(list, "capacitor://localhost", "localhost", true);
        check(list, "Capacitor://localhost", "localhost", true);
        check(list, "chrome-extension://AbC", "a", true);
        check(list, "chrome-extension://abc", "a", false);
        check(list, "app.x+y-z://h:80", "a", true);
        check(list, "app.x+y-z://h", "a", false);
        check(list, "moz-extension://AbC", "a", false);
        check(list, "tauri://localhost", "localhost", false);
        check(list, "http://localhost", "localhost", false);
        check(list, "https://shop.example", "a", true);
        check(list, "capacitor://shop.example", "a", false);
        check("same", "capacitor://localhost", "localhost", false);
        check("http://localhost", "capacitor://localhost", "localhost", false);
        check("any", "capacitor://localhost", "localhost", true);
        let sources = list.parse::<Origins>().unwrap().to_string();
        assert_eq!(sources, "capacitor://localhost chrome-extension://AbC app.x+y-z://h:80 shop.example");
    }

    #[test]
    fn a_list() {
        let list = "https://shop.example, http://localhost:8000";
        check(list, "https://shop.example", "api.example", true);
        check(list, "http://localhost:8000", "api.example", true);
        check(list, "https://localhost:8000", "api.example", true);
        check(list, "http://localhost", "api.example", false);
        check(list, "https://api.example", "api.example", false);
        for wrong in [
            "",
            "shop.example",
            "https://shop.example, any",
            "https://*.example",
            "https://a,,https://b",
            "wss://shop.example",
            "capacitor://",
            "capacitor:localhost",
            "9p://a",
            "a b://c",
        ] {
            assert!(wrong.parse::<Origins>().is_err(), "{wrong:?}");
        }
    }
}
