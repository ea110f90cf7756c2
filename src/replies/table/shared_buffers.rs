//! Buffers that all sessions share.

use std::sync::{
    MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use crate::lock::Lock;

/// Number of buffers, and so of lookups that use one at the same time.
const BUFFERS: usize = 4;

/// Buffers for what is rare and needs much memory: long messages, and comparing examples. If each session had
/// its own, the allocator would keep as many as were ever in use at once.
#[derive(Default)]
pub(crate) struct SharedBuffers<Buffer> {
    buffers: [Lock<Buffer>; BUFFERS],
    turn: AtomicUsize,
}

impl<Buffer> SharedBuffers<Buffer> {
    /// Locks the next buffer in turn, and waits for it if it is in use.
    pub(crate) fn next(&self) -> MutexGuard<'_, Buffer> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.buffers[turn % BUFFERS].lock()
    }
}
