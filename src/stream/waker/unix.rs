//! Pipes that do not block, and waiting for several descriptors.

use std::{
    io::{self, PipeReader, PipeWriter},
    net::TcpStream,
    os::fd::AsFd,
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    poll::{PollFd, PollFlags, PollTimeout, poll as system_poll},
};

pub(super) fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    for end in [reader.as_fd(), writer.as_fd()] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    Ok((reader, writer))
}

/// Waits until one of them can be read, for `time` at most, and returns whether each can.
pub(super) fn poll(streams: [&TcpStream; 2], pipe: &PipeReader, time: Duration) -> io::Result<[bool; 3]> {
    let mut all =
        [streams[0].as_fd(), streams[1].as_fd(), pipe.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    // Whole milliseconds, so that it does not return early again and again; 25 days at most, after which the
    // caller waits again.
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    system_poll(&mut all, PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX))?;
    // An error or the end of a stream shows when it is read.
    Ok(all.map(|polled| polled.any().unwrap_or(true)))
}
