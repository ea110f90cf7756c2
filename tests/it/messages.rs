//! What people write in another way than expected, and what they are told.

use replyd::{Client, Config, Origins, Replies};

use crate::support::{GREETING, Raw, raw::upgrade, serve};

#[test]
fn signs_of_full_width_are_read() {
    let replies = Replies::parse(
        "［replies］\n营业时间 ＝ 九点到六点\nprice = 5 ＝ five\n[ smalltalk ］\nhi＝Hello = you\n",
        "faq.ini",
    )
    .unwrap();
    for (question, expected) in [("营业时间", "九点到六点"), ("price", "5 ＝ five"), ("hi", "Hello = you")]
    {
        assert_eq!(replies.answer(question).text(), expected);
    }
    let config = Config::parse("［web］\ntitle　＝　Anna\n", "config.ini").unwrap();
    assert_eq!(config.title, "Anna");
    let error = Config::parse("［rubbish］\n", "config.ini").unwrap_err().to_string();
    assert!(error.starts_with("config.ini:1: there is no section [rubbish]"), "{error}");
}

#[test]
fn origins_are_named_in_their_right_form() {
    for (origins, expected) in [
        ("https://shop.example/", "\"https://shop.example\" without anything after the host"),
        (
            "https://a.example, https://shop.example:81/chat?a#b",
            "\"https://shop.example:81\" without anything after the host",
        ),
        ("https://bäckerei.example", "\"https://bäckerei.example\" in ASCII, as browsers send it"),
        ("wss://shop.example", "\"https://shop.example\", the address of the page and not that of the chat"),
        ("shop.example", "same, any, none, or a list such as"),
        ("shop.example/", "same, any, none, or a list such as"),
        ("/", "same, any, none, or a list such as"),
        ("https://", "same, any, none, or a list such as"),
        ("https:///", "same, any, none, or a list such as"),
    ] {
        let error = origins.parse::<Origins>().unwrap_err().to_string();
        assert!(error.contains(expected), "{origins}: {error}");
        let error =
            Config::parse(&format!("[auth]\norigins = {origins}\n"), "config.ini").unwrap_err().to_string();
        assert!(error.starts_with("config.ini:2: origins: expected ") && error.contains(expected), "{error}");
    }
}

#[test]
fn the_address_of_the_page_is_that_of_the_chat() {
    let server = serve("");
    for scheme in ["http", "HTTP", "WS", "ws"] {
        let mut client = Client::connect(&format!("{scheme}://{}/#q=hello", server.local_addr())).unwrap();
        let greeting = client.next().unwrap();
        assert!(
            matches!(&greeting, Some(replyd::Event::Text(text)) if text.as_str() == GREETING),
            "{greeting:?}"
        );
    }
}

#[test]
fn what_is_at_the_address_of_the_owner() {
    let server = serve("[key anna]\nsecret = the owner's own key\nrole = owner\n");
    let address = server.local_addr();
    for key in [None, Some("the owner's own key".to_owned())] {
        let mut options = replyd::ClientOptions::default();
        options.key = key;
        let error = Client::connect_with(&format!("ws://{address}/owner"), &options).unwrap_err().to_string();
        assert_eq!(
            error,
            "the server refused the connection: 403 Forbidden This is the address of a page that opens in a browser; the chat is at '/'."
        );
    }
    let head = upgrade("/owner", "Origin: https://evil.example\r\nX-WS-AUTH-KEY: the owner's own key\r\n");
    let answer = Raw::connect(address).ask(&head);
    assert!(answer.status == 403 && answer.body.starts_with("Pages from this origin"), "{answer:?}");
}

#[cfg(feature = "cli")]
mod real {
    use std::{fs, os::unix::fs::PermissionsExt};

    use crate::support::{Program, Replyd, replyd};

    #[test]
    fn chat_with_the_owners_page() {
        let server = Replyd::serve(
            "[key anna]\nsecret_sha256 = 5f4bba80b1c8e2c2e7f4c5bb9b6b7d0d1b0b7f1f6f1c9d7b3a5e4d2c1b0a9f8e\nrole = owner\n",
        );
        let folder = tempfile::tempdir().unwrap();
        let mut chat = Program::piped(replyd(folder.path()).args([
            "chat",
            &format!("{}/owner", server.url()),
            "-m",
            "hello",
        ]));
        assert_eq!(chat.exit_code(), Some(1));
        let told = chat.stderr.all();
        assert!(told.ends_with("a page that opens in a browser; the chat is at '/'.\n"), "{told}");
    }

    #[test]
    fn a_file_of_what_visitors_write_is_nobody_elses() {
        let public = |mode: u32| {
            let server = Replyd::serve_with("[bot]\nunanswered_file = unanswered.txt\n", |command| {
                let file = command.get_current_dir().unwrap().join("unanswered.txt");
                fs::write(&file, "").unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            });
            server.stop().contains("unanswered.txt, which has what visitors write; run: chmod o-rwx '")
        };
        assert!(public(0o644));
        assert!(!public(0o640));
    }

    #[test]
    fn a_site_needs_a_chat_without_keys() {
        let folder = tempfile::tempdir().unwrap();
        let mut init = Program::piped(replyd(folder.path()).args(["init", "shop"]));
        assert_eq!(init.exit_code(), Some(0));
        let steps = init.stderr.all();
        let site = steps.split(" 7. ").nth(1).unwrap();
        assert!(
            site.contains("require_key = no") && site.contains("Never put a key on a public page"),
            "{steps}"
        );
        for site in [include_str!("../../README.md"), include_str!("../../src/guide/site.md")] {
            let (before, _) = site.split_once("<script").unwrap();
            assert!(before.contains("\nrequire_key = no\n"), "{before}");
        }
    }
}
