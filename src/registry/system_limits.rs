//! Limits of the system that are lower than those of the settings.

use std::fs;

/// File descriptors that the server needs besides those of clients.
const SPARE_DESCRIPTORS: usize = 32;
/// Descriptors of a session that can be woken: its socket, and both ends of a pipe.
const DESCRIPTORS_WITH_WAKER: usize = 3;

/// Warns when the system allows fewer open files or threads than `max_clients` need. Does nothing where there is no `/proc`.
pub(crate) fn warn_of_system_limits(max_clients: usize) {
    for (name, what) in [("Max open files", "open files"), ("Max processes", "threads")] {
        if let Some(allowed) = limit_below(name, max_clients) {
            log::warn!(
                "max_clients is {max_clients}, but the system allows this process only {allowed} {what}"
            );
        }
    }
}

/// Warns when the system allows too few open files for `max_clients` sessions that can be woken.
pub(super) fn warn_of_limit_with_wakers(max_clients: usize) {
    if let Some(allowed) = limit_below("Max open files", max_clients.saturating_mul(DESCRIPTORS_WITH_WAKER)) {
        log::warn!(
            "max_clients is {max_clients}, and each session with a waker needs {DESCRIPTORS_WITH_WAKER} open files, but the \
             system allows this process only {allowed}"
        );
    }
}

/// The system's limit, if it is too low for `needed`.
fn limit_below(name: &str, needed: usize) -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let allowed =
        limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    allowed.filter(|allowed| *allowed < needed.saturating_add(SPARE_DESCRIPTORS))
}
