//! Authentication: the keys, and the decision whether a request is admitted. It works on the request head
//! alone and does no I/O.

mod admission;
mod credential;
mod key;
mod origin;
mod page_origin;
mod role;
mod rules;
mod tokens;

pub(crate) use admission::{Admission, admit};
pub(crate) use credential::{is_bearer, is_token, subprotocols};
pub use key::Key;
pub(crate) use key::{KeyFault, is_name_char};
pub use origin::{Origins, Site};
pub(crate) use origin::{is_loopback_host, is_site};
pub use role::Role;
pub(crate) use rules::Rules;
pub use tokens::{TokenError, Tokens, VerifiedToken};
