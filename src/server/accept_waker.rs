//! Wakes the thread that is blocked in `accept`, for which std has no means.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    sync::Mutex,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Time limit for a connection to this machine itself.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit for waking the thread by connections: the listener's address may be gone.
const WAKE_TIMEOUT: Duration = Duration::from_secs(3);
/// Delay before the next attempt, if another process got the connection.
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// Wakes it in one of two ways.
pub(super) enum AcceptWaker {
    /// By shutting down the listening socket, which needs no descriptor. On other systems than Linux, that
    /// may not wake it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Shutdown(
        /// The listening socket, as a `TcpStream`: std offers `shutdown` for no other type.
        TcpStream,
    ),
    /// By connecting to the listener.
    Connection {
        address: SocketAddr,
        /// Closed to free a descriptor for the connection: at the stop there may be none left.
        spare: Mutex<Option<TcpListener>>,
    },
}

impl AcceptWaker {
    /// Prepares to wake the thread that accepts from `listener`, which other processes may share unless it
    /// `is_own`: then it must keep working for them.
    pub(super) fn new(listener: &TcpListener, is_own: bool) -> io::Result<AcceptWaker> {
        let clone = listener.try_clone()?;
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if is_own {
            return Ok(AcceptWaker::Shutdown(TcpStream::from(std::os::fd::OwnedFd::from(clone))));
        }
        let _ = is_own;
        let mut address = listener.local_addr()?;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Ok(AcceptWaker::Connection { address, spare: Mutex::new(Some(clone)) })
    }

    /// Wakes the thread, and returns when it has ended. One that cannot be reached is abandoned after three
    /// seconds.
    pub(super) fn wake(&self, accepting: JoinHandle<()>) {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            AcceptWaker::Shutdown(listener) => {
                let _ = listener.shutdown(std::net::Shutdown::Both);
            }
            AcceptWaker::Connection { address, spare } => {
                drop(spare.lock().map(|mut spare| spare.take()));
                let deadline = Instant::now() + WAKE_TIMEOUT;
                while !accepting.is_finished() {
                    if Instant::now() >= deadline {
                        return log::warn!("the thread that accepts clients cannot be woken at {address}");
                    }
                    // Another process that shares the listener may get it, or `accept` may not have been
                    // blocked.
                    let _ = TcpStream::connect_timeout(address, CONNECT_TIMEOUT);
                    thread::sleep(RETRY_DELAY);
                }
            }
        }
        let _ = accepting.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_cannot_be_reached_is_abandoned() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let waker = AcceptWaker::new(&listener, false).unwrap();
        // Nobody listens there any more, and the thread waits for something else.
        drop(listener);
        let (end, ends) = crossbeam_channel::bounded::<()>(0);
        waker.wake(thread::spawn(move || {
            let _ = ends.recv();
        }));
        drop(end);
    }
}
