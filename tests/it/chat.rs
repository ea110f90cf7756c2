//! The console client, apart from the article's conversation.

use std::{
    fs::File,
    io::Write,
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use crossbeam_channel::TryRecvError;
use nix::sys::termios::{LocalFlags, tcgetattr};
use replyd::{Event, Server};
use tungstenite::WebSocket;

use crate::support::{GREETING, HELP, Program, Replyd, SORRY, replyd, wait_until};

/// `replyd chat` with these arguments; `REPLYD` is its folder.
fn chat(arguments: &[&str]) -> std::process::Command {
    let mut command = replyd(&std::env::temp_dir());
    command.arg("chat").args(arguments);
    command
}

#[track_caller]
fn check(arguments: &[&str], input: &str, expected: &str, code: i32) -> String {
    let mut client = Program::piped(&mut chat(arguments));
    client.type_in(input);
    client.close_input();
    assert_eq!(client.exit_code(), Some(code), "{}", client.stderr.so_far());
    assert_eq!(client.stdout.all(), expected);
    client.stderr.all()
}

#[test]
fn no_server() {
    // A port that was just given back.
    let address = Server::bind("127.0.0.1:0").unwrap().local_addr();
    let said = check(&[&format!("ws://{address}")], "", "", 1);
    assert_eq!(
        said,
        format!(
            "Connecting to server ...\nFailed to connect to server ... exiting: cannot reach {address}: nothing accepts connections there; is the server running?\n"
        )
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn wss_is_refused_with_a_sentence() {
    let said = check(&["wss://localhost"], "", "", 1);
    assert!(said.contains("wss:// (TLS) is not part of this build"), "{said}");
}

#[test]
fn an_address_is_a_url() {
    let server = Replyd::serve("");
    check(&[&server.address.to_string(), "-m", "help"], "", &format!("{HELP}\n"), 0);
}

#[test]
fn piped_lines() {
    let server = Replyd::serve("");
    let url = server.url();
    check(&[&url], "hello\nhelp\n\n?", &format!("{GREETING}\n{HELP}\n{SORRY}\n{SORRY}\n"), 0);
    check(&[&url], "", "", 0);
    server.log().wait_for("CLIENT >> No reply [");
    check(&[&url], "help\r\nexit\nhelp\n", &format!("{HELP}\n"), 0);
    let said = check(&[&url], "help\n\u{0}\n", &format!("{HELP}\n{SORRY}\n"), 0);
    assert!(said.contains(&format!("SERVER >> {GREETING}\n")), "{said}");
}

#[test]
fn messages_as_arguments() {
    let server = Replyd::serve("");
    check(&[&server.url(), "-m", "hello"], "", &format!("{GREETING}\n"), 0);
    check(&["-m", "help", "-m", "why", &server.url()], "", &format!("{HELP}\n{SORRY}\n"), 0);
}

#[test]
fn a_thousand_lines_lose_nothing() {
    let server = Replyd::serve("[server]\nmessages_per_second = 0\n");
    check(&[&server.url()], &"help\n".repeat(1000), &format!("{HELP}\n").repeat(1000), 0);
}

#[test]
fn a_reply_keeps_its_line_breaks() {
    let server = Replyd::serve("[replies]\nhours = Mon 9-18\n\n  Sat 10-14\n");
    check(&[&server.url(), "-m", "hours"], "", "Mon 9-18\n\nSat 10-14\n", 0);
}

/// Replies with offers, as the server sends them for a message that it does not understand.
const OFFERS: &str = "[replies]
hours = We are open.
parking = Behind the house.
unknown = Sorry.
  Did you mean:
  > opening hours
  > parking
";

#[test]
fn a_pipe_keeps_one_answer_a_line_whatever_is_offered() {
    let server = Replyd::serve(OFFERS);
    let url = server.url();
    let said = check(&[&url], "what?\n2\nparking\n", "Sorry.\nSorry.\nBehind the house.\n", 0);
    let offers = "Did you mean:\n> opening hours\n> parking\n";
    assert_eq!(said.matches(offers).count(), 2, "{said}");
    server.log().wait_for("CLIENT >> 2 [");
    let said = check(&[&url, "-m", "what?"], "", "Sorry.\n", 0);
    assert!(said.contains(offers), "{said}");
}

#[test]
fn what_a_pipe_gets_of_other_answers_with_offers() {
    let server = Replyd::serve("[replies]\nsell = We sell:\n  > bread\nred = Red.\n  > \x1b[31mred\n");
    let url = server.url();
    let said = check(&[&url, "-m", "sell"], "", "We sell:\n", 0);
    assert!(said.contains("\n> bread\n"), "{said}");
    let said = check(&[&url, "-m", "red"], "", "Red.\n", 0);
    assert!(said.contains("\n> \\u{1b}[31mred\n"), "{said}");

    // Offers alone are not valid in a file, but a program may send them.
    let server = Server::bind("127.0.0.1:0").unwrap().start(|session| {
        while let Some(event) = session.next()? {
            if let Event::Text(_) = event {
                session.send("> bread\n> cake")?;
            }
        }
        Ok(())
    });
    let url = format!("ws://{}", server.as_ref().unwrap().local_addr());
    let said = check(&[&url, "-m", "menu"], "", "> bread\n> cake\n", 0);
    assert!(!said.contains("> bread"), "{said}");
}

#[test]
fn input_that_is_not_utf8() {
    let server = Replyd::serve("");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"help\n\xff\n").unwrap();
    let output = chat(&[&server.url()]).stdin(File::open(file.path()).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("line 2 of the input is not UTF-8"), "{said}");
}

#[test]
fn a_server_that_ends_before_everything_is_answered() {
    let server = Server::bind("127.0.0.1:0").unwrap().start(|session| {
        while let Some(event) = session.next()? {
            if let Event::Text(_) = event {
                session.close(4000, "enough")?;
            }
        }
        Ok(())
    });
    let url = format!("ws://{}", server.as_ref().unwrap().local_addr());
    // Its input stays open: it must not wait for it.
    let mut client = Program::piped(&mut chat(&[&url]));
    client.type_in("help\n");
    assert_eq!(client.exit_code(), Some(1));
    let said = client.stderr.all();
    assert!(
        said.contains("before everything was answered: the server closed the connection (4000: enough)"),
        "{said}"
    );
}

#[test]
fn on_a_terminal_an_empty_line_and_control_d() {
    let server = Replyd::serve("");
    let mut client = Program::on_terminal(&mut chat(&[&server.url()]));
    client.stdout.wait_for("Client >> ");
    client.type_in("\r");
    client.stdout.wait_for(&format!("SERVER >> {SORRY}"));
    server.log().wait_for("CLIENT >> No reply [");
    client.stdout.wait_for("Client >> ");
    client.type_in("\x04");
    client.stdout.wait_for("Disconnected from server ...");
    assert_eq!(client.exit_code(), Some(0));
    server.log().wait_for("Connection closed by client ...");
}

#[test]
fn on_a_terminal_lines_are_edited_and_come_back() {
    let server = Replyd::serve("");
    let mut client = Program::on_terminal(&mut chat(&[&server.url()]));
    client.stdout.wait_for("Client >> ");
    // Left twice, then what was left out.
    client.type_in("heo\x1b[Dll\r");
    server.log().wait_for("CLIENT >> hello [");
    client.stdout.wait_for("Client >> ");
    // The line before.
    client.type_in("\x1b[A\r");
    server.log().wait_for("CLIENT >> hello [");
}

#[test]
fn on_a_terminal_what_is_typed_ahead_is_not_lost() {
    let server = Replyd::serve("");
    let mut client = Program::on_terminal(&mut chat(&[&server.url()]));
    client.stdout.wait_for("Client >> ");
    client.type_in("one\rtwo\rthree\rexit\r");
    for message in ["one", "two", "three"] {
        server.log().wait_for(&format!("CLIENT >> {message} ["));
    }
    assert_eq!(client.exit_code(), Some(0));
}

#[test]
fn on_a_terminal_an_answer_cannot_drive_it() {
    let server = Replyd::serve("[replies]\nhi = \x1b]0;evil\x07\n");
    let mut client = Program::on_terminal(&mut chat(&[&server.url(), "-m", "hi"]));
    assert_eq!(client.exit_code(), Some(0));
    assert!(client.stdout.all().contains("\\u{1b}]0;evil\\u{7}"), "{}", client.stdout.all());
    // A pipe gets it as it is.
    check(&[&server.url(), "-m", "hi"], "", "\x1b]0;evil\x07\n", 0);
}

/// A client on a terminal that has been offered something in answer to `what?`.
#[track_caller]
fn offered(server: &Replyd) -> Program {
    let mut client = Program::on_terminal(&mut chat(&[&server.url()]));
    client.stdout.wait_for("Client >> ");
    client.type_in("what?\r");
    for line in ["SERVER >> Sorry.", "Did you mean:", " 1. opening hours", " 2. parking", "Client >> "] {
        client.stdout.wait_for(line);
    }
    client
}

#[test]
fn on_a_terminal_a_number_sends_the_offer() {
    let server = Replyd::serve(OFFERS);
    let mut client = offered(&server);
    client.type_in("2\r");
    server.log().wait_for("CLIENT >> parking [");
    client.stdout.wait_for("Client >> parking");
    client.stdout.wait_for("SERVER >> Behind the house.");
}

#[test]
fn on_a_terminal_a_number_after_something_else_is_text() {
    let server = Replyd::serve(OFFERS);
    let mut client = offered(&server);
    client.type_in("hours\r");
    client.stdout.wait_for("SERVER >> We are open.");
    client.type_in("1\r");
    server.log().wait_for("CLIENT >> 1 [");
}

#[test]
fn on_a_terminal_a_number_that_is_not_offered_is_text() {
    let server = Replyd::serve(OFFERS);
    let mut client = Program::on_terminal(&mut chat(&[&server.url()]));
    client.stdout.wait_for("Client >> ");
    // The greeting offers nothing.
    client.type_in("1\r");
    server.log().wait_for("CLIENT >> 1 [");
    client.stdout.wait_for(" 2. parking");
    client.stdout.wait_for("Client >> ");
    client.type_in("3\r");
    server.log().wait_for("CLIENT >> 3 [");
}

#[test]
fn on_a_terminal_an_offer_cannot_drive_it_and_is_sent_as_it_is() {
    let server = Replyd::serve("[replies]\nunknown = Sorry.\n  > \x1b]0;evil\x07\n");
    let mut client = Program::on_terminal(&mut chat(&[&server.url()]));
    client.stdout.wait_for("Client >> ");
    client.type_in("what?\r");
    client.stdout.wait_for(" 1. \\u{1b}]0;evil\\u{7}");
    client.stdout.wait_for("Client >> ");
    client.type_in("1\r");
    client.stdout.wait_for("Client >> \\u{1b}]0;evil\\u{7}");
    // The log escapes backslashes, which an escaped offer would have.
    server.log().wait_for("CLIENT >> \\u{1b}]0;evil\\u{7} [");
    client.stdout.wait_for("Client >> ");
    client.type_in("exit\r");
    assert_eq!(client.exit_code(), Some(0));
    assert!(!client.stdout.all().contains("\x1b]0;"), "{}", client.stdout.all());
}

#[test]
fn a_server_that_goes_away_is_shown_though_a_prompt_is_open() {
    let server = Replyd::serve("");
    let mut client = Program::on_terminal(&mut chat(&[&server.url()]));
    client.stdout.wait_for("Client >> ");
    client.type_in("half a line");
    client.stdout.wait_for("line");
    server.stop();
    client.stdout.wait_for("Disconnected from server ...");
    client.stdout.wait_for("the server closed the connection (1001: the server is stopping)");
    assert_eq!(client.exit_code(), Some(1));
    assert!(client.stdout.all().contains("\x1b[?2004l"), "bracketed paste is off again");
    // The terminal echoes and edits lines again.
    let modes = tcgetattr(client.terminal()).unwrap();
    assert!(modes.local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON), "{modes:?}");
}

#[test]
fn a_server_that_speaks_first_is_heard_though_a_prompt_is_open() {
    let (order, orders) = crossbeam_channel::bounded::<&str>(1);
    let server = Server::bind("127.0.0.1:0").unwrap().start(move |session| {
        while let Some(event) = session.next()? {
            // The ping behind the greeting, after which the prompt opens.
            if let Event::Ping(_) = event {
                let text = orders.recv()?;
                session.send(text)?;
            }
        }
        Ok(())
    });
    let url = format!("ws://{}", server.as_ref().unwrap().local_addr());
    let mut client = Program::on_terminal(&mut chat(&[&url]));
    // No pong comes before the handler goes on, so the prompt opens by itself.
    client.stdout.wait_for("Client >> ");
    order.send("We close in \x1b[31mten minutes.").unwrap();
    client.stdout.wait_for("SERVER >> We close in \\u{1b}[31mten minutes.");
    client.type_in("exit\r");
    assert_eq!(client.exit_code(), Some(0));
}

/// A server of one client that does what no honest one does: `act` has its connection after the upgrade.
fn hostile(act: impl FnOnce(WebSocket<TcpStream>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || act(tungstenite::accept(listener.accept().unwrap().0).unwrap()));
    format!("ws://{address}")
}

/// A frame as servers send them, without a mask.
fn server_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => frame.push(length as u8),
        length => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// The most memory that a client on a terminal needs while a server sends `bytes` again and again, in kB.
#[track_caller]
fn check_memory_in_a_flood(what: &str, bytes: Vec<u8>, times: usize, most: u64) {
    let (start, started) = crossbeam_channel::bounded::<()>(1);
    let (done, flooded) = crossbeam_channel::bounded::<()>(1);
    let url = hostile(move |mut socket| {
        // The first ping, whose pong opens the prompt.
        let _ = socket.read();
        let _ = socket.flush();
        started.recv().unwrap();
        for _ in 0..times {
            if socket.get_mut().write_all(&bytes).is_err() {
                return;
            }
        }
        done.send(()).unwrap();
        let _ = started.recv();
    });
    let client = Program::on_terminal(&mut chat(&[&url]));
    client.stdout.wait_for("Client >> ");
    start.send(()).unwrap();
    wait_until(&format!("the client has survived {what}"), || {
        let peak = client.peak_memory();
        assert!(peak < most, "{what}: {peak} kB");
        // Or has given up on this server.
        flooded.try_recv() != Err(TryRecvError::Empty)
    });
}

#[test]
fn on_a_terminal_no_flood_fills_the_memory() {
    const MOST: u64 = 48 * 1024;
    check_memory_in_a_flood("pongs", server_frame(10, &[b'x'; 125]).repeat(1000), 1000, MOST);
    check_memory_in_a_flood("texts", server_frame(1, b"hello").repeat(100), 50, MOST);
    check_memory_in_a_flood("offers", server_frame(1, &b"\n> parking".repeat(6000)), 50, MOST);
    check_memory_in_a_flood("binaries", server_frame(2, &[0; 125]).repeat(100), 50, MOST);
    check_memory_in_a_flood("empty fragments", [[1, 0].to_vec(), [0, 0].repeat(2_000_000)].concat(), 1, MOST);
}

#[test]
fn on_a_terminal_the_longest_texts_are_shown_in_part() {
    // Each control character is shown as five others.
    check_memory_in_a_flood("long texts", server_frame(1, &[1; 16 * 1024 * 1024]), 3, 96 * 1024);
}

/// Reads until a client's message has come, and answers its pings.
fn hear(socket: &mut WebSocket<TcpStream>) {
    while !socket.read().unwrap().is_text() {}
    let _ = socket.flush();
}

#[test]
fn an_answer_after_its_pong_is_waited_for() {
    let url = hostile(|mut socket| {
        hear(&mut socket);
        // The ping that follows the last question, and its pong.
        while !socket.read().unwrap().is_ping() {}
        socket.flush().unwrap();
        let _ = socket.get_mut().write_all(&server_frame(1, b"late, but here"));
        while socket.read().is_ok() {}
    });
    check(&[&url, "-m", "help"], "", "late, but here\n", 0);
}

#[test]
fn a_message_that_gets_no_answer_is_a_failure() {
    let url = hostile(|mut socket| {
        hear(&mut socket);
        let _ = socket.get_mut().write_all(&server_frame(1, b"one"));
        while socket.read().is_ok() {}
    });
    let said = check(&[&url, "-m", "help", "-m", "and then?"], "", "one\n", 1);
    assert!(said.contains("the server answered 1 of 2 messages"), "{said}");
}

#[test]
fn a_server_without_pongs_ends_by_a_deadline() {
    // They hear everything, and say something all the time, so that no silence ends the client.
    let talks = |texts: usize, after: Vec<u8>| {
        hostile(move |mut socket| {
            let stream = socket.get_mut();
            for _ in 0..texts {
                let _ = stream.write_all(&server_frame(1, b"hello"));
            }
            while stream.write_all(&after).is_ok() {
                thread::park_timeout(Duration::from_millis(100));
            }
        })
    };
    let greeted = |after: Vec<u8>| {
        hostile(move |mut socket| {
            let _ = socket.read();
            let _ = socket.flush();
            while socket.get_mut().write_all(&after).is_ok() {
                thread::park_timeout(Duration::from_millis(100));
            }
        })
    };
    let without_pongs = "the server does not answer pings";
    let clients = [
        (talks(0, server_frame(9, b"")), without_pongs, Some(1)),
        (talks(2, server_frame(9, b"")), without_pongs, Some(1)),
        (talks(0, server_frame(1, b"without end")), without_pongs, Some(1)),
        (greeted(server_frame(9, b"")), "the server answered 0 of 1 messages", Some(1)),
        (greeted(server_frame(1, b"without end")), "Disconnected from server ...\n", Some(0)),
    ]
    .map(|(url, words, code)| {
        let mut client = Program::piped(&mut chat(&[&url]));
        client.type_in("help\n");
        client.close_input();
        (client, words, code)
    });
    for (mut client, words, code) in clients {
        assert_eq!(client.exit_code_within(Duration::from_secs(60)), code, "{words}");
        let said = client.stderr.all();
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_close_reason_cannot_drive_the_terminal() {
    let reason = b"\x03\xe8bye\nforged \\ \x1b[31m\xe2\x80\xae";
    let url = hostile(|mut socket| {
        hear(&mut socket);
        let _ = socket.get_mut().write_all(&server_frame(8, reason));
        while socket.read().is_ok() {}
    });
    let said = check(&[&url, "-m", "help"], "", "", 1);
    assert!(said.ends_with("(1000: bye\\nforged \\\\ \\u{1b}[31m\\u{202e})\n"), "{said}");
}
