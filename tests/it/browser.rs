//! The chat page in a real browser, headless. The scripts are in `tests/browser`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{missing, tool};

const MODULES: &str = "npm install --prefix target/tools playwright-core axe-core";

#[track_caller]
fn run(script: &str) {
    run_with(script, "");
}

/// Runs one of the scripts, for a page at `url` if it wants one, or says what is missing for it.
#[track_caller]
pub(crate) fn run_with(script: &str, url: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some((node, chromium, modules)) = tools(root) else { return };
    let screenshots = root.join("target/screenshots");
    std::fs::create_dir_all(&screenshots).unwrap();
    let output = Command::new(node)
        // A test that fails may leave a browser and servers behind.
        .args(["--test", "--test-force-exit"])
        .arg(root.join("tests/browser").join(script))
        .env("REPLYD", env!("CARGO_BIN_EXE_replyd"))
        .env("CHROMIUM", chromium)
        .env("MODULES", modules)
        .env("SCREENSHOTS", screenshots)
        .env("URL", url)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("# fail 0") || printed.contains("fail 0"), "{printed}");
}

fn tools(root: &Path) -> Option<(PathBuf, PathBuf, PathBuf)> {
    let node = tool("node", "apt-get install nodejs npm")?;
    let chromium = tool("chromium", "apt-get install chromium")?;
    let modules = root.join("target/tools");
    if !["playwright-core", "axe-core"].iter().all(|name| modules.join("node_modules").join(name).exists()) {
        missing("playwright-core or axe-core", MODULES);
        return None;
    }
    Some((node, chromium, modules))
}

#[test]
fn the_page() {
    run("page.test.mjs");
}

#[test]
fn the_page_in_a_frame() {
    run("embed.test.mjs");
}
