//! What is wrong with a file, in a bounded number of bounded sentences.

/// Number of faults of a file that are reported; the others are only counted. Nobody fixes more at once, and
/// a file of the wrong kind has a fault on every line.
pub(crate) const MAX_FAULTS: usize = 50;
/// Length to which a fault is cut: it may quote a value of many megabytes.
const MAX_CHARS: usize = 1000;

/// A mistake at a line (counted from 1), and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    line: usize,
    sentence: String,
}

impl Fault {
    pub(crate) fn new(line: usize, sentence: impl Into<String>) -> Fault {
        let mut sentence = sentence.into();
        if let Some((end, _)) = sentence.char_indices().nth(MAX_CHARS) {
            sentence.truncate(end);
            sentence.push_str(" ...");
        }
        Fault { line, sentence }
    }
}

/// The first faults of a file, and the number of the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    kept: Vec<Fault>,
    more: usize,
}

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        if self.kept.len() < MAX_FAULTS {
            self.kept.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// Adds a fault at a line.
    pub(crate) fn report(&mut self, line: usize, sentence: impl Into<String>) {
        self.push(Fault::new(line, sentence));
    }

    pub(crate) fn append(&mut self, others: Faults) {
        self.more += others.more;
        others.kept.into_iter().for_each(|fault| self.push(fault));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// One line for each fault, sorted by its line in the file called `name`, and a last one that counts the
    /// rest.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        self.lines_at(name, |line| format!("{name}:{line}"))
    }

    /// The same where the numbers are not lines of a file: `place` names one of them, `all` the whole.
    pub(crate) fn lines_at(&self, all: &str, place: impl Fn(usize) -> String) -> Vec<String> {
        let mut kept: Vec<&Fault> = self.kept.iter().collect();
        kept.sort();
        kept.dedup();
        let lines = kept.iter().map(|fault| format!("{}: {}", place(fault.line), fault.sentence));
        lines.chain((self.more > 0).then(|| format!("{all}: and {} more", self.more))).collect()
    }
}

impl Extend<Fault> for Faults {
    fn extend<T: IntoIterator<Item = Fault>>(&mut self, faults: T) {
        faults.into_iter().for_each(|fault| self.push(fault));
    }
}
