//! The owner's page: what it shows, and what can be done from it, over its own WebSocket.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    process::Command,
};

use replyd::{Client, ClientOptions, Event};
use serde_json::{Value, json};

use crate::support::{Opcode, Raw, Replyd, wait_until};

const KEY: &str = "the owner's own key";
pub(crate) const SETTINGS: &str = "[bot]\ngreeting =\nreplies_file = replies.ini\nunanswered_file = kept.txt\nstatistics_file = kept.tsv\n\
    [key anna]\nsecret_sha256 = 2ab866fe1a2e72eeb2f0dc5ed3f6c4d57a0df18475c98f21980fa6b4abe92eac\nrole = owner\n";
pub(crate) const REPLIES: &str = "; Anna's answers\n[replies]\nopening hours | when & open = From 9 to 5.\nparking = Behind the house.\n\
    unknown = Call us.\n\n[tests]\nwhere may I leave my car = parking\n";

/// A server with a file of replies.
pub(crate) fn serve(settings: &str) -> Replyd {
    Replyd::serve_with(settings, |command: &mut Command| {
        fs::write(command.get_current_dir().unwrap().join("replies.ini"), REPLIES).unwrap();
    })
}

/// An owner's page.
pub(crate) struct Page(Client);

impl Page {
    #[track_caller]
    pub(crate) fn open(server: &Replyd) -> Page {
        let mut options = ClientOptions::default();
        options.key = Some(KEY.to_owned());
        options.headers = vec![("Origin".to_owned(), format!("http://{}", server.address))];
        options.subprotocols = vec!["replyd-owner".to_owned()];
        Page(Client::connect_with(&format!("{}/owner", server.url()), &options).unwrap())
    }

    pub(crate) fn send(&mut self, wish: &Value) {
        self.say(&wish.to_string());
    }

    fn say(&mut self, text: &str) {
        self.0.send(text).unwrap();
    }

    /// The next document of a kind.
    #[track_caller]
    pub(crate) fn next(&mut self, kind: &str) -> Value {
        loop {
            let Some(Event::Text(text)) = self.0.next().unwrap() else { continue };
            let document: Value = serde_json::from_str(&text).unwrap();
            if document["kind"] == kind {
                return document;
            }
        }
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, wish: &Value, kind: &str) -> Value {
        self.send(wish);
        self.next(kind)
    }

    /// The text of the file, and what stands for it.
    #[track_caller]
    pub(crate) fn file(&mut self) -> (String, Value) {
        let file = self.ask(&json!({ "do": "file" }), "file");
        (file["text"].as_str().unwrap().to_owned(), file["revision"].clone())
    }

    /// Saves a text in parts.
    pub(crate) fn save(&mut self, text: &str, revision: &Value) {
        let chars: Vec<char> = text.chars().collect();
        for part in chars.chunks(5000) {
            self.send(&json!({ "do": "part", "text": part.iter().collect::<String>() }));
        }
        self.send(&json!({ "do": "save", "revision": revision }));
    }
}

/// Asks the bot.
pub(crate) fn answer(server: &Replyd, message: &str) -> String {
    let mut client = Raw::open(server.address);
    client.say(Opcode::Text, message.as_bytes());
    client.text()
}

pub(crate) fn replies(server: &Replyd) -> String {
    fs::read_to_string(server.folder.path().join("replies.ini")).unwrap()
}

#[test]
fn the_page_is_there_for_owners_only_and_in_no_frame() {
    let get = |server: &Replyd, path: &str| {
        Raw::connect(server.address).ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    };
    let server = serve(&format!("[web]\nembed_origins = any\n{SETTINGS}"));
    for (path, kind) in
        [("/owner", "text/html"), ("/owner.css", "text/css"), ("/owner.js", "text/javascript")]
    {
        let answer = get(&server, path);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, vec![format!("{kind}; charset=utf-8")]),
            "{path}"
        );
        let policy = answer.header("content-security-policy");
        assert!(
            policy[0].starts_with("default-src 'none'") && policy[0].ends_with("frame-ancestors 'none'"),
            "{policy:?}"
        );
    }
    let hostile = "GET /owner HTTP/1.1\r\nHost: a; script-src *\r\nVia: 1.1 proxy\r\n\r\n";
    let hostile = Raw::connect(server.address).ask(hostile);
    assert_eq!(hostile.status, 200);
    assert!(!hostile.head.contains("script-src *"), "{hostile:?}");
    let policy = get(&server, "/owner").header("content-security-policy");
    assert!(policy[0].contains("connect-src 'self' ws://localhost wss://localhost;"), "{policy:?}");
    assert_eq!(get(&server, "/").status, 200);
    let without = serve(&SETTINGS.replace("role = owner\n", ""));
    for path in ["/owner", "/owner.css", "/owner.js"] {
        assert_eq!(get(&without, path).status, 404, "{path}");
    }
}

#[test]
fn a_question_is_answered() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    let now = page.next("now");
    assert_eq!((&now["names"], &now["read_only"]), (&json!(["opening hours", "parking"]), &Value::Null));
    for _ in 0..3 {
        assert_eq!(answer(&server, "Do you have rye?"), "Call us.");
    }
    wait_until("they are kept", || {
        fs::read_to_string(server.folder.path().join("kept.txt")).is_ok_and(|kept| kept.lines().count() == 3)
    });
    let questions = page.ask(&json!({ "do": "questions" }), "questions");
    assert_eq!(questions["unanswered"][0]["sentence"], "do you have rye");
    assert_eq!(questions["unanswered"][0]["count"], 3);

    let wish = json!({ "do": "propose", "question": "do you have rye", "reply": "Yes, on Thursdays." });
    let proposal = page.ask(&wish, "proposal");
    assert_eq!(proposal["why"], Value::Null, "{proposal}");
    assert_eq!(
        proposal["lines"][0],
        json!({ "line": 6, "sign": "+", "text": "do you have rye = Yes, on Thursdays." })
    );
    assert_eq!(replies(&server), REPLIES);
    let apply = |proposal: &Value| {
        let mut wish = wish.clone();
        (wish["do"], wish["revision"]) = ("apply".into(), proposal["revision"].clone());
        wish
    };
    assert_eq!(page.ask(&apply(&proposal), "applied")["question"], "do you have rye");
    server.log().wait_for("anna changed replies.ini: +2 -0 lines");
    server.log().wait_for("reloaded config.ini: +1 ~0 -0 replies");
    assert_eq!(answer(&server, "Do you have rye?"), "Yes, on Thursdays.");
    let expected = REPLIES.replace("Call us.\n", "Call us.\ndo you have rye = Yes, on Thursdays.\n")
        + "do you have rye = do you have rye\n";
    assert_eq!(replies(&server), expected);
    // It is no longer a question without an answer.
    assert_eq!(page.ask(&json!({ "do": "questions" }), "questions")["unanswered"], json!([]));
}

#[test]
fn what_another_phrase_would_change_is_shown_before() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    let wish = json!({ "do": "propose", "question": "car", "to": "opening hours" });
    let proposal = page.ask(&wish, "proposal");
    assert!(proposal["why"].as_str().unwrap().starts_with("a test would fail: "), "{proposal}");
    answer(&server, "we come by train");
    wait_until("it is kept", || {
        fs::read_to_string(server.folder.path().join("kept.txt")).is_ok_and(|kept| kept.contains("train"))
    });
    let wish = json!({ "do": "propose", "question": "train", "to": "parking" });
    let proposal = page.ask(&wish, "proposal");
    let change = json!({ "message": "we come by train", "before": "Call us.", "after": "Behind the house." });
    assert_eq!((&proposal["changes"], &proposal["phrase"]), (&json!([change]), &json!("train")));
    // The same with a phrase of the owner's own, with which a reply is found by fewer words.
    let wish = json!({ "do": "propose", "question": "a train to you", "phrase": "train*", "to": "parking" });
    let proposal = page.ask(&wish, "proposal");
    assert_eq!((&proposal["changes"], &proposal["phrase"]), (&json!([change]), &json!("train*")));
    assert_eq!(proposal["warnings"], json!([]));
    let wish = json!({ "do": "propose", "question": "a tram to you", "phrase": "train*", "to": "parking" });
    let proposal = page.ask(&wish, "proposal");
    assert!(proposal["warnings"][0].as_str().unwrap().contains("does not match the question"), "{proposal}");
}

#[test]
fn statistics_and_trying() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    answer(&server, "parking");
    let tried = page.ask(&json!({ "do": "ask", "text": "When do you open?" }), "answer");
    assert_eq!(tried["text"], "From 9 to 5.");
    assert!(tried["why"].as_str().unwrap().contains("when & open"), "{tried}");
    let statistics = page.ask(&json!({ "do": "statistics", "since": "30d" }), "statistics");
    assert_eq!(statistics["unused"], json!(["opening hours", "parking"]));
    for wish in ["{", "[]", "{\"do\":\"fly\"}", "{\"do\":\"ask\"}", "null", "\u{1f339}"] {
        page.say(wish);
        page.next("failed");
    }
    let wish = json!({ "do": "statistics", "since": "<script>" });
    assert!(page.ask(&wish, "statistics")["why"].as_str().unwrap().contains("expected"));
}

#[test]
fn the_file_is_saved_only_if_it_is_right_and_nobody_else_has() {
    let server = serve(SETTINGS);
    let (mut page, mut other) = (Page::open(&server), Page::open(&server));
    let (text, revision) = page.file();
    assert_eq!(text, REPLIES);
    // A long file comes in parts.
    let long = text.replace("; Anna's answers", &"; Anna's answers 🌹\n".repeat(1000));
    page.save(&long, &revision);
    let saved = page.next("saved");
    assert_eq!((&saved["lines_added"], &saved["lines_removed"]), (&json!(1001), &json!(1)));
    assert_eq!(replies(&server), long);

    // The other one has still the file of before.
    other.save("[replies]\na = b\n", &revision);
    let refused = other.next("refused");
    assert_eq!(
        (&refused["what"], &refused["text"], &refused["revision"]),
        (&json!("save"), &json!(long), &saved["revision"])
    );
    for (text, why) in [
        ("[replies]\nbroken\n", "replies.ini:2: "),
        ("[replies]\na = x\nb = y\n[tests]\na = b\n", "replies.ini:5: "),
        ("; see [replies]\n[smalltalk]\nhi = Hello\n", "replies.ini:1: there is no [replies]"),
    ] {
        page.save(text, &saved["revision"]);
        let refused = page.next("refused");
        assert!(refused["why"].as_str().unwrap().contains(why), "{refused}");
    }
    assert_eq!(replies(&server), long);

    // Back to the version of before, which is looked at first.
    let version = page.ask(&json!({ "do": "file" }), "file")["versions"][0]["version"].clone();
    let shown = page.ask(&json!({ "do": "version", "version": version }), "version");
    assert_eq!((&shown["version"], &shown["text"]), (&version, &json!(REPLIES)));
    let restored =
        page.ask(&json!({ "do": "restore", "version": version, "revision": saved["revision"] }), "saved");
    assert_eq!(replies(&server), REPLIES);
    assert_eq!(restored["revision"], revision);
    let file = page.ask(&json!({ "do": "file" }), "file");
    assert_eq!(file["versions"].as_array().unwrap().len(), 2);
    let mode = |name: &str| fs::metadata(server.folder.path().join(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("replies.ini"), mode("config.ini") | 0o44);
}

#[test]
fn a_full_server_hands_out_the_page() {
    let server = serve(&format!("[server]\nmax_clients = 1\n{SETTINGS}"));
    let get = |path: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Raw::connect(server.address).ask(&head).status
    };
    let _visitor = Raw::open(server.address);
    let owners = [(); 2].map(|()| {
        for path in ["/owner", "/owner.css", "/owner.js"] {
            assert_eq!(get(path), 200, "{path}");
        }
        Page::open(&server)
    });
    // Where there is no place any more, the page finds out why.
    assert_eq!(get("/owner"), 503);
    assert_eq!(get("/owners"), 503);
    drop(owners);
    wait_until("there is a place", || get("/owner") == 200);
}

#[test]
fn the_last_minute_is_known_before_anybody_looks() {
    let server = serve(SETTINGS);
    let mut visitor = Raw::open(server.address);
    wait_until("answers are counted", || {
        visitor.say(Opcode::Text, b"parking");
        visitor.text();
        let now = Page::open(&server).next("now");
        now["answers_a_minute"].as_f64().unwrap() > 0.0 && now["clients"] == 1
    });
}

#[test]
fn only_what_has_changed_is_sent() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    let mut now = page.next("now");
    assert!(now["names"].is_array(), "{now}");
    let _visitor = Raw::open(server.address);
    while now["clients"] != 1 {
        now = page.next("now");
        assert!(now.get("names").is_none() && now.get("file").is_none(), "{now}");
    }
}

/// A part that is missing must not be missing in the file.
#[test]
fn a_text_that_did_not_arrive_as_a_whole_is_not_saved() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    let (_, revision) = page.file();
    let long = format!("{REPLIES}; {}\n", "x".repeat(9000));
    let save = json!({ "do": "save", "revision": revision });
    // Over 2 MiB, and then what would be a file by itself.
    for _ in 0..300 {
        page.send(&json!({ "do": "part", "text": long }));
    }
    let why = "the text is too long, or did not arrive as a whole; change the file on the server";
    assert_eq!(page.ask(&save, "refused")["why"], why);
    page.say("{\"do\":\"part\",\"text\":\"; half of");
    page.next("failed");
    page.send(&json!({ "do": "part", "text": REPLIES }));
    assert_eq!(page.ask(&json!({ "do": "check" }), "failed")["why"], why);
    assert_eq!(replies(&server), REPLIES);
    page.save(&long, &revision);
    page.next("saved");
    assert_eq!(replies(&server), long);
}

/// Insults, and questions about other shops.
#[test]
fn a_question_that_needs_no_answer_is_settled() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    for message in ["Do you sell shoes?", "are you a robot", "where may I leave my cart"] {
        answer(&server, message);
    }
    wait_until("they are kept", || {
        fs::read_to_string(server.folder.path().join("kept.txt")).is_ok_and(|kept| kept.lines().count() == 3)
    });
    let questions = |page: &mut Page| {
        let questions = page.ask(&json!({ "do": "questions" }), "questions");
        let count = |list: &str| questions[list].as_array().unwrap().len();
        (count("unanswered"), count("guesses"))
    };
    assert_eq!(questions(&mut page), (2, 1));
    for (question, left) in
        [("do you sell shoes", (1, 1)), ("where may i leave my cart", (1, 0)), ("are you a robot", (0, 0))]
    {
        let wish = json!({ "do": "propose", "question": question, "to": "unknown" });
        let proposal = page.ask(&wish, "proposal");
        assert_eq!((&proposal["why"], &proposal["phrase"]), (&Value::Null, &Value::Null), "{proposal}");
        assert_eq!(proposal["lines"].as_array().unwrap().len(), 1, "{proposal}");
        let apply =
            json!({ "do": "apply", "question": question, "to": "unknown", "revision": proposal["revision"] });
        page.ask(&apply, "applied");
        wait_until("it is settled", || questions(&mut page) == left);
    }
    assert_eq!(
        replies(&server),
        format!(
            "{REPLIES}do you sell shoes = unknown\nwhere may i leave my cart = unknown\nare you a robot = unknown\n"
        )
    );
    let mut unanswered = crate::support::replyd(server.folder.path());
    let unanswered = unanswered.arg("unanswered").output().unwrap();
    assert_eq!((String::from_utf8_lossy(&unanswered.stdout), unanswered.status.success()), ("".into(), true));
    // A reply has to be found by something else.
    let wish = json!({ "do": "propose", "question": "parking", "to": "unknown" });
    let why = page.ask(&wish, "proposal")["why"].clone();
    assert!(why.as_str().unwrap().contains("would still be answered by"), "{why}");
}

#[test]
fn what_check_finds_has_its_line() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    page.send(&json!({ "do": "part", "text": "[replies]\nbroken\n" }));
    let checked = page.ask(&json!({ "do": "check" }), "checked");
    assert_eq!(checked["errors"][0]["line"], 2);
    page.send(&json!({ "do": "part", "text": "[replies]\na = x\nb = y\n" }));
    page.send(&json!({ "do": "part", "text": "[tests]\na = b\n" }));
    let checked = page.ask(&json!({ "do": "check" }), "checked");
    assert_eq!((&checked["errors"], &checked["failures"][0]["line"]), (&json!([]), &json!(5)));
}

#[test]
fn what_the_log_says_at_the_start_is_a_notice() {
    let server = Replyd::serve_with(SETTINGS, |command: &mut Command| {
        let replies = REPLIES.replace("where may I leave my car = parking", "opening hours = parking");
        fs::write(command.get_current_dir().unwrap().join("replies.ini"), replies).unwrap();
    });
    let notices = Page::open(&server).next("notices");
    let text = notices["notices"][0]["text"].as_str().unwrap();
    assert!(text.contains("replies.ini:8: ") && text.contains("should be answered by"), "{notices}");
}

/// A mistake made in an editor is seen where it is looked for.
#[test]
fn a_file_that_is_refused_is_a_notice() {
    let server = serve(SETTINGS);
    let mut page = Page::open(&server);
    page.next("now");
    let file = server.folder.path().join("replies.ini");
    fs::write(&file, "[replies]\nbroken\n").unwrap();
    page.next("notices");
    let notices = page.next("notices");
    assert!(notices["notices"][0]["text"].as_str().unwrap().starts_with("replies.ini:2: "), "{notices}");
    fs::write(&file, REPLIES).unwrap();
    assert_eq!(page.next("notices")["notices"], json!([]));
}

#[track_caller]
fn read_only(server: &Replyd, why: &str) {
    let mut page = Page::open(server);
    let now = page.next("now");
    assert!(now["read_only"].as_str().unwrap_or_default().contains(why), "{now}");
    let wish = json!({ "do": "apply", "question": "rye", "reply": "Yes.", "revision": "" });
    page.ask(&wish, "refused");
}

#[test]
fn files_that_the_page_must_not_touch() {
    read_only(
        &Replyd::serve(&SETTINGS.replace("replies_file = replies.ini\n", "")),
        "replies_file = replies.ini",
    );
    // A link that leads to another file of the configuration, since the start.
    let server = serve(SETTINGS);
    let file = |name: &str| server.folder.path().join(name);
    fs::write(file("kept.txt"), REPLIES).unwrap();
    fs::remove_file(file("replies.ini")).unwrap();
    symlink(file("kept.txt"), file("replies.ini")).unwrap();
    read_only(&server, "is the same file as");
    let folder_of = |server: &Replyd| server.folder.path().to_owned();
    let server = serve(SETTINGS);
    let elsewhere = folder_of(&server).join("elsewhere.ini");
    fs::rename(folder_of(&server).join("replies.ini"), &elsewhere).unwrap();
    symlink(&elsewhere, folder_of(&server).join("replies.ini")).unwrap();
    // Where a link leads, the file is replaced, and the link stays.
    let mut page = Page::open(&server);
    let (text, revision) = page.file();
    page.save(&text.replace("9 to 5", "10 to 4"), &revision);
    page.next("saved");
    assert!(fs::read_to_string(&elsewhere).unwrap().contains("10 to 4"));
    assert!(fs::symlink_metadata(folder_of(&server).join("replies.ini")).unwrap().is_symlink());
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let server = serve(SETTINGS);
    let file = server.folder.path().join("replies.ini");
    // Root may write everywhere, but the file is another user's.
    if nix::unistd::geteuid().is_root() {
        nix::unistd::chown(&file, Some(12345.into()), None).unwrap();
        read_only(&server, "belongs to another user");
    } else {
        let set = |mode| fs::set_permissions(server.folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        set(0o500);
        read_only(&server, "may not write to");
        set(0o700);
    }
    assert_eq!(replies(&server), REPLIES);
}
