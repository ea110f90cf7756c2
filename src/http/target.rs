//! The target of a request: its path and query.

use std::fmt;

use super::{
    excerpt::{Excerpt, LOGGED_CHARS},
    refusal::{Refusal, bad},
};

/// The query parameter that may hold a key or token. It is never shown to programs.
pub(crate) const ACCESS_TOKEN: &str = "accessToken";

/// A target in origin-form or absolute-form (RFC 9112, section 3.2), without the host of the latter.
///
/// `Debug` and `Display` do not show the query, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    path: Box<str>,
    query: Box<str>,
}

impl Target {
    pub(super) fn parse(method: &str, target: &str) -> Result<Target, Refusal> {
        let target = match target.split_once("://") {
            Some((scheme, rest))
                if ["http", "https", "ws", "wss"].contains(&scheme.to_ascii_lowercase().as_str()) =>
            {
                rest.find(['/', '?']).map_or("/", |path| &rest[path..])
            }
            _ => target,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = match path {
            "" => "/",
            path if path.starts_with('/') => path,
            // `OPTIONS *` and `CONNECT host:port` are refused later, because of their method.
            path if method == "OPTIONS" || method == "CONNECT" => path,
            _ => return Err(bad("The request target must be a path.")),
        };
        Ok(Target { path: path.into(), query: query.into() })
    }

    /// The path as sent, not percent-decoded.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The query as sent; empty if there is none.
    pub(crate) fn query(&self) -> &str {
        &self.query
    }

    /// The values of all parameters called `name`, decoded (application/x-www-form-urlencoded).
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(move |pair| pair.0 == name)
            .map(|pair| pair.1.into_owned())
    }

    /// The first parameter called `name`, for a program: never a key or token.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.values(name).next().filter(|_| name != ACCESS_TOKEN)
    }

    /// The target without a key or token, which a session keeps.
    pub(crate) fn without_secrets(&self) -> Target {
        let is_secret =
            |pair: &str| form_urlencoded::parse(pair.as_bytes()).any(|(name, _)| name == ACCESS_TOKEN);
        let pairs: Vec<&str> = self.query.split('&').filter(|pair| !is_secret(pair)).collect();
        Target { path: self.path.clone(), query: pairs.join("&").into() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Excerpt::of(&self.path, LOGGED_CHARS).fmt(f)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_never_sees_a_secret() {
        let query = "room=blue&accessToken=one&a=%41+b&access%54oken=two&empty=&room=red&flag";
        let target = Target::parse("GET", &format!("/rooms/bl%75e?{query}")).unwrap();
        for target in [target.clone(), target.without_secrets()] {
            assert_eq!(target.path(), "/rooms/bl%75e");
            for (name, expected) in [
                ("room", Some("blue")),
                ("a", Some("A b")),
                ("empty", Some("")),
                ("flag", Some("")),
                ("accessToken", None),
                ("missing", None),
            ] {
                assert_eq!(target.value(name).as_deref(), expected, "{name}");
            }
            assert!(!format!("{target:?} {target}").contains("blue&"));
        }
        assert_eq!(target.values(ACCESS_TOKEN).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(target.without_secrets().query(), "room=blue&a=%41+b&empty=&room=red&flag");
    }
}
