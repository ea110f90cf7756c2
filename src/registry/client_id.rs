//! Who is at the other end of a connection.

use std::{
    fmt::{self, Write},
    net::{IpAddr, SocketAddr},
};

use crate::auth::is_of_a_name;

/// Who is at the other end. `Display` is the fixed form in which the log names a client.
#[derive(Clone, Debug)]
pub(crate) struct ClientId {
    pub(crate) number: u64,
    pub(crate) address: SocketAddr,
    /// The client behind the proxy at `address`.
    pub(crate) forwarded: Option<IpAddr>,
    pub(crate) caller: Option<String>,
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

/// A name as one word. The `sub` of a token may be any text; blanks and brackets in it must not look like another field, or the
/// end of them. What names and addresses of login services are made of stays, the rest is percent-encoded.
struct Field<'a>(&'a str);

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| {
            if is_of_a_name(char) || "@:|+".contains(char) {
                return f.write_char(char);
            }
            char.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "%{byte:02X}"))
        })
    }
}
