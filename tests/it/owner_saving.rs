//! Saving from the owner's page: what stays of the file and of those beside it, and which versions are kept.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    owner_page::{Page, REPLIES, SETTINGS, replies, serve},
    support::{Program, Replyd, tool, wait_until},
};

const VERSIONS: &str = "replies.ini.versions";

/// Saves the file with another `unknown`, and returns its revision.
#[track_caller]
fn save(page: &mut Page, unknown: &str, revision: &Value) -> Value {
    page.save(&REPLIES.replace("Call us.", unknown), revision);
    page.next("saved")["revision"].clone()
}

/// The files in a folder, with what they hold.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

fn versions(server: &Replyd) -> BTreeMap<String, String> {
    files(&server.folder.path().join(VERSIONS))
}

/// A group that a new file of ours does not get, for a file that we own.
fn other_group() -> Option<nix::unistd::Gid> {
    if nix::unistd::geteuid().is_root() {
        return Some(12345.into());
    }
    let others = nix::unistd::getgroups().unwrap();
    others.into_iter().find(|group| *group != nix::unistd::getegid())
}

#[test]
fn nothing_that_others_have_put_beside_the_file_is_touched() {
    let server = serve(SETTINGS);
    let foreign = ["new", "old", "part", "1", "2", "9", "bak"].map(|suffix| format!("replies.ini.{suffix}"));
    for name in &foreign {
        fs::write(server.folder.path().join(name), name).unwrap();
    }
    let mut page = Page::open(&server);
    let (_, mut revision) = page.file();
    for unknown in ["a", "b", "c"] {
        revision = save(&mut page, unknown, &revision);
    }
    let left = files(server.folder.path());
    for name in &foreign {
        assert_eq!(left.get(name), Some(name));
    }
    let own = ["config.ini", "kept.tsv", "kept.txt", "replies.ini"];
    let strange: Vec<_> =
        left.keys().filter(|name| !foreign.contains(name) && !own.contains(&name.as_str())).collect();
    assert_eq!(strange, [""; 0]);
    assert_eq!(versions(&server).len(), 3);
}

#[test]
fn those_who_share_the_file_can_still_write_it() {
    let Some(group) = other_group() else { return };
    let server = serve(SETTINGS);
    let file = server.folder.path().join("replies.ini");
    nix::unistd::chown(&file, None, Some(group)).unwrap();
    for mode in [0o664, 0o640] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let mut page = Page::open(&server);
        let (text, revision) = page.file();
        // A shorter text leaves nothing of the longer one.
        let new = if mode == 0o664 { REPLIES.replace("From 9 to 5.", "9-5") } else { REPLIES.to_owned() };
        page.save(&new, &revision);
        page.next("saved");
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.gid()), (mode, group.as_raw()));
        assert_eq!(replies(&server), new);
        assert_eq!(versions(&server).values().next_back(), Some(&text));
        let names = files(server.folder.path());
        assert!(!names.keys().any(|name| name.starts_with(".replies.ini")), "{names:?}");
    }
}

#[test]
fn the_mode_stays_where_the_group_does() {
    let server = serve(SETTINGS);
    let file = server.folder.path().join("replies.ini");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
    let mut page = Page::open(&server);
    let (_, revision) = page.file();
    save(&mut page, "a", &revision);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o664);
}

#[test]
fn an_answer_changes_no_other_line() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    let mut added = |file: &str, answer: &str, text: &str| {
        fs::write(server.folder.path().join("replies.ini"), file).unwrap();
        let mut wish = json!({ "do": "propose", "question": "rye", answer: text });
        let proposal = page.ask(&wish, "proposal");
        assert_eq!(proposal["why"], Value::Null, "{file:?}");
        (wish["do"], wish["revision"]) = ("apply".into(), proposal["revision"].clone());
        page.ask(&wish, "applied");
        replies(&server)
    };
    for (before, between, after) in [
        ("\u{feff}[replies]\na = b\n", "\n[tests]\n", ""),
        ("[vars]\nx = y\n[replies]\n\n; c\na = b\n  more\n", "\n\n[tests]\nq = unknown\n", ""),
        ("[ replies ] \na = b\n  [replies]\n", "\n[tests]\n", ""),
        ("[replies]\na = b\n; a comment at the end\n", "\n[tests]\n", "\n"),
        ("[replies]\r\na = b\n", "\r\n[tests]\n", "\r\n[vars]\r\nx = y\n"),
    ] {
        let expected = [before, "rye = Yes.\n", between, "rye = rye\n", after].concat();
        assert_eq!(added(&[before, between, after].concat(), "reply", "Yes."), expected);
    }
    let file = "[replies]\r\na = b\r\n\r\n[tests]\r\na = a";
    let expected = "[replies]\r\na = b\r\nrye = Yes.\r\n\r\n[tests]\r\na = a\r\nrye = rye\r\n";
    assert_eq!(added(file, "reply", "Yes."), expected);
    let expected = "[replies]\r\na | rye = b\r\n\r\n[tests]\r\na = a\r\nrye = a\r\n";
    assert_eq!(added(file, "to", "a"), expected);
}

/// A disk that is full, here a file in the place of the folder of versions.
#[test]
fn a_save_that_fails_is_logged_and_changes_nothing() {
    let server = serve(SETTINGS);
    fs::write(server.folder.path().join(VERSIONS), "").unwrap();
    let mut page = Page::open(&server);
    let (text, revision) = page.file();
    page.save(&text.replace("9 to 5", "10 to 4"), &revision);
    assert!(page.next("refused")["why"].as_str().unwrap().starts_with("cannot save "));
    server.log().wait_for("anna could not change the file of replies: cannot save ");
    assert_eq!(replies(&server), REPLIES);
    let names = files(server.folder.path());
    assert!(!names.keys().any(|name| name.starts_with(".replies.ini")), "{names:?}");
    page.save("[replies]\nbroken\n", &revision);
    server.log().wait_for("anna could not change the file of replies: replies.ini:2: ");
}

/// A name for a version, so many minutes after the noon of a day.
fn version(days_ago: i64, minutes: i64) -> String {
    let noon = Timestamp::now().strftime("%Y-%m-%dT12:00:00Z").to_string().parse::<Timestamp>().unwrap();
    let at = noon - SignedDuration::from_hours(24 * days_ago) + SignedDuration::from_mins(minutes);
    at.strftime("%Y-%m-%dT%H-%M-%S.%3fZ.ini").to_string()
}

fn serve_with_versions(old: &[(String, String)]) -> Replyd {
    let server = serve(SETTINGS);
    let folder = server.folder.path().join(VERSIONS);
    fs::create_dir(&folder).unwrap();
    old.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    server
}

#[test]
fn the_latest_versions_are_kept_and_those_with_which_days_ended() {
    let text = |name: String| (name.clone(), format!("[replies]\n; {name}\n"));
    let old =
        [(40, 0), (29, 0), (29, 5), (29, 9), (5, 0), (5, 1)].map(|(days, minutes)| version(days, minutes));
    let mut all: Vec<_> = old.iter().cloned().map(text).collect();
    all.push(("notes.txt".to_owned(), "mine".to_owned()));
    let server = serve_with_versions(&all);
    let mut page = Page::open(&server);
    let (_, mut revision) = page.file();
    for number in 0..12 {
        revision = save(&mut page, &number.to_string(), &revision);
    }
    let kept = versions(&server);
    assert_eq!(kept["notes.txt"], "mine");
    // Those with which the days before ended, and that of yesterday evening, which was replaced first today.
    let names: Vec<&String> = kept.keys().filter(|name| *name != "notes.txt").collect();
    assert_eq!(names.len(), 12, "{names:?}");
    assert_eq!(names[..2], [&old[1], &old[4]]);
    let texts: Vec<&str> = names[2..].iter().map(|name| &*kept[*name]).collect();
    let expected = [REPLIES.to_owned()].into_iter();
    let expected: Vec<String> =
        expected.chain((2..11).map(|n| REPLIES.replace("Call us.", &n.to_string()))).collect();
    assert_eq!(texts, expected);
    let shown = page.ask(&json!({ "do": "file" }), "file");
    let shown = shown["versions"].as_array().unwrap();
    assert_eq!((shown.len(), &shown[0]["version"]), (12, &json!(names[11])));
    for name in ["notes.txt", "../config.ini", &version(1, 0)] {
        page.ask(&json!({ "do": "version", "version": name }), "refused");
    }
}

#[test]
fn versions_have_a_bound() {
    let text = "[replies]\n; ".to_owned() + &"x".repeat(900_000) + "\n";
    let old: Vec<_> = (1..30).map(|days| (version(days, 0), text.clone())).collect();
    let server = serve_with_versions(&old);
    let mut page = Page::open(&server);
    let (_, revision) = page.file();
    save(&mut page, "a", &revision);
    let kept = versions(&server);
    let bytes: usize = kept.values().map(String::len).sum();
    assert!(kept.len() == 19 && bytes <= 16 * 1024 * 1024, "{} files, {bytes} bytes", kept.len());
    assert!(kept.contains_key(&version(1, 0)) && !kept.contains_key(&version(29, 0)));
}

#[test]
fn a_clock_that_is_set_back_changes_no_order() {
    let future = (version(-9, 0), "[replies]\na = b\n".to_owned());
    let server = serve_with_versions(std::slice::from_ref(&future));
    let mut page = Page::open(&server);
    let (_, revision) = page.file();
    save(&mut page, "a", &revision);
    let kept = versions(&server);
    assert_eq!(kept.values().collect::<Vec<_>>(), [&future.1, REPLIES]);
}

/// A power failure after "Saved" must not bring back the old text.
#[test]
fn the_folder_is_synced_after_the_renaming() {
    let Some(strace) = tool("strace", "apt-get install strace") else { return };
    let server = serve(SETTINGS);
    let folder = server.folder.path().canonicalize().unwrap();
    let trace = folder.join("trace");
    let mut tracing = Program::piped(
        Command::new(strace)
            .args(["-f", "-y", "-e", "trace=rename,fsync", "-p", &server.program.id().to_string(), "-o"])
            .arg(&trace),
    );
    tracing.stderr.wait_for("attached");
    let mut page = Page::open(&server);
    let (_, revision) = page.file();
    save(&mut page, "a", &revision);
    tracing.signal(nix::sys::signal::Signal::SIGINT);
    tracing.exit_code();
    let trace = fs::read_to_string(trace).unwrap();
    let calls: Vec<&str> = trace.lines().collect();
    let renamed = format!("{}/replies.ini\")", folder.display());
    let renamed = calls.iter().position(|call| call.contains(&renamed)).expect(&trace);
    let synced = |folder: PathBuf, calls: &[&str]| {
        calls.iter().any(|call| call.contains("fsync(") && call.contains(&format!("<{}>", folder.display())))
    };
    assert!(synced(folder.clone(), &calls[renamed..]), "{trace}");
    assert!(synced(folder.join(VERSIONS), &calls[..renamed]), "{trace}");
}

/// A link that somebody has bent since the start, to a file that the server may read.
#[test]
fn what_is_not_a_file_of_replies_is_not_shown() {
    for secret in [
        "root:x:0:0:top secret\n",
        "[replies]\na = b\n[key x]\nsecret = top secret\n",
        "-----BEGIN PRIVATE KEY-----\ntop secret\n",
    ] {
        let server = serve(SETTINGS);
        let folder = server.folder.path();
        let mut page = Page::open(&server);
        let (text, revision) = page.file();
        fs::write(folder.join("secret"), secret).unwrap();
        symlink("secret", folder.join("link")).unwrap();
        fs::rename(folder.join("link"), folder.join("replies.ini")).unwrap();
        let file = page.ask(&json!({ "do": "file" }), "file");
        assert!(file["why"].as_str().unwrap().contains("this is not a file of replies"), "{file}");
        page.save(&text, &revision);
        let refused = page.next("refused");
        assert!(!refused.to_string().contains("top secret"), "{refused}");
        assert_eq!(fs::read_to_string(folder.join("secret")).unwrap(), secret);
    }
    let server = serve(SETTINGS);
    let file = server.folder.path().join("replies.ini");
    let mut page = Page::open(&server);
    for shown in ["", "\n", "[replies]\nwith a mistake\n"] {
        fs::write(&file, shown).unwrap();
        wait_until("it is shown", || page.file().0 == shown);
    }
}
