//! Who may come in under these settings.

use std::net::{SocketAddr, ToSocketAddrs};

use super::settings::Config;
use crate::{
    auth::{Key, Role, Rules},
    error::Error,
};

impl Config {
    /// Checks that a server with these settings is not open to other machines by mistake, as
    /// [`Server::start`](crate::Server::start) does.
    ///
    /// # Errors
    ///
    /// When `listen` can be reached from other machines and neither a key nor `require_key` is set.
    pub fn check_exposure(&self) -> Result<(), Error> {
        let mut addresses = self.listen.to_socket_addrs().into_iter().flatten();
        addresses.try_for_each(|address| self.check_exposure_at(address, self.require_key))
    }

    /// The same for a server at `address`, with another `require_key`.
    pub(crate) fn check_exposure_at(
        &self,
        address: SocketAddr,
        require_key: Option<bool>,
    ) -> Result<(), Error> {
        if address.ip().is_loopback() || self.has_keys() || require_key.is_some() {
            return Ok(());
        }
        Err(Error::config(vec![format!(
            "{address} can be reached from other machines and no key is set: add a [key NAME] section \
             ('replyd key new NAME' makes one), or write 'require_key = no' under [auth] to let everybody in"
        )]))
    }

    /// The keys with this role, or those without any.
    pub fn keys_with_role<'a>(&'a self, role: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(move |key| key.role() == role)
    }

    /// Whether there is any key or token with which a client without a role could come in.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys_with_role(None).next().is_some() || !self.tokens.is_empty()
    }

    /// Whether clients of a server at `address` need a key. Unless the settings say so, they do where other
    /// machines can connect, and where there are keys.
    pub(crate) fn requires_key(&self, address: SocketAddr) -> bool {
        self.require_key.unwrap_or(!address.ip().is_loopback() || self.has_keys())
    }

    /// The role whose path this is, or to which the file at this path belongs, while there is a key that has
    /// it.
    pub(crate) fn role_of_page(&self, path: &str) -> Option<&Role> {
        let role = self.roles.iter().find(|role| role.has_page(path))?;
        self.keys_with_role(Some(role.name())).next().map(|_| role)
    }

    /// The rules of admission of a server at `address`.
    pub(crate) fn rules(&self, address: SocketAddr) -> Rules<'_> {
        let Config { keys, roles, tokens, query_token, origins, .. } = self;
        let required = self.requires_key(address);
        Rules { keys, roles, tokens, required, query_token: *query_token, origins, is_direct: false }
    }
}
