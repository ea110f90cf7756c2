//! The threads that are kept for connections without a place: they answer that the server is well, or what is wrong.

use std::{
    io,
    net::{IpAddr, Shutdown},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    thread,
};

use crossbeam_channel::{Sender, bounded};

use super::{
    acceptor::{Handler, STACK_BYTES},
    connection,
};
use crate::{
    http::{Refusal, counts_at_the_door},
    registry::{Connection, Registry, home},
};

/// Started in advance: when the house is full, the system may give no more of them.
const THREADS: usize = 8;
/// How many of them one address may have, which may be slow on purpose.
const THREADS_OF_AN_ADDRESS: usize = THREADS / 2;
/// The reserved threads, and whom they serve.
pub(crate) struct Reserved {
    holders: Holders,
    /// Wakes a thread for whoever waits.
    calls: Sender<()>,
}

impl Reserved {
    pub(super) fn open(registry: &Arc<Registry>, handler: &Arc<Handler>) -> io::Result<Reserved> {
        let holders = Holders::default();
        // One that is full has a call for each that can wait.
        let (calls, called) = bounded(THREADS);
        for number in 1..=THREADS {
            let (holders, called) = (holders.clone(), called.clone());
            let (registry, handler) = (Arc::clone(registry), Arc::clone(handler));
            thread::Builder::new().name(format!("reserved {number}")).stack_size(STACK_BYTES).spawn(
                move || {
                    let _registry = registry;
                    called.iter().for_each(|()| holders.serve_next(&*handler));
                },
            )?;
        }
        Ok(Reserved { holders, calls })
    }

    /// Has the connection answered by a reserved thread. When too many are held, somebody is closed for it: whoever stays on after
    /// an answer, or else whoever has held a thread longest. Says whether that one stays unanswered.
    pub(crate) fn serve(&self, connection: Arc<Connection>, refusal: Refusal) -> bool {
        let address = connection.address.ip();
        let counts = counts_at_the_door(address, &connection.registry.config().trusted_proxies);
        let unanswered = self.holders.add(connection, refusal, counts.then(|| home(address)));
        let _ = self.calls.try_send(());
        unanswered
    }
}

/// Whoever has a reserved thread or waits for one that was freed, in the order in which they came.
#[derive(Clone, Default)]
struct Holders(Arc<Mutex<Vec<Holder>>>);

struct Holder {
    number: u64,
    connection: Weak<Connection>,
    /// Where it is from, as far as that counts.
    home: Option<IpAddr>,
    /// What its thread will be given.
    waiting: Option<(Arc<Connection>, Refusal)>,
    displaced: bool,
}

/// A reserved thread is free again when this is dropped.
struct Hold {
    holders: Holders,
    number: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holders.lock().retain(|holder| holder.number != self.number);
    }
}

impl Holders {
    /// Adds somebody who waits, and closes somebody else for that if there are too many; says whether that one stays
    /// unanswered.
    fn add(&self, connection: Arc<Connection>, refusal: Refusal, home: Option<IpAddr>) -> bool {
        let mut holders = self.lock();
        let states: Vec<State> = holders.iter().map(Holder::state).collect();
        let displaced = whom_to_displace(&states, home);
        if let Some(at) = displaced {
            if holders[at].waiting.is_some() {
                holders.remove(at);
            } else {
                holders[at].displace();
            }
        }
        holders.push(Holder {
            number: connection.number,
            connection: Arc::downgrade(&connection),
            home,
            waiting: Some((connection, refusal)),
            displaced: false,
        });
        displaced.is_some_and(|at| states[at].phase == Phase::Unanswered)
    }

    /// Serves whoever waits longest; nobody may, since those that wait can be displaced too.
    fn serve_next(&self, handler: &Handler) {
        let next = self.lock().iter_mut().find_map(|holder| Some((holder.number, holder.waiting.take()?)));
        if let Some((number, (connection, refusal))) = next {
            let _hold = Hold { holders: self.clone(), number };
            connection::serve(&connection, Err(refusal), handler);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Holder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder {
    fn state(&self) -> State {
        let phase = match self.connection.upgrade() {
            Some(_) if self.displaced => Phase::Leaving,
            Some(connection) if connection.state.lingers.load(Ordering::Acquire) => Phase::Answered,
            Some(_) => Phase::Unanswered,
            None => Phase::Leaving,
        };
        State { home: self.home, phase }
    }

    /// Wakes its thread, which ends.
    fn displace(&mut self) {
        self.displaced = true;
        if let Some(connection) = self.connection.upgrade() {
            connection.state.displaced.store(true, Ordering::Release);
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    home: Option<IpAddr>,
    phase: Phase,
}

/// In the order in which they are closed for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It has its answer, and has not hung up.
    Answered,
    /// Its head is not whole yet, as a rule.
    Unanswered,
    /// Its thread is about to be free.
    Leaving,
}

/// Who has to leave for a newcomer: one from the same address where that has its share, or else anybody when all threads are
/// held. Of those that can be, the one that came first.
fn whom_to_displace(holders: &[State], home: Option<IpAddr>) -> Option<usize> {
    let staying = || holders.iter().enumerate().filter(|(_, holder)| holder.phase != Phase::Leaving);
    let neighbours = || staying().filter(|(_, holder)| home.is_some() && holder.home == home);
    let slowest = |(at, holder): &(usize, &State)| (holder.phase, *at);
    let leaving = if neighbours().count() >= THREADS_OF_AN_ADDRESS {
        neighbours().min_by_key(slowest)
    } else if staying().count() >= THREADS {
        staying().min_by_key(slowest)
    } else {
        None
    };
    leaving.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `holders` are a letter each, a capital for one that has its answer and `-` for one that leaves: `a` and `b` are
    /// addresses, `l` is loopback.
    #[track_caller]
    fn check(holders: &str, newcomer: char, expected: Option<usize>) {
        let home = |letter: char| match letter.to_ascii_lowercase() {
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
        let holders: Vec<_> =
            holders.chars().map(|letter| State { home: home(letter), phase: phase(letter) }).collect();
        assert_eq!(whom_to_displace(&holders, home(newcomer)), expected);
    }

    #[test]
    fn who_has_to_leave() {
        check("", 'a', None);
        check("lllllll", 'l', None);
        check("aaabbb", 'a', None);
        // An address beyond its share displaces its own, whether there is room or not.
        check("laaaa", 'a', Some(1));
        check("laaaAlll", 'a', Some(4));
        check("lbbbaaaa", 'a', Some(4));
        check("laaaa", 'b', None);
        // Beyond all threads it is the one that came first, and rather one that has its answer.
        check("llllllll", 'l', Some(0));
        check("aaaabbbb", 'l', Some(0));
        check("aaaabbbb", 'c', Some(0));
        check("llaaaLLa", 'l', Some(5));
        // Whoever leaves already makes room.
        check("-lllllll", 'l', None);
        check("-llllllll", 'l', Some(1));
        check("--------aaa", 'a', None);
    }
}
