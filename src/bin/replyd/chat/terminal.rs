//! The conversation on a terminal: a prompt with line editing, and replies that appear above it.

use std::{
    io::{Write, stdin, stdout},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use replyd::{Bytes, Client, ClientReceiver, ClientSender, Event};
use rustyline::{Config, DefaultEditor, ExternalPrinter};

use super::{
    screen::{Offered, Screen},
    wording::{EXIT, NO_REPLY, describe_close},
};
use crate::console::{Escaped, Failure};

/// The prompt, as in the article.
const PROMPT: &str = "Client >> ";
/// Time for which the prompt waits for answers. One that comes later appears above the prompt.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// Time limit for the server's Close after ours.
const GOODBYE_TIME: Duration = Duration::from_secs(2);
/// Close code of a normal end, which is not reported as a failure.
const NORMAL_CLOSE: u16 = 1000;

/// Converses until the person leaves or the connection ends. Another thread reads the terminal and sends.
pub(crate) fn converse(client: Client) -> Result<(), Failure> {
    let modes = tcgetattr(stdin()).ok();
    let editor = Config::builder().auto_add_history(true).build();
    let mut editor = DefaultEditor::with_config(editor)
        .map_err(|error| Failure::new(format!("cannot read from this terminal: {error}")))?;
    // Without a printer, as on a dumb terminal, a reply is written at the cursor.
    let mut screen = Screen::new(editor.create_external_printer().ok());

    let (sender, mut receiver) = client.split();
    // Capacity for one: the prompt waits for a single pong, and a server may send any number.
    let (pong, pongs) = bounded(1);
    let (ended, end) = bounded::<()>(0);
    let last_ping = Arc::new(AtomicU32::new(0));
    let left = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let (last_ping, left) = (Arc::clone(&last_ping), Arc::clone(&left));
        let offered = screen.offered();
        move || prompt(editor, sender, &offered, &pongs, &last_ping, &end, &left)
    });
    let why = receive(&mut receiver, &mut screen, &pong, &last_ping);
    drop((ended, pong));
    let left = left.load(Ordering::Acquire);
    say_goodbye(modes, left);
    match why {
        Some(why) if !left => Err(Failure::new(why)),
        _ => Ok(()),
    }
}

/// Shows what the server sends until the connection ends, and returns why it did unless that is normal.
fn receive(
    receiver: &mut ClientReceiver,
    screen: &mut Screen<impl ExternalPrinter>,
    pong: &Sender<Bytes>,
    last_ping: &AtomicU32,
) -> Option<String> {
    loop {
        match receiver.next() {
            Ok(Some(Event::Text(text))) => screen.show(&text),
            Ok(Some(Event::Binary(bytes))) => {
                screen.show(&format!("({} bytes that are not text)", bytes.len()));
            }
            Ok(Some(Event::Pong(payload))) if *payload == last_ping.load(Ordering::Acquire).to_be_bytes() => {
                let _ = pong.try_send(payload);
            }
            Ok(Some(Event::Close(Some((NORMAL_CLOSE, _))))) | Ok(None) => return None,
            Ok(Some(Event::Close(frame))) => return Some(describe_close(frame.as_ref())),
            Ok(Some(_)) => {}
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Prints the last line. If a prompt is still open, its thread can no longer clean up, so this restores the
/// mode of the terminal, ends bracketed paste, and clears what is below the cursor.
fn say_goodbye(modes: Option<Termios>, left: bool) {
    if let Some(modes) = modes {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &modes);
    }
    let leave_prompt = if left { "" } else { "\x1b[?2004l\r\n\x1b[J" };
    let _ = writeln!(stdout(), "{leave_prompt}Disconnected from server ...");
}

/// Reads lines and sends them until the person leaves or sending fails.
fn prompt(
    mut editor: DefaultEditor,
    mut sender: ClientSender,
    offered: &Offered,
    pongs: &Receiver<Bytes>,
    last_ping: &AtomicU32,
    end: &Receiver<()>,
    left: &AtomicBool,
) {
    while wait_for_answers(&mut sender, pongs, last_ping) {
        // Every error ends the conversation: Ctrl-D, Ctrl-C, or a terminal that is gone.
        let line = editor.readline(PROMPT).unwrap_or_else(|_| EXIT.to_owned());
        let chosen = offered.choose(&line).inspect(|offer| show_choice(offer));
        let message = match line.trim() {
            EXIT => {
                left.store(true, Ordering::Release);
                let _ = sender.close();
                break;
            }
            "" => NO_REPLY,
            _ => chosen.as_ref().unwrap_or(&line),
        };
        if sender.send(message).is_err() {
            break;
        }
    }
    // The channel disconnects when the server has closed; the time limit is for one that does not.
    let _ = end.recv_timeout(GOODBYE_TIME);
    sender.hang_up();
}

/// Shows the offer that a number stands for as if it had been typed, to be read afterwards.
fn show_choice(offer: &str) {
    let _ = writeln!(stdout(), "{PROMPT}{}", Escaped::for_screen(offer));
}

/// Waits for the pong that comes after all earlier answers. Returns false when the connection is over.
fn wait_for_answers(sender: &mut ClientSender, pongs: &Receiver<Bytes>, last_ping: &AtomicU32) -> bool {
    let number = last_ping.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
    let payload = Bytes::copy_from_slice(&number.to_be_bytes());
    if sender.ping(payload.clone()).is_err() {
        return false;
    }
    let deadline = Instant::now() + ANSWER_TIME;
    loop {
        match pongs.recv_deadline(deadline) {
            Ok(pong) if pong == payload => return true,
            Ok(_) => {}
            Err(error) => return error.is_timeout(),
        }
    }
}
