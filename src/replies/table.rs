//! The table of replies as data.

pub(crate) mod builder;
pub(crate) mod offers;
pub(crate) mod pairs;
pub(crate) mod places;
pub(crate) mod shared_buffers;
