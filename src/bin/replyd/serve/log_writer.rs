//! The log: lines go through a bounded channel to one thread, which writes them to stderr.
//!
//! A session never waits for the log. When stderr does not keep up, lines are dropped and counted.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use env_logger::{Target, fmt::Formatter};
use log::{Level, LevelFilter, Record};
use nix::sys::stat::fstat;

use crate::{
    clock,
    console::{Escaped, Failure},
};

/// Capacity of the channel in lines: about a second of a very busy server, and at most a few megabytes.
const LINES: usize = 16 * 1024;
/// Size up to which waiting lines are written with one system call.
const BATCH_BYTES: usize = 64 * 1024;
/// Time limit for writing the last lines at the end of the program.
const FLUSH_TIME: Duration = Duration::from_secs(1);

/// The running log. Dropping it writes the lines that are still waiting.
pub(crate) struct LogWriter {
    items: Sender<Item>,
    lost: Arc<AtomicU64>,
}

enum Item {
    Line(Vec<u8>),
    /// A request to write everything so far, then drop the sender.
    Flush(Sender<()>),
}

impl LogWriter {
    /// Starts the log at `level`, unless `RUST_LOG` is set, which overrides it.
    pub(crate) fn start(level: LevelFilter) -> Result<LogWriter, Failure> {
        let filters = std::env::var("RUST_LOG").unwrap_or_default();
        // Checked here, because env_logger would only print a warning to stderr, and panic if that fails.
        env_filter::Builder::new()
            .try_parse(&filters)
            .map_err(|error| Failure::usage(format!("RUST_LOG: {error}")))?;
        let (items, waiting) = bounded(LINES);
        let lost = Arc::new(AtomicU64::new(0));
        thread::Builder::new()
            .name("log".into())
            .spawn({
                let lost = Arc::clone(&lost);
                move || write_lines(&waiting, &lost, &mut io::stderr())
            })
            .map_err(|error| Failure::new(format!("cannot start a thread for the log: {error}")))?;
        // Without RUST_LOG, this filter accepts everything: a reload can change the level below.
        let default = if filters.is_empty() { LevelFilter::Trace } else { level };
        env_logger::Builder::new()
            .filter_level(default)
            // It logs whole messages at debug and trace, which are private: only if RUST_LOG names it.
            .filter_module("tungstenite", LevelFilter::Info)
            .parse_filters(&filters)
            .format(if is_journal() { for_journal } else { for_people })
            .target(Target::Pipe(Box::new(Pipe { items: items.clone(), lost: Arc::clone(&lost) })))
            .init();
        if filters.is_empty() {
            log::set_max_level(level);
        }
        Ok(LogWriter { items, lost })
    }

    /// The number of lines lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

fn for_people(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let time = clock::now();
    writeln!(line, "{time:.3} {:5} {}", record.level(), Escaped::for_log(record.args()))
}

/// Formats a line for the journal, which reads the priority from the prefix (sd-daemon(3)).
fn for_journal(line: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let priority = match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    writeln!(line, "<{priority}>{}", Escaped::for_log(record.args()))
}

/// Whether stderr goes to systemd's journal. The variable alone does not say so, since processes inherit it
/// even if they write elsewhere; it names the device and the inode of the stream (systemd.exec(5)).
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    fstat(io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

impl Drop for LogWriter {
    /// Waits until all lines so far are written, at most for `FLUSH_TIME`.
    fn drop(&mut self) {
        let deadline = Instant::now() + FLUSH_TIME;
        let (done, written) = bounded(0);
        if self.items.send_deadline(Item::Flush(done), deadline).is_ok() {
            // The wait ends with an error when the writer drops `done`.
            let _ = written.recv_deadline(deadline);
        }
    }
}

/// The target of env_logger, which writes one whole line with each call.
struct Pipe {
    items: Sender<Item>,
    lost: Arc<AtomicU64>,
}

impl Write for Pipe {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.items.try_send(Item::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(waiting: &Receiver<Item>, lost: &AtomicU64, out: &mut impl Write) {
    let (mut batch, mut lines, mut reported) = (Vec::new(), 0, 0);
    while let Ok(item) = waiting.recv() {
        let mut flushed = None;
        match item {
            Item::Line(line) => {
                batch.extend_from_slice(&line);
                lines += 1;
            }
            Item::Flush(done) => flushed = Some(done),
        }
        if batch.len() >= BATCH_BYTES || flushed.is_some() || waiting.is_empty() {
            write_batch(&batch, mem::take(&mut lines), lost, &mut reported, out);
            batch.clear();
        }
    }
}

/// Writes a batch, and how many lines were lost since the last report. Unwritten lines are lost, too.
fn write_batch(batch: &[u8], lines: u64, lost: &AtomicU64, reported: &mut u64, out: &mut impl Write) {
    if out.write_all(batch).is_err() {
        lost.fetch_add(lines, Ordering::Relaxed);
        return;
    }
    let all = lost.load(Ordering::Relaxed);
    if all > *reported {
        let written = writeln!(out, "{} log lines were lost: stderr did not keep up", all - *reported);
        if written.is_ok() {
            *reported = all;
        }
    }
}
