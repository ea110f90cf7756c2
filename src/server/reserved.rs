//! The threads that are reserved for connections without permits. They serve health checks and metrics, and
//! send the refusal to everything else, so that a full server still answers.

use std::{
    io,
    net::{IpAddr, Shutdown},
    sync::{Arc, Weak, atomic::Ordering},
    thread,
};

use crossbeam_channel::{Sender, bounded};

use super::{
    connection::{self, STACK_BYTES},
    program::Program,
};
use crate::{
    http::{Refusal, counts_on_accept},
    lock::Lock,
    registry::{Connection, Registry, client_network},
};

/// Number of reserved threads. They are started in advance, because the system may have none left when the
/// server is full.
const THREADS: usize = 8;
/// Maximum number of reserved threads for one address, whose clients may be slow on purpose.
const THREADS_OF_AN_ADDRESS: usize = THREADS / 2;

/// The reserved threads, and the connections that they serve.
pub(crate) struct Reserved {
    slots: Slots,
    /// Wakes a thread for a connection that waits.
    calls: Sender<()>,
}

impl Reserved {
    /// Starts the threads. They end when this is dropped.
    pub(super) fn open(registry: &Arc<Registry>, program: &Arc<Program>) -> io::Result<Reserved> {
        let slots = Slots::default();
        // A full channel already holds one call for each connection that can wait.
        let (calls, called) = bounded(THREADS);
        for number in 1..=THREADS {
            let (slots, called) = (slots.clone(), called.clone());
            let (registry, program) = (Arc::clone(registry), Arc::clone(program));
            thread::Builder::new().name(format!("reserved {number}")).stack_size(STACK_BYTES).spawn(
                move || {
                    let _registry = registry;
                    called.iter().for_each(|()| slots.serve_next(&program));
                },
            )?;
        }
        Ok(Reserved { slots, calls })
    }

    /// Lets a reserved thread answer the connection. If too many threads are occupied, another connection is
    /// closed: one that has its answer, or else the one that has occupied a thread longest. Returns whether
    /// one was closed without an answer.
    pub(crate) fn serve(&self, connection: Arc<Connection>, refusal: Refusal) -> bool {
        let address = connection.address.ip();
        let counts = counts_on_accept(address, &connection.registry.config().trusted_proxies);
        let unanswered = self.slots.add(connection, refusal, counts.then(|| client_network(address)));
        // It fails only if the channel is full: see `open`.
        let _ = self.calls.try_send(());
        unanswered
    }
}

/// The connections that occupy a reserved thread, or wait for one that is being freed, in the order in which
/// they came.
#[derive(Clone, Default)]
struct Slots(Arc<Lock<Vec<Slot>>>);

struct Slot {
    number: u64,
    connection: Weak<Connection>,
    /// The client's network; `None` where its share is not limited.
    network: Option<IpAddr>,
    /// The input for its thread, until that starts.
    waiting: Option<(Arc<Connection>, Refusal)>,
    displaced: bool,
}

/// A guard that frees the reserved thread when it is dropped.
struct SlotGuard {
    slots: Slots,
    number: u64,
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.slots.0.lock().retain(|slot| slot.number != self.number);
    }
}

impl Slots {
    /// Adds a connection that waits for a thread, and closes another one if there are too many. Returns
    /// whether that one was closed without an answer.
    fn add(&self, connection: Arc<Connection>, refusal: Refusal, network: Option<IpAddr>) -> bool {
        let mut slots = self.0.lock();
        let states: Vec<SlotState> = slots.iter().map(Slot::state).collect();
        let displaced = choose_displaced(&states, network);
        if let Some(at) = displaced {
            if slots[at].waiting.is_some() {
                // No thread serves it yet: dropping it closes it.
                slots.remove(at);
            } else {
                slots[at].displace();
            }
        }
        slots.push(Slot {
            number: connection.number,
            connection: Arc::downgrade(&connection),
            network,
            waiting: Some((connection, refusal)),
            displaced: false,
        });
        displaced.is_some_and(|at| states[at].phase == Phase::Unanswered)
    }

    /// Serves the connection that has waited longest. There may be none: a waiting connection can be
    /// displaced too.
    fn serve_next(&self, program: &Arc<Program>) {
        let next = self.0.lock().iter_mut().find_map(|slot| Some((slot.number, slot.waiting.take()?)));
        if let Some((number, (connection, refusal))) = next {
            let _guard = SlotGuard { slots: self.clone(), number };
            connection::serve(&connection, Err(refusal), program);
        }
    }
}

impl Slot {
    fn state(&self) -> SlotState {
        let phase = match self.connection.upgrade() {
            Some(_) if self.displaced => Phase::Leaving,
            Some(connection) if connection.state.lingers.load(Ordering::Acquire) => Phase::Answered,
            Some(_) => Phase::Unanswered,
            None => Phase::Leaving,
        };
        SlotState { network: self.network, phase }
    }

    /// Closes the connection, which frees its thread.
    fn displace(&mut self) {
        self.displaced = true;
        if let Some(connection) = self.connection.upgrade() {
            connection.state.displaced.store(true, Ordering::Release);
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SlotState {
    network: Option<IpAddr>,
    phase: Phase,
}

/// The phases of a connection here, in the order in which connections are displaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It has its answer, and waits for the client to disconnect.
    Answered,
    /// It has no answer yet, usually because its head is not complete.
    Unanswered,
    /// Its thread is about to be freed. It is not displaced again.
    Leaving,
}

/// The index of the connection to close for a new one from `network`: one from the same network if that has
/// used up its share, or any one if all threads are occupied. Among these, the lowest phase comes first, then
/// the longest wait.
fn choose_displaced(slots: &[SlotState], network: Option<IpAddr>) -> Option<usize> {
    let staying = || slots.iter().enumerate().filter(|(_, slot)| slot.phase != Phase::Leaving);
    let neighbours = || staying().filter(|(_, slot)| network.is_some() && slot.network == network);
    let order = |(at, slot): &(usize, &SlotState)| (slot.phase, *at);
    let displaced = if neighbours().count() >= THREADS_OF_AN_ADDRESS {
        neighbours().min_by_key(order)
    } else if staying().count() >= THREADS {
        staying().min_by_key(order)
    } else {
        None
    };
    displaced.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each letter of `slots` is a connection: `a`, `b` and `c` are addresses, `l` is loopback. A capital
    /// letter has its answer, and `-` is leaving.
    #[track_caller]
    fn check(slots: &str, new_client: char, expected: Option<usize>) {
        let network = |letter: char| match letter.to_ascii_lowercase() {
            'a' => Some([203, 0, 113, 1].into()),
            'b' => Some([203, 0, 113, 2].into()),
            'c' => Some([203, 0, 113, 3].into()),
            _ => None,
        };
        let phase = |letter: char| match letter {
            '-' => Phase::Leaving,
            letter if letter.is_uppercase() => Phase::Answered,
            _ => Phase::Unanswered,
        };
        let slots: Vec<_> = slots
            .chars()
            .map(|letter| SlotState { network: network(letter), phase: phase(letter) })
            .collect();
        assert_eq!(choose_displaced(&slots, network(new_client)), expected);
    }

    #[test]
    fn which_connection_is_displaced() {
        check("", 'a', None);
        check("lllllll", 'l', None);
        check("aaabbb", 'a', None);
        // An address that exceeds its share displaces one of its own connections, even if threads are free.
        check("laaaa", 'a', Some(1));
        check("laaaAlll", 'a', Some(4));
        check("lbbbaaaa", 'a', Some(4));
        check("laaaa", 'b', None);
        // When all threads are occupied, it is the oldest connection, but preferably one that has its answer.
        check("llllllll", 'l', Some(0));
        check("aaaabbbb", 'l', Some(0));
        check("aaaabbbb", 'c', Some(0));
        check("llaaaLLa", 'l', Some(5));
        // A connection that is leaving frees its thread anyway.
        check("-lllllll", 'l', None);
        check("-llllllll", 'l', Some(1));
        check("--------aaa", 'a', None);
    }
}
