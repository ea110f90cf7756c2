//! What a Close frame may contain, for the server and for the client.

use tungstenite::protocol::frame::coding::CloseCode;

use crate::error::Error;

/// Maximum length of a close reason: a control frame has 125 bytes, of which the code takes two (RFC 6455,
/// section 5.5).
const MAX_REASON_BYTES: usize = 123;

/// The code and the reason as they can be sent: the reason is truncated at the end of a character, and a code
/// that must not be in a Close frame is an error.
pub(crate) fn close_code_and_reason(code: u16, reason: &str) -> Result<(CloseCode, &str), Error> {
    let close_code = CloseCode::from(code);
    if !close_code.is_allowed() {
        return Err(Error::plain(format!("close code {code} must not be sent; 1000 is a normal end")));
    }
    let mut end = reason.len().min(MAX_REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    Ok((close_code, &reason[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_may_be_sent() {
        for code in [1000, 1001, 1003, 1011, 3000, 4999] {
            assert_eq!(close_code_and_reason(code, "").unwrap().0, CloseCode::from(code));
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            let error = close_code_and_reason(code, "").unwrap_err().to_string();
            assert_eq!(error, format!("close code {code} must not be sent; 1000 is a normal end"));
        }
    }

    #[test]
    fn a_long_reason_ends_with_a_whole_character() {
        for (reason, bytes) in [
            (String::new(), 0),
            ("x".repeat(123), 123),
            ("x".repeat(124), 123),
            ("é".repeat(62), 122),
            ("x".repeat(122) + "🎉", 122),
        ] {
            assert_eq!(close_code_and_reason(1000, &reason).unwrap().1, &reason[..bytes]);
        }
    }
}
