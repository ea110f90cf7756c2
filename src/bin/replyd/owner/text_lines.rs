//! The lines of a file of replies, for changes that leave all other lines as they are.

/// A text by its lines, each with its own line break.
pub(super) struct TextLines<'a> {
    lines: Vec<&'a str>,
}

impl<'a> TextLines<'a> {
    pub(super) fn new(text: &'a str) -> TextLines<'a> {
        TextLines { lines: text.split_inclusive('\n').collect() }
    }

    /// The names of the sections, with the indexes of their lines.
    pub(super) fn sections(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.lines.iter().enumerate().filter_map(|(index, line)| {
            let line = line.trim_start_matches('\u{feff}').strip_prefix(['[', '［'])?;
            Some((index, line.trim_end().strip_suffix([']', '］'])?.trim()))
        })
    }

    /// The number of lines after which a new entry of a section can be put. `None` without the section.
    pub(super) fn end_of(&self, section: &str) -> Option<usize> {
        let (begin, _) = self.sections().find(|(_, name)| *name == section)?;
        let rest = &self.lines[begin + 1..];
        let length = rest.iter().position(|line| line.starts_with(['[', '［'])).unwrap_or(rest.len());
        let last = rest[..length].iter().rposition(|line| !line.trim().is_empty());
        Some(begin + 1 + last.map_or(0, |last| last + 1))
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line, from 1, without its break.
    pub(super) fn line(&self, number: usize) -> Option<&'a str> {
        let line = self.lines.get(number.checked_sub(1)?)?;
        Some(line.trim_end_matches(['\r', '\n']))
    }

    /// The text with one line replaced, counted from 1.
    pub(super) fn with_line(&self, number: usize, line: &str) -> String {
        let mut text = String::new();
        for (index, old) in self.lines.iter().enumerate() {
            if index + 1 == number {
                text += line;
                text += &old[old.trim_end_matches(['\r', '\n']).len()..];
            } else {
                text += old;
            }
        }
        text
    }

    /// The text with more lines after the first `count`. Their breaks are as that of the line before.
    pub(super) fn with_lines(&self, count: usize, lines: &[String]) -> String {
        let before = self.lines[..count].iter().rfind(|line| line.ends_with('\n'));
        let line_break = if before.is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
        let mut text = self.lines[..count].concat();
        if !text.is_empty() && !text.ends_with('\n') {
            text += line_break;
        }
        for line in lines {
            text += line;
            text += line_break;
        }
        text + &self.lines[count..].concat()
    }
}
