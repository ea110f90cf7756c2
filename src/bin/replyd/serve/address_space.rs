//! The address space that the program needs. Without it, an allocation fails and ends the program.

use std::{env, fs, thread};

const MEBIBYTE: u64 = 1024 * 1024;
/// Without any client.
const PROGRAM: u64 = 40 * MEBIBYTE;
/// The stack of a client's thread, and what the system adds to it.
const CLIENT: u64 = 280 * 1024;
/// What glibc reserves for an arena: there are up to eight for each processor, beside the first.
const ARENA: u64 = 64 * MEBIBYTE;
const ARENAS_OF_PROCESSOR: u64 = 8;

/// Warns when the system allows less (`ulimit -v`) than `max_clients` need, if it has `/proc`.
pub(crate) fn warn(max_clients: usize) {
    let needed = |arenas: u64| {
        let arenas = if cfg!(target_env = "gnu") { arenas } else { 1 };
        PROGRAM + ARENA * arenas.saturating_sub(1) + CLIENT * max_clients as u64
    };
    let processors = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let set = env::var("MALLOC_ARENA_MAX").ok().and_then(|set| set.parse().ok());
    let needed_now = needed(set.unwrap_or(processors * ARENAS_OF_PROCESSOR));
    if let Some(allowed) = allowed().filter(|allowed| *allowed < needed_now) {
        let [allowed, needed_now, needed] = [allowed, needed_now, needed(2)].map(|bytes| bytes / MEBIBYTE);
        log::warn!(
            "max_clients is {max_clients}, but the system allows this process only {allowed} MiB of address space (ulimit -v), and it may \
             need {needed_now}: raise that limit, or start it with MALLOC_ARENA_MAX=2 and {needed} MiB"
        );
    }
}

fn allowed() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space")?.split_whitespace().next()?.parse().ok())
}
