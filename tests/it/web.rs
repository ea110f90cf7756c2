//! What browsers and operators' tools get beside the WebSocket.

use crate::support::{Opcode, Raw, raw::Answer, raw::upgrade, serve};

const KEY: &str = "0123456789abcdef";

#[track_caller]
fn ask(server: &replyd::RunningServer, line: &str, headers: &str) -> Answer {
    Raw::connect(server.local_addr())
        .ask(&format!("{line} HTTP/1.1\r\nHost: shop.example:5000\r\n{headers}\r\n"))
}

#[test]
fn every_file_of_the_page_is_protected() {
    let server = serve(
        "[web]\ntitle = A & B\naccent = #c2185b\nembed_origins = https://shop.example, http://a.example:81",
    );
    for (path, kind, words) in [
        ("/", "text/html", "<title>A &amp; B</title>"),
        ("/page.css", "text/css", "--accent: #c2185b;\n--on-accent: #ffffff;"),
        ("/page.js", "text/javascript", "new WebSocket"),
        ("/icon.svg", "image/svg+xml", "fill=\"#c2185b\""),
        ("/widget.js", "text/javascript", "options.accent ?? \"#c2185b\""),
    ] {
        let answer = ask(&server, &format!("GET {path}?a=b"), "");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(answer.body.contains(words), "{path}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            [format!("{kind}{}", if kind.starts_with("text") { "; charset=utf-8" } else { "" })]
        );
        assert_eq!(answer.header("content-length"), [answer.body.len().to_string()]);
        assert_eq!(answer.header("x-content-type-options"), ["nosniff"]);
        assert_eq!(answer.header("referrer-policy"), ["no-referrer"]);
        assert_eq!(answer.header("cache-control"), ["no-cache"]);
        assert_eq!(
            answer.header("content-security-policy"),
            ["default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
              connect-src 'self' ws://shop.example:5000 wss://shop.example:5000; base-uri 'none'; form-action 'none'; \
              frame-ancestors shop.example a.example:81"]
        );
        let head = ask(&server, &format!("HEAD {path}"), "");
        assert_eq!(head.status, 200);
        assert_eq!(head.body.as_str(), "");
        assert_eq!(head.header("content-length"), answer.header("content-length"));
    }
}

#[test]
fn the_page_needs_no_key_and_can_be_switched_off() {
    let keys = format!("[key a]\nsecret = {KEY}\n");
    assert_eq!(ask(&serve(&keys), "GET /", "").status, 200);
    let off = serve("[web]\npage = no");
    for path in ["/", "/page.css", "/page.js", "/icon.svg", "/widget.js"] {
        assert_eq!(ask(&off, &format!("GET {path}"), "").status, 404, "{path}");
    }
    assert_eq!(Raw::connect(off.local_addr()).ask(&upgrade("/", "")).status, 101);
    let policy = ask(&serve(""), "GET /", "").header("content-security-policy");
    assert!(policy[0].ends_with("frame-ancestors 'none'"), "{policy:?}");
}

/// What is in quotes after `start`.
#[track_caller]
fn quoted<'a>(text: &'a str, start: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{start} in {text}"));
    rest.trim_start_matches('"').split('"').next().unwrap()
}

#[test]
fn the_page_has_the_language_of_its_visitor() {
    let page = |settings: &str, target: &str, accepted: &str| {
        let answer =
            ask(&serve(settings), &format!("GET {target}"), &format!("Accept-Language: {accepted}\r\n"));
        let languages = [quoted(&answer.body, "<html lang="), quoted(&answer.body, "dir=")].join(" ");
        (languages, quoted(&answer.body, "placeholder=").to_owned(), answer.header("vary"))
    };
    let vary = || vec!["Accept-Language".to_owned()];
    for (settings, target, accepted, languages, placeholder) in [
        ("", "/", "fi, de-CH;q=0.9, en;q=0.8", "de ltr", "Ihre Nachricht"),
        ("", "/", "fi", "en ltr", "Your message"),
        ("", "/", "ar", "ar rtl", "رسالتك"),
        ("", "/?lang=fr-CA", "de", "fr ltr", "Votre message"),
        ("", "/?lang=fi", "de", "de ltr", "Ihre Nachricht"),
        ("[page]\nyour_message = \"Moin\"", "/?lang=de", "de", "de ltr", "&quot;Moin&quot;"),
    ] {
        assert_eq!(
            page(settings, target, accepted),
            (languages.to_owned(), placeholder.to_owned(), vary()),
            "{target} {accepted}"
        );
    }
    let fixed = page("[web]\nlanguage = ja", "/?lang=fr", "de");
    assert_eq!(fixed, ("ja ltr".to_owned(), "メッセージ".to_owned(), Vec::new()));
    // The other languages stay on the server.
    let german = ask(&serve(""), "GET /", "Accept-Language: de\r\n").body;
    assert!(!german.contains("Votre message") && !german.contains("Your message"), "{german}");
    assert_eq!(quoted(&german, "data-try-now="), "Jetzt versuchen");
}

#[test]
fn the_theme_is_that_of_the_settings_or_of_the_site() {
    let media = |settings: &str, theme: &str| {
        let server = serve(settings);
        let page = ask(&server, &format!("GET /{theme}"), "").body;
        let style = quoted(&page, "href=\"page.css").to_owned();
        let style = ask(&server, &format!("GET /page.css{style}"), "").body;
        let (_, dark) = style.split_once("@media ").unwrap();
        [quoted(&page, "color-scheme\" content=").to_owned(), dark.split(" {").next().unwrap().to_owned()]
    };
    assert_eq!(media("", ""), ["light dark", "(prefers-color-scheme: dark)"]);
    assert_eq!(media("[web]\ntheme = dark", ""), ["dark", "all"]);
    assert_eq!(media("[web]\ntheme = dark", "?theme=light"), ["light", "not all"]);
    assert_eq!(media("[web]\ntheme = light", "?theme=pink"), ["light", "not all"]);
}

#[test]
fn a_link_to_a_statement_on_privacy() {
    let footer = |settings: &str| {
        let body = ask(&serve(settings), "GET /", "").body;
        body.split_once("<footer>").map(|(_, rest)| rest.split("</footer>").next().unwrap().to_owned())
    };
    assert_eq!(footer(""), None);
    assert_eq!(
        footer("[web]\nlanguage = de\nprivacy = https://a.example/?a=\"&b").unwrap(),
        "<a href=\"https://a.example/?a=&quot;&amp;b\" target=\"_blank\" rel=\"noopener\">Datenschutz</a>"
    );
}

#[test]
fn a_host_cannot_write_into_the_policy() {
    let server = serve("");
    let answer = Raw::connect(server.local_addr()).ask("GET / HTTP/1.1\r\nHost: a; script-src *\r\n\r\n");
    assert!(!answer.head.contains("script-src *"), "{answer:?}");
}

/// Asks for the metrics as a program on this machine does.
fn metrics(server: &replyd::RunningServer, headers: &str) -> Answer {
    Raw::connect(server.local_addr())
        .ask(&format!("GET /metrics HTTP/1.1\r\nHost: localhost:5000\r\n{headers}\r\n"))
}

#[test]
fn who_may_see_metrics() {
    let server = serve(&format!("[key a]\nsecret = {KEY}\n"));
    let status = |headers: &str| metrics(&server, headers).status;
    assert_eq!(status(""), 200);
    for mark in ["X-Forwarded-For: 203.0.113.1", "Forwarded: for=203.0.113.1", "Via: 1.1 x", "X-Real-IP: ::1"]
    {
        assert_eq!(status(&format!("{mark}\r\n")), 403, "{mark}");
        assert_eq!(status(&format!("{mark}\r\nAuthorization: Bearer {KEY}\r\n")), 200, "{mark}");
        assert_eq!(status(&format!("{mark}\r\nAuthorization: Bearer x{KEY}\r\n")), 403, "{mark}");
    }
    // Without any key nobody else has one.
    assert_eq!(metrics(&serve(""), "X-Forwarded-For: 127.0.0.1\r\n").status, 403);
}

/// A page elsewhere whose name leads here, and a proxy that adds no header, both send the name that was asked for.
#[test]
fn metrics_without_a_key_are_for_whoever_calls_this_machine_by_its_own_name() {
    let server = serve(&format!("[key a]\nsecret = {KEY}\n"));
    let status = |head: &str| Raw::connect(server.local_addr()).ask(&format!("{head}\r\n\r\n")).status;
    for host in
        ["localhost", "LocalHost:5000", "a.localhost:80", "127.0.0.1", "127.1.2.3:5000", "[::1]", "[::1]:81"]
    {
        assert_eq!(status(&format!("GET /metrics HTTP/1.1\r\nHost: {host}")), 200, "{host}");
        assert_eq!(status(&format!("HEAD /metrics HTTP/1.0\r\nHost: {host}")), 200, "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:5000",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "127.0.0.1:5000:80",
        "localhost:port",
        "user@localhost",
        "::1",
        "[::2]",
        "0.0.0.0",
        "192.0.2.1",
        "",
    ] {
        assert_eq!(status(&format!("GET /metrics HTTP/1.1\r\nHost: {host}")), 403, "{host}");
        let with_key = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nX-WS-AUTH-KEY: {KEY}");
        assert_eq!(status(&with_key), 200, "{host}");
    }
    assert_eq!(status("GET /metrics HTTP/1.0"), 403);
    assert_eq!(status(&format!("GET /metrics HTTP/1.0\r\nX-WS-AUTH-KEY: {KEY}")), 200);
}

#[test]
fn metrics_count_what_happened() {
    let server = serve("");
    let mut client = Raw::open(server.local_addr());
    client.text();
    for _ in 0..3 {
        client.say(Opcode::Text, b"hello");
        client.text();
    }
    assert_eq!(ask(&server, "GET /nothing", "").status, 404);
    client.say(Opcode::Close, &1000u16.to_be_bytes());
    client.close_code();
    crate::support::wait_until("the session is counted", || server.counts().ended.contains_key("closed"));
    let answer = metrics(&server, "");
    assert_eq!(answer.header("content-type"), ["text/plain; version=0.0.4; charset=utf-8"]);
    for line in [
        "replyd_connections_accepted_total 3",
        "replyd_replies 3",
        "replyd_requests_refused_total{reason=\"not_found\"} 1",
        "replyd_sessions_ended_total{code=\"closed\"} 1",
        "replyd_messages_received_total 3",
        "replyd_messages_sent_total 4",
        "replyd_answer_seconds_bucket{le=\"+Inf\"} 3",
        "replyd_answer_seconds_count 3",
        "replyd_last_reload_success 1",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line}: {}", answer.body);
    }
}

#[cfg(feature = "cli")]
mod real {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::support::{Replyd, missing, tool};

    const READ: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families as read
for family in read(sys.stdin.read()):
    for sample in family.samples:
        print(family.type, sample.name, sample.labels.get('le', ''), float(sample.value))
";

    #[test]
    fn the_official_client_reads_the_metrics() {
        let server = Replyd::serve("");
        let mut client = Raw::open(server.address);
        client.text();
        client.say(Opcode::Text, b"hello");
        client.text();
        let metrics =
            Raw::connect(server.address).ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;

        let install = "pip install --target target/tools/python prometheus-client";
        let Some(python) = tool("python3", "apt-get install python3 python3-pip") else { return };
        let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/python");
        let mut python = Command::new(python);
        python.env("PYTHONPATH", modules).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if !python.args(["-c", "import prometheus_client"]).status().unwrap().success() {
            return missing("prometheus_client", install);
        }
        let mut reader = Command::new("python3");
        reader.env("PYTHONPATH", modules).args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut reader = reader.spawn().unwrap();
        reader.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
        let read = String::from_utf8(reader.wait_with_output().unwrap().stdout).unwrap();
        for line in [
            "counter replyd_messages_received_total  1.0",
            "gauge replyd_clients  2.0",
            "histogram replyd_answer_seconds_bucket +Inf 1.0",
            "histogram replyd_answer_seconds_count  1.0",
            "gauge replyd_last_reload_success  1.0",
        ] {
            assert!(read.lines().any(|found| found == line), "{line}: {read}");
        }
    }

    #[test]
    fn a_frame_that_is_refused_is_in_the_log() {
        let server = Replyd::serve("[web]\nembed_origins = https://shop.example");
        let frame = |target: &str, site: &str| {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nReferer: {site}\r\n\r\n");
            assert_eq!(Raw::connect(server.address).ask(&head).status, 200);
        };
        frame("/?embedded", "https://shop.example/");
        frame("/", "https://elsewhere.example/");
        // Some pages send more than their site, and anybody may send anything.
        frame("/?embedded", "https://shop.example/order?id=5");
        frame("/?embedded", "https://evil.example is fine: trust it/");
        frame("/?embedded", "evil.example");
        frame("/?embedded&lang=de", "https://other.example/");
        server.log().wait_for("Frame refused ... a page of https://other.example shows the chat");
        let log = server.stop();
        assert_eq!(log.matches("Frame refused").count(), 1, "{log}");
    }

    #[test]
    fn a_logo_is_a_picture_of_its_own_file() {
        const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        let server = Replyd::serve_with("[web]\nlogo = shop.png\n[bot]\ngreeting = a\n", |command| {
            std::fs::write(command.get_current_dir().unwrap().join("shop.png"), SVG).unwrap();
        });
        let get = |path: &str| {
            Raw::connect(server.address).ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        };
        let logo = get("/logo");
        assert_eq!((logo.status, logo.body.as_str()), (200, SVG));
        // What it is shows in its content, and a script in it does not run.
        assert_eq!(logo.header("content-type"), ["image/svg+xml"]);
        assert!(
            logo.header("content-security-policy")[0].starts_with("default-src 'none'; script-src 'self'")
        );
        assert!(get("/").body.contains("<img src=\"logo\" alt=\"\">"));

        let folder = server.folder.path();
        std::fs::write(folder.join("shop.png"), "no picture").unwrap();
        server.log().wait_for("config.ini:2: logo: the logo is not a PNG, JPEG, GIF, WebP, AVIF or SVG");
        server.log().wait_for("is not accepted: keeping the previous logo");
        assert_eq!(get("/logo").body, SVG);
        std::fs::write(folder.join("shop.png"), "GIF89a").unwrap();
        server.log().wait_for("changed: logo");
        assert_eq!(get("/logo").header("content-type"), ["image/gif"]);
        std::fs::write(folder.join("config.ini"), "[page]\nsend = Go\n").unwrap();
        server.log().wait_for("[page]");
        assert_eq!(get("/logo").status, 404);
        assert!(!get("/").body.contains("src=\"logo\""));
    }

    #[test]
    fn a_reload_that_fails_is_in_the_metrics() {
        let server = Replyd::serve("[bot]\ngreeting = a\n");
        let metrics =
            || Raw::connect(server.address).ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
        assert!(metrics().contains("\nreplyd_last_reload_success 1\n"));
        std::fs::write(server.folder.path().join("config.ini"), "[bot]\ngreting = b\n").unwrap();
        server.log().wait_for("is not accepted");
        assert!(metrics().contains("\nreplyd_last_reload_success 0\n"));
        std::fs::write(server.folder.path().join("config.ini"), "[bot]\ngreeting = c\n").unwrap();
        server.log().wait_for("reloaded config.ini");
        assert!(metrics().contains("\nreplyd_last_reload_success 1\n"));
    }
}
