//! Checks of a table that is valid, but may not do what its owner means.

pub(crate) mod hints;
mod misspelt;
pub(crate) mod offers;
mod phrases;
pub(crate) mod robustness;
pub(crate) mod tested;
mod work;

use work::Work;

use super::table::ReplyTable;
use crate::ini::Faults;

/// Each looks for one kind of mistake. If a table is too much work, the last ones see less of it.
const LINTS: [fn(&mut Work<'_>, &mut Faults); 7] = [
    phrases::never_win,
    phrases::joined_by_and,
    phrases::of_function_words,
    misspelt::words,
    offers::circles,
    tested::missing,
    tested::stolen_by_words,
];

/// What may not work as it seems to; see `Replies::warnings`.
pub(crate) fn warnings(table: &ReplyTable) -> Vec<String> {
    let mut warnings = table.warnings.clone();
    let mut work = Work::on(table);
    LINTS.iter().for_each(|lint| lint(&mut work, &mut warnings));
    let mut lines = table.places.lines(&warnings);
    if work.is_partial {
        let mut partial = Faults::default();
        let why = "looking for all of them would take too long; make phrases and tests shorter, or fewer";
        partial.report(1, format!("there may be more warnings: {why}"));
        lines.extend(table.places.lines(&partial));
    }
    lines
}
