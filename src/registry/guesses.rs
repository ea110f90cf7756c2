//! Wrong keys, counted by address.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::limit::client_network;
use crate::lock::Lock;

/// Wrong keys of one address in a minute that are answered at once: enough for a household that mistypes one,
/// and too few for a list of words.
const FREE_GUESSES: u32 = 20;
/// Maximum number of addresses that are remembered, about 1 MB.
const MAX_ADDRESSES: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

/// The wrong keys of a minute, and its beginning. IPv6 addresses count by network, see [`client_network`].
#[derive(Debug, Default)]
pub(crate) struct Guesses(Lock<(Option<Instant>, HashMap<IpAddr, u32>)>);

impl Guesses {
    /// Counts a wrong key, and returns whether there were too many from this address.
    pub(crate) fn count(&self, address: IpAddr) -> bool {
        let (begun, counts) = &mut *self.0.lock();
        // Somebody who has that many addresses can guess anyway, so that all of them may begin again.
        if begun.is_none_or(|begun| begun.elapsed() >= MINUTE) || counts.len() >= MAX_ADDRESSES {
            (*begun, *counts) = (Some(Instant::now()), HashMap::new());
        }
        let count = counts.entry(client_network(address)).or_default();
        *count = count.saturating_add(1);
        *count > FREE_GUESSES
    }

    /// Whether there were too many wrong keys from this address in this minute.
    pub(crate) fn are_too_many(&self, address: IpAddr) -> bool {
        let (begun, counts) = &*self.0.lock();
        begun.is_some_and(|begun| begun.elapsed() < MINUTE)
            && counts.get(&client_network(address)).is_some_and(|count| *count > FREE_GUESSES)
    }
}
