//! HTTP as far as an upgrade needs it: the request head, what makes it an upgrade, why it is refused, and the answers.

mod excerpt;
mod forwarded;
mod head;
mod refusal;
mod response;
mod upgrade;

pub(crate) use excerpt::{Excerpt, LOGGED_CHARS};
pub(crate) use forwarded::{client_address, counts_at_the_door, is_forwarded};
pub(crate) use head::{Head, HeadError};
pub(crate) use refusal::{Refusal, bad};
pub(crate) use response::{plain, text_response};
pub(crate) use upgrade::{Upgrade, asks_for_upgrade, upgrade};
