//! Who is at the other end of a connection.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// Who is at the other end. `Display` is the fixed form in which the log names a client.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) number: u64,
    pub(crate) address: SocketAddr,
    /// The client behind the proxy at `address`.
    pub(crate) forwarded: Option<IpAddr>,
    pub(crate) caller: Option<String>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[#{} ", self.number)?;
        if let Some(client) = &self.forwarded {
            write!(f, "{client} via ")?;
        }
        write!(f, "{}", self.address)?;
        if let Some(caller) = &self.caller {
            write!(f, " {caller}")?;
        }
        f.write_str("]")
    }
}
