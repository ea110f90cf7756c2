//! Keys before the upgrade: three places, and what may stand in them.

use crate::support::{GREETING, Opcode, Raw, raw::upgrade, serve};

const RIGHT: &str = "0123456789 ABC+/%&=";
const WRONG: &str = "0123456789 ABC+/%&x";
const SETTINGS: &str = "[key shop]\nsecret = 0123456789 ABC+/%&=\n[key other]\nsecret = another secret key\n";

/// The request line's target and the header lines that hold `secret`.
type Place = fn(&str) -> (String, String);

const HEADERS: [Place; 3] = [
    |secret| ("/".into(), format!("Authorization: Bearer {secret}\r\n")),
    |secret| ("/".into(), format!("authorization: bEARER   {secret} \r\n")),
    |secret| ("/any/path".into(), format!("x-ws-auth-KEY: {secret}\r\n")),
];
const QUERY: [Place; 2] = [
    |secret| (format!("/?a=b&accessToken={}&c", percent_encoded(secret)), String::new()),
    |secret| (format!("?accessToken={}", percent_encoded(secret)), String::new()),
];

fn percent_encoded(secret: &str) -> String {
    secret.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[track_caller]
fn check(settings: &str, (target, headers): (String, String), status: u16) {
    let server = serve(settings);
    let mut client = Raw::connect(server.local_addr());
    let answer = client.ask(&upgrade(&target, &headers));
    assert_eq!(answer.status, status, "{target} {headers:?}: {answer:?}");
    if status == 101 {
        assert_eq!(client.text(), GREETING);
    } else {
        // One answer, with a sentence, without what was sent, and nothing of a session behind it.
        assert_eq!(answer.header("content-length"), [answer.body.len().to_string()], "{answer:?}");
        assert!(answer.body.len() > 20 && !answer.body.contains("0123456789"), "{answer:?}");
    }
}

#[test]
fn right_wrong_empty() {
    for place in HEADERS.iter().chain(&QUERY) {
        check(SETTINGS, place(RIGHT), 101);
        check(SETTINGS, place("another secret key"), 101);
        check(SETTINGS, place(WRONG), 403);
        check(SETTINGS, place(""), 403);
        check(SETTINGS, place(&RIGHT[1..]), 403);
        check(SETTINGS, place("shop"), 403);
    }
    check(SETTINGS, ("/".into(), String::new()), 403);
}

#[test]
fn twice() {
    for first in HEADERS.iter().chain(&QUERY[..1]) {
        for second in &HEADERS {
            let (target, headers) = first(RIGHT);
            check(SETTINGS, (target.clone(), headers.clone() + &second(RIGHT).1), 101);
            check(SETTINGS, (target.clone(), headers.clone() + &second("").1), 101);
            check(SETTINGS, (target.clone(), headers.clone() + &second(WRONG).1), 400);
            check(SETTINGS, (target, headers + &second("another secret key").1), 400);
        }
    }
    let twice = format!("/?accessToken={}&accessToken={}", percent_encoded(RIGHT), percent_encoded(WRONG));
    check(SETTINGS, (twice, String::new()), 400);
}

#[test]
fn percent_encoding_in_the_query() {
    let query = |value: &str| (format!("/?accessToken={value}"), String::new());
    check(SETTINGS, query("0123456789%20ABC%2B/%25%26="), 101);
    check(SETTINGS, query("0123456789+ABC%2b/%25%26%3D"), 101);
    check(SETTINGS, query("0123456789%20ABC+/%25%26="), 403);
    check(SETTINGS, query("%"), 403);
    check(SETTINGS, query("%ff%00"), 403);
}

#[test]
fn other_schemes_are_no_keys() {
    check(SETTINGS, ("/".into(), format!("Authorization: Basic {RIGHT}\r\n")), 403);
    check(SETTINGS, ("/".into(), format!("Authorization: {RIGHT}\r\n")), 403);
    check(SETTINGS, ("/".into(), format!("Authorization: Basic eDp5\r\nX-WS-AUTH-KEY: {RIGHT}\r\n")), 101);
}

#[test]
fn the_query_can_be_switched_off() {
    let settings = format!("[auth]\nquery_token = no\n{SETTINGS}");
    check(&settings, QUERY[0](RIGHT), 403);
    check(&settings, HEADERS[0](RIGHT), 101);
    let (target, _) = QUERY[0](WRONG);
    check(&settings, (target, HEADERS[0](RIGHT).1), 101);
}

#[test]
fn as_a_subprotocol() {
    let encoded = data_encoding::BASE64URL_NOPAD.encode(RIGHT.as_bytes());
    let offer = |list: &str| ("/".into(), format!("Sec-WebSocket-Protocol: {list}\r\n"));
    check(SETTINGS, offer(&format!("replyd, bearer.{encoded}")), 101);
    check(SETTINGS, offer(&format!("bearer.{encoded},replyd")), 101);
    check(SETTINGS, offer(&format!("bearer.{encoded}")), 101);
    check(SETTINGS, offer(&format!("replyd\r\nSec-WebSocket-Protocol: BEARER.{encoded}")), 101);
    check(SETTINGS, offer(&format!("replyd, bearer.{}", &encoded[1..])), 403);
    check(SETTINGS, offer("replyd, bearer."), 403);
    check(SETTINGS, offer("replyd, bearer.not!base64"), 403);
    check(SETTINGS, offer("replyd"), 403);
    let (target, header) = HEADERS[2](WRONG);
    check(SETTINGS, (target, header + &offer(&format!("bearer.{encoded}")).1), 400);
}

#[test]
fn a_secret_is_never_chosen_as_the_subprotocol() {
    let server = serve(&format!("{SETTINGS}[key third]\nsecret = another-secret--x\n"));
    let encoded = data_encoding::BASE64URL_NOPAD.encode(RIGHT.as_bytes());
    for (offer, chosen) in [
        (format!("replyd, bearer.{encoded}"), vec!["replyd"]),
        (format!("bearer.{encoded}, replyd"), vec!["replyd"]),
        (format!("Bearer.{encoded}, other"), vec!["other"]),
        (format!("bearer.{encoded}"), vec![]),
        // Not as it is meant, but a secret all the same.
        (
            format!(
                "another-secret--x, other, bearer.{}",
                data_encoding::BASE64URL_NOPAD.encode(b"another-secret--x")
            ),
            vec!["other"],
        ),
    ] {
        let head = upgrade("/", &format!("Sec-WebSocket-Protocol: {offer}\r\n"));
        let answer = Raw::connect(server.local_addr()).ask(&head);
        assert_eq!(answer.status, 101, "{offer}");
        assert_eq!(answer.header("sec-websocket-protocol"), chosen, "{offer}");
    }
}

#[test]
fn which_pages_may_connect() {
    let page = |origin: &str| ("/".into(), format!("Origin: {origin}\r\n"));
    // The raw client's Host is localhost.
    check("", page("http://localhost"), 101);
    check("", page("https://LOCALHOST"), 101);
    check("", page("http://localhost:8000"), 403);
    check("", page("https://elsewhere.example"), 403);
    check("", page("null"), 403);
    check("", page(""), 403);
    check("", page("http://localhost\r\nOrigin: https://elsewhere.example"), 403);
    check("[auth]\norigins = any\n", page("null"), 101);
    let list = "[auth]\norigins = https://shop.example, https://www.shop.example:8443\n";
    check(list, page("https://shop.example"), 101);
    check(list, page("https://www.shop.example:8443"), 101);
    check(list, page("https://www.shop.example"), 403);
    check(list, page("http://localhost"), 403);
    check(list, ("/".into(), String::new()), 101);
}

#[test]
fn apps_and_extensions_are_pages_too() {
    let page = |origin: &str| ("/".into(), format!("Origin: {origin}\r\n"));
    for origin in
        ["capacitor://localhost", "tauri://localhost", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"]
    {
        let list = format!("[auth]\norigins = https://shop.example, {origin}\n");
        check(&list, page(origin), 101);
        check(&list, page("https://shop.example"), 101);
        check(&list, page("http://localhost"), 403);
        check(&list, page("moz-extension://localhost"), 403);
        check("", page(origin), 403);
        check("[auth]\norigins = http://localhost\n", page(origin), 403);
    }
}

#[test]
fn a_key_may_have_pages_of_its_own() {
    let settings = "[key shop]\nsecret = 0123456789 ABC+/%&=\norigins = https://shop.example\n\
                    [key other]\nsecret = another secret key\n";
    let page = |origin: &str, secret: &str| {
        let (target, header) = HEADERS[2](secret);
        (target, header + &format!("Origin: {origin}\r\n"))
    };
    check(settings, page("https://shop.example", RIGHT), 101);
    check(settings, page("http://localhost", RIGHT), 403);
    check(settings, page("https://shop.example", "another secret key"), 403);
    check(settings, page("http://localhost", "another secret key"), 101);
    check(settings, page("https://shop.example", WRONG), 403);
    check(settings, HEADERS[0](RIGHT), 101);
}

#[test]
fn whether_a_key_is_required() {
    let nothing = || ("/".into(), String::new());
    check("", nothing(), 101);
    check("", HEADERS[0](RIGHT), 101);
    check("[auth]\nrequire_key = yes\n", nothing(), 403);
    check(&format!("[auth]\nrequire_key = no\n{SETTINGS}"), nothing(), 101);
    check(&format!("[auth]\nrequire_key = no\n{SETTINGS}"), HEADERS[0](WRONG), 101);
}

#[test]
fn beyond_loopback_a_key_or_a_decision_is_needed() {
    let start = |settings: &str| {
        let mut config = replyd::Config::parse(settings, "test.ini").unwrap();
        config.listen = "0.0.0.0:0".into();
        replyd::Server::with_config(config).unwrap().start(replyd::bot).map(drop)
    };
    let error = start("").unwrap_err();
    assert!(error.is_config() && error.to_string().contains("require_key = no"), "{error}");
    assert!(start("[auth]\nrequire_key = no").is_ok());
    assert!(start("[auth]\nrequire_key = yes").is_ok());
    assert!(start(SETTINGS).is_ok());
}

/// Whether a client that came in with these settings may stay when others take their place.
#[track_caller]
fn check_stay(before: &str, (target, headers): (String, String), after: &str, stays: bool) {
    let server = serve(before);
    let mut client = Raw::connect(server.local_addr());
    assert_eq!(client.ask(&upgrade(&target, &headers)).status, 101, "{headers:?}");
    assert_eq!(client.text(), GREETING);
    server.reload(replyd::Config::parse(after, "test.ini").unwrap()).unwrap();
    if stays {
        client.say(Opcode::Text, b"hello");
        assert_eq!(client.text(), GREETING, "{before:?} {headers:?} {after:?}");
    } else {
        assert_eq!(client.close_code(), Some(1008), "{before:?} {headers:?} {after:?}");
    }
    // It is what a newcomer would see.
    let status = Raw::connect(server.local_addr()).ask(&upgrade(&target, &headers)).status;
    assert_eq!(status, if stays { 101 } else { 403 }, "{before:?} {headers:?} {after:?}");
}

#[test]
fn the_first_key_ends_the_sessions_without_one() {
    let nothing = || ("/".into(), String::new());
    check_stay("", nothing(), SETTINGS, false);
    check_stay("", HEADERS[0](WRONG), SETTINGS, false);
    check_stay("", nothing(), "[bot]\ngreeting = Welcome\n", true);
    let open = "[auth]\nrequire_key = no\n";
    check_stay(open, nothing(), &format!("{open}{SETTINGS}"), true);
    // What needs a restart does not decide before it.
    check_stay(open, nothing(), SETTINGS, true);
}

#[test]
fn other_origins_end_the_sessions_of_other_pages() {
    let page = |origin: &str| ("/".to_owned(), format!("Origin: {origin}\r\n"));
    let nothing = || ("/".to_owned(), String::new());
    let of = |origins: &str| format!("[auth]\norigins = {origins}\n");
    check_stay("", page("http://localhost"), &of("https://shop.example"), false);
    check_stay("", page("http://localhost"), &of("https://shop.example, http://LOCALHOST"), true);
    check_stay("", page("http://localhost"), &of("any"), true);
    check_stay("", nothing(), &of("none"), true);
    check_stay(&of("any"), page("null"), &of("same"), false);
    check_stay(&of("any"), page("http://localhost"), "", true);
    check_stay(&of("any"), page("https://shop.example"), &of("none"), false);
    check_stay(&of("any"), page(&format!("https://{}.example", "a".repeat(8000))), &of("any"), true);
    check_stay(&of("any"), page(&format!("https://{}.example", "a".repeat(8000))), "", false);
}

#[test]
fn other_origins_of_a_key_end_the_sessions_of_other_pages() {
    let key = "[key shop]\nsecret = 0123456789 ABC+/%&=\n";
    let of = |origins: &str| format!("{key}origins = {origins}\n");
    let page = |origin: &str| {
        let (target, header) = HEADERS[2](RIGHT);
        (target, header + &format!("Origin: {origin}\r\n"))
    };
    check_stay(key, page("http://localhost"), &of("https://shop.example"), false);
    check_stay(key, page("http://localhost"), &of("same"), true);
    check_stay(key, HEADERS[2](RIGHT), &of("none"), true);
    check_stay(&of("any"), page("https://shop.example"), key, false);
    check_stay(&of("any"), page("https://shop.example"), &of("https://shop.example"), true);
    check_stay(&of("any"), page("null"), &of("https://shop.example"), false);
    // Its own ones, or else those of all.
    check_stay(key, page("http://localhost"), &format!("[auth]\norigins = none\n{key}"), false);
    check_stay(
        &of("same"),
        page("http://localhost"),
        &format!("[auth]\norigins = none\n{}", of("same")),
        true,
    );
}

#[test]
fn a_key_that_stays_keeps_its_sessions() {
    let key = |more: &str| format!("[key shop]\nsecret = 0123456789 ABC+/%&=\n{more}");
    check_stay(&key(""), HEADERS[0](RIGHT), &key("expires = 9999-12-31\n"), true);
    check_stay(&key("expires = 9999-12-31T23:59:59Z\n"), HEADERS[0](RIGHT), SETTINGS, true);
    check_stay(&key(""), HEADERS[0](RIGHT), &key("expires = 2026-01-01\n"), false);
    check_stay(&key(""), HEADERS[0](RIGHT), "[key other]\nsecret = another secret key\n", false);
}

#[test]
fn errors_of_keys_are_sentences_without_the_secret() {
    const SECRET: &str = "correct horse battery";
    let long_name = "x".repeat(65);
    let name_fault =
        "the name of a key must have 1 to 64 characters, all of them letters, digits, '-', '_' or '.'";
    for (read, expected) in [
        (
            replyd::Key::new("shop", "change-me-change-me"),
            "the secret of key \"shop\" is a placeholder from an example; use a random one",
        ),
        (
            replyd::Key::new("shop", "too short"),
            "the secret of key \"shop\" has 9 characters and can be guessed; use at least 16",
        ),
        (
            replyd::Key::from_sha256("shop", SECRET),
            "the SHA-256 of key \"shop\" must be 64 hexadecimal digits",
        ),
        (replyd::Key::new(SECRET, SECRET), name_fault),
        (replyd::Key::new(SECRET, "shop"), name_fault),
        (replyd::Key::new("", SECRET), name_fault),
        (replyd::Key::new(&long_name, SECRET), name_fault),
        (replyd::Key::from_sha256("a b", &"0".repeat(64)), name_fault),
    ] {
        let error = read.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.kind(), replyd::ErrorKind::Config);
    }
}

#[test]
fn what_is_neither_a_day_nor_a_time() {
    for value in [
        "tomorrow",
        "20261125",
        "2026-1-5",
        "2026-13-01",
        "2026-02-30",
        "2027-02-29",
        "+2026-12-31",
        "+002026-12-31",
        "-002026-12-31",
        "-002026-12-31T18:00:00Z",
        "2026-W53-4",
        "2026-365",
        "２０２６-12-31",
        "2026-12-31Z",
        "2026-12-31T18:00:00",
        "2026-12-31T18:00Z",
        "2026-12-31T18Z",
        "20261231T180000Z",
        "2026-12-31 18:00:00Z",
        "2026-12-31t18:00:00z",
        "2026-12-31T18:00:00.5Z",
        "2026-12-31T24:00:00Z",
        "2026-12-31T18:60:00Z",
        "2026-12-31T18:00:00+01",
        "2026-12-31T18:00:00+0100",
        "2026-12-31T18:00:00+24:00",
        "2026-12-31T18:00:00+01:60",
        "2026-12-31T18:00:00+01:00:00",
        "2026-12-31T18:00:00+01:00[Europe/Berlin]",
        "2026-12-31T18:00:00Z[UTC]",
        "2026-12-31[Europe/Berlin]",
        "2026-12-31T18:00:00é",
    ] {
        let settings = format!("[key shop]\nsecret = 0123456789abcdef\nexpires = {value}\n");
        let error = replyd::Config::parse(&settings, "f").unwrap_err().to_string();
        let expected = "expects a day or a time such as 2026-12-31 or 2026-12-31T18:00:00Z";
        assert_eq!(error, format!("f:3: expires of [key shop] {expected}"), "{value}");
    }
}

#[cfg(feature = "cli")]
mod real {
    use super::*;
    use crate::support::{Program, Replyd, replyd};

    #[test]
    fn the_log_names_the_key_and_never_shows_it() {
        let server = Replyd::serve_with(SETTINGS, |command| {
            // The file holds a plain secret.
            set_mode(&command.get_current_dir().unwrap().join("config.ini"), 0o600);
            command.env("RUST_LOG", "trace");
        });
        for place in HEADERS.iter().chain(&QUERY) {
            for secret in [RIGHT, WRONG] {
                let (target, headers) = place(secret);
                Raw::connect(server.address).ask(&upgrade(&target, &headers));
            }
        }
        server.log().wait_for("Connection established with client ...");
        server.log().wait_for(" shop]");
        let log = server.stop();
        assert!(!log.contains("0123456789"), "{log}");
        assert!(!log.contains("%30%31"), "{log}");
    }

    #[test]
    fn a_new_key_opens_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let mut key = Program::piped(replyd(folder.path()).args(["key", "new", "shop"]));
        assert_eq!(key.exit_code(), Some(0));
        let printed = key.stdout.all();
        let (first, section) = printed.split_once("\n\n").unwrap();
        let secret = first.strip_prefix("key: ").unwrap();
        assert!(!section.contains(secret), "{printed}");

        let server = Replyd::serve(section);
        let mut client = Program::piped(
            replyd(folder.path()).args(["chat", &server.url(), "-m", "hello"]).env("REPLYD_KEY", secret),
        );
        assert_eq!(client.exit_code(), Some(0), "{}", client.stderr.all());
        assert_eq!(client.stdout.all(), format!("{GREETING}\n"));

        let mut client = Program::piped(replyd(folder.path()).args(["chat", &server.url(), "-m", "hello"]));
        assert_eq!(client.exit_code(), Some(1));
        let shown = client.stderr.all();
        assert!(
            shown.contains(
                "Failed to connect to server ... exiting: the server requires a key (403); give it as REPLYD_KEY\n"
            ),
            "{shown}"
        );

        let mut client = Program::piped(replyd(folder.path()).args([
            "chat",
            &server.url(),
            "-m",
            "hello",
            "-H",
            &format!("X-WS-AUTH-KEY: {secret}"),
        ]));
        assert_eq!(client.exit_code(), Some(0), "{}", client.stderr.all());
    }

    #[test]
    fn two_keys_are_two() {
        let folder = tempfile::tempdir().unwrap();
        let mut keys = [(); 2].map(|()| {
            let mut key = Program::piped(replyd(folder.path()).args(["key", "new", "shop"]));
            assert_eq!(key.exit_code(), Some(0));
            key.stdout.all()
        });
        keys.sort();
        assert_ne!(keys[0], keys[1]);
        let mut key = Program::piped(replyd(folder.path()).args(["key", "new", "a name"]));
        assert_eq!(key.exit_code(), Some(2));
        assert!(
            key.stderr.all().contains("the name of a key must have 1 to 64 characters, all of them letters")
        );
    }

    fn set_mode(file: &std::path::Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}
