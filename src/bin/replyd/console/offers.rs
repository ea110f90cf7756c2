//! Offers: questions at the end of an answer, which a person may choose from instead of typing them.

use replyd::split_offers;

/// An answer in its parts, which follow each other in it, with line breaks between them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct AnswerParts<'a> {
    /// Everything before the other two; empty if there are offers alone.
    pub(crate) text: &'a str,
    /// The line before the offers, such as "Did you mean:".
    pub(crate) introduction: Option<&'a str>,
    /// The questions, without the `> ` before them.
    pub(crate) offers: Vec<&'a str>,
}

/// Finds the offers of an answer: its last lines, at most six, that begin with `> ` and have text.
///
/// Which words introduce them is a setting of the server, in any language. So the line before them introduces
/// them if it ends with a colon and is not the beginning of the answer, which then would have no text of its
/// own: "We sell:".
pub(crate) fn answer_parts(answer: &str) -> AnswerParts<'_> {
    let (text, offers) = split_offers(answer);
    match text.rsplit_once('\n') {
        Some((before, last)) if !offers.is_empty() && !is_blank(before) && ends_with_colon(last) => {
            AnswerParts { text: before, introduction: Some(last), offers }
        }
        _ => AnswerParts { text, introduction: None, offers },
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn ends_with_colon(line: &str) -> bool {
    line.trim_end().ends_with([':', '：'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(answer: &str, text: &str, introduction: Option<&str>, offers: &[&str]) {
        assert_eq!(
            answer_parts(answer),
            AnswerParts { text, introduction, offers: offers.to_vec() },
            "{answer:?}"
        );
    }

    #[test]
    fn offers_are_the_last_lines_with_a_sign_and_text() {
        for (answer, text, offers) in [
            ("", "", &[][..]),
            ("Sorry.", "Sorry.", &[]),
            ("Sorry.\n> parking", "Sorry.", &["parking"]),
            ("Sorry.\n> opening hours\n> parking", "Sorry.", &["opening hours", "parking"]),
            ("Mon 9-18\n\n> parking", "Mon 9-18\n", &["parking"]),
            ("> opening hours\n> parking", "", &["opening hours", "parking"]),
            ("Sorry.\n>  two blanks\t", "Sorry.", &[" two blanks\t"]),
            ("> quoted\nSorry.\n> > parking", "> quoted\nSorry.", &["> parking"]),
            ("Sorry.\n> quoted\n\n> parking", "Sorry.\n> quoted\n", &["parking"]),
            // Not quite.
            ("Sorry.\n>parking", "Sorry.\n>parking", &[]),
            ("Sorry.\n > parking", "Sorry.\n > parking", &[]),
            ("Sorry.\n> ", "Sorry.\n> ", &[]),
            ("Sorry.\n>  \u{3000}", "Sorry.\n>  \u{3000}", &[]),
            ("Sorry.\n> parking\n", "Sorry.\n> parking\n", &[]),
            ("> parking\nSorry.", "> parking\nSorry.", &[]),
        ] {
            check(answer, text, None, offers);
        }
    }

    #[test]
    fn a_colon_introduces_offers_behind_a_text() {
        for (answer, text, introduction) in [
            ("Sorry.\nDid you mean:\n> parking", "Sorry.", Some("Did you mean:")),
            ("Sorry.\nVoulez-vous dire : \n> parking", "Sorry.", Some("Voulez-vous dire : ")),
            ("抱歉。\n您是不是想问：\n> parking", "抱歉。", Some("您是不是想问：")),
            ("Sorry.\n\nDid you mean:\n> parking", "Sorry.\n", Some("Did you mean:")),
            ("Sorry.\nOr one of these\n> parking", "Sorry.\nOr one of these", None),
            ("Sorry.\nDid you mean:\n\n> parking", "Sorry.\nDid you mean:\n", None),
            ("We sell:\n> parking", "We sell:", None),
            ("\nWe sell:\n> parking", "\nWe sell:", None),
        ] {
            check(answer, text, introduction, &["parking"]);
        }
        check("Sorry.\nDid you mean:", "Sorry.\nDid you mean:", None, &[]);
    }

    #[test]
    fn only_the_last_six_are_offers() {
        check("Sorry.\n> 1\n> 2\n> 3\n> 4\n> 5\n> 6", "Sorry.", None, &["1", "2", "3", "4", "5", "6"]);
        check("> 0\n> 1\n> 2\n> 3\n> 4\n> 5\n> 6", "> 0", None, &["1", "2", "3", "4", "5", "6"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(answer in "(> |:|a|\n){0,20}") {
            let AnswerParts { text, introduction, offers } = answer_parts(&answer);
            let offers = offers.iter().map(|offer| format!("> {offer}"));
            let rest = introduction.map(str::to_owned).into_iter().chain(offers).collect::<Vec<_>>().join("\n");
            prop_assert!(answer.starts_with(text) && answer.ends_with(&rest));
            let between = &answer[text.len()..answer.len() - rest.len()];
            prop_assert!(["", "\n"].contains(&between), "{between:?}");
        }
    }
}
