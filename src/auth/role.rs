//! Roles: what keys can be for besides the chat.

/// A role that keys can have: that of people for whom the program has a page of its own.
///
/// While [`Config::keys`](crate::Config::keys) have one with this role, an upgrade to its path needs one of
/// them, and must come from a page of this server. They admit to no other path, and count nowhere else: a
/// server without any other keys stays open. Two clients with a role find a place even if
/// [`max_clients`](crate::Config::max_clients) or [`max_clients_per_ip`](crate::Config::max_clients_per_ip)
/// are reached, their messages may have 16 KiB in any case, and
/// [`messages_per_second`](crate::Config::messages_per_second) is not for them. What happens there is for the
/// program to decide; see [`Session::role`](crate::Session::role).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    name: String,
    path: String,
}

impl Role {
    /// A role with the path of its page and of its WebSocket, such as `/staff`. Files that belong to the page
    /// have paths that go on with a full stop: `/staff.js`.
    pub fn new(name: impl Into<String>, path: impl Into<String>) -> Role {
        Role { name: name.into(), path: path.into() }
    }

    /// The name, as the setting `role` has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the path of its WebSocket.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }

    /// Whether a path is that of its page, or of a file that belongs to the page.
    pub(crate) fn has_page(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}
