//! The part of HTTP that an upgrade needs: request heads, the conditions of an upgrade, refusals and
//! responses.

mod excerpt;
mod forwarded;
mod head;
mod negotiation;
mod refusal;
mod response;
mod target;
mod upgrade;

pub(crate) use excerpt::{Excerpt, LOGGED_CHARS};
pub(crate) use forwarded::{client_address, counts_on_accept, is_direct};
pub(crate) use head::{Head, HeadError};
pub(crate) use negotiation::answer;
pub(crate) use refusal::{Refusal, bad};
pub use response::Response;
pub(crate) use response::{plain, text_response};
pub(crate) use target::{ACCESS_TOKEN, Target};
pub(crate) use upgrade::{Upgrade, asks_for_upgrade, upgrade};
