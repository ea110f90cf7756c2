//! Reads INI text whose values are prose: no quoting, no escapes, and no comments after a value.
//!
//! The rules: `[section]`; `name = value`, split at the first `=`; both also in full width (`［section］`,
//! `name ＝ value`); a line that begins with `;` or `#` is a comment; an indented line continues the value
//! above it on a new line, and blank lines between such lines are kept. The text is UTF-8; a byte order mark
//! is accepted, and so are all line ends: LF, CRLF and CR.

mod faults;
mod suggestion;

use std::collections::HashMap;

pub(crate) use faults::{Fault, Faults, MAX_FAULTS};
#[cfg(test)]
pub(crate) use suggestion::SECTIONS;
use suggestion::section_meant;
pub(crate) use suggestion::{nearest, nearest_section};

/// Limit on the entries of a file, five times as many as the largest known files have. While a file is read,
/// an entry takes about 150 bytes besides its text; without a limit, a file full of `a=b` could use up the
/// memory of the machine.
const MAX_ENTRIES: usize = 500_000;

/// A section with its entries, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: String,
    /// Line of its header, from 1.
    pub(crate) line: usize,
    pub(crate) entries: Vec<Entry>,
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Line of the name, from 1; 0 where there is no file.
    pub(crate) line: usize,
    /// Lines of the value that do not directly follow the previous one in the file, since a comment or the
    /// name is in between: the index in the value, and the line in the file.
    gaps: Vec<(usize, usize)>,
}

impl Entry {
    /// The same entry, as one that is not in a file.
    pub(crate) fn without_line(self) -> Entry {
        Entry { line: 0, ..self }
    }

    /// The line in the file of the value's line `index`, from 0.
    pub(crate) fn line_of(&self, index: usize) -> usize {
        let after = self.gaps.partition_point(|(first, _)| *first <= index);
        let (first, line) = after.checked_sub(1).map_or((0, self.line), |gap| self.gaps[gap]);
        line + index - first
    }
}

/// Parses all sections, and collects the faults: one pass reports every mistake of a file.
pub(crate) fn parse(text: &str) -> (Vec<Section>, Faults) {
    let mut reader = Parser::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in lines(text).enumerate() {
        reader.line = index + 1;
        reader.read(line);
        if reader.entries > MAX_ENTRIES {
            reader.fault(format!(
                "a file can have at most {MAX_ENTRIES} entries; everything from here on is ignored"
            ));
            break;
        }
    }
    (reader.sections, reader.faults)
}

/// The bytes of a text without the byte order mark that some editors put before it.
#[cfg(any(feature = "tls", feature = "jwt"))]
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The lines of a text, with any line end: `\n`, `\r\n` (or `\r\r\n`, as broken conversions have it), or `\r`
/// alone.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
        .flat_map(|line| line.strip_suffix('\n').map_or(line, |line| line.trim_end_matches('\r')).split('\r'))
}

/// The number of the line, from 1, that continues after `text`.
pub(crate) fn line_after(text: &str) -> usize {
    lines(text).count() + usize::from(text.is_empty() || text.ends_with('\n'))
}

#[derive(Default)]
struct Parser {
    sections: Vec<Section>,
    faults: Faults,
    /// Number of entries in all sections.
    entries: usize,
    /// The first line of each section, by name.
    first_lines: HashMap<String, usize>,
    /// Current line, from 1.
    line: usize,
    /// Blank lines since the last line with text; they belong to the value if it continues after them.
    blank_lines: usize,
    /// Whether there is a value that an indented line can continue.
    continues: bool,
    /// Index of the last line of that value in the value, and its line in the file.
    last: (usize, usize),
}

impl Parser {
    fn read(&mut self, line: &str) {
        if line.trim().is_empty() {
            self.blank_lines += 1;
        } else if line.starts_with([';', '#']) {
            // A value may continue after a comment.
        } else if line.starts_with(char::is_whitespace) {
            // Text that is copied from a page is often indented by no-break spaces.
            self.continue_value(line.trim());
        } else if line.starts_with(['[', '［']) {
            self.begin_section(line.trim_end());
        } else {
            self.begin_entry(line);
        }
    }

    fn continue_value(&mut self, line: &str) {
        let entry = self.sections.last_mut().and_then(|section| section.entries.last_mut());
        match entry.filter(|_| self.continues) {
            Some(entry) => {
                let mut index = 0;
                // A value may begin on the line after its name, without a leading line break.
                if !entry.value.is_empty() {
                    entry.value.extend(std::iter::repeat_n('\n', self.blank_lines + 1));
                    index = self.last.0 + self.blank_lines + 1;
                }
                entry.value.push_str(line);
                if self.line - self.last.1 != index - self.last.0 {
                    entry.gaps.push((index, self.line));
                }
                self.last = (index, self.line);
            }
            None => self.fault(
                "an indented line continues the value above it, but there is none; remove the indentation",
            ),
        }
        self.blank_lines = 0;
    }

    fn begin_section(&mut self, line: &str) {
        self.continues = false;
        self.blank_lines = 0;
        let name =
            line.strip_prefix(['[', '［']).and_then(|line| line.strip_suffix([']', '］'])).map(str::trim);
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return self.misspelt_section("a section is written as [name], on a line of its own", line);
        };
        let first = *self.first_lines.entry(name.to_owned()).or_insert(self.line);
        if first != self.line {
            self.fault(format!("[{name}] already begins at line {first}; move these lines there"));
        }
        self.sections.push(Section { name: name.to_owned(), line: self.line, entries: Vec::new() });
    }

    /// Reports a section in the wrong notation. If the name is clear, it begins nevertheless, or each of its
    /// lines would be reported too.
    fn misspelt_section(&mut self, sentence: &str, line: &str) {
        let Some(name) = section_meant(line) else { return self.fault(sentence) };
        self.fault(format!("{sentence}; did you mean [{name}]?"));
        self.continues = false;
        self.sections.push(Section { name: name.to_owned(), line: self.line, entries: Vec::new() });
    }

    fn begin_entry(&mut self, line: &str) {
        let in_full_width = line.split_once('＝').filter(|(name, _)| !name.contains('='));
        let Some((name, value)) = in_full_width.or_else(|| line.split_once('=')) else {
            return self.no_entry(line);
        };
        self.continues = false;
        self.blank_lines = 0;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return self.fault("there is nothing before the '='; write 'name = value'");
        }
        let line = self.line;
        let Some(section) = self.sections.last_mut() else {
            return self.fault("this line is before the first [section]");
        };
        self.entries += 1;
        let (name, value) = (name.to_owned(), value.to_owned());
        section.entries.push(Entry { name, value, line, gaps: Vec::new() });
        self.continues = true;
        self.last = (0, line);
    }

    /// Reports a line without a '='. It is never quoted, as it may be a secret.
    fn no_entry(&mut self, line: &str) {
        let sentence = "expected 'name = value'";
        if section_meant(line).is_some() {
            return self.misspelt_section(sentence, line);
        }
        let (begins, indent) = (has_colon(line), "indent the line if it continues the value above");
        self.fault(match (begins, self.continues) {
            (true, true) => format!("{sentence}: write = instead of :, or {indent}"),
            (true, false) => format!("{sentence}: write = instead of :"),
            (false, true) => format!("{sentence}; {indent}"),
            (false, false) => sentence.to_owned(),
        });
    }

    fn fault(&mut self, sentence: impl Into<String>) {
        self.faults.push(Fault::new(self.line, sentence));
    }
}

/// Whether a line has a colon where a '=' belongs: not one of a time or an address.
fn has_colon(line: &str) -> bool {
    line.split_once([':', '：']).is_some_and(|(before, after)| {
        let is_time = before.ends_with(char::is_numeric) && after.starts_with(char::is_numeric);
        !before.trim().is_empty() && !after.starts_with("//") && !is_time
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &[(&str, &str)])]) {
        let (sections, faults) = parse(text);
        assert!(faults.is_empty(), "{text:?}: {faults:?}");
        let found: Vec<(&str, Vec<(&str, &str)>)> = sections
            .iter()
            .map(|section| {
                let entries = section.entries.iter().map(|entry| (&entry.name[..], &entry.value[..]));
                (&section.name[..], entries.collect())
            })
            .collect();
        let expected: Vec<_> = expected.iter().map(|(name, entries)| (*name, entries.to_vec())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[track_caller]
    fn check_fault(text: &str, line: usize, words: &str) {
        let faults = parse(text).1.lines("f");
        assert_eq!(faults.len(), 1, "{text:?}: {faults:?}");
        assert!(faults[0].starts_with(&format!("f:{line}: ")), "{text:?}: {faults:?}");
        assert!(faults[0].contains(words), "{text:?}: {faults:?}");
    }

    #[test]
    fn prose_survives_to_the_letter() {
        for value in [
            "Call #2 on the menu",
            "9-5; Sat 10-2",
            "\"Yes\" we do",
            "C:\\new\\table",
            "https://x.example/?a=b#c",
            "{",
            "ни пуха 🎉",
        ] {
            check(&format!("[replies]\nkey = {value}\n"), &[("replies", &[("key", value)])]);
        }
        check("[r]\nare you open: today = yes", &[("r", &[("are you open: today", "yes")])]);
        check("[r]\nkey=a = b", &[("r", &[("key", "a = b")])]);
    }

    #[test]
    fn indented_lines_continue_a_value() {
        check("[r]\na = one\n  two\n\tthree\nb = x", &[("r", &[("a", "one\ntwo\nthree"), ("b", "x")])]);
        check("[r]\na = one\n\n \n  two\n\n\nb = x\n\n", &[("r", &[("a", "one\n\n\ntwo"), ("b", "x")])]);
        check("[r]\na =\n  one\n  two", &[("r", &[("a", "one\ntwo")])]);
        check("[r]\na = one\n  # two\n", &[("r", &[("a", "one\n# two")])]);
        check("[r]\na = one\n# a comment\n  two\n", &[("r", &[("a", "one\ntwo")])]);
    }

    #[test]
    fn byte_order_mark_and_crlf() {
        check("\u{feff}[r]\r\na = one\r\n  two\r\n", &[("r", &[("a", "one\ntwo")])]);
    }

    #[test]
    fn any_line_end() {
        check("[r]\ra = one\r\r  two\rb = x\r", &[("r", &[("a", "one\n\ntwo"), ("b", "x")])]);
        check("[r]\r\r\na = one\r\r\n  two", &[("r", &[("a", "one\ntwo")])]);
        check_fault("[r]\ra = b\rhello\r", 3, "expected 'name = value'");
        check_fault("; old\r\r[r]\ra = b\r= c", 5, "nothing before the '='");
        for (before, line) in [("", 1), ("a", 1), ("a\n", 2), ("a\r", 2), ("a\r\r", 3), ("a\r\nb", 2)] {
            assert_eq!(line_after(before), line, "{before:?}");
        }
    }

    #[test]
    fn any_blank_indents() {
        for blank in ["\u{a0}", "\u{202f}\u{a0}", "\u{3000}", "\u{2003}", "\u{b}"] {
            check(&format!("[r]\na = one\n{blank}two\n"), &[("r", &[("a", "one\ntwo")])]);
        }
    }

    #[test]
    fn lines_of_a_value() {
        let text = "[r]\na = 0\n 1\n\n 3\n# c\n 4\n\n# c\n\n 7\n 8\nb =\n 0\n 1";
        let sections = parse(text).0;
        let lines = |entry: usize| {
            let entry = &sections[0].entries[entry];
            entry.value.split('\n').enumerate().map(|(index, _)| entry.line_of(index)).collect::<Vec<_>>()
        };
        // Blank lines around a comment have no line of their own that would matter.
        assert_eq!(lines(0), [2, 3, 4, 5, 7, 8, 9, 11, 12]);
        assert_eq!(lines(1), [14, 15]);
    }

    #[test]
    fn comments_are_whole_lines() {
        check("; one\n# two\n[r] \n#a = b\n;a = b\na = ; c # d\n", &[("r", &[("a", "; c # d")])]);
    }

    #[test]
    fn faults_name_their_line() {
        check_fault("a = b", 1, "before the first [section]");
        check_fault("[r]\nhello", 2, "expected 'name = value'");
        check_fault("[r]\n= b", 2, "nothing before the '='");
        check_fault("[r]\na = b\nhello\n", 3, "indent the line if it continues the value above");
        check_fault("[r]\na = b\n\nhello\n  there\n", 4, "indent the line");
        for line in ["hours: 9 to 5", "hours:", "Open now: yes", "營業時間：九點"] {
            check_fault(&format!("[r]\n{line}"), 2, "write = instead of :");
            check_fault(&format!("[r]\na = b\n{line}"), 3, "write = instead of :, or indent the line");
        }
        for line in ["https://shop.example", "10:30 to 5", ": what"] {
            let faults = parse(&format!("[r]\na = b\n{line}")).1.lines("f");
            assert!(faults.len() == 1 && !faults[0].contains("instead"), "{faults:?}");
        }
        check_fault("[r\n", 1, "written as [name]");
        check_fault("[]\n", 1, "written as [name]");
        check_fault("[r] ; comment\n", 1, "written as [name]");
        check_fault("[r]\n  a = b", 2, "continues the value above");
        check_fault("[r]\na = b\n[s]\n\n[r]\n", 5, "already begins at line 1");
    }

    #[test]
    fn sections_in_another_spelling() {
        for line in [
            "(replies)",
            "{replies}",
            "<Replies>",
            "replies:",
            "Replies",
            "[reply",
            "[replies] ; mine",
            "[reply]:",
        ] {
            check_fault(&format!("{line}\nhi = a\n  b\n"), 1, "did you mean [replies]?");
        }
        check_fault("[replies]\nhi = a\nsmall talk:\nthanks = b", 3, "did you mean [smalltalk]?");
        for line in ["Sundays too", "We reply:", "(closed)", "<3", "and replies", "Reply soon"] {
            let faults = parse(&format!("[r]\na = b\n{line}")).1.lines("f");
            assert!(faults.len() == 1 && !faults[0].contains("did you mean"), "{faults:?}");
        }
    }

    #[test]
    fn a_file_full_of_faults_is_reported_in_fifty_lines() {
        let faults = parse(&"no equals sign\n".repeat(100_000)).1.lines("f");
        assert_eq!(faults.len(), MAX_FAULTS + 1);
        assert!(faults[0].starts_with("f:1: ") && faults[49].starts_with("f:50: "), "{faults:?}");
        assert_eq!(faults[50], "f: and 99950 more");
    }

    #[test]
    fn a_fault_quotes_a_bounded_part_of_its_line() {
        let faults = parse(&format!("[{}\n[r]\n[{0}]\n[{0}]\n", "x".repeat(1 << 20))).1.lines("f");
        assert_eq!(faults.len(), 2);
        assert!(faults.iter().all(|fault| fault.len() < 1500), "{faults:?}");
    }

    #[test]
    fn too_many_entries_are_one_fault() {
        let (sections, faults) = parse(&("[r]\n".to_owned() + &"a=b\n".repeat(MAX_ENTRIES + 10)));
        assert_eq!(sections[0].entries.len(), MAX_ENTRIES + 1);
        assert_eq!(faults.lines("f").len(), 1);
    }

    fn name() -> impl Strategy<Value = String> {
        "[^\\[［;#=＝\\s\u{feff}]([^=＝\r\n]{0,8}[^=＝\\s])?"
    }

    fn value() -> impl Strategy<Value = String> {
        proptest::collection::vec("\\S([^\r\n]{0,8}\\S)?", 1..4).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*|[\\[\\]=;# \ta-c\r\n\u{feff}]*") {
            parse(&text);
        }

        #[test]
        fn round_trips(entries in proptest::collection::vec((name(), value()), 0..6)) {
            let mut text = String::from("[s]\n");
            for (name, value) in &entries {
                text += &format!("{name} = {}\n", value.replace('\n', "\n    "));
            }
            let (sections, faults) = parse(&text);
            prop_assert!(faults.is_empty(), "{:?}", faults);
            let found: Vec<_> = sections[0].entries.iter().map(|e| (e.name.clone(), e.value.clone())).collect();
            prop_assert_eq!(found, entries);
        }
    }
}
