//! Temporary secrets: tokens in each place where a key may stand, right ones and all kinds of wrong ones.

use std::{
    sync::atomic::{AtomicU16, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData,
};
use replyd::{Config, RunningServer, Tokens};
use serde_json::{Value, json};

use crate::support::{
    GREETING, Raw,
    raw::{frame, upgrade},
    serve_with,
};

const SECRET: &[u8] = b"0123456789 abcdefghij ABCDEFGHIJ";

// Made by openssl; rcgen makes no such keys.
const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----\n\
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC+Kdij/c8gULsSsMOjV/8ZGG29\n\
OUQYf53fGDu6LxEwFjdKjZw0ht725vZfc0xag5weXr3MltpKPjBLQwG+rJflpdDs\n\
xkDuML4I8IyCxJkVFXICeViNpU291E4nD8XmvNuDJXxVsQuti6kt7QTyuyDm6Eag\n\
+LQsi3a4LC5D/jdAvwIDAQAB\n\
-----END PUBLIC KEY-----";
const SECP256K1: &str = "-----BEGIN PUBLIC KEY-----\n\
MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAE3iMz8mPk5XZbtt44etCZvFahUz4Paj9z\n\
tM8XdNYlyICwM4LY8c80pbGs0ZwvFEnBRlzdvPGawuTTvojCaOQC1A==\n\
-----END PUBLIC KEY-----";
const X25519: &str = "-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VuAyEACl3qxLmU+COKm9UdvGaFFmuvF2yPLd3F6Covn55XCRA=\n\
-----END PUBLIC KEY-----";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn tokens() -> Tokens {
    Tokens::default().with_secret(SECRET).unwrap()
}

fn serve(tokens: Tokens) -> RunningServer {
    let mut config = Config::default();
    config.require_key = Some(true);
    config.tokens = tokens;
    serve_with(config, replyd::bot)
}

fn signed(claims: &Value) -> String {
    signed_with(&Header::new(Algorithm::HS256), claims, SECRET)
}

fn signed_with(header: &Header, claims: &Value, secret: &[u8]) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.", part(header), part(claims))
}

/// The statuses that a token gets in each of the four places, which must be the same.
#[track_caller]
fn status(server: &RunningServer, token: &str) -> u16 {
    let percent: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let encoded = BASE64URL_NOPAD.encode(token.as_bytes());
    let heads = [
        upgrade("/", &format!("Authorization: Bearer {token}\r\n")),
        upgrade("/", &format!("X-WS-AUTH-KEY: {token}\r\n")),
        upgrade(&format!("/?accessToken={token}"), ""),
        upgrade(&format!("/?accessToken={percent}"), ""),
        upgrade("/", &format!("Sec-WebSocket-Protocol: replyd, bearer.{encoded}\r\n")),
    ];
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    let statuses = heads.map(|head| {
        // Nobody may guess that many from one address.
        let [high, low] = NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let from = format!("\r\nX-Forwarded-For: 10.0.{high}.{low}\r\n\r\n");
        let head = head.replace("\r\n\r\n", &from);
        if head.len() > 16 * 1024 {
            return 403;
        }
        let mut client = Raw::connect(server.local_addr());
        let answer = client.ask(&head);
        assert!(!answer.body.contains(token) && !answer.head.contains(token), "{answer:?}");
        if answer.status == 101 {
            assert_eq!(client.text(), GREETING);
        }
        answer.status
    });
    assert!(statuses.iter().all(|status| *status == statuses[0]), "{statuses:?}");
    statuses[0]
}

#[test]
fn right_and_wrong_ones_in_each_place() {
    let server = serve(tokens());
    let (soon, past) = (now() + 60, now() - 60);
    let right = json!({ "sub": "shop", "exp": soon });
    let with_header = |change: &dyn Fn(&mut Header)| {
        let mut header = Header::new(Algorithm::HS256);
        change(&mut header);
        signed_with(&header, &right, SECRET)
    };
    for (what, token, expected) in [
        ("right", signed(&right), 101),
        ("without a name", signed(&json!({ "exp": soon })), 101),
        ("as a float", signed(&json!({ "exp": soon as f64 + 0.5 })), 101),
        ("within the leeway", signed(&json!({ "exp": now() - 20 })), 101),
        ("begins within the leeway", signed(&json!({ "exp": soon, "nbf": now() + 20 })), 101),
        ("of 5 KiB", signed(&json!({ "exp": soon, "x": "y".repeat(3500) })), 101),
        ("with an audience, where none is asked for", signed(&json!({ "exp": soon, "aud": "x" })), 101),
        (
            "an unknown kid with a path",
            with_header(&|header| header.kid = Some("../../etc/passwd".into())),
            101,
        ),
        ("a jku to fetch", with_header(&|header| header.jku = Some("https://evil.example".into())), 101),
        ("something critical", with_header(&|header| header.crit = Some(vec!["b64".into()])), 403),
        ("expired", signed(&json!({ "exp": past })), 403),
        ("not yet valid", signed(&json!({ "exp": soon + 600, "nbf": now() + 120 })), 403),
        ("without exp", signed(&json!({ "sub": "shop" })), 403),
        ("exp as a string", signed(&json!({ "exp": soon.to_string() })), 403),
        ("exp as null", signed(&json!({ "exp": null })), 403),
        ("nbf as a string", signed(&json!({ "exp": soon, "nbf": "0" })), 403),
        ("another key", signed_with(&Header::default(), &right, b"another secret, another secret!!"), 403),
        ("HS512", signed_with(&Header::new(Algorithm::HS512), &right, SECRET), 403),
        ("alg none", unsigned(&json!({ "alg": "none" }), &right), 403),
        ("alg None", unsigned(&json!({ "alg": "None", "typ": "JWT" }), &right), 403),
        ("no alg", unsigned(&json!({ "typ": "JWT" }), &right), 403),
        ("signature cut", signed(&right).rsplit_once('.').unwrap().0.to_owned() + ".", 403),
        ("signature shortened", signed(&right).trim_end_matches(|_| true).to_owned() + "a.b.c", 403),
        ("claims that are no object", signed(&json!("exp")), 403),
        ("no token at all", "a.b.c".into(), 403),
        ("two dots", "..".into(), 403),
        ("the secret itself", String::from_utf8(SECRET.to_vec()).unwrap().replace(' ', "_"), 403),
    ] {
        assert_eq!(status(&server, &token), expected, "{what}");
    }
}

/// Milliseconds, where seconds are meant, would be a token that never expires.
#[test]
fn an_expiry_in_milliseconds_is_not_valid() {
    let server = serve(tokens());
    for exp in [json!(now() * 1000), json!(100_000_000_001_u64), json!(u64::MAX), json!(1e300)] {
        assert_eq!(status(&server, &signed(&json!({ "exp": exp }))), 403, "{exp}");
    }
    assert_eq!(status(&server, &signed(&json!({ "exp": 100_000_000_000_u64 }))), 101);
}

#[test]
fn claims_that_were_changed_after_signing_are_not_valid() {
    let server = serve(tokens());
    let token = signed(&json!({ "sub": "shop", "exp": now() + 60 }));
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let claims = json!({ "sub": "boss", "exp": now() + 60 }).to_string();
    let forged = BASE64URL_NOPAD.encode(claims.as_bytes());
    assert_eq!(status(&server, &format!("{head}.{forged}.{signature}")), 403);
}

#[test]
fn two_tokens_are_two_credentials() {
    let server = serve(tokens());
    let [one, other] = ["a", "b"].map(|name| signed(&json!({ "sub": name, "exp": now() + 60 })));
    let ask = |first: &str, second: &str| {
        let headers = format!("Authorization: Bearer {first}\r\nX-WS-AUTH-KEY: {second}\r\n");
        Raw::connect(server.local_addr()).ask(&upgrade("/", &headers)).status
    };
    assert_eq!(ask(&one, &one), 101);
    assert_eq!(ask(&one, &other), 400);
    assert_eq!(ask(&one, ""), 101);
}

#[test]
fn issuer_and_audience_are_required_when_set() {
    let server = serve(tokens().with_issuer("https://login.example").with_audience("chat"));
    let status_of = |mut claims: Value| {
        claims["exp"] = json!(now() + 60);
        status(&server, &signed(&claims))
    };
    assert_eq!(status_of(json!({ "iss": "https://login.example", "aud": "chat" })), 101);
    assert_eq!(status_of(json!({ "iss": "https://login.example", "aud": ["shop", "chat"] })), 101);
    assert_eq!(status_of(json!({ "iss": "https://login.example" })), 403);
    assert_eq!(status_of(json!({ "aud": "chat" })), 403);
    assert_eq!(status_of(json!({ "iss": "https://login.example", "aud": "shop" })), 403);
    assert_eq!(status_of(json!({ "iss": "https://evil.example", "aud": "chat" })), 403);
    assert_eq!(status_of(json!({ "iss": 1, "aud": "chat" })), 403);
    let minted = tokens()
        .with_issuer("https://login.example")
        .with_audience("chat")
        .mint("a", std::time::Duration::from_secs(60));
    assert_eq!(status(&server, &minted.unwrap()), 101);
}

/// The public key as its owner publishes it is no secret, and must not verify what is signed with it.
#[test]
fn public_keys_and_no_confusion_of_algorithms() {
    let right = json!({ "sub": "shop", "exp": now() + 60 });
    let pair = |algorithm| {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        (pair.serialize_pem(), pair.public_key_pem())
    };
    let all = [
        {
            let keys = pair(&PKCS_RSA_SHA256);
            let encoding = EncodingKey::from_rsa_pem(keys.0.as_bytes());
            (Algorithm::RS256, keys, encoding)
        },
        {
            let keys = pair(&PKCS_ECDSA_P256_SHA256);
            let encoding = EncodingKey::from_ec_pem(keys.0.as_bytes());
            (Algorithm::ES256, keys, encoding)
        },
        {
            let keys = pair(&PKCS_ED25519);
            let encoding = EncodingKey::from_ed_pem(keys.0.as_bytes());
            (Algorithm::EdDSA, keys, encoding)
        },
    ];
    for (algorithm, (_, public), encoding) in &all {
        let encoding = encoding.as_ref().unwrap();
        let server = serve(Tokens::default().with_public_key(public.as_bytes()).unwrap());
        let token = encode(&Header::new(*algorithm), &right, encoding).unwrap();
        assert_eq!(status(&server, &token), 101, "{algorithm:?}");
        for secret in [public.as_bytes(), public.trim_end().as_bytes()] {
            let confused = signed_with(&Header::new(Algorithm::HS256), &right, secret);
            assert_eq!(status(&server, &confused), 403, "{algorithm:?}");
        }
        // Another key of the same kind, and both kinds beside each other.
        for (other, (_, other_public), _) in &all {
            let both = tokens().with_public_key(other_public.as_bytes()).unwrap();
            let expected = if other == algorithm { 101 } else { 403 };
            assert_eq!(status(&serve(both), &token), expected, "{algorithm:?} {other:?}");
        }
    }
    assert!(
        Tokens::default()
            .with_public_key(b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----")
            .is_err()
    );
    assert!(Tokens::default().with_secret(&SECRET[1..]).is_err());
}

/// What a file named as `jwt_public_key_file` may hold by mistake.
#[test]
fn what_is_not_one_public_key_is_refused_with_its_reason() {
    let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let public = p256.public_key_pem();
    let relabelled = rsa.serialize_pem().replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let certificate =
        rcgen::CertificateParams::new(["a".to_owned()]).unwrap().self_signed(&p256).unwrap().pem();
    let off_the_curve = {
        let mut der = p256.subject_public_key_info();
        *der.last_mut().unwrap() ^= 1;
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            data_encoding::BASE64.encode(&der)
        )
    };
    for (pem, why) in [
        (p256.serialize_pem(), "holds a private key"),
        (rsa.serialize_pem(), "holds a private key"),
        (relabelled, "openssl pkey -in FILE -pubout"),
        (public.clone() + &p256.serialize_pem(), "holds a private key"),
        (public.clone() + &rsa.public_key_pem(), "holds 2 keys"),
        (public.repeat(3), "holds 3 keys"),
        (certificate, "openssl x509 -in FILE -noout -pubkey"),
        (RSA_1024.to_owned(), "holds an RSA key of 1024 bits, which can be broken; use at least 2048"),
        (p384.public_key_pem(), "holds a key on the curve P-384; the only supported curve is P-256"),
        (SECP256K1.to_owned(), "holds a key that is not on P-256"),
        (off_the_curve, "holds a key that is not on P-256"),
        (X25519.to_owned(), "is not a public key of RSA, P-256 or Ed25519"),
        (public.replace("PUBLIC", "SECRET"), "is not a public key of RSA, P-256 or Ed25519"),
        (public.replace('A', "!"), "is not a public key of RSA, P-256 or Ed25519"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq a@b".to_owned(), "'-----BEGIN PUBLIC KEY-----'"),
        (String::new(), "'-----BEGIN PUBLIC KEY-----'"),
    ] {
        let error = Tokens::default().with_public_key(pem.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{why:?} for {pem}: {error}");
    }
    // Words before it, and other line ends, are part of the format.
    for pem in [format!("The key of our login service:\n{public}"), public.replace('\n', "\r\n")] {
        assert!(Tokens::default().with_public_key(pem.as_bytes()).is_ok(), "{pem}");
    }
    // Everybody may know a public key: as a secret it would sign whatever anybody likes.
    for pem in [public, p256.serialize_pem()] {
        let error = Tokens::default().with_secret(pem.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("jwt_public_key_file"), "{error}");
    }
}

#[test]
fn a_session_ends_when_its_token_does() {
    let server = serve(tokens());
    // 30 seconds of leeway are over in a moment.
    let token = signed(&json!({ "sub": "shop", "exp": now() - 28 }));
    let enter = || {
        let mut client = Raw::connect(server.local_addr());
        assert_eq!(client.ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {token}\r\n"))).status, 101);
        assert_eq!(client.text(), GREETING);
        client
    };
    let (mut silent, mut talking) = (enter(), enter());
    let talker = std::thread::spawn(move || {
        let mut answers = 0;
        while talking.try_send(&frame(0x81, b"hello")).is_ok() {
            match talking.frame() {
                Some(frame) if frame.first_byte == 0x81 => answers += 1,
                Some(frame) => return (answers, u16::from_be_bytes([frame.payload[0], frame.payload[1]])),
                None => break,
            }
        }
        (answers, 0)
    });
    assert_eq!(silent.close_code(), Some(1008));
    let late = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - (now() as f64 + 2.0);
    assert!(late < 1.0, "{late}");
    let (answers, code) = talker.join().unwrap();
    assert!(answers > 0);
    assert_eq!(code, 1008);
    assert_eq!(
        Raw::connect(server.local_addr()).ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {token}\r\n"))).status,
        403
    );
}

#[test]
fn a_handler_knows_the_name_in_the_token() {
    let mut config = Config::default();
    config.tokens = tokens();
    let server = serve_with(config, |session| {
        let caller = session.caller().unwrap_or("nobody").to_owned();
        Ok(session.send(caller)?)
    });
    let token = signed(&json!({ "sub": "Anna\r\n\u{1b}[31m", "exp": now() + 60 }));
    let mut client = Raw::connect(server.local_addr());
    client.ask(&upgrade("/", &format!("Authorization: Bearer {token}\r\n")));
    assert_eq!(client.text(), "Anna\r\n\u{1b}[31m");
}

#[test]
fn the_first_secret_of_tokens_closes_an_open_server() {
    let server = crate::support::serve("");
    let mut guest = Raw::open(server.local_addr());
    assert_eq!(guest.text(), GREETING);
    let mut config = Config::default();
    config.tokens = tokens();
    server.reload(config).unwrap();
    assert_eq!(guest.close_code(), Some(1008));
}

#[cfg(feature = "cli")]
mod real {
    use super::*;
    use crate::support::{Program, Replyd, replyd};
    use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

    fn write_secret(folder: &Path, secret: &[u8], mode: u32) {
        let file = folder.join("jwt.secret");
        fs::write(&file, secret).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Runs `replyd` in a folder to its end.
    #[track_caller]
    fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut program = Program::piped(replyd(folder).args(arguments));
        program.close_input();
        (program.exit_code(), program.stdout.all(), program.stderr.all())
    }

    const SETTINGS: &str = "[auth]\njwt_secret_file = jwt.secret\n";

    #[test]
    fn mint_check_and_use_one() {
        let with_secret = |command: &mut Command| {
            write_secret(command.get_current_dir().unwrap(), b"0123456789 abcdefghij ABCDEFGHIJ\n", 0o600);
            command.env("RUST_LOG", "trace");
        };
        let server = Replyd::serve_with(SETTINGS, with_secret);
        let folder = server.folder.path();
        let (code, token, told) = run(folder, &["token", "new", "--name", "shop", "--ttl", "15m"]);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.contains("admits shop to the server until 20"), "{told}");
        let token = token.trim();
        let (code, said, _) = run(folder, &["token", "check", token]);
        assert_eq!(code, Some(0));
        assert!(said.starts_with("valid: shop, until 20"), "{said}");

        let mut client = Program::piped(
            replyd(folder).args(["chat", &server.url(), "-m", "hello"]).env("REPLYD_KEY", token),
        );
        assert_eq!(client.exit_code(), Some(0), "{}", client.stderr.all());
        server.log().wait_for(" shop]");
        for (why, token) in [
            ("expired 3 min ago", signed(&json!({ "exp": now() - 200 }))),
            ("not valid yet, but in ", signed(&json!({ "exp": now() + 900, "nbf": now() + 300 }))),
            (
                "signed with another key",
                signed_with(&Header::default(), &json!({ "exp": now() + 60 }), &[b'x'; 32]),
            ),
            (
                "algorithm none is never accepted",
                unsigned(&json!({ "alg": "none" }), &json!({ "exp": now() + 60 })),
            ),
            (
                "signed with HS512",
                signed_with(&Header::new(Algorithm::HS512), &json!({ "exp": now() + 60 }), SECRET),
            ),
            ("its 'exp' is in milliseconds; it must be in seconds", signed(&json!({ "exp": now() * 1000 }))),
            (
                "its 'nbf' is in milliseconds; it must be in seconds",
                signed(&json!({ "exp": now() + 60, "nbf": now() * 1000 })),
            ),
            ("not a JSON Web Token", "hello".to_owned()),
            ("it has no valid 'exp'", signed(&json!({ "sub": "shop" }))),
        ] {
            let (code, _, told) = run(folder, &["token", "check", &token]);
            assert_eq!(code, Some(1));
            assert!(told.contains(why), "{why}: {told}");
            Raw::connect(server.address).ask(&upgrade(&format!("/?accessToken={token}"), ""));
        }
        let log = server.stop();
        let signature = token.rsplit('.').next().unwrap();
        assert!(!log.contains(signature) && !log.contains("accessToken=ey"), "{log}");
    }

    #[test]
    fn a_secret_that_is_refused_leaves_the_old_one_in_force() {
        let first = b"0123456789 abcdefghij ABCDEFGHIJ\n";
        let server = Replyd::serve_with(SETTINGS, |command: &mut Command| {
            write_secret(command.get_current_dir().unwrap(), first, 0o600);
        });
        let folder = server.folder.path();
        let (_, token, _) = run(folder, &["token", "new", "--name", "shop", "--ttl", "15m"]);
        let status = || {
            Raw::connect(server.address).ask(&upgrade(&format!("/?accessToken={}", token.trim()), "")).status
        };
        assert_eq!(status(), 101);
        write_secret(folder, b"too short", 0o600);
        server.log().wait_for("config.ini:2: jwt_secret_file: the secret has 9 bytes and can be guessed");
        server.log().wait_for("jwt.secret is not accepted: keeping the previous key for tokens");
        assert_eq!(status(), 101);
        fs::write(folder.join("config.ini"), SETTINGS.to_owned() + "[bot]\ngreeting = Welcome\n").unwrap();
        server.log().wait_for("jwt.secret is not accepted");
        server.log().wait_for("changed: greeting");
        assert_eq!(status(), 101);
        write_secret(folder, b"9876543210 jihgfedcba JIHGFEDCBA", 0o600);
        crate::support::wait_until("the new secret holds", || status() == 403);
    }

    #[test]
    fn the_name_in_a_token_stays_within_its_field() {
        let server = Replyd::serve_with(SETTINGS, |command| {
            write_secret(command.get_current_dir().unwrap(), SECRET, 0o600);
        });
        for (sub, field) in [
            ("shop", "shop"),
            ("20471", "20471"),
            ("Müller-1_a.b", "Müller-1_a.b"),
            ("anna@shop.example", "anna@shop.example"),
            ("auth0|5f7c:x+y", "auth0|5f7c:x+y"),
            ("a boss", "a%20boss"),
            (
                "x] Connection refused ... [#2 9.9.9.9:9",
                "x%5D%20Connection%20refused%20...%20%5B%232%209.9.9.9:9",
            ),
            ("\u{1b}[31m\n\u{202e}\u{a0}é%20", "%1B%5B31m%0A%E2%80%AE%C2%A0é%2520"),
        ] {
            // Some services number their users.
            let sub = sub.parse::<u64>().map_or(json!(sub), |number| json!(number));
            let token = signed(&json!({ "sub": sub, "exp": now() + 60 }));
            let mut client = Raw::connect(server.address);
            assert_eq!(client.ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {token}\r\n"))).status, 101);
            let line = server.log().wait_for("Connection established with client ... ");
            let address = client.stream().local_addr().unwrap();
            assert!(line.ends_with(&format!(" {address} {field}]")), "{sub:?}: {line}");

            let (_, said, _) = run(server.folder.path(), &["token", "check", &token]);
            let whole = said.strip_suffix('\n').unwrap();
            assert!(
                whole.starts_with("valid: ") && !whole.contains(['\n', '\u{1b}', '\u{202e}']),
                "{said:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (code, _, told) = run(folder.path(), &["token", "new", "--name", "a", "--ttl", "15m"]);
        assert_eq!(code, Some(2));
        assert!(told.contains("head -c 48 /dev/urandom | base64 > jwt.secret"), "{told}");
        fs::write(folder.path().join("config.ini"), SETTINGS).unwrap();
        let check = || run(folder.path(), &["check"]);
        let (code, _, told) = check();
        assert_eq!(code, Some(2));
        assert!(
            told.contains("config.ini:2: jwt_secret_file: cannot read jwt.secret: No such file"),
            "{told}"
        );
        write_secret(folder.path(), SECRET, 0o644);
        let (code, _, told) = check();
        assert_eq!(code, Some(2));
        assert!(
            told.contains("config.ini:2: jwt_secret_file: everyone can read jwt.secret; run: chmod o-rwx"),
            "{told}"
        );
        write_secret(folder.path(), b"too short", 0o600);
        let (code, _, told) = check();
        assert_eq!(code, Some(2));
        assert!(told.contains("has 9 bytes and can be guessed") && !told.contains("too short"), "{told}");
        let private_key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap().serialize_pem();
        write_secret(folder.path(), private_key.as_bytes(), 0o600);
        fs::write(folder.path().join("config.ini"), "[auth]\njwt_public_key_file = jwt.secret\n").unwrap();
        let (code, _, told) = check();
        assert_eq!(code, Some(2));
        assert!(
            told.contains("config.ini:2: jwt_public_key_file: the PEM file holds a private key")
                && !told.contains(&private_key[40..60]),
            "{told}"
        );
        fs::write(folder.path().join("config.ini"), SETTINGS).unwrap();
        write_secret(folder.path(), SECRET, 0o600);
        assert_eq!(check().0, Some(0));
        for ttl in ["15", "0m", "m", "15 m", "9999d", "99999999999999999999d"] {
            let (code, _, told) = run(folder.path(), &["token", "new", "--name", "a", "--ttl", ttl]);
            assert_eq!(code, Some(2), "{ttl}");
            assert!(told.contains("--ttl: expected a "), "{told}");
        }
    }

    #[test]
    fn another_secret_ends_the_sessions_of_the_old_one() {
        let with_secret =
            |command: &mut Command| write_secret(command.get_current_dir().unwrap(), SECRET, 0o600);
        let server = Replyd::serve_with(SETTINGS, with_secret);
        let mut client = Raw::connect(server.address);
        let token = signed(&json!({ "exp": now() + 600 }));
        assert_eq!(client.ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {token}\r\n"))).status, 101);
        assert_eq!(client.text(), GREETING);
        write_secret(server.folder.path(), b"another secret, another secret!!", 0o600);
        assert_eq!(client.close_code(), Some(1008));
    }

    #[test]
    fn a_key_that_expires() {
        let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
        let day = |days: i64| {
            (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d")
        };
        let keys = |first: String| {
            format!(
                "[key soon]\nsecret = 0123456789abcdef\nexpires = {first}\n[key old]\nsecret = 0123456789abcde2\nexpires = {}\n\
                 [key today]\nsecret = 0123456789abcde3\nexpires = {}\n",
                day(-1),
                day(0)
            )
        };
        let server = Replyd::serve_with(&keys(soon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()), |command| {
            let file = command.get_current_dir().unwrap().join("config.ini");
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        });
        let enter = |secret: &str| {
            let mut client = Raw::connect(server.address);
            let status = client.ask(&upgrade("/", &format!("X-WS-AUTH-KEY: {secret}\r\n"))).status;
            (status, client)
        };
        let (status, mut client) = enter("0123456789abcdef");
        assert_eq!(status, 101);
        assert_eq!(enter("0123456789abcde2").0, 403);
        assert_eq!(enter("0123456789abcde3").0, 101);
        client.text();
        assert_eq!(client.close_code(), Some(1008));
        assert_eq!(enter("0123456789abcdef").0, 403);
        // Live: made longer, it opens again; made shorter, its session ends.
        fs::write(server.folder.path().join("config.ini"), keys(day(1).to_string())).unwrap();
        server.log().wait_for("reloaded");
        let (status, mut client) = enter("0123456789abcdef");
        assert_eq!(status, 101);
        client.text();
        fs::write(server.folder.path().join("config.ini"), keys(day(-1).to_string())).unwrap();
        assert_eq!(client.close_code(), Some(1008));
    }
}
