//! The identity of a client, as the log shows it.

use std::{
    fmt::{self, Write},
    net::{IpAddr, SocketAddr},
};

use crate::auth::is_name_char;

/// The identity of a client. `Display` is the fixed form in which the log names it: `[#N address name]`.
#[derive(Clone, Debug)]
pub(crate) struct ClientId {
    pub(crate) number: u64,
    pub(crate) address: SocketAddr,
    /// The client's own address, where `address` is a trusted proxy's.
    pub(crate) forwarded: Option<IpAddr>,
    /// The name of the client's key, or the `sub` of its token.
    pub(crate) caller: Option<String>,
}

impl ClientId {
    /// The client's own address, as far as it is known.
    pub(crate) fn client_ip(&self) -> IpAddr {
        self.forwarded.unwrap_or_else(|| self.address.ip().to_canonical())
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[#{} ", self.number)?;
        if let Some(client) = &self.forwarded {
            write!(f, "{client} via ")?;
        }
        write!(f, "{}", self.address)?;
        if let Some(caller) = &self.caller {
            write!(f, " {}", Field(caller))?;
        }
        f.write_str("]")
    }
}

/// A name as one word. The `sub` of a token may be any text: spaces and brackets in it must not look like the
/// next field, or like the end of all fields. The characters of key names, email addresses and login
/// services' identifiers are kept, all others are percent-encoded.
struct Field<'a>(&'a str);

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| {
            if is_name_char(char) || "@:|+".contains(char) {
                return f.write_char(char);
            }
            char.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))
        })
    }
}
