//! What a thread for each client costs at the least: it receives, counts, and sends ready-made bytes. No frame is parsed,
//! no text is looked at, nothing is logged.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::LazyLock,
    thread,
};

use crate::wire::{ANSWER, CLOSE, CLOSED, GREETING, QUESTION, UPGRADED};

const BUFFER_BYTES: usize = 4096;
/// Those to as many questions as a buffer holds.
static ANSWERS: LazyLock<Vec<u8>> = LazyLock::new(|| ANSWER.repeat(BUFFER_BYTES / QUESTION.len()));

/// Serves until it is killed.
pub(crate) fn serve(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    for stream in listener.incoming().flatten() {
        let client = thread::Builder::new().stack_size(256 * 1024);
        client.spawn(move || talk(stream)).expect("the system gives a thread");
    }
}

/// Whatever goes wrong ends this client alone.
fn talk(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut buffer = [0; BUFFER_BYTES];
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n\r\n") {
        filled += read(&mut stream, &mut buffer[filled..])?;
    }
    stream.write_all(&[UPGRADED, GREETING].concat()).ok()?;

    filled = 0;
    loop {
        filled += read(&mut stream, &mut buffer[filled..])?;
        let questions = filled / QUESTION.len();
        if questions > 0 {
            stream.write_all(&ANSWERS[..questions * ANSWER.len()]).ok()?;
        }
        buffer.copy_within(questions * QUESTION.len()..filled, 0);
        filled -= questions * QUESTION.len();
        if buffer[..filled] == *CLOSE {
            stream.write_all(CLOSED).ok()?;
            stream.shutdown(Shutdown::Write).ok()?;
            while read(&mut stream, &mut buffer).is_some() {}
            return None;
        }
    }
}

fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> Option<usize> {
    stream.read(buffer).ok().filter(|count| *count > 0)
}
