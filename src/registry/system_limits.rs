//! Limits of the system that are lower than those of the settings.

use std::fs;

/// File descriptors that the server needs besides those of clients.
const SPARE_DESCRIPTORS: usize = 32;
/// Descriptors that a session needs in addition once it can be woken: both ends of a pipe.
const DESCRIPTORS_OF_WAKER: usize = 2;

/// Warns when the system allows fewer open files or threads than `max_clients` need. Does nothing where there
/// is no `/proc`.
pub(crate) fn warn_of_system_limits(max_clients: usize) {
    for (name, what) in [("Max open files", "open files"), ("Max processes", "threads")] {
        if let Some(allowed) = limit(name).filter(|allowed| is_too_low(*allowed, max_clients)) {
            log::warn!(
                "max_clients is {max_clients}, but the system allows this process only {allowed} {what}"
            );
        }
    }
}

/// The maximum number of open files, where there is a `/proc`.
pub(super) fn max_open_files() -> Option<usize> {
    limit("Max open files")
}

/// What to warn of, if `allowed` open files are enough for `max_clients` clients, but not when `with_waker`
/// sessions have wakers.
pub(super) fn warning_of_wakers(allowed: usize, max_clients: usize, with_waker: usize) -> Option<String> {
    let needed = max_clients.saturating_add(with_waker.saturating_mul(DESCRIPTORS_OF_WAKER));
    (is_too_low(allowed, needed) && !is_too_low(allowed, max_clients)).then(|| {
        format!(
            "max_clients is {max_clients}, and sessions with a waker ({with_waker} now) need {DESCRIPTORS_OF_WAKER} more open files \
             each, but the system allows this process only {allowed}"
        )
    })
}

fn limit(name: &str) -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

fn is_too_low(allowed: usize, needed: usize) -> bool {
    allowed < needed.saturating_add(SPARE_DESCRIPTORS)
}
