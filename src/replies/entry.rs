//! What one entry of a file says, and the mistakes that can be seen in it alone.

mod markup;
pub(crate) mod offers;
mod placeholders;
pub(crate) mod signs;
pub(crate) mod test;
pub(crate) mod values;
pub(crate) mod vars;

use vars::Vars;

use crate::ini::{Entry, Faults};

/// Length in bytes above which a reply gets a warning, since many clients accept no longer messages by
/// default.
const LONG_REPLY_BYTES: usize = 16 * 1024;

/// Warns of a reply that does not work as it seems to; `text` is the one that visitors get.
pub(crate) fn check(entry: &Entry, text: &str, vars: &Vars, warnings: &mut Faults) {
    signs::check(entry, warnings);
    values::check(entry, warnings);
    placeholders::check(entry, vars, warnings);
    warnings.extend(values::second_equals(entry));
    if text.len() > LONG_REPLY_BYTES {
        let sentence = format!(
            "the reply to {:?} has {} bytes; many clients accept at most {LONG_REPLY_BYTES}",
            entry.name,
            text.len()
        );
        warnings.report(entry.line, sentence);
    }
}
