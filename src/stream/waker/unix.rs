//! Pipes that do not block, and waiting for several descriptors.

use std::{
    io::{self, PipeReader, PipeWriter},
    net::TcpStream,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll as system_poll},
    io::ioctl_fionbio,
};

pub(super) fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    ioctl_fionbio(&reader, true)?;
    ioctl_fionbio(&writer, true)?;
    Ok((reader, writer))
}

/// Waits until one of them can be read, for `time` at most, and returns whether each can.
pub(super) fn poll(streams: [&TcpStream; 2], pipe: &PipeReader, time: Duration) -> io::Result<[bool; 3]> {
    let [one, two] = streams.map(|stream| PollFd::new(stream, PollFlags::IN));
    let mut all = [one, two, PollFd::new(pipe, PollFlags::IN)];
    // Times are limited to a year, which fits.
    let time = Timespec::try_from(time).map_err(io::Error::other)?;
    system_poll(&mut all, Some(&time))?;
    // An error or the end of a stream shows when it is read.
    Ok(all.map(|polled| !polled.revents().is_empty()))
}
