//! What looks like a `{name}` of `[vars]` but is not replaced.

use super::vars::{Vars, split_name};
use crate::ini::{Entry, Faults};

/// Number of letters from which a name that `[vars]` does not have is more than an abbreviation.
const NAME_CHARS: usize = 3;
/// Number of characters of the largest amount, as in `${price}`.
const AMOUNT_CHARS: usize = 8;

/// Warns of names in signs other than braces, and of blanks inside the braces.
pub(crate) fn check(entry: &Entry, vars: &Vars, warnings: &mut Faults) {
    for (index, line) in entry.value.split('\n').enumerate() {
        let mut rest = line;
        while let Some(at) = rest.find(['{', '$', '%', '<', '[']) {
            if let Some(sentence) = look_alike(&rest[..at], &rest[at..], vars) {
                warnings.report(entry.line_of(index), sentence);
            }
            // A sign is one byte.
            rest = &rest[at + 1..];
        }
    }
}

/// What `text` begins with if that looks like a name in braces.
fn look_alike(before: &str, text: &str, vars: &Vars) -> Option<String> {
    let (sign, rest) = text.split_at(1);
    match sign {
        "{" => blanks_in_braces(rest, vars).or_else(|| enclosed("{{", "}}", text, vars)),
        "$" => dollar(before, rest, vars),
        "%" => enclosed("%", "%", text, vars),
        "<" => enclosed("<", ">", text, vars),
        _ => enclosed("[", "]", text, vars),
    }
}

/// `{ phone }`.
fn blanks_in_braces(rest: &str, vars: &Vars) -> Option<String> {
    let (name, tail) = split_name(rest.trim_start_matches([' ', '\t']));
    let end = tail.trim_start_matches([' ', '\t']).strip_prefix('}')?;
    let shown = &rest[..rest.len() - end.len()];
    (shown.len() > name.len() + 1).then(|| instead(&format!("{{{shown}"), name, vars)).flatten()
}

/// `$phone`, `${phone}`. `$5`, `US$` and a price after the sign, as in `${price}`, are meant as they stand.
fn dollar(before: &str, rest: &str, vars: &Vars) -> Option<String> {
    if let Some(braces) = rest.strip_prefix('{') {
        let (name, tail) = split_name(braces);
        let value = vars.get(name).filter(|value| tail.starts_with('}') && !is_amount(value))?;
        return Some(format!("\"${{{name}}}\" becomes \"${value}\"; write {{{name}}} without the '$'"));
    }
    let (name, _) = split_name(rest);
    let name = name.trim_end_matches('-');
    let is_word = name.starts_with(|char: char| char.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte));
    let is_name = vars.get(name).is_some() || is_word;
    (is_name && !before.ends_with(char::is_alphanumeric))
        .then(|| instead(&format!("${name}"), name, vars))
        .flatten()
}

/// A name of `[vars]` in other signs, such as `%phone%` or `{{phone}}`.
fn enclosed(open: &str, close: &str, text: &str, vars: &Vars) -> Option<String> {
    let (name, tail) = split_name(text.strip_prefix(open)?);
    let is_name = tail.starts_with(close) && vars.get(name).is_some();
    is_name.then(|| instead(&format!("{open}{name}{close}"), name, vars)).flatten()
}

fn instead(shown: &str, name: &str, vars: &Vars) -> Option<String> {
    if vars.get(name).is_some() {
        return Some(format!("{shown:?} does not stand for a value; write {{{name}}}"));
    }
    let is_name = name.starts_with(char::is_alphabetic) && name.chars().count() >= NAME_CHARS;
    is_name.then(|| {
        format!(
            "{shown:?} does not stand for a value; write {{{name}}}, and a line '{name} = ...' under [vars]"
        )
    })
}

fn is_amount(value: &str) -> bool {
    value.len() <= AMOUNT_CHARS && value.chars().all(|char| char.is_ascii_digit() || ".,".contains(char))
}

#[cfg(test)]
mod tests {
    use crate::replies::tests::{check, check_none};

    const VARS: &str = "\nb = {phone}\n[vars]\nphone = 555 0100";

    #[test]
    fn names_in_other_signs() {
        for name in ["{ phone }", "{phone }", "{ phone}", "$phone", "%phone%", "<phone>", "[phone]"] {
            let seen = format!("{name:?} does not stand for a value; write {{phone}}");
            check(&format!("a = one\n  Call {name}.{VARS}"), 4, &[&seen]);
        }
        check(&format!("a = {{{{phone}}}}{VARS}"), 3, &["\"{{phone}}\" does not stand"]);
        check(&format!("a = Call ${{phone}}{VARS}"), 3, &["becomes \"$555 0100\"; write {phone} without"]);
        let more = "and a line 'phone = ...' under [vars]";
        check("a = Call $phone.", 3, &["\"$phone\" does not stand", more]);
        check("a = Call { phone }.", 3, &["\"{ phone }\" does not stand", more]);
    }

    #[test]
    fn prose_with_such_signs() {
        check_none(&[
            "a = $5, US$phones, $ phone, $USD, $5k, $x, A$AP",
            "a = 50% off, 100%",
            "a = [closed], <closed>, %closed%",
            "a = { }, {, { a }, { 5 }, if x { y z }",
            "a = It is ${price}.\n[vars]\nprice = 4.50",
            "a = {phone}, phone, 5$ {phone}$\n[vars]\nphone = 5",
        ]);
    }
}
