//! Text that comes bit by bit, and waiting for what should come next.

use std::{
    io::Read,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Instant,
};

use super::DEADLINE;

/// Everything that a stream has brought so far.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    text: Vec<u8>,
    /// How far `wait_for` has looked.
    seen: usize,
    ended: bool,
}

impl Output {
    /// Collects `stream` on a thread, until its end.
    pub(crate) fn of(mut stream: impl Read + Send + 'static) -> Output {
        let output = Output::default();
        thread::spawn({
            let output = output.clone();
            move || {
                let mut chunk = [0; 4096];
                // A pseudo-terminal whose other side is closed ends with an error.
                while let Some(count) = stream.read(&mut chunk).ok().filter(|count| *count > 0) {
                    output.change(|state| state.text.extend_from_slice(&chunk[..count]));
                }
                output.change(|state| state.ended = true);
            }
        });
        output
    }

    /// Waits until `wanted` has come behind what was waited for before, and returns the rest of its line.
    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        let (lock, changed) = &*self.0;
        let mut state = lock.lock().unwrap();
        loop {
            let text = String::from_utf8_lossy(&state.text[state.seen..]).into_owned();
            if let Some((_, rest)) = text.split_once(wanted)
                && (rest.contains('\n') || state.ended || !wanted.ends_with('['))
            {
                state.seen = state.text.len() - rest.len();
                return rest.lines().next().unwrap_or_default().to_owned();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !state.ended, "{wanted:?} did not come; there was:\n{text}");
            state = changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for the end, and returns everything.
    #[track_caller]
    pub(crate) fn all(&self) -> String {
        let deadline = Instant::now() + DEADLINE;
        let (lock, changed) = &*self.0;
        let mut state = lock.lock().unwrap();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no end after:\n{}", String::from_utf8_lossy(&state.text));
            state = changed.wait_timeout(state, left).unwrap().0;
        }
        String::from_utf8_lossy(&state.text).into_owned()
    }

    /// Everything that has come until now.
    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().text).into_owned()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }
}
