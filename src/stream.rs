//! The streams under tungstenite. The lower one ([`TimedStream`]) enforces deadlines and checks the stop
//! flags, the upper one ([`GatheringStream`]) gathers replies and counts bytes. Below both is a
//! [`Transport`]: plain TCP or TLS.

mod abort;
mod ending;
mod frames;
mod gathering;
mod timed;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "stream/without_tls.rs"]
mod tls;
mod transport;
mod waker;

pub(crate) use abort::{Abort, StopFlags};
pub use ending::Ending;
pub(crate) use gathering::{GATHER_BYTES, GatheringStream, answer_ping};
pub(crate) use timed::TimedStream;
pub use tls::Tls;
pub(crate) use tls::{connect, described};
pub(crate) use transport::{SharedTransport, Transport};
pub(crate) use waker::WakeUps;
pub use waker::Waker;
