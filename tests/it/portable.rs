//! The library is for other systems too, of which this machine has no standard library: so what belongs to one system must say so.

use std::{fs, path::Path};

/// Paths that exist on some systems only.
const OF_ONE_SYSTEM: [&str; 3] = ["std::os::", "os::fd", "nix::"];

/// Each use of such a path in the library is in a file or an item of its own with a `cfg`: within the lines since the last one that
/// begins an item, or in a module whose declaration has one.
#[test]
fn what_belongs_to_one_system_is_behind_a_cfg() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = 0;
    for file in crate::rooms::rust_files(&src) {
        let path = file.strip_prefix(&src).unwrap();
        if path.starts_with("bin") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let items: Vec<&str> = code.split("\n\n").collect();
        for item in items.iter().filter(|item| {
            item.lines()
                .any(|line| OF_ONE_SYSTEM.iter().any(|path| line.split("//").next().unwrap().contains(path)))
        }) {
            found += 1;
            let is_conditional = has_cfg(item) || is_conditional_module(&file);
            assert!(is_conditional, "{}: this needs #[cfg(unix)] and a fallback:\n{item}", path.display());
        }
    }
    assert!(found > 3, "only {found} places found");
}

fn has_cfg(item: &str) -> bool {
    item.contains("#[cfg(unix)]") || item.contains("#[cfg(any(target_os") || item.contains("#[cfg(not(")
}

/// Whether the module of a file is declared with a `cfg`.
fn is_conditional_module(file: &Path) -> bool {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let parent = file.parent().unwrap().with_extension("rs");
    fs::read_to_string(parent).is_ok_and(|text| text.contains(&format!("#[cfg(unix)]\nmod {name};")))
}
