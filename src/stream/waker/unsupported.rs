//! Replaces `unix` on systems where a thread cannot wait for a pipe and a socket at once without unsafe code.

use std::{
    io::{self, ErrorKind, PipeReader, PipeWriter},
    net::TcpStream,
    time::Duration,
};

pub(super) fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    Err(unsupported())
}

pub(super) fn poll(_: [&TcpStream; 2], _: &PipeReader, _: Duration) -> io::Result<[bool; 3]> {
    Err(unsupported())
}

fn unsupported() -> io::Error {
    let sentence = "waking is possible only on Unix; use next_by with a short deadline instead";
    io::Error::new(ErrorKind::Unsupported, sentence)
}
