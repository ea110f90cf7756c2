//! What the servers of this process log as warnings and errors.

use std::sync::{Mutex, Once};

static KEPT: Mutex<Vec<String>> = Mutex::new(Vec::new());
static ONCE: Once = Once::new();

struct Logger;

/// Keeps warnings and errors from now on.
pub(crate) fn keep() {
    ONCE.call_once(|| {
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Warn);
    });
}

/// All that were logged so far, by any test.
pub(crate) fn kept() -> Vec<String> {
    KEPT.lock().unwrap().clone()
}

impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            KEPT.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}
