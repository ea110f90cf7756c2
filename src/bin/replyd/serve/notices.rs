//! What the log says about valid settings: warnings, and the `[tests]` and offers that fail.

use replyd::Config;

/// Number of failing tests, and of failing offers, that are logged; nobody fixes more in one go.
const MAX_SHOWN_FAILURES: usize = 50;

/// Everything that there is to say at the start, after the warnings of the settings themselves.
pub(crate) fn at_start(warnings: Vec<String>, config: &Config) -> Vec<String> {
    [warnings, warnings_of(config), limited(config.replies.failures(), "tests")].concat()
}

/// What is said about valid replies whenever they are read: their warnings, and the offers that fail.
pub(crate) fn warnings_of(config: &Config) -> Vec<String> {
    let failed = limited(config.replies.failed_offers(&config.greeting), "offers");
    [config.replies.warnings(), failed].concat()
}

fn limited(mut failures: Vec<String>, what: &str) -> Vec<String> {
    let more = failures.len().saturating_sub(MAX_SHOWN_FAILURES);
    failures.truncate(MAX_SHOWN_FAILURES);
    failures.extend((more > 0).then(|| format!("and {more} more {what} fail")));
    failures
}
