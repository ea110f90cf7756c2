//! Signs of markup in replies, which are plain text but for links with words of their own.

use crate::replies::text::excerpt::excerpt;

/// Tags of HTML that people write into a text; most others are names or jokes.
const TAGS: &str = "a article b big blockquote br center code del div em font h1 h2 h3 h4 hr i img li ol p pre s script small \
                    span strong sub sup table u ul";
const ENTITIES: [&str; 8] = ["amp", "nbsp", "lt", "gt", "quot", "apos", "euro", "copy"];

/// The first sign of markup in a line that visitors would see as it stands.
pub(crate) fn shown(line: &str) -> Option<String> {
    let shown = tag(line).or_else(|| entity(line)).or_else(|| link(line)).or_else(|| bold(line))?;
    let instead = match shown.trim_start_matches(['<', '/']).to_lowercase() {
        tag if tag.starts_with("br") || tag.starts_with("p>") => {
            "for a new line, press Enter and indent what follows"
        }
        tag if tag.starts_with("img ") => "write the address by itself",
        tag if tag.starts_with("a ") || tag.starts_with('[') => {
            "write the address by itself, or [words](https://...) or [words](tel:...), with no blanks around it"
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
        let is_tag = TAGS.split(' ').any(|tag| name.eq_ignore_ascii_case(tag));
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

/// Number of characters of an address that are checked.
const MAX_ADDRESS_CHARS: usize = 2000;

/// What was meant as `[words](https://...)` or `[words](tel:...)`, which the chat page shows as a link, but
/// is not written as one.
fn link(line: &str) -> Option<&str> {
    let mut opened = None;
    line.match_indices(['[', ']']).find_map(|(middle, bracket)| {
        if bracket == "[" {
            opened = Some(middle);
            return None;
        }
        let start = opened?;
        let rest = &line[middle + 1..];
        let address = rest.trim_start().strip_prefix('(')?;
        let is_meant =
            ["http", "www.", "mailto:", "tel:"].iter().any(|start| address.trim_start().starts_with(start));
        if !is_meant {
            return None;
        }
        let from = line.len() - address.len();
        let address =
            address.char_indices().nth(MAX_ADDRESS_CHARS).map_or(address, |(end, _)| &address[..end]);
        let end = address.len() - after_brackets(address).len();
        let is_whole = address[..end].ends_with(')') && rest.starts_with('(');
        let has_words = !line[start + 1..middle].trim().is_empty();
        let is_link = is_whole && has_words && is_address(&address[..end - 1]);
        (!is_link).then(|| &line[start..from + end])
    })
}

/// What follows the bracket that closes those before; nothing if none does.
fn after_brackets(address: &str) -> &str {
    let mut depth = 0;
    let end = address.find(|char| {
        depth += i32::from(char == '(') - i32::from(char == ')');
        depth < 0
    });
    end.map_or("", |end| &address[end + 1..])
}

fn is_address(text: &str) -> bool {
    let of_page = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let number = text.strip_prefix("tel:");
    of_page.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
        || number.is_some_and(|number| {
            number.starts_with(|first: char| first == '+' || first.is_ascii_digit())
                && number.chars().all(|char| char.is_ascii_digit() || "+ \u{a0}()./-".contains(char))
                && number.chars().filter(char::is_ascii_digit).count() > 2
                && number.ends_with(|last: char| last.is_ascii_digit())
        })
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
    use crate::replies::tests::{check, check_none};

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
            ("See [the map](www.x.example).", "[the map](www.x.example)", "[words](https://...)"),
            ("[mail](mailto:anna@x.example)", "[mail](mailto:anna@x.example)", "[words](https://...)"),
            ("[map] (https://x.example)", "[map] (https://x.example)", "with no blanks"),
            ("[map]( https://x.example)", "[map]( https://x.example)", "with no blanks"),
            ("[map](https://x.example/a b)", "[map](https://x.example/a b)", "with no blanks"),
            ("[](https://x.example)", "[](https://x.example)", "[words](https://...)"),
            ("[map](https://x.example", "[map](https://x.example", "[words](https://...)"),
            ("[map](https://)", "[map](https://)", "[words](https://...)"),
            ("[call](tel:anna)", "[call](tel:anna)", "[words](tel:...)"),
            ("[a](https://x.example) [b](tel:5)", "[b](tel:5)", "[words](tel:...)"),
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
            "a = [Map](https://x.example/a?b=c#d), [call us](tel:+49 (0)30 123456) and ([x](http://y.example/z_(w)))",
        ]);
    }
}
