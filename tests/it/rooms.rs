//! The one rule of imports in the library: a file imports only from rooms on lower lines, from the module that owns the thing.
//! A room is a top-level module with its folder; inside it imports are free.

use std::{fs, path::Path};

/// From the top; rooms on one line do not import each other.
const LINES: [&[&str]; 9] = [
    &["server", "client", "bot"],
    &["session"],
    &["registry", "page"],
    &["config"],
    &["auth", "metrics"],
    &["http"],
    &["replies", "stream", "languages"],
    &["error"],
    &["ini", "guide", "lock"],
];

#[test]
fn imports_go_down() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut files = 0;
    for file in rust_files(&src) {
        let path = file.strip_prefix(&src).unwrap().with_extension("");
        let module: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
        if ["lib", "bin"].contains(&module[0]) || module.ends_with(&["tests"]) {
            continue;
        }
        files += 1;
        let own = line_of(module[0]).unwrap_or_else(|| panic!("{} is in no room of LINES", file.display()));
        let text = fs::read_to_string(&file).unwrap();
        for (number, target) in targets(&text, module.len()) {
            if target != module[0] && line_of(&target).is_none_or(|line| line <= own) {
                wrong.push(format!(
                    "src/{}.rs:{number}: imports from {target:?}; only rooms below {:?} are open to it, each by its own name",
                    path.display(),
                    module[0]
                ));
            }
        }
    }
    assert!(files > 40 && wrong.is_empty(), "{files} files\n{}", wrong.join("\n"));
}

fn line_of(room: &str) -> Option<usize> {
    LINES.iter().position(|line| line.contains(&room))
}

pub(crate) fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Where the paths from the root of the crate lead, with their lines: `crate::...`, and `super::` as often as the module is deep.
/// What is for tests is at the end of a file.
fn targets(text: &str, depth: usize) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap()).collect();
    let code = code.join("\n");
    let climb = "super::".repeat(depth);
    let roots = ["crate::".to_owned(), climb].into_iter();
    let found =
        roots.flat_map(|root| code.match_indices(&root).map(|(at, _)| at + root.len()).collect::<Vec<_>>());
    found
        .flat_map(|at| {
            heads(&code[at..])
                .into_iter()
                .map(|head| (code[..at].matches('\n').count() + 1, head))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The first names of a path: one, or those of each item in braces.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start()
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .next()
            .unwrap()
            .to_owned()
    };
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut heads) = (0, vec![name(group)]);
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

#[test]
fn paths_are_read() {
    let text = "use crate::{\n    config::{A, B},\n    http::C,\n};\n// use crate::server::D;\nfn f() { crate::bot::g() }\nuse super::super::page::E;\n";
    let found: Vec<String> = targets(text, 2).into_iter().map(|(_, target)| target).collect();
    assert_eq!(found, ["config", "http", "bot", "page"]);
}
