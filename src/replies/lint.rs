//! Checks of one entry of a file.

pub(crate) mod markup;
pub(crate) mod placeholders;
pub(crate) mod values;
pub(crate) mod vars;
