//! Counters of a server, and their text for Prometheus.

mod counters;
mod counts;
mod text;

pub(crate) use counters::{Counters, Traffic, add};
pub use counts::Counts;
pub(crate) use text::response;
