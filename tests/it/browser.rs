//! The chat page in a real browser, headless. The scripts are in `tests/browser`.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::Path,
    process::Command,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use replyd::{Config, Event, HandlerResult, Server, Session, bot_or};

use crate::support::{missing, tool};

/// What the scripts import, and what they put on sites that have the widget.
const MODULES: [&str; 7] = [
    "playwright-core",
    "puppeteer-core",
    "axe-core",
    "@hotwired/turbo",
    "@picocss/pico",
    "bootstrap",
    "tailwindcss",
];

/// Browsers need more of a machine than all other tests: no more than two run at once, however many tests do.
static BROWSERS: LazyLock<(Sender<()>, Receiver<()>)> = LazyLock::new(|| bounded(2));

#[track_caller]
fn run(script: &str) {
    run_with(script, "");
}

/// Runs one of the scripts, for a page at `url` if it wants one, or says what is missing for it.
#[track_caller]
pub(crate) fn run_with(script: &str, url: &str) {
    let Some(chromium) = tool("chromium", "apt-get install chromium") else { return };
    run_in(script, &[("CHROMIUM", chromium.as_os_str()), ("URL", url.as_ref())]);
}

/// Runs one of the scripts with these variables.
#[track_caller]
fn run_in(script: &str, variables: &[(&str, &OsStr)]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(node) = tool("node", "apt-get install nodejs npm") else { return };
    let modules = root.join("target/tools");
    if MODULES.iter().any(|name| !modules.join("node_modules").join(name).exists()) {
        let names = MODULES.join(" ");
        return missing(&names, &format!("npm install --prefix target/tools {names}"));
    }
    let screenshots = root.join("target/screenshots");
    std::fs::create_dir_all(&screenshots).unwrap();
    BROWSERS.0.send(()).unwrap();
    let output = Command::new(node)
        // A test that fails may leave a browser and servers behind.
        .args(["--test", "--test-force-exit", "--test-reporter=tap"])
        .arg(root.join("tests/browser").join(script))
        .env("REPLYD", env!("CARGO_BIN_EXE_replyd"))
        .env("MODULES", modules)
        .env("SCREENSHOTS", screenshots)
        .envs(variables.iter().copied())
        .env_remove("RUST_LOG")
        .output();
    BROWSERS.1.recv().unwrap();
    let output = output.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("# fail 0"),
        "{printed}{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        failures(&printed)
    );
}

/// What failed in the output of a script, without what passed: each part from "not ok" to the line of three dots.
fn failures(printed: &str) -> String {
    let mut fails = false;
    let lines = printed.lines().filter(|line| {
        fails |= line.trim_start().starts_with("not ok");
        let is_shown = fails;
        fails &= line.trim() != "...";
        is_shown
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn failures_are_found() {
    let printed = "ok 1 - a\n  ---\n  ...\nnot ok 2 - b\n  ---\n  error: c\n  ...\nok 3 - d\n";
    assert_eq!(failures(printed), "not ok 2 - b\n  ---\n  error: c\n  ...");
}

#[test]
fn the_page() {
    run("page.test.mjs");
}

#[test]
fn a_foreign_page_that_points_its_name_here() {
    run("rebinding.test.mjs");
}

#[test]
fn the_page_in_a_frame() {
    run("embed.test.mjs");
}

#[test]
fn the_page_in_all_languages() {
    run("languages.test.mjs");
}

#[test]
fn the_pages_in_an_older_browser() {
    run("older.test.mjs");
}

#[test]
fn the_page_waits_for_a_program_that_takes_its_time() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let slow_bot = |session: &mut Session| -> HandlerResult {
        bot_or(session, |message| {
            let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
            thread::sleep(Duration::from_secs(5));
            Some(format!("{message}: {calls}"))
        })
    };
    let mut config = Config::default();
    config.listen = "127.0.0.1:0".into();
    config.greeting = "Hello!".into();
    let slow = Server::with_config(config.clone()).unwrap().start(slow_bot).unwrap();
    let counter = Server::with_config(config).unwrap().start(count_messages).unwrap();
    run_with("patience.test.mjs", &format!("http://{}/ http://{}/", slow.local_addr(), counter.local_addr()));
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
}

/// Its state is that of the conversation, which is lost with the connection.
fn count_messages(session: &mut Session) -> HandlerResult {
    session.send("Hello!")?;
    let mut messages = 0;
    while let Some(event) = session.next()? {
        let Event::Text(text) = event else { continue };
        messages += 1;
        match text.as_str() {
            "silent" => {}
            "work on" => {
                session.send("One moment.")?;
                thread::sleep(Duration::from_secs(5));
                session.send("Done.")?;
            }
            _ => session.send(messages.to_string())?,
        }
    }
    Ok(())
}

#[test]
fn the_page_of_an_owner() {
    run("owner_page.test.mjs");
    run("owner.test.mjs");
}

/// With REPLYD_PICTURES, they are taken again.
#[test]
fn the_pictures_of_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_asked = env::var_os("REPLYD_PICTURES").is_some();
    if is_asked {
        run("pictures.test.mjs");
    }
    for name in ["chat.png", "owner.png"] {
        let picture = root.join("src/guide").join(name);
        if is_asked {
            fs::copy(root.join("target/screenshots").join(name), &picture).unwrap();
        }
        let bytes = fs::read(&picture).unwrap_or_else(|error| panic!("{}: {error}", picture.display()));
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() <= 60 * 1024, "{name}: {} bytes", bytes.len());
    }
}

#[test]
fn the_page_in_firefox() {
    let Some(firefox) = tool("firefox-esr", "apt-get install firefox-esr") else { return };
    run_in("firefox.test.mjs", &[("FIREFOX", firefox.as_os_str())]);
}
