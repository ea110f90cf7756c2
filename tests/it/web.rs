//! What browsers and operators' tools get beside the WebSocket.

use crate::support::{Opcode, Raw, raw::Answer, raw::upgrade, serve};

const KEY: &str = "0123456789abcdef";
const VIA_PROXY: &str = "X-Forwarded-For: 203.0.113.7\r\n";

#[track_caller]
fn ask(server: &replyd::RunningServer, line: &str, headers: &str) -> Answer {
    Raw::connect(server.local_addr())
        .ask(&format!("{line} HTTP/1.1\r\nHost: shop.example:5000\r\n{VIA_PROXY}{headers}\r\n"))
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
        ("/widget.js", "text/javascript", "})({ accent: \"#c2185b\", theme: \"auto\" });"),
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
        // Sites that are isolated from all others may show it, too.
        assert_eq!(answer.header("cross-origin-resource-policy"), ["cross-origin"]);
        let is_page = path == "/";
        assert_eq!(answer.header("cross-origin-embedder-policy") == ["require-corp"], is_page, "{answer:?}");
        let is_lean = |line: &str| !line.starts_with([' ', '/']) && !line.is_empty();
        assert!(is_page || answer.body.lines().all(is_lean), "{path}: comments or indentation");
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
fn a_browser_that_has_a_file_gets_it_only_when_it_has_changed() {
    let server = serve("[web]\ntitle = One");
    let other = serve("[web]\ntitle = Two\naccent = #c2185b\nembed_origins = any");
    for path in ["/", "/page.css", "/page.js", "/icon.svg", "/widget.js"] {
        let line = format!("GET {path}");
        let whole = ask(&server, &line, "");
        let tags = whole.header("etag");
        let [tag] = &tags[..] else { panic!("{path}: {whole:?}") };
        let strong = tag.strip_prefix("W/").unwrap();
        for (headers, expected) in [
            (format!("If-None-Match: {tag}"), 304),
            (format!("If-None-Match: {strong}"), 304),
            ("If-None-Match: *".to_owned(), 304),
            (format!("If-None-Match: \"a\", W/\"b\",{tag}"), 304),
            (format!("If-None-Match: \"a\"\r\nIf-None-Match: {tag}"), 304),
            (format!("If-None-Match: {tag}\r\nAccept-Encoding: gzip"), 304),
            ("If-None-Match: \"a\"".to_owned(), 200),
            (format!("If-None-Match: {}", strong.trim_matches('"')), 200),
            ("If-None-Match:".to_owned(), 200),
        ] {
            for method in ["GET", "HEAD"] {
                let answer = ask(&server, &format!("{method} {path}"), &format!("{headers}\r\n"));
                assert_eq!(answer.status, expected, "{method} {path} {headers}: {answer:?}");
                assert_eq!(answer.header("etag"), tags);
                if expected == 304 {
                    assert_eq!(answer.body, "");
                    for name in ["content-length", "content-type", "content-encoding"] {
                        assert_eq!(answer.header(name), [""; 0], "{path} {name}");
                    }
                    for name in ["cache-control", "content-security-policy"] {
                        assert_eq!(answer.header(name), whole.header(name), "{path} {name}");
                    }
                }
            }
        }
        // Browsers may keep the headers that they had, so another policy is a change.
        assert_ne!(ask(&other, &line, "").header("etag"), tags, "{path}");
        assert_eq!(ask(&other, &line, &format!("If-None-Match: {tag}\r\n")).status, 200);
        assert_eq!(ask(&serve("[web]\ntitle = One"), &line, "").header("etag"), tags, "{path}");
    }
    assert_eq!(ask(&server, "GET /none", "If-None-Match: *\r\n").status, 404);
    assert_eq!(ask(&server, "GET /healthz", "If-None-Match: *\r\n").status, 200);
}

#[test]
fn files_are_compressed_for_browsers_that_accept_it() {
    let server = serve("[web]\naccent = #c2185b");
    for path in ["/page.css", "/page.js", "/widget.js"] {
        let get = |accepted: &str| ask(&server, &format!("GET {path}"), accepted);
        let plain = get("");
        assert_eq!(plain.header("vary"), ["Accept-Encoding"], "{path}");
        for (accepted, is_compressed) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.8, *;q=0.1", true),
            ("br\r\nAccept-Encoding: x-gzip", true),
            ("*", true),
            ("identity;q=0.5, gzip", true),
            ("gzip ; q=0.001", true),
            ("identity;q=0, gzip;q=0.1", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000, *", false),
            ("*;q=0", false),
            ("identity, gzip;q=0.5", false),
            ("gzip;q=nan", false),
            ("gzip;q=", false),
            ("gzipped", false),
        ] {
            let answer = get(&format!("Accept-Encoding: {accepted}\r\n"));
            let coding = answer.header("content-encoding");
            assert_eq!(coding == ["gzip"], is_compressed, "{path} {accepted}: {coding:?}");
            assert_eq!(answer.body, plain.body, "{path} {accepted}");
            assert_eq!(answer.header("content-length"), [answer.sent.to_string()]);
            assert!(
                !is_compressed || answer.sent < plain.sent / 2,
                "{path}: {} of {}",
                answer.sent,
                plain.sent
            );
            for name in ["vary", "etag", "content-type"] {
                assert_eq!(answer.header(name), plain.header(name), "{path} {accepted}");
            }
            let head = ask(&server, &format!("HEAD {path}"), &format!("Accept-Encoding: {accepted}\r\n"));
            assert_eq!((head.sent, head.header("content-length")), (0, answer.header("content-length")));
        }
    }
}

/// All languages, so that none of them grows unseen.
#[test]
fn all_of_the_page_is_small() {
    let server = serve("");
    for language in ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "zh", "ja", "ar"] {
        let sizes = ["", "Accept-Encoding: gzip\r\n"].map(|accepted| {
            let paths = [&format!("/?lang={language}"), "/page.css", "/page.js", "/icon.svg", "/widget.js"];
            paths.map(|path| ask(&server, &format!("GET {path}"), accepted).sent).iter().sum::<usize>()
        });
        assert!(sizes[0] < 43 * 1024 && sizes[1] < 18 * 1024, "{language}: {sizes:?}");
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
fn the_language_that_a_browser_prefers() {
    let server = serve("");
    for (header, expected) in [
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fi, sv;q=0.9, pl;q=0.3, en;q=0.2", "pl"),
        ("en;q=0.5, ja;q=0.7", "ja"),
        ("fr;q=0.8, es;q=0.8", "fr"),
        ("zh-Hant-TW", "zh"),
        ("PT-br", "pt"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("de; q=0.4, fr;q=0.1", "de"),
        ("de;q=x", "en"),
        ("de;q=nan", "en"),
        ("*", "en"),
        ("fi", "en"),
        ("", "en"),
        ("deutsch", "en"),
    ] {
        let body = ask(&server, "GET /", &format!("Accept-Language: {header}\r\n")).body;
        assert_eq!(quoted(&body, "<html lang="), expected, "{header}");
    }
}

#[test]
fn the_theme_is_that_of_the_settings_or_of_the_site() {
    let media = |settings: &str, theme: &str| {
        let server = serve(settings);
        let page = ask(&server, &format!("GET /{theme}"), "").body;
        let style = quoted(&page, "href=\"page.css").to_owned();
        let style = ask(&server, &format!("GET /page.css{style}"), "").body;
        let dark = style.split("@media ").find(|rule| rule.contains("--page: #131316")).unwrap();
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

/// A text that the page itself shows is not for its script, whose `words` would not have it.
#[test]
fn the_script_has_all_its_texts() {
    let server = serve("");
    let page = ask(&server, "GET /?embedded", "").body.replace('\n', "");
    let script = ask(&server, "GET /page.js", "").body;
    let words: Vec<&str> = script.split("words.").skip(1).collect();
    for word in &words {
        let end = word.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(word.len());
        let attribute = word[..end].chars().fold(" data-".to_owned(), |name, char| match char {
            'A'..='Z' => name + "-" + &char.to_ascii_lowercase().to_string(),
            char => name + &char.to_string(),
        });
        assert!(page.contains(&format!("{attribute}=")), "{attribute}");
    }
    assert!(words.len() > 20);
}

#[test]
fn what_an_owner_writes_is_text() {
    let server =
        serve("[web]\ntitle = <b> & {max_bytes}\n[page]\nsend = \"<&>\" {title} {seconds}\n[replies]\na = b");
    let page = ask(&server, "GET /", "").body;
    assert!(page.contains("<h1><bdi lang=\"\">&lt;b&gt; &amp; {max_bytes}</bdi></h1>"), "{page}");
    assert!(page.contains("aria-label=\"&quot;&lt;&amp;&gt;&quot; {title} {seconds}\""), "{page}");
}

#[test]
fn nothing_is_left_to_fill_in() {
    let server = serve("");
    for path in ["/?embedded", "/page.css", "/page.js", "/icon.svg", "/widget.js"] {
        let text = ask(&server, &format!("GET {path}"), "").body;
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|char| char.is_ascii_lowercase() || char == '_')
        };
        // A dollar sign before it makes it one of the script; so are the numbers in its texts.
        let names = text.match_indices('{').filter(|(at, _)| !text[..*at].ends_with('$'));
        let names = names.filter_map(|(at, _)| Some(text[at + 1..].split_once('}')?.0));
        let of_script = ["status", "seconds", "characters"];
        let left: Vec<&str> = names.filter(|name| is_name(name) && !of_script.contains(name)).collect();
        assert_eq!(left, [""; 0], "{path}");
    }
}

#[test]
fn a_host_cannot_write_into_the_policy() {
    let server = serve("");
    let answer = Raw::connect(server.local_addr())
        .ask(&format!("GET / HTTP/1.1\r\nHost: a; script-src *\r\n{VIA_PROXY}\r\n"));
    assert_eq!(answer.status, 200);
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
    assert_eq!(answer.header("x-content-type-options"), ["nosniff"]);
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
        let mut metrics = String::new();
        // The client may have the answer before it is counted, and a connection its answer before it is over.
        crate::support::wait_until("the answer is counted", || {
            metrics =
                Raw::connect(server.address).ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
            ["replyd_answer_seconds_count 1\n", "replyd_clients 2\n"]
                .iter()
                .all(|line| metrics.contains(line))
        });

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
            let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nReferer: {site}\r\n\r\n");
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
        assert_eq!(
            logo.header("content-security-policy"),
            ["default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"]
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
    fn the_owners_page_is_alone_in_its_window_and_in_no_search_engine() {
        let server = Replyd::serve(
            "[key boss]\nsecret_sha256 = 9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f\nrole = owner\n",
        );
        for path in ["/owner", "/owner.css", "/owner.js"] {
            let get = |headers: &str| {
                let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
                Raw::connect(server.address).ask(&head)
            };
            let plain = get("");
            assert_eq!(plain.header("cross-origin-opener-policy"), ["same-origin"]);
            assert_eq!(plain.header("x-robots-tag"), ["noindex"]);
            assert_eq!(plain.header("x-content-type-options"), ["nosniff"]);
            let compressed = get("Accept-Encoding: gzip\r\n");
            assert_eq!(compressed.header("content-encoding"), ["gzip"]);
            assert_eq!(compressed.body, plain.body);
            assert!(compressed.sent < plain.sent / 2);
            let tag = &plain.header("etag")[0];
            assert_eq!(get(&format!("If-None-Match: {tag}\r\n")).status, 304);
        }
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
