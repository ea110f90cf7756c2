//! Everything over TLS.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use replyd::{Client, ClientOptions, Config, Event, RunningServer, Tls};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::support::{
    DEADLINE, GREETING, HELP, Raw,
    certificates::{Authority, Identity},
    raw::{frame, upgrade},
    serve_with, without_waiting,
};

fn tls(identity: &Identity) -> Tls {
    Tls::from_pem(identity.certificate.as_bytes(), identity.private_key.as_bytes()).unwrap()
}

fn serve(settings: &str, identity: &Identity) -> RunningServer {
    let mut config = Config::parse(settings, "test.ini").unwrap();
    config.tls = Some(tls(identity));
    serve_with(config, replyd::bot)
}

fn connect(server: &RunningServer, host: &str, ca: &str) -> Result<Client, replyd::Error> {
    let mut options = ClientOptions::default();
    options.ca = Some(ca.as_bytes().to_vec());
    Client::connect_with(&format!("wss://{host}:{}", server.local_addr().port()), &options)
}

#[track_caller]
fn text(client: &mut Client) -> String {
    loop {
        match client.next().unwrap() {
            Some(Event::Text(text)) => return text.to_string(),
            Some(Event::Ping(_) | Event::Pong(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Messages longer than a record, one after the other: what is decrypted faster than it is read must wait, and not end anything.
#[test]
fn long_messages_in_quick_succession() {
    let authority = Authority::new();
    let mut config = Config::plain();
    config.tls = Some(tls(&authority.identity()));
    let server = serve_with(config, |session| {
        while let Some(event) = session.next()? {
            if let Event::Text(text) = event {
                session.send(text)?;
            }
        }
        Ok(())
    });
    for _ in 0..5 {
        let mut client = connect(&server, "localhost", &authority.pem).unwrap();
        let texts: Vec<String> = (1..=60).map(|length| "x".repeat(length * 700)).collect();
        for texts in texts.chunks(20) {
            texts.iter().for_each(|text| client.send(text).unwrap());
            texts.iter().for_each(|expected| assert_eq!(text(&mut client).len(), expected.len()));
        }
    }
}

#[test]
fn the_client_talks() {
    let authority = Authority::new();
    let server = serve("", &authority.identity());
    for host in ["localhost", "127.0.0.1"] {
        let mut client = connect(&server, host, &authority.pem).unwrap();
        assert_eq!(text(&mut client), GREETING);
        for _ in 0..100 {
            client.send("i need help").unwrap();
            assert_eq!(text(&mut client), HELP);
        }
        client.close().unwrap();
    }
}

#[test]
fn a_server_that_does_not_finish_the_handshake_has_the_time_limit_of_the_options() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = ClientOptions::default();
    options.ca = Some(Authority::new().pem.into_bytes());
    options.connect_timeout = Duration::from_millis(250);
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let error = Client::connect_with(&url, &options).unwrap_err();
    assert_eq!(error.to_string(), "the upgrade failed: the server did not answer within 0.25 s");
    assert_eq!(error.kind(), replyd::ErrorKind::Timeout);
}

#[test]
fn a_client_that_only_polls_gets_everything() {
    let authority = Authority::new();
    let mut config = Config::default();
    config.tls = Some(tls(&authority.identity()));
    // A record that takes several reads.
    let long = "x".repeat(10_000);
    let server = serve_with(config, {
        let long = long.clone();
        move |session| {
            session.send("short")?;
            session.send(long.as_str())?;
            while session.next()?.is_some() {}
            Ok(())
        }
    });
    let mut client = connect(&server, "localhost", &authority.pem).unwrap();
    let deadline = Instant::now() + DEADLINE;
    for expected in ["short", &long] {
        let event = loop {
            match client.next_by(Instant::now()).unwrap() {
                Some(Event::Timeout) => assert!(Instant::now() < deadline),
                event => break event,
            }
        };
        assert_eq!(event, Some(Event::Text(expected.into())));
    }
}

#[test]
fn a_stop_does_not_wait_for_a_client_that_has_closed() {
    let authority = Authority::new();
    let identity = authority.identity();
    // A stop that waits for a peer takes a second at least, twice as long as a hundred pauses.
    let quick = |round: usize, server: RunningServer| {
        without_waiting(&format!("round {round}"), Duration::from_millis(5), || server.stop());
    };
    for round in 0..20 {
        let server = serve("", &identity);
        let mut client = connect(&server, "localhost", &authority.pem).unwrap();
        assert_eq!(text(&mut client), GREETING);
        client.close().unwrap();
        quick(round, server);

        let server = serve("", &identity);
        let mut client = connect(&server, "localhost", &authority.pem).unwrap();
        assert_eq!(text(&mut client), GREETING);
        let listening = std::thread::spawn(move || while let Ok(Some(_)) = client.next() {});
        quick(round, server);
        listening.join().unwrap();
    }
}

#[test]
fn both_halves_of_a_client_at_once() {
    let authority = Authority::new();
    let server = serve("[server]\nmessages_per_second = 0\n", &authority.identity());
    let (mut sender, mut receiver) = connect(&server, "localhost", &authority.pem).unwrap().split();
    const QUESTIONS: usize = 5_000;
    // Long questions fill the sockets one way while answers come the other way.
    let speaker = std::thread::spawn(move || {
        let question = format!("help {}", "x".repeat(5_000));
        for _ in 0..QUESTIONS {
            sender.send(question.as_str()).unwrap();
        }
        sender
    });
    let mut answers = 0;
    while answers < QUESTIONS + 1 {
        answers += usize::from(matches!(receiver.next().unwrap(), Some(Event::Text(_))));
    }
    speaker.join().unwrap().close().unwrap();
}

#[test]
fn each_certificate_that_is_not_good_has_its_sentence() {
    let authority = Authority::new();
    let check = |identity: Identity, ca: &str, words: &str| {
        let error = connect(&serve("", &identity), "localhost", ca).map(drop).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    };
    check(authority.identity(), &Authority::new().pem, "authority that is not trusted here");
    check(authority.identity_for(&["shop.example"], 4096), &authority.pem, "for a name other than localhost");
    check(authority.identity_for(&["localhost"], 2020), &authority.pem, "has expired");
    check(authority.identity(), "no certificate", "no certificate in PEM");
    let plain = crate::support::serve("");
    let error = connect(&plain, "localhost", &authority.pem).map(drop).unwrap_err().to_string();
    assert!(error.contains("does not speak TLS") || error.contains("disconnected"), "{error}");
    let error =
        Client::connect(&format!("wss://localhost:{}", serve("", &authority.identity()).local_addr().port()));
    assert!(error.is_err(), "the system's authorities do not know ours");
}

#[test]
fn a_certificate_that_is_its_own_authority() {
    const NAMES: &[&str] = &["localhost", "127.0.0.1"];
    let identity = Identity::self_signed(NAMES, 4096);
    let others = Identity::self_signed(NAMES, 4096).certificate;
    let server = serve("", &identity);
    for host in NAMES {
        for ca in [&identity.certificate, &format!("{others}{}", identity.certificate)] {
            assert_eq!(text(&mut connect(&server, host, ca).unwrap()), GREETING);
        }
    }
    let check = |identity: &Identity, ca: &str, words: &str| {
        let error = connect(&serve("", identity), "localhost", ca).map(drop).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    };
    check(&identity, &others, "its certificate cannot be trusted");
    check(&identity, &Authority::new().pem, "its certificate cannot be trusted");
    for (names, year, words) in [
        (&["shop.example"][..], 4096, "for a name other than localhost"),
        (&[], 4096, "no host name"),
        (NAMES, 2020, "has expired"),
    ] {
        let identity = Identity::self_signed(names, year);
        check(&identity, &identity.certificate, words);
    }
    // Also where it is signed by an authority that is not in the file.
    let signed = Authority::new().identity();
    assert_eq!(text(&mut connect(&serve("", &signed), "localhost", &signed.certificate).unwrap()), GREETING);
}

#[test]
fn a_certificate_without_its_private_key_opens_nothing() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let identity = Identity::self_signed(&["localhost"], 4096);
        let key = Identity::self_signed(&["localhost"], 4096).private_key;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
        let stolen = SingleCertAndKey::from(CertifiedKey::new(chain, key));
        let config =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let config = Arc::new(config.with_no_client_auth().with_cert_resolver(Arc::new(stolen)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut connection = ServerConnection::new(config).unwrap();
            let _ = connection.complete_io(&mut listener.accept().unwrap().0);
        });
        let mut options = ClientOptions::default();
        options.ca = Some(identity.certificate.into_bytes());
        let error = Client::connect_with(&format!("wss://localhost:{port}"), &options).unwrap_err();
        assert!(error.to_string().contains("lacks the private key"), "{error}");
    }
}

#[test]
fn pem_that_cannot_be_used_is_told_in_sentences() {
    let identity = Authority::new().identity();
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let end = "-----END CERTIFICATE-----\n";
    for (certificate, words) in [
        (format!("{begin}AAAA\n"), "one of its sections is malformed"),
        (format!("{begin}****\n{end}"), "one of its sections is malformed"),
        (format!("{begin}AAAA\n{end}"), "contains something that is not a certificate"),
    ] {
        let error = Tls::from_pem(certificate.as_bytes(), identity.private_key.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert_eq!(format!("{error:?}"), error.to_string(), "a main that returns it prints it so");
    }
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let error = Tls::from_pem(identity.certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("tls_private_key cannot be used: "), "{error}");
}

#[test]
fn an_alert_is_a_sentence() {
    // A fatal alert (RFC 8446, section 6) for an answer to the first message.
    for (alert, words) in [
        (40, "refused the TLS handshake, without a reason"),
        (70, "no TLS version, cipher or extension in common"),
        (112, "does not serve the host name localhost"),
        (80, "with TLS alert 80"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, alert]);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let error = Client::connect(&format!("wss://localhost:{port}")).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn plain_http_is_told_that_this_is_tls() {
    let authority = Authority::new();
    let server = serve("", &authority.identity());
    for head in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", &upgrade("/", ""), "hello\n"] {
        let answer = Raw::connect(server.local_addr()).ask(head);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains("https:// or wss://"), "{answer:?}");
    }
}

#[test]
fn who_is_silent_or_slow_is_cut() {
    let authority = Authority::new();
    let server =
        serve("[server]\nhandshake_timeout = 500ms\nmessage_timeout = 500ms\n", &authority.identity());
    let silent = Raw::connect(server.local_addr());
    // At most an alert, and the end.
    let end = silent.stream().read_to_end(&mut Vec::new());
    assert!(!end.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    // A handshake that comes byte by byte: a ClientHello of 300 bytes, one every 20 ms. It is cut before it is whole.
    let mut dribbling = Raw::connect(server.local_addr());
    let hello = [&[22, 3, 1, 1, 0x30, 1, 0, 1, 0x2c, 3, 3][..], &[0; 300]].concat();
    let is_cut = hello.iter().any(|byte| {
        std::thread::park_timeout(Duration::from_millis(20));
        dribbling.try_send(&[*byte]).is_err()
    });
    assert!(is_cut);
    // A record that comes byte by byte, after the upgrade.
    let mut client = authority.connect(server.local_addr());
    assert!(client.ask(&upgrade("/", "")).starts_with("HTTP/1.1 101"));
    client.frame();
    client.0.conn.writer().write_all(&frame(0x81, &[b'x'; 1000])).unwrap();
    let mut record = Vec::new();
    client.0.conn.write_tls(&mut record).unwrap();
    for byte in record {
        if client.0.sock.write_all(&[byte]).is_err() {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    // It was whole after five seconds, if anybody had waited.
    assert_eq!(client.frame().0, 0x81);
}

#[test]
fn junk_behind_a_close_notify_ends_the_connection() {
    let authority = Authority::new();
    let server = serve("[server]\nhandshake_timeout = 5s\n", &authority.identity());
    let mut client = authority.connect(server.local_addr());
    client.0.conn.complete_io(&mut client.0.sock).unwrap();
    // As much as a record holds, the farewell, and more than is left of the server's buffer for it.
    client.0.conn.writer().write_all(&[b'a'; 16384]).unwrap();
    client.0.conn.send_close_notify();
    let mut bytes = Vec::new();
    while client.0.conn.wants_write() {
        client.0.conn.write_tls(&mut bytes).unwrap();
    }
    bytes.extend([0; 8192]);
    let _ = client.0.sock.write_all(&bytes);
    drop(client);
    crate::support::wait_until("its seat is free", || server.clients() == 0);
}

/// The time is that of all pieces together, however little is taken at a time.
#[test]
fn who_never_reads_is_cut_as_without_tls() {
    let authority = Authority::new();
    let mut config = Config::parse("[server]\nwrite_timeout = 4s\n", "test.ini").unwrap();
    config.tls = Some(tls(&authority.identity()));
    let (sent, last_sent) = crossbeam_channel::unbounded();
    let server = serve_with(config, move |session| {
        loop {
            sent.send(Instant::now())?;
            session.send("y".repeat(40_000))?;
        }
    });
    let mut client = authority.connect(server.local_addr());
    client.ask(&upgrade("/", ""));
    crate::support::wait_until("it is cut", || server.counts().ended.contains_key("unread"));
    let waited = last_sent.try_iter().last().unwrap().elapsed();
    // Four seconds, one for the farewell, and none for a second try.
    assert!(waited < Duration::from_millis(7500), "{waited:?}");
}

#[test]
fn after_a_write_that_failed_nothing_follows() {
    let authority = Authority::new();
    // A handler that never reads: the client's write fails after its ten seconds.
    let mut config = Config::default();
    config.tls = Some(tls(&authority.identity()));
    let (wake, woken) = crossbeam_channel::bounded::<()>(0);
    let server = serve_with(config, move |_| Ok(woken.recv()?));
    let (mut sender, _receiver) = connect(&server, "localhost", &authority.pem).unwrap().split();
    while sender.send("x".repeat(15_000)).is_ok() {}
    drop(wake);
    for _ in 0..3 {
        assert!(sender.ping(Vec::new()).is_err());
        assert!(sender.send("y").is_err());
    }
}

#[test]
fn each_ending_and_its_close_notify() {
    let authority = Authority::new();
    let server = serve("[server]\nidle_timeout = 1s\n", &authority.identity());
    for (bytes, code) in [
        (frame(0x88, &1000u16.to_be_bytes()), 1000),
        (vec![0x81, 0x01, b'x'], 1002),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x82, b"\xff"), 1003),
        (frame(0x81, &[b'x'; 20_000]), 1009),
        (Vec::new(), 1000),
    ] {
        let mut client = authority.connect(server.local_addr());
        assert!(client.ask(&upgrade("/", "")).starts_with("HTTP/1.1 101"));
        assert_eq!(client.frame().1, GREETING.as_bytes());
        client.0.write_all(&bytes).unwrap();
        assert_eq!(client.close_code(), code);
    }
    // Plain answers too.
    let mut client = authority.connect(server.local_addr());
    client.0.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut all = String::new();
    client.0.read_to_string(&mut all).expect("a close_notify at the end");
    assert!(all.ends_with("\r\n\r\nok\n"), "{all}");
}

#[test]
fn sixteen_questions_in_one_record() {
    let authority = Authority::new();
    let server = serve("", &authority.identity());
    let mut client = authority.connect(server.local_addr());
    client.ask(&upgrade("/", ""));
    client.frame();
    client.0.write_all(&frame(0x81, b"help").repeat(16)).unwrap();
    for _ in 0..16 {
        assert_eq!(client.frame().1, HELP.as_bytes());
    }
}

#[test]
fn a_stop_says_1001_and_close_notify() {
    let authority = Authority::new();
    let server = serve("", &authority.identity());
    let mut client = authority.connect(server.local_addr());
    client.ask(&upgrade("/", ""));
    client.frame();
    let stopping = std::thread::spawn(move || server.stop());
    assert_eq!(client.close_code(), 1001);
    drop(client);
    stopping.join().unwrap();
}

#[cfg(feature = "cli")]
mod real {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

    use super::*;
    use crate::support::{Program, Replyd, replyd, tool};

    const SETTINGS: &str = "[server]\ntls_certificate = cert.pem\ntls_private_key = key.pem\n";

    fn write(folder: &Path, identity: &Identity) {
        fs::write(folder.join("cert.pem"), &identity.certificate).unwrap();
        fs::write(folder.join("key.pem"), &identity.private_key).unwrap();
        fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn start(identity: &Identity) -> Replyd {
        Replyd::serve_with(SETTINGS, |command: &mut Command| {
            write(command.get_current_dir().unwrap(), identity)
        })
    }

    #[test]
    fn the_command_with_an_authority_of_its_own() {
        let authority = Authority::new();
        let server = start(&authority.identity());
        fs::write(server.folder.path().join("ca.pem"), &authority.pem).unwrap();
        let url = format!("wss://localhost:{}", server.address.port());
        let mut client = Program::piped(replyd(server.folder.path()).args([
            "chat",
            &url,
            "--ca",
            "ca.pem",
            "-m",
            "i need help",
        ]));
        assert_eq!(client.exit_code(), Some(0), "{}", client.stderr.all());
        assert_eq!(client.stdout.all(), format!("{HELP}\n"));
        let mut client = Program::piped(replyd(server.folder.path()).args(["chat", &url, "-m", "hello"]));
        assert_eq!(client.exit_code(), Some(1));
        let told = client.stderr.all();
        assert!(
            told.contains("Failed to connect to server ... exiting: its certificate is from an authority"),
            "{told}"
        );
    }

    #[test]
    fn the_certificate_that_everyone_makes() {
        let Some(openssl) = tool("openssl", "apt-get install openssl") else { return };
        let server = Replyd::serve_with(SETTINGS, |command: &mut Command| {
            let folder = command.get_current_dir().unwrap();
            let arguments = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 365 -subj \
                             /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1";
            let made =
                Command::new(&openssl).current_dir(folder).args(arguments.split(' ')).output().unwrap();
            assert!(made.status.success(), "{made:?}");
            fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        });
        let chat = |more: &[&str]| {
            let mut command = replyd(server.folder.path());
            command.args(["chat", &format!("wss://{}", server.address), "-m", "i need help"]).args(more);
            Program::piped(&mut command)
        };
        let mut client = chat(&["--ca", "cert.pem"]);
        assert_eq!(client.exit_code(), Some(0), "{}", client.stderr.all());
        assert_eq!(client.stdout.all(), format!("{HELP}\n"));
        let mut client = chat(&[]);
        assert_eq!(client.exit_code(), Some(1));
        let said = client.stderr.all();
        assert!(said.contains("if it is self-signed, pass it with --ca FILE"), "{said}");
        // The alert with which the client left.
        server.log().wait_for("the peer does not accept the certificate");
    }

    #[test]
    fn openssl_with_both_versions() {
        let Some(openssl) = tool("openssl", "apt-get install openssl") else { return };
        let authority = Authority::new();
        let server = start(&authority.identity());
        fs::write(server.folder.path().join("ca.pem"), &authority.pem).unwrap();
        for (version, shown) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
            let mut client = Command::new(&openssl);
            client.current_dir(server.folder.path()).args([
                "s_client",
                "-connect",
                &server.address.to_string(),
            ]);
            client.args([
                "-CAfile",
                "ca.pem",
                "-servername",
                "localhost",
                "-alpn",
                "http/1.1",
                "-ign_eof",
                version,
            ]);
            let mut client = Program::piped(&mut client);
            client.type_in("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let all = client.stdout.all();
            assert_eq!(client.exit_code(), Some(0), "{all}");
            for words in ["Verify return code: 0 (ok)", "ALPN protocol: http/1.1", shown, "\nok\n"] {
                assert!(all.contains(words), "{words}: {all}");
            }
        }
    }

    #[test]
    fn a_new_certificate_under_fifty_sessions() {
        let (old, new) = (Authority::new(), Authority::new());
        let server = start(&old.identity());
        let enter = |authority: &Authority| {
            let mut client = authority.connect(server.address);
            client.ask(&upgrade("/", ""));
            client.frame();
            client
        };
        let mut sessions: Vec<_> = (0..50).map(|_| enter(&old)).collect();
        // Half of a new pair is not taken.
        fs::write(server.folder.path().join("cert.pem"), &new.identity().certificate).unwrap();
        server.log().wait_for("tls_private_key does not belong to tls_certificate");
        enter(&old);
        write(server.folder.path(), &new.identity());
        server.log().wait_for("the certificate has changed");
        enter(&new);
        for session in &mut sessions {
            session.0.write_all(&frame(0x81, b"help")).unwrap();
            assert_eq!(session.frame().1, HELP.as_bytes());
        }
    }

    #[test]
    fn a_renewed_private_key_that_is_refused_holds_up_nothing_else() {
        let (old, new) = (Authority::new(), Authority::new());
        let settings = SETTINGS.to_owned() + "[bot]\ngreeting =\nreplies_file = faq.ini\n";
        let server = Replyd::serve_with(&settings, |command: &mut Command| {
            let folder = command.get_current_dir().unwrap();
            write(folder, &old.identity());
            fs::write(folder.join("faq.ini"), "[replies]\nhelp = one\n").unwrap();
        });
        let folder = server.folder.path();
        write(folder, &new.identity());
        fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
        server.log().wait_for("config.ini:3: tls_private_key: everyone can read key.pem");
        server.log().wait_for("cert.pem is not accepted: keeping the previous certificate");
        // At every reload, whatever that is for.
        fs::write(folder.join("faq.ini"), "[replies]\nhelp = two\n").unwrap();
        server.log().wait_for("config.ini:3: tls_private_key: everyone can read key.pem");
        server.log().wait_for("reloaded config.ini: +0 ~1 -0 replies");
        let mut client = old.connect(server.address);
        client.ask(&upgrade("/", ""));
        client.0.write_all(&frame(0x81, b"help")).unwrap();
        assert_eq!(client.frame().1, b"two");
        fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        server.log().wait_for("the certificate has changed");
        new.connect(server.address).ask(&upgrade("/", ""));
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let authority = Authority::new();
        let folder = tempfile::tempdir().unwrap();
        let check = |settings: &str, words: &str| {
            fs::write(folder.path().join("config.ini"), settings).unwrap();
            let mut serve = Program::piped(replyd(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
            assert_eq!(serve.exit_code(), Some(2));
            let told = serve.stderr.all();
            assert!(told.contains(words), "{words}: {told}");
        };
        check(SETTINGS, "config.ini:2: tls_certificate: cannot read cert.pem: No such file");
        write(folder.path(), &authority.identity());
        check(
            "[server]\ntls_certificate = cert.pem\n",
            "config.ini:2: tls_certificate: tls_private_key is needed as well",
        );
        check(
            "[server]\ntls_private_key = key.pem\n",
            "config.ini:2: tls_private_key: tls_certificate is needed as well",
        );
        fs::set_permissions(folder.path().join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
        check(
            SETTINGS,
            "config.ini:3: tls_private_key: everyone can read key.pem; run: chmod o-rwx 'key.pem'",
        );
        write(folder.path(), &authority.identity());
        fs::write(folder.path().join("cert.pem"), authority.identity().certificate).unwrap();
        check(SETTINGS, "config.ini:3: tls_private_key: tls_private_key does not belong to tls_certificate");
        fs::write(folder.path().join("cert.pem"), "nothing").unwrap();
        check(SETTINGS, "has no '-----BEGIN CERTIFICATE-----'");
        write(folder.path(), &authority.identity());
        fs::write(folder.path().join("key.pem"), "nothing").unwrap();
        check(SETTINGS, "config.ini:3: tls_private_key: tls_private_key has no private key in PEM");
    }

    #[test]
    fn the_end_of_the_certificate_is_a_metric() {
        let authority = Authority::new();
        let server = start(&authority.identity_for(&["localhost", "127.0.0.1"], 2099));
        let mut client = authority.connect(server.address);
        client.ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut metrics = String::new();
        client.0.read_to_string(&mut metrics).unwrap();
        // The 31st of December 2099, at midnight.
        assert!(metrics.contains("\nreplyd_certificate_expiry_timestamp_seconds 4102358400\n"), "{metrics}");
    }

    #[test]
    fn an_expired_certificate_is_a_warning() {
        let server = start(&Authority::new().identity_for(&["localhost"], 2020));
        assert!(server.log().so_far().contains("tls_certificate has expired"), "{}", server.log().so_far());
    }

    #[test]
    fn every_kind_of_private_key() {
        let Some(openssl) = tool("openssl", "apt-get install openssl") else { return };
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &str| {
            let mut openssl = Command::new(&openssl);
            let output = openssl.current_dir(folder.path()).args(arguments.split(' ')).output().unwrap();
            assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run("genrsa -traditional -out pkcs1.pem 2048");
        run("pkcs8 -topk8 -nocrypt -in pkcs1.pem -out pkcs8.pem");
        run("ecparam -name prime256v1 -genkey -noout -out sec1.pem");
        for kind in ["pkcs1", "pkcs8", "sec1"] {
            run(&format!("req -x509 -key {kind}.pem -subj /CN=localhost -days 2 -out {kind}.cert"));
            let read = |name: String| fs::read(folder.path().join(name)).unwrap();
            let [certificate, key] = [format!("{kind}.cert"), format!("{kind}.pem")].map(read);
            assert!(Tls::from_pem(&certificate, &key).is_ok(), "{kind}");
            // As an editor on Windows saves it.
            let [certificate, key] = [certificate, key].map(|pem| [b"\xef\xbb\xbf", &pem[..]].concat());
            assert!(Tls::from_pem(&certificate, &key).is_ok(), "{kind}");
        }
        // The two ways to encrypt one, of which each openssl makes either.
        run("pkcs8 -topk8 -in pkcs1.pem -passout pass:secret -out encrypted-pkcs8.pem");
        run("rsa -traditional -aes128 -in pkcs1.pem -passout pass:secret -out encrypted-pkcs1.pem");
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        let error = |key: &str| Tls::from_pem(&read("pkcs1.cert"), &read(key)).unwrap_err().to_string();
        for kind in ["pkcs1", "pkcs8"] {
            assert_eq!(
                error(&format!("encrypted-{kind}.pem")),
                "tls_private_key is encrypted with a passphrase; write it without one: openssl pkey -in FILE -out NEW-FILE"
            );
        }
        // That command does it.
        run("pkey -in encrypted-pkcs8.pem -passin pass:secret -out plain.pem");
        assert!(Tls::from_pem(&read("pkcs1.cert"), &read("plain.pem")).is_ok());
        assert_eq!(error("pkcs1.cert"), "tls_private_key has no private key in PEM (PKCS#8, PKCS#1 or SEC1)");
        fs::write(folder.path().join("cut.pem"), &read("pkcs8.pem")[..800]).unwrap();
        assert_eq!(
            error("cut.pem"),
            "tls_private_key is not a valid PEM file: one of its sections is malformed"
        );
        // Version 1, which has no extensions.
        run("req -new -key pkcs1.pem -subj /CN=localhost -out request.pem");
        run("x509 -req -in request.pem -signkey pkcs1.pem -days 2 -out version1.cert");
        let error =
            Tls::from_pem(&read("version1.cert"), &read("pkcs1.pem")).err().map(|error| error.to_string());
        assert!(error.is_none_or(|error| error.contains("has an unsupported form")));
    }
}
