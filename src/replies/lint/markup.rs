//! Signs of markup in replies, which are plain text.

use super::excerpt;

/// Tags of HTML that people write into a text; of others, most are names or jokes.
const TAGS: [&str; 33] = [
    "a",
    "article",
    "b",
    "big",
    "blockquote",
    "br",
    "center",
    "code",
    "del",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "script",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "u",
    "ul",
];
const ENTITIES: [&str; 8] = ["amp", "nbsp", "lt", "gt", "quot", "apos", "euro", "copy"];

/// The first sign of markup in a line that visitors would see as it stands.
pub(super) fn shown(line: &str) -> Option<String> {
    let shown = tag(line).or_else(|| entity(line)).or_else(|| link(line)).or_else(|| bold(line))?;
    let instead = match shown.trim_start_matches(['<', '/']).to_lowercase() {
        tag if tag.starts_with("br") || tag.starts_with("p>") => {
            "for a new line, press Enter and indent what follows"
        }
        tag if tag.starts_with("a ") || tag.starts_with("img ") || tag.starts_with('[') => {
            "write the address by itself"
        }
        entity if entity.starts_with('&') => "write the sign itself",
        _ => "leave it out",
    };
    Some(format!("visitors see {} as it stands, since replies are plain text; {instead}", excerpt(shown)))
}

/// `<b>`, `</b>`, `<br/>`, `<a href=...>`.
fn tag(line: &str) -> Option<&str> {
    line.match_indices('<').find_map(|(at, _)| {
        let text = &line[at + 1..];
        let name = text.trim_start_matches('/');
        let name = &name[..name.find(|char: char| !char.is_ascii_alphanumeric())?];
        let is_tag = TAGS.iter().any(|tag| name.eq_ignore_ascii_case(tag));
        let end = text.find(['<', '>']).filter(|end| is_tag && text[*end..].starts_with('>'))?;
        let after_name = text.trim_start_matches('/')[name.len()..].starts_with(['>', ' ', '/']);
        after_name.then(|| &line[at..=at + 1 + end])
    })
}

/// `&nbsp;`.
fn entity(line: &str) -> Option<&str> {
    line.match_indices('&').find_map(|(at, _)| {
        let rest = &line[at + 1..];
        let name = ENTITIES
            .iter()
            .find(|name| rest.strip_prefix(**name).is_some_and(|rest| rest.starts_with(';')))?;
        Some(&line[at..at + name.len() + 2])
    })
}

/// `[text](https://...)`.
fn link(line: &str) -> Option<&str> {
    let middle = line.find("](http").or_else(|| line.find("](www.")).or_else(|| line.find("](mailto:"))?;
    let start = line[..middle].rfind('[')?;
    line[middle..].find(')').map(|end| &line[start..=middle + end])
}

/// `**text**`, next to the text on both sides.
fn bold(line: &str) -> Option<&str> {
    let opens = |at: usize| {
        let after = line[at + 2..].chars().next();
        after.is_some_and(|char| char.is_alphanumeric() || "{\"'¡¿".contains(char))
            && !line[..at].ends_with(char::is_alphanumeric)
    };
    let closes = |at: usize| !line[..at].ends_with([' ', '\t', '*']);
    let mut signs = line.match_indices("**").map(|(at, _)| at);
    let start = signs.find(|at| opens(*at))?;
    let end = signs.find(|at| closes(*at))?;
    Some(&line[start..end + 2])
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, check_none};

    #[test]
    fn markup_is_shown() {
        for (text, shown, instead) in [
            ("We are **closed** today", "**closed**", "leave it out"),
            ("**Closed on** and **open**", "**Closed on**", "leave it out"),
            ("<b>Closed</b>", "<b>", "leave it out"),
            ("Closed</STRONG>", "</STRONG>", "leave it out"),
            ("one<br>two", "<br>", "press Enter and indent"),
            ("one<br />two", "<br />", "press Enter and indent"),
            ("<p>one", "<p>", "press Enter and indent"),
            (
                "<a href='https://x.example'>here</a>",
                "<a href='https://x.example'>",
                "write the address by itself",
            ),
            ("[here](https://x.example)", "[here](https://x.example)", "write the address by itself"),
            ("bread&nbsp;rolls", "&nbsp;", "write the sign itself"),
        ] {
            let seen = format!("visitors see {shown:?} as it stands");
            check(&format!("a = one\n  {text}"), 4, &[&seen, instead]);
        }
        check("a = {b}\n[vars]\nb = <i>5</i>", 5, &["\"<i>\""]);
    }

    #[test]
    fn prose_is_not_markup() {
        check_none(&[
            "a = We <3 you, <Anna> and <anna@x.example>, <https://x.example>",
            "a = 5 ** 3, ****, **, a** b** and 2**3",
            "a = *Closed* on Mondays; a < b > c; <b",
            "a = B&B; AT&T; fish & chips;",
            "a = [1] (see below) [x](y)",
        ]);
    }
}
