//! The rules of imports. In the library, a file imports only from rooms on lower lines, from the module that owns the thing; a room is a
//! top-level module with its folder. Inside the big rooms the same holds for folders. Nowhere do files import each other in a circle; what a
//! module has is open to the files in its folder, though.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// From the top; rooms on one line do not import each other.
const LIBRARY: &[&[&str]] = &[
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
const PROGRAM: &[&[&str]] = &[
    &["main"],
    &["commands"],
    &["serve", "chat"],
    &["owner"],
    &["records"],
    &["console"],
    &["clock", "lock"],
];
const REPLIES: &[&[&str]] = &[
    &["check"],
    &["similar_phrase"],
    &["explanation"],
    &["answer"],
    &["decision"],
    &["from_pairs"],
    &["from_file"],
    &["builder"],
    &["table"],
    &["entry"],
    &["lookup"],
    &["similar"],
    &["text"],
];
/// Folders whose files and folders have an order.
const FLOORS: &[(&str, &[&[&str]])] = &[("", LIBRARY), ("bin/replyd", PROGRAM), ("replies", REPLIES)];

/// A file, as a path of names, and what it imports.
struct Module {
    path: Vec<String>,
    imports: Vec<Import>,
}

struct Import {
    line: usize,
    path: Vec<String>,
}

#[test]
fn imports_go_down() {
    let modules = modules();
    let mut wrong = Vec::new();
    for (folder, lines) in FLOORS {
        let folder: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
        for Module { path, imports } in modules.iter().filter(|module| is_inside(&module.path, &folder)) {
            let floor = |name: &str| lines.iter().position(|line| line.contains(&name));
            let own = &path[folder.len()];
            let Some(own_floor) = floor(own) else {
                panic!("src/{} is on no line in {}", path.join("/"), file!())
            };
            for import in imports.iter().filter(|import| is_inside(&import.path, &folder)) {
                let target = &import.path[folder.len()];
                if target != own && floor(target).is_none_or(|floor| floor <= own_floor) {
                    wrong.push(format!(
                        "src/{}.rs:{}: imports from {target:?}; only what is below {own:?} is open to it, by its own name",
                        path.join("/"),
                        import.line
                    ));
                }
            }
        }
    }
    assert!(modules.len() > 100 && wrong.is_empty(), "{} files\n{}", modules.len(), wrong.join("\n"));
}

fn is_inside(path: &[String], folder: &[&str]) -> bool {
    path.len() > folder.len()
        && path.iter().zip(folder).all(|(name, folder)| name == folder)
        && (!folder.is_empty() || path[0] != "bin")
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let modules = modules();
    let imported: BTreeMap<&[String], Vec<&[String]>> = modules
        .iter()
        .map(|module| (&*module.path, module.imports.iter().map(|import| &*import.path).collect()))
        .collect();
    let reachable = |from: &[String]| {
        let (mut reached, mut left) = (BTreeSet::new(), imported[from].clone());
        while let Some(path) = left.pop() {
            if reached.insert(path) {
                left.extend(&imported[path]);
            }
        }
        reached
    };
    let reached: BTreeMap<&[String], BTreeSet<&[String]>> =
        imported.keys().map(|path| (*path, reachable(path))).collect();
    let mut circles = BTreeSet::new();
    for (path, targets) in &imported {
        let targets = targets.iter().filter(|target| reached[**target].contains(path));
        circles.extend(targets.map(|target| format!("{} -> {}", path.join("/"), target.join("/"))));
    }
    assert!(circles.is_empty(), "imports that are part of a circle:\n{circles:#?}");
}

/// All files of the library and the program but the tops of both, with their imports as paths of files.
fn modules() -> Vec<Module> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = BTreeMap::new();
    for file in rust_files(&src) {
        let path = file.strip_prefix(&src).unwrap().with_extension("");
        let path: Vec<String> = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        let is_top = ["lib", "bin/replyd/main", "bin/replyd/build"].contains(&&*path.join("/"));
        if !is_top && !path.iter().any(|name| name == "tests") {
            texts.insert(path, fs::read_to_string(&file).unwrap());
        }
    }
    let file_of = |mut path: Vec<String>| loop {
        if path.is_empty() || texts.contains_key(&path) {
            break path;
        }
        path.pop();
    };
    let module = |(path, text): (&Vec<String>, &String)| {
        let found = imports(text, path).into_iter();
        let found = found.map(|import| Import { path: file_of(import.path), ..import });
        // A file belongs to the module that it is a part of.
        let imports =
            found.filter(|import| !import.path.is_empty() && !path.starts_with(&import.path)).collect();
        Module { path: path.clone(), imports }
    };
    texts.iter().map(module).collect()
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Where the paths in the text of a module lead: `crate::...`, `super::...`, and those into its own modules. What is for tests is at the
/// end of a file.
fn imports(text: &str, module: &[String]) -> Vec<Import> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap()).collect();
    let children: Vec<&str> =
        code.iter().filter_map(|line| line.trim().split_once("mod ")?.1.strip_suffix(';')).collect();
    let code = code.join("\n");
    let root = if module[0] == "bin" { &module[..2] } else { &[] };
    let mut imports = Vec::new();
    for (at, _) in code.match_indices("::") {
        let start = code[..at].rfind(|char: char| !is_of_path(char)).map_or(0, |before| before + 1);
        // Only the first "::" of a path.
        if code[start..at].contains(':') {
            continue;
        }
        let base = match &code[start..at] {
            "crate" => root,
            "super" => &module[..module.len() - 1],
            child if children.contains(&child) => module,
            _ => continue,
        };
        let rest = if base.len() == module.len() { &code[start..] } else { &code[at + 2..] };
        for mut names in paths(rest) {
            let mut base = base.to_vec();
            while names.first().is_some_and(|name| name == "super") {
                names.remove(0);
                base.pop();
            }
            base.extend(names);
            imports.push(Import { line: code[..at].matches('\n').count() + 1, path: base });
        }
    }
    imports
}

fn is_of_path(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == ':'
}

/// The paths that a text begins with: one, or those of a group in braces.
fn paths(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return items(group).into_iter().flat_map(paths).collect();
    }
    let (name, rest) =
        text.split_at(text.find(|char: char| !is_of_path(char) || char == ':').unwrap_or(text.len()));
    let tails = rest.strip_prefix("::").map_or_else(Vec::new, paths);
    let tails = if tails.is_empty() { vec![Vec::new()] } else { tails };
    tails.into_iter().map(|tail| [vec![name.to_owned()], tail].concat()).collect()
}

/// The items of a group, up to the brace that ends it.
fn items(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                items.push(group[start..at].trim());
                start = at + 1;
                if char == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    items.retain(|item| !item.is_empty());
    items
}

#[test]
fn paths_are_read() {
    let text = "mod sub;\nuse crate::{\n    config::{A, b::B},\n    http::C,\n};\n// use crate::server::D;\nfn f() { crate::bot::g() }\nuse super::super::page::E;\nuse sub::F;\n";
    let found = imports(text, &["x".to_owned(), "y".to_owned(), "z".to_owned()]);
    let found: Vec<String> = found.into_iter().map(|import| import.path.join("/")).collect();
    assert_eq!(found, ["config/A", "config/b/B", "http/C", "bot/g", "x/page/E", "x/y/z/sub/F"]);
}
