//! Lines of input, bounded in length and checked to be UTF-8.

use std::io::{BufRead, Read};

use super::failure::Failure;

/// Limit on a line, so that input without line breaks cannot use up the memory.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// The lines of `input` without LF or CRLF. After the first error, the caller should stop.
pub(crate) fn input_lines(mut input: impl BufRead) -> impl Iterator<Item = Result<String, Failure>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        number += 1;
        let mut line = Vec::new();
        match input.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(count) if count as u64 > MAX_LINE_BYTES => {
                return Some(Err(Failure::new(format!("line {number} of the input is over 16 MiB"))));
            }
            Ok(_) => {}
            Err(error) => return Some(Err(Failure::new(format!("cannot read the input: {error}")))),
        }
        let end = line.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
        line.truncate(end);
        Some(
            String::from_utf8(line)
                .map_err(|_| Failure::new(format!("line {number} of the input is not UTF-8"))),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_their_breaks() {
        let read: Vec<String> = input_lines(&b"one\r\ntwo\n\n last"[..]).map(Result::unwrap).collect();
        assert_eq!(read, ["one", "two", "", " last"]);
    }

    #[test]
    fn mistakes_name_the_line() {
        let failed = input_lines(&b"one\n\xff\n"[..]).nth(1).unwrap();
        assert!(format!("{:?}", failed.unwrap_err()).contains("line 2 of the input is not UTF-8"));
        let long = vec![b'x'; MAX_LINE_BYTES as usize + 1];
        assert!(input_lines(&long[..]).next().unwrap().is_err());
    }
}
