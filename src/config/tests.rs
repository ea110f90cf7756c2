use std::{collections::HashSet, time::Duration};

use super::{
    results::Loaded,
    sections::PAGE_TEXTS,
    settings::{Config, ConfigFiles, SETTINGS},
    values::MAX_DURATION,
};
use crate::{
    auth::{Key, Role},
    ini,
    languages::{Language, PageTexts},
    replies,
};

fn faults(text: &str) -> Vec<String> {
    match Config::parse(text, "f") {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[track_caller]
fn check_fault(text: &str, line: usize, words: &[&str]) {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{text:?}: {faults:?}");
    assert!(faults[0].starts_with(&format!("f:{line}: ")), "{faults:?}");
    for word in words {
        assert!(faults[0].contains(word), "{word:?} in {faults:?}");
    }
}

#[test]
fn mistakes_say_what_to_write() {
    for (name, near) in
        [("Replies", "replies"), ("reply", "replies"), ("variables", "vars"), ("key", "key NAME")]
    {
        check_fault(&format!("[{name}]\n"), 1, &[&format!("did you mean [{near}]?")]);
    }
    check_fault("[sever]\n", 1, &["no section [sever]", "did you mean [server]?"]);
    check_fault(
        "[server]\nmax_client = 3",
        2,
        &["no setting \"max_client\"", "did you mean \"max_clients\"?"],
    );
    check_fault("[server]\ngreeting = x", 2, &["it belongs to [bot]"]);
    check_fault(
        "[server]\nmax_clients = lots",
        2,
        &["a whole number", "found \"lots\"", "max_clients = 1000"],
    );
    check_fault("[server]\nmax_clients = 10k", 2, &["a whole number"]);
    check_fault("[server]\nmax_clients = 0", 2, &["from 1 to"]);
    check_fault("[server]\nidle_timeout = 30", 2, &["a unit (ms, s, m, h or d)", "idle_timeout = 30m"]);
    check_fault("[server]\nidle_timeout = 30 s", 2, &["unit"]);
    check_fault("[server]\nidle_timeout = 99999999999d", 2, &["a year at most"]);
    check_fault("[server]\nping_interval = 0s", 2, &["longer than zero"]);
    check_fault("[server]\nlisten = 5000", 2, &["an address and a port", "127.0.0.1:5000"]);
    check_fault("[server]\nlisten = ::1:5000", 2, &["an address and a port"]);
    check_fault("[auth]\nrequire_key = true", 2, &["yes or no"]);
    check_fault("[log]\ntranscript = yes\ntranscript = no", 3, &["already at line 2"]);
    check_fault("[server]\nlisten = *:5000", 2, &["0.0.0.0 is every IPv4 address"]);
    assert!(loaded("[log]\nlevel = loud").1[0].contains("warn, info"));
    check_fault("[replies]\na = b\nA = c", 3, &["already at line 2"]);
    check_fault("[replies]\na =", 2, &["is empty"]);
}

#[test]
fn all_faults_in_one_run_in_the_order_of_the_file() {
    let found = faults("x = y\n[server]\nport = 1\nmax_clients = x\n[replies]\na =\n");
    let lines: Vec<&str> = found.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    assert_eq!(lines, ["f:1:", "f:3:", "f:4:", "f:6:"]);
}

#[test]
fn keys() {
    let secret = "0123456789abcdef";
    let sha256 = Key::new("a", secret).unwrap().sha256_hex();
    let config =
        Config::parse(&format!("[key a]\nsecret_sha256 = {sha256}\n[key b]\nsecret = x{secret}"), "f")
            .unwrap();
    assert_eq!(config.keys.iter().map(Key::name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(config.keys[0], Key::new("a", secret).unwrap());

    check_fault("[key a]\n", 1, &["either secret or secret_sha256"]);
    check_fault(
        "[key a]\nsecret = short-one",
        2,
        &["secret of [key a] has 9 characters", "'replyd key new a'"],
    );
    check_fault("[key a]\nsecret = change-me-change-me", 2, &["replyd key new"]);
    check_fault("[key a]\nsecret_sha256 = abc", 2, &["64 hexadecimal digits"]);
    check_fault(
        "[key a b]\nsecret = 0123456789abcdef",
        2,
        &["secret of [key a b]", "the name must have 1 to 64 characters, all of them letters"],
    );
    check_fault(&format!("[key a]\nsecret = {secret}\nsecret_sha256 = {sha256}"), 1, &["either"]);
}

#[test]
fn each_key_has_a_secret_of_its_own() {
    let secret = "0123456789abcdef";
    let sha256 = Key::new("a", secret).unwrap().sha256_hex();
    let [plain, hashed] =
        [format!("secret = {secret}"), format!("secret_sha256 = {}", sha256.to_uppercase())];
    for (first, second) in [(&plain, &plain), (&plain, &hashed), (&hashed, &plain), (&hashed, &hashed)] {
        let text = format!("[key a]\n{first}\n[key b]\norigins = any\n{second}\n");
        check_fault(&text, 5, &["[key b] has the secret of [key a] at line 2", "replyd key new b"]);
        assert!(!faults(&text).concat().contains(&secret[..8]), "{:?}", faults(&text));
    }
    let three = format!("[key a]\n{plain}\n[key b]\n{plain}\n[key c]\n{hashed}\n");
    assert_eq!(faults(&three).len(), 2, "{:?}", faults(&three));
    check_fault(
        "[key a]\nsecret = 0123456789abcdef\n[key  a]\nsecret = another secret key",
        3,
        &["already begins at line 1"],
    );

    let keys = ["a", "b"].map(|name| Key::new(name, secret).unwrap()).to_vec();
    let config = Config { keys, ..Config::default() };
    let error = config.checked().unwrap_err();
    assert!(
        error.is_config() && error.to_string().contains("the keys a and b have the same secret"),
        "{error}"
    );
}

#[test]
fn no_fault_and_no_debug_shows_a_secret() {
    let text = "[key a]\nsecret = tell-nobody-this\nsecret = tell-nobody-this\nsecrets = tell-nobody-this";
    let yaml =
        "[key a]\nsecret: tell-nobody-this==\nsecret: tell-nobody-this==\n[auth]\nkey: tell-nobody-this==";
    let shown = [faults(text), faults(yaml)].concat().join("\n");
    assert!(!shown.is_empty() && !shown.contains("tell-nobody"), "{shown}");
    let config = Config::parse("[key a]\nsecret = tell-nobody-this", "f").unwrap();
    let sha256 = config.keys[0].sha256_hex();
    let shown = format!("{config:?}");
    assert!(!shown.contains("tell-nobody") && !shown.contains(&sha256), "{shown}");
}

#[test]
fn fields_that_no_server_can_work_with() {
    let check = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        config.checked()
    };
    let config = check(|config| {
        config.ping_interval = Duration::MAX;
        config.idle_timeout = Duration::MAX;
    });
    assert_eq!(config.unwrap().ping_interval, MAX_DURATION);
    assert!(check(|config| config.write_timeout = Duration::ZERO).unwrap_err().is_config());
    assert!(check(|config| config.max_message_bytes = 10).unwrap_err().is_config());
    assert!(check(|config| config.max_message_bytes = usize::MAX).is_ok());
}

#[test]
fn values() {
    let text = "[server]\nlisten = localhost:0\nidle_timeout = 0s\nping_interval = 250ms\ndrain_timeout = 2m\n\
                [auth]\nrequire_key = no\n[bot]\ngreeting =\n[log]\ntranscript = no";
    let config = Config::parse(text, "f").unwrap();
    assert_eq!(config.listen, "localhost:0");
    assert_eq!(config.idle_timeout, Duration::ZERO);
    assert_eq!(config.ping_interval, Duration::from_millis(250));
    assert_eq!(config.drain_timeout, Duration::from_secs(120));
    assert_eq!(config.require_key, Some(false));
    assert_eq!(config.greeting, "");
    assert!(!config.transcript);
}

#[test]
fn a_text_alone_has_no_setting_without_effect() {
    for (setting, instead) in [
        ("[server]\ntls_certificate = cert.pem", "call Config::load, or set Config::tls"),
        ("[server]\ntls_private_key = key.pem", "call Config::load, or set Config::tls"),
        ("[auth]\njwt_secret_file = jwt.secret", "call Config::load, or set Config::tokens"),
        ("[auth]\njwt_public_key_file = jwt.pem", "call Config::load, or set Config::tokens"),
        ("[bot]\nreplies_file = replies.ini", "call Config::load, or set Config::replies"),
        ("[bot]\nunanswered_file = unanswered.txt", "call Config::load, whose ConfigFiles have it"),
    ] {
        check_fault(setting, 2, &[instead]);
    }
}

#[cfg(feature = "jwt")]
#[test]
fn claims_of_a_text_hold_for_the_keys_that_are_set() {
    use crate::auth::Tokens;
    let text = "[auth]\njwt_issuer = me\njwt_audience = chat";
    let tokens = Config::parse(text, "f").unwrap().tokens;
    let secret = b"0123456789 abcdefghij ABCDEFGHIJ";
    let tokens = tokens.with_secret(secret).unwrap();
    let other = Tokens::default().with_secret(secret).unwrap().mint("a", Duration::from_secs(60)).unwrap();
    assert!(tokens.verify(&other).is_err());
    assert!(tokens.verify(&tokens.mint("a", Duration::from_secs(60)).unwrap()).is_ok());
}

/// All that a text says, and its faults.
fn loaded(text: &str) -> (Loaded, Vec<String>) {
    loaded_with(text, &[])
}

fn loaded_with(text: &str, roles: &[Role]) -> (Loaded, Vec<String>) {
    let (mut sections, mut faults) = ini::parse(text);
    let loaded = Loaded::of_sections(&mut sections, "f", roles, &mut faults);
    (loaded, faults.lines("f"))
}

const EXAMPLE: &str = include_str!("../../config.example.ini");

/// Everything a configuration holds, as text, and what it answers.
fn shown(config: Config) -> (String, Vec<String>) {
    let messages = ["help", "hi", "hello", "why"];
    let answers = messages.map(|message| config.replies.answer(message).reply.to_string()).to_vec();
    (format!("{config:#?}"), answers)
}

#[test]
fn the_example_holds_the_defaults() {
    let (example, faults) = loaded(EXAMPLE);
    assert_eq!(faults, [""; 0]);
    assert_eq!(shown(example.config), shown(Config::default()));
    assert_eq!(format!("{:?}", example.files), format!("{:?}", ConfigFiles::default()));
}

/// The sections that a misspelt line may have meant are those that there are.
#[test]
fn sections_have_one_list() {
    let settings = SETTINGS.iter().map(|setting| setting.section);
    let known: HashSet<&str> = settings.chain(replies::SECTIONS).chain([PAGE_TEXTS]).collect();
    assert_eq!(known, HashSet::from(ini::SECTIONS));
}

/// A warning about a setting among the replies names its section.
#[test]
fn settings_near_the_replies_are_settings() {
    for (name, section, _) in replies::NEARBY_SETTINGS {
        assert!(SETTINGS.iter().any(|known| (known.name, known.section) == (name, section)), "{name}");
    }
}

#[test]
fn the_example_is_valid_with_every_line_uncommented_and_leaves_no_setting_out() {
    let text: Vec<&str> = EXAMPLE.lines().map(|line| line.strip_prefix(';').unwrap_or(line)).collect();
    let text = text.join("\n");
    assert_eq!(loaded_with(&text, &[Role::new("owner", "/owner")]).1, [""; 0]);
    let (sections, _) = ini::parse(&text);
    for setting in SETTINGS {
        let section = sections.iter().find(|section| section.name == setting.section);
        let entry =
            section.and_then(|section| section.entries.iter().find(|entry| entry.name == setting.name));
        assert!(entry.is_some(), "[{}] {} is not in config.example.ini", setting.section, setting.name);
    }
    let page = sections.iter().find(|section| section.name == PAGE_TEXTS).expect("a section [page]");
    let texts: Vec<(&str, &str)> = page.entries.iter().map(|entry| (&*entry.name, &*entry.value)).collect();
    let none = PageTexts::default();
    assert_eq!(texts, Language::ENGLISH.texts(&none).collect::<Vec<_>>());
}
