//! Wakes the thread that is blocked in `accept`, for which std has no means.

use std::{io, net::TcpListener};

/// Wakes it by shutting the listening socket down, which needs no descriptor.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) struct AcceptWaker {
    /// The listening socket, as a `TcpStream`: std offers `shutdown` for no other type.
    listener: std::net::TcpStream,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl AcceptWaker {
    pub(super) fn new(listener: &TcpListener) -> io::Result<AcceptWaker> {
        let listener = std::os::fd::OwnedFd::from(listener.try_clone()?);
        Ok(AcceptWaker { listener: listener.into() })
    }

    pub(super) fn wake(&self) {
        let _ = self.listener.shutdown(std::net::Shutdown::Both);
    }
}

/// Wakes it by connecting to the listener. Elsewhere than on Linux, shutting a listening socket down is not sure to wake anybody.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) struct AcceptWaker {
    address: std::net::SocketAddr,
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl AcceptWaker {
    pub(super) fn new(listener: &TcpListener) -> io::Result<AcceptWaker> {
        use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
        let mut address = listener.local_addr()?;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Ok(AcceptWaker { address })
    }

    pub(super) fn wake(&self) {
        // If the queue is full, or there are no descriptors, `accept` does not block either.
        let _ = std::net::TcpStream::connect_timeout(&self.address, std::time::Duration::from_secs(1));
    }
}
