//! What visitors see though it is meant for replyd: comments, quotes, line breaks and a second `=`. A value
//! is prose, so each rule leaves alone what people write in sentences.

use super::markup;
use crate::{
    ini::{Entry, Fault, Faults},
    replies::text::excerpt::excerpt,
};

/// Number of words of the longest comment. A longer one is more often the second half of a sentence.
const COMMENT_WORDS: usize = 8;
/// Number of letters of the longest phrase before a second `=`.
const PHRASE_CHARS: usize = 30;

/// Warns of what is shown as it stands in a text that visitors read.
pub(crate) fn check(entry: &Entry, warnings: &mut Faults) {
    if let Some(sentence) = quotes(&entry.value) {
        warnings.report(entry.line_of(0), sentence);
    }
    for (index, line) in entry.value.split('\n').enumerate() {
        let comment = if index > 0 && is_comment(line) { below_value(line) } else { after_value(line) };
        let found = [comment, line_break(line), markup::shown(line)];
        warnings
            .extend(found.into_iter().flatten().map(|sentence| Fault::new(entry.line_of(index), sentence)));
    }
}

/// Whether an indented line was probably meant as a comment: it begins with the sign of one, and is not made
/// of hashtags.
fn is_comment(line: &str) -> bool {
    let after = |sign: char| line.strip_prefix(sign).map(|rest| rest.trim_start_matches(sign));
    let is_text = |rest: &str| rest.starts_with(|char: char| char.is_whitespace() || char.is_alphabetic());
    match (after(';'), after('#')) {
        (Some(rest), _) => is_text(rest),
        (_, Some(rest)) if rest.starts_with(char::is_whitespace) => true,
        (_, Some(rest)) => is_text(rest) && rest.contains(' ') && !rest.contains('#'),
        _ => false,
    }
}

fn below_value(line: &str) -> Option<String> {
    Some(format!(
        "visitors see {}, as an indented line continues the value above it; remove the blanks before a comment",
        excerpt(line)
    ))
}

fn after_value(line: &str) -> Option<String> {
    let at = comment(line)?;
    Some(format!("visitors see {} as well; write a comment on a line of its own", excerpt(&line[at..])))
}

/// Where a comment begins after a value: a `;` or `#` after a blank. `Call #2`, `#bakery` and `9-5; Sat 10-2`
/// are prose.
pub(crate) fn comment(line: &str) -> Option<usize> {
    // In French, some signs have a blank before them.
    let is_french = [" ?", " !", " :", "\u{a0}", "\u{202f}"].iter().any(|sign| line.contains(sign));
    let mut signs = line.match_indices([';', '#']).filter(|(at, sign)| {
        let before = &line[..*at];
        // First, so that a row of signs is passed once.
        if !before.is_empty() && !before.ends_with([' ', '\t']) || (is_french && *sign == ";") {
            return false;
        }
        let after = line[at + 1..].trim_start_matches(*sign);
        let is_apart = after.starts_with([' ', '\t']);
        after.trim_start().starts_with(char::is_alphabetic) && (is_apart || *sign == ";")
    });
    let (at, _) = signs.next()?;
    let is_set_off = line[..at].ends_with("  ") || line[..at].ends_with('\t');
    let is_sentence = line.ends_with(['.', '!', '?', '…', '。', '！', '？']);
    let is_short = line[at..].split_whitespace().nth(COMMENT_WORDS).is_none();
    (is_set_off || (is_short && !is_sentence)).then_some(at)
}

/// Quotes around all of a value, with none between them: `"Yes" and "no"` needs its own.
fn quotes(value: &str) -> Option<String> {
    const PAIRS: [(char, &[char]); 7] = [
        ('"', &['"']),
        ('\'', &['\'']),
        ('`', &['`']),
        ('“', &['”']),
        ('„', &['“', '”']),
        ('«', &['»']),
        ('‘', &['’']),
    ];
    let (open, close) = PAIRS.iter().find(|(open, _)| value.starts_with(*open))?;
    let inner = value.strip_prefix(*open)?.strip_suffix(*close)?;
    let is_whole = !inner.is_empty() && !inner.contains(*open) && !inner.contains(*close);
    is_whole.then(|| "visitors see the quotes around this text; leave them out".to_owned())
}

/// A `\n`, but not one in a path such as `C:\new`.
fn line_break(line: &str) -> Option<String> {
    let is_path = |word: &str| word.contains(":\\") || word.starts_with("\\\\");
    let found = line.split_whitespace().any(|word| word.contains("\\n") && !is_path(word));
    found.then(|| {
        "visitors see \"\\n\" as it stands; for a new line, press Enter and indent what follows".to_owned()
    })
}

/// A second `=` that probably follows another phrase: `hi = hello = Hello!`.
pub(crate) fn second_equals(entry: &Entry) -> Option<Fault> {
    let (phrase, text) = entry.value.split('\n').next()?.split_once('=')?;
    let (phrase, text) = (phrase.trim(), text.trim());
    let is_phrase = |char: char| {
        (char.is_alphabetic() && !char.is_uppercase()) || char.is_whitespace() || "|&*'’-".contains(char)
    };
    let begins = |char: char| char.is_alphabetic() && !char.is_lowercase();
    let is_meant = phrase.chars().all(is_phrase)
        && (2..=PHRASE_CHARS).contains(&phrase.chars().count())
        && text.starts_with(begins)
        && !text.contains('=');
    is_meant.then(|| {
        let sentence = format!(
            "the reply begins with \"{phrase} =\", as the first '=' ends the phrase; write {:?} before it if both are phrases",
            format!("{} | {phrase}", entry.name)
        );
        Fault::new(entry.line, sentence)
    })
}

#[cfg(test)]
mod tests {
    use crate::replies::tests::{check, check_none};

    #[test]
    fn comments_after_a_value() {
        for comment in ["; ask Anna", ";ask Anna", "# ask Anna", "## todo", "; check, then ask Anna about it"]
        {
            let seen = format!("visitors see {comment:?} as well");
            check(&format!("hours = Open 9-5 {comment}"), 3, &[&seen, "a line of its own"]);
            check(&format!("hours = Open 9-5\n  Sat 10-2 {comment}"), 4, &[&seen]);
        }
        check(
            "hours = Open 9-5.\t; Is that right? Anna said so, but I am not quite sure.",
            3,
            &["; Is that"],
        );
        check("hours = ; todo", 3, &["\"; todo\" as well"]);
        check("a = {b}\n[vars]\nb = 5 ; five", 5, &["\"; five\" as well"]);
        check_none(&[
            "a = Call #2 or C#, #bakery",
            "a = 9-5; Sat 10-2",
            "a = We are #1 in town",
            "a = We are # 1 in town",
            "a = Bye ;-) or ;) or ; 5",
            "a = Ouvert du mardi au samedi ; fermé le lundi !",
            "a = Bonjour ! Ouvert le mardi ; fermé le lundi",
            "a = We open at nine ; on Sundays at ten.",
            "a = We open at nine ; on Sundays and on all of the public holidays at ten",
            "a = https://shop.example/#hours",
        ]);
    }

    #[test]
    fn comments_below_a_value() {
        for comment in ["# ask Anna", "; ask Anna", ";ask", "#ask Anna", "## ask", "# --- Orders ---"] {
            let seen = format!("visitors see {comment:?}, as an indented line");
            check(&format!("hours = 9-5\n# free\n  {comment}\n  Sat"), 5, &[&seen, "remove the blanks"]);
        }
        check("a = {b}\n[vars]\nb = 5\n # five", 6, &["\"# five\""]);
        check_none(&[
            "a = Hi\n# a comment\n; another\n  there",
            "a = Hi\n  #bread #cakes\n  #2 is left\n  #bread",
        ]);
    }

    #[test]
    fn quotes_around_a_value() {
        for text in ["\"We are open.\"", "'Yes'", "“Yes”", "„Ja“", "«Oui»", "\"one\n  two\""] {
            check(&format!("a = {text}"), 3, &["the quotes around this text; leave them out"]);
        }
        check("a = {b}\n[vars]\nb = \"555 0100\"", 5, &["quotes around"]);
        check_none(&[
            "a = \"Yes\" and \"no\"",
            "a = \"Yes\" we do",
            "a = 'Tis so",
            "a = \"",
            "a = \"\"",
            "a = 5\"",
        ]);
    }

    #[test]
    fn line_breaks_in_letters() {
        for text in ["Mon 9-18\\nSat 10-14", "one\\ntwo", "one \\n two", "one\\r\\ntwo", "one\\n"] {
            check(
                &format!("a = {text}"),
                3,
                &["visitors see \"\\n\" as it stands", "press Enter and indent"],
            );
        }
        check_none(&["a = C:\\new\\table", "a = \\\\server\\new", "a = /n and n"]);
    }

    #[test]
    fn a_second_equals_sign() {
        check(
            "hi = hello = Hello!",
            3,
            &["the reply begins with \"hello =\"", "write \"hi | hello\" before it"],
        );
        check("hi=hey there=Hello!", 3, &["\"hey there =\""]);
        check("hi = hello | hey = Hello!\n  x", 3, &["\"hi | hello | hey\""]);
        check("你好 = 您好 = 歡迎", 3, &["\"您好 =\""]);
        check_none(&[
            "a = https://x.example/?a=b#c",
            "a = x=y",
            "a = 1 cup = 250 ml",
            "a = S = Small, M = Medium",
            "a = v = Vegan",
            "a = gf = Gluten free, df = Dairy free",
            "a = sugar free = less than 0.5 g",
            "a = Our code = Anna",
            "a = one\n  two = Three",
        ]);
    }
}
