//! The streams under tungstenite. The lower one keeps deadlines and hears the request to stop, the upper one gathers answers and
//! counts bytes; below both is plain TCP or TLS.

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

pub(crate) use abort::{Abort, StopFlags};
pub(crate) use ending::Ending;
pub(crate) use gathering::{GATHER_BYTES, GatheringStream, answer_ping};
pub(crate) use timed::TimedStream;
pub use tls::Tls;
pub(crate) use tls::{connect, described};
pub(crate) use transport::{SharedTransport, Transport};
