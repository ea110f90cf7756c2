//! What the commands share: their failures, where their settings are, and how text gets in and out.

pub(crate) mod escape;
pub(crate) mod failure;
pub(crate) mod input;
pub(crate) mod offers;
pub(crate) mod output;
pub(crate) mod settings;
