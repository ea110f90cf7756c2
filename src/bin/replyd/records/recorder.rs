//! Passes what an owner wants to know later to the thread that writes it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use replyd::{Answer, ConfigFiles, Replies};

use super::{
    unanswered::UnansweredRecord,
    writer::{RecorderState, Writer},
};
use crate::{console::Failure, lock::lock};

/// Number of messages that can wait for the disk; further ones are dropped.
const WAITING: usize = 1024;
/// Number of messages of one conversation that are recorded in a minute. A person types fewer.
const MAX_OF_SESSION: u32 = 20;
/// Number of messages of one address in a minute. Several people may share it.
const MAX_OF_ADDRESS: u32 = 60;
/// Number of addresses that are distinguished within a minute; all others count as one.
const MAX_ADDRESSES: usize = 4096;
const MINUTE: Duration = Duration::from_secs(60);

/// A handle of the thread. No session waits for the disk.
#[derive(Clone)]
pub(crate) struct Recorder {
    /// `None` is a request to check the files.
    messages: Sender<Option<UnansweredRecord>>,
    state: Arc<RecorderState>,
    addresses: Arc<Mutex<MessageLimit>>,
}

impl Recorder {
    /// Starts the thread. When the last clone is dropped it writes the rest, and disconnects the channel.
    pub(crate) fn start(sources: &ConfigFiles) -> Result<(Recorder, Receiver<()>), Failure> {
        let (messages, waiting) = bounded(WAITING);
        let state = Arc::new(RecorderState::default());
        let mut writer = Writer::new(Arc::clone(&state));
        let (done, written) = bounded(0);
        let write = move || {
            let _done = done;
            writer.run(&waiting);
        };
        thread::Builder::new().name("recorder".into()).spawn(write).map_err(|error| {
            Failure::new(format!("cannot start a thread for unanswered messages and statistics: {error}"))
        })?;
        let addresses = Arc::new(Mutex::new(MessageLimit::new()));
        let recorder = Recorder { messages, state, addresses };
        recorder.set_files(sources);
        Ok((recorder, written))
    }

    /// Sets the files from now on, and has the thread check them, so that a problem is logged before the
    /// first message. If the channel is full, the waiting messages will show the problem anyway.
    pub(crate) fn set_files(&self, sources: &ConfigFiles) {
        self.state.set_files(sources);
        let _ = self.messages.try_send(None);
    }

    /// Returns a function that counts the answers of one session, and records messages that no phrase
    /// answers, up to `MAX_OF_SESSION` and the limit of its address.
    pub(crate) fn for_session(&self, address: IpAddr) -> impl FnMut(&str, &Answer<'_>) {
        let (mut minute, mut count) = (Instant::now(), 0);
        let mut is_first = true;
        move |message, answer| {
            let is_first = std::mem::take(&mut is_first);
            if self.state.is_counting.load(Ordering::Relaxed) {
                lock(&self.state.counts).count(answer, is_first);
            }
            let Some(record) = UnansweredRecord::new(message, answer) else { return };
            if minute.elapsed() >= MINUTE {
                (minute, count) = (Instant::now(), 0);
            }
            if count < MAX_OF_SESSION && Replies::has_words(&record.message) {
                let is_sent =
                    lock(&self.addresses).allows(address) && self.messages.try_send(Some(record)).is_ok();
                count += u32::from(is_sent);
            }
        }
    }
}

/// When a minute began, and how many messages of each address were counted in it.
pub(super) struct MessageLimit {
    begun: Instant,
    counts: HashMap<IpAddr, u32>,
}

impl MessageLimit {
    pub(super) fn new() -> MessageLimit {
        MessageLimit { begun: Instant::now(), counts: HashMap::new() }
    }

    /// Counts a message from an address, and returns whether it is within the limit.
    pub(super) fn allows(&mut self, address: IpAddr) -> bool {
        if self.begun.elapsed() >= MINUTE {
            *self = MessageLimit::new();
        }
        let address = network(address);
        let has_place = self.counts.len() < MAX_ADDRESSES || self.counts.contains_key(&address);
        let address = if has_place { address } else { Ipv6Addr::UNSPECIFIED.into() };
        let count = self.counts.entry(address).or_default();
        *count += 1;
        *count <= MAX_OF_ADDRESS
    }
}

/// The address, or for IPv6 its /64 network, all addresses of which one household can use.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}
