//! Limits of the system that are lower than those of the settings.

use std::{fs, sync::OnceLock};

/// File descriptors that the server needs besides those of clients.
const SPARE_DESCRIPTORS: usize = 32;
/// Descriptors that a session needs in addition once it can be woken: both ends of a pipe.
const DESCRIPTORS_OF_WAKER: usize = 2;

/// Warns when the system allows fewer open files or threads than `max_clients` need. Does nothing where there is no `/proc`.
pub(crate) fn warn_of_system_limits(max_clients: usize) {
    for (name, what) in [("Max open files", "open files"), ("Max processes", "threads")] {
        if let Some(allowed) = limit(name).filter(|allowed| is_too_low(*allowed, max_clients)) {
            log::warn!(
                "max_clients is {max_clients}, but the system allows this process only {allowed} {what}"
            );
        }
    }
}

/// What to warn of, if the system allows too few open files for `max_clients` of which `with_waker` can be woken.
pub(super) fn limit_with_wakers(max_clients: usize, with_waker: usize) -> Option<String> {
    static OPEN_FILES: OnceLock<Option<usize>> = OnceLock::new();
    let allowed = (*OPEN_FILES.get_or_init(|| limit("Max open files")))?;
    let needed = max_clients.saturating_add(with_waker.saturating_mul(DESCRIPTORS_OF_WAKER));
    is_too_low(allowed, needed).then(|| {
        format!(
            "max_clients is {max_clients}, and each session with a waker needs {DESCRIPTORS_OF_WAKER} more open files ({with_waker} \
             such sessions now), but the system allows this process only {allowed}"
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
