//! The lines of a file of replies, for changes that leave all other lines as they are.

/// A text by its lines, each with its own line break.
pub(super) struct Outline<'a> {
    lines: Vec<&'a str>,
}

impl<'a> Outline<'a> {
    pub(super) fn of(text: &'a str) -> Outline<'a> {
        Outline { lines: text.split_inclusive('\n').collect() }
    }

    /// The names of the sections, with the indexes of their lines.
    pub(super) fn sections(&self) -> impl Iterator<Item = (usize, &'a str)> {
        self.lines.iter().enumerate().filter_map(|(index, line)| {
            let line = line.trim_start_matches('\u{feff}').strip_prefix(['[', '［'])?;
            Some((index, line.trim_end().strip_suffix([']', '］'])?.trim()))
        })
    }

    /// The number of lines after which a new entry of this section can be put: up to the last one with text. `None` without
    /// the section.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_section_ends() {
        for (text, expected) in [
            ("", None),
            ("[replies]", Some(1)),
            ("\u{feff}[replies]\na = b\n", Some(2)),
            ("[vars]\nx = y\n[replies]\n\n; c\na = b\n  more\n\n\n[tests]\nq = a\n", Some(7)),
            ("[ replies ] \na = b\n  [replies]\n", Some(3)),
            ("[replies]\na = b\n; a comment at the end\n\n", Some(3)),
            ("[replies]\r\na = b\r\n\r\n[tests]\r\n", Some(2)),
        ] {
            assert_eq!(Outline::of(text).end_of("replies"), expected, "{text:?}");
        }
    }

    #[test]
    fn all_else_stays() {
        let text = "[replies]\r\na = b\r\n\r\n[tests]\r\nq = a";
        let outline = Outline::of(text);
        let with = |count: usize, line: &str| outline.with_lines(count, &[line.to_owned()]);
        assert_eq!(with(2, "c = d"), "[replies]\r\na = b\r\nc = d\r\n\r\n[tests]\r\nq = a");
        assert_eq!(with(5, "r = a"), "[replies]\r\na = b\r\n\r\n[tests]\r\nq = a\r\nr = a\r\n");
        assert_eq!(outline.with_line(2, "a | e = b"), "[replies]\r\na | e = b\r\n\r\n[tests]\r\nq = a");
        assert_eq!(outline.line(5), Some("q = a"));
        assert_eq!((outline.line(0), outline.line(6)), (None, None));
        let mixed = Outline::of("[replies]\r\na = b\nc = d\r\n");
        assert_eq!(mixed.with_lines(2, &["e = f".to_owned()]), "[replies]\r\na = b\ne = f\nc = d\r\n");
    }
}
