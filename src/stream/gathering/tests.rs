//! Tests of both streams, with a script in place of a socket.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    sync::{Arc, Mutex, atomic::Ordering},
};

use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketConfig};

use super::{
    super::{abort::StopFlags, transport::Transport},
    *,
};

/// What the system does in one call. After the last step, reads time out.
#[derive(Clone, Debug)]
enum Step {
    /// Bytes arrive. What does not fit into the caller's buffer arrives with the next read.
    Bytes(Vec<u8>),
    Fails(ErrorKind),
    EndOfFile,
    /// A write accepts at most this many bytes.
    Accepts(usize),
    /// The server begins to stop, and the read returns like an end of file.
    Stops,
}

#[derive(Clone, Default)]
struct Script(Arc<Steps>);

#[derive(Default)]
struct Steps {
    reads: Mutex<VecDeque<Step>>,
    writes: Mutex<VecDeque<Step>>,
    written: Mutex<Vec<u8>>,
    /// Number of bytes given to each call of `write`.
    calls: Mutex<Vec<usize>>,
    timeouts: Mutex<Vec<Duration>>,
    stop_flags: StopFlags,
}

impl Script {
    fn reads(steps: impl IntoIterator<Item = Step>) -> Script {
        let script = Script::default();
        script.0.reads.lock().unwrap().extend(steps);
        script
    }

    fn writes(steps: impl IntoIterator<Item = Step>) -> Script {
        let script = Script::default();
        script.0.writes.lock().unwrap().extend(steps);
        script
    }

    fn socket(&self) -> TimedStream {
        let mut socket = TimedStream::new(Arc::new(self.clone()), self.0.stop_flags.clone());
        socket.read_by(Instant::now() + Duration::from_secs(60));
        socket.write_within(Duration::from_secs(60));
        socket
    }

    fn stream(&self) -> GatheringStream {
        GatheringStream::new(self.socket(), b"head".to_vec(), b"leftover".to_vec(), Duration::from_secs(60))
    }

    fn written(&self) -> Vec<u8> {
        self.0.written.lock().unwrap().clone()
    }
}

impl Transport for Script {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut steps = self.0.reads.lock().unwrap();
        match steps.pop_front() {
            Some(Step::Bytes(mut bytes)) => {
                let count = bytes.len().min(buffer.len());
                buffer[..count].copy_from_slice(&bytes[..count]);
                if count < bytes.len() {
                    steps.push_front(Step::Bytes(bytes.split_off(count)));
                }
                Ok(count)
            }
            Some(Step::EndOfFile) => Ok(0),
            Some(Step::Stops) => {
                self.0.stop_flags.stop.store(true, Ordering::Release);
                Ok(0)
            }
            Some(Step::Fails(kind)) => Err(kind.into()),
            Some(Step::Accepts(_)) => unreachable!("only writes accept"),
            None => {
                // Waits as long as the system would.
                std::thread::sleep(*self.0.timeouts.lock().unwrap().last().expect("a read has a time-out"));
                Err(ErrorKind::WouldBlock.into())
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.calls.lock().unwrap().push(bytes.len());
        let count = match self.0.writes.lock().unwrap().pop_front() {
            Some(Step::Accepts(count)) => count.min(bytes.len()),
            Some(Step::Fails(kind)) => return Err(kind.into()),
            Some(step) => unreachable!("{step:?} is for reads"),
            None => bytes.len(),
        };
        self.0.written.lock().unwrap().extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.0.timeouts.lock().unwrap().push(timeout);
        Ok(())
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.0.timeouts.lock().unwrap().push(timeout);
        Ok(())
    }
}

fn bytes(text: &str) -> Step {
    Step::Bytes(text.as_bytes().to_vec())
}

#[track_caller]
fn read(stream: &mut impl Read) -> String {
    let mut buffer = [0; 100];
    let count = stream.read(&mut buffer).unwrap();
    String::from_utf8(buffer[..count].to_vec()).unwrap()
}

/// Reads the head and the leftover bytes, for example.
fn read_twice(stream: &mut impl Read) {
    read(stream);
    read(stream);
}

/// The kind of the error that a read failed with, and why replyd itself ended it.
#[track_caller]
fn failure(result: io::Result<usize>) -> (ErrorKind, Option<Abort>) {
    let error = result.unwrap_err();
    (error.kind(), Abort::of(&error))
}

#[test]
fn interrupted_calls_are_made_again() {
    let script = Script::reads([Step::Fails(ErrorKind::Interrupted), bytes("a")]);
    assert_eq!(read(&mut script.socket()), "a");
    let script = Script::writes([
        Step::Fails(ErrorKind::Interrupted),
        Step::Accepts(1),
        Step::Fails(ErrorKind::Interrupted),
    ]);
    script.socket().write_all(b"abc").unwrap();
    assert_eq!(script.written(), b"abc");
}

#[test]
fn a_time_out_is_told_apart_from_a_fault() {
    let script = Script::reads([]);
    let mut socket = script.socket();
    socket.read_by(Instant::now() + Duration::from_millis(5));
    assert_eq!(failure(socket.read(&mut [0])), (ErrorKind::WouldBlock, None));
    // It has passed: the system is not even asked.
    script.0.reads.lock().unwrap().push_back(bytes("a"));
    assert_eq!(failure(socket.read(&mut [0])), (ErrorKind::WouldBlock, None));
    assert_eq!(script.0.timeouts.lock().unwrap().len(), 1);
    // But a caller that is late for a new deadline gets what has already arrived.
    socket.read_by(Instant::now());
    assert_eq!(read(&mut socket), "a");
    assert_eq!(failure(socket.read(&mut [0])), (ErrorKind::WouldBlock, None));

    // The system reports this for a peer that no longer answers.
    let script = Script::reads([Step::Fails(ErrorKind::TimedOut)]);
    assert_eq!(failure(script.socket().read(&mut [0])), (ErrorKind::TimedOut, None));
}

#[test]
fn the_end_of_file_and_a_stop_are_told_apart() {
    let script = Script::reads([Step::EndOfFile]);
    assert_eq!(read(&mut script.socket()), "");

    let script = Script::reads([bytes("a"), Step::Stops, bytes("never read")]);
    let mut socket = script.socket();
    assert_eq!(read(&mut socket), "a");
    let stopped = (ErrorKind::Other, Some(Abort::Stop));
    assert_eq!(failure(socket.read(&mut [0])), stopped);
    assert_eq!(failure(socket.read(&mut [0])), stopped);
    // A last message can still be sent.
    socket.write_all(b"bye").unwrap();
    assert_eq!(script.written(), b"bye");
}

#[test]
fn time_outs_are_set_only_when_they_would_fire_too_late() {
    let script = Script::reads(["a", "b", "c", "d"].map(bytes));
    let mut socket = script.socket();
    for seconds in [60, 60, 90] {
        socket.read_by(Instant::now() + Duration::from_secs(seconds));
        read(&mut socket);
    }
    assert_eq!(script.0.timeouts.lock().unwrap().len(), 1);
    socket.read_by(Instant::now() + Duration::from_secs(30));
    read(&mut socket);
    assert_eq!(script.0.timeouts.lock().unwrap().len(), 2);
}

#[test]
fn a_time_out_for_an_earlier_deadline_is_not_reported() {
    let script = Script::reads([Step::Fails(ErrorKind::WouldBlock), bytes("a")]);
    assert_eq!(read(&mut script.socket()), "a");
    assert_eq!(script.0.timeouts.lock().unwrap().len(), 2);
}

#[test]
fn one_deadline_holds_for_all_pieces_of_a_write() {
    let script = Script::writes([Step::Accepts(1), Step::Fails(ErrorKind::WouldBlock), Step::Accepts(1)]);
    script.socket().write_all(b"abc").unwrap();
    assert_eq!(script.written(), b"abc");

    let script = Script::writes([Step::Accepts(1)]);
    let mut socket = script.socket();
    socket.write_within(Duration::ZERO);
    let error = socket.write_all(b"abc").unwrap_err();
    assert_eq!(Abort::of(&error), Some(Abort::Write));

    let script = Script::writes([Step::Fails(ErrorKind::BrokenPipe)]);
    assert_eq!(script.socket().write_all(b"abc").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn the_head_the_leftover_and_the_socket_are_read_separately() {
    let mut stream = Script::reads([bytes("socket")]).stream();
    assert_eq!([read(&mut stream), read(&mut stream), read(&mut stream)], ["head", "leftover", "socket"]);
}

#[test]
fn answers_are_gathered_until_a_read_may_wait() {
    let script = Script::reads([bytes("one"), bytes("two")]);
    let mut stream = script.stream();
    for answer in [b"a", b"b"] {
        stream.write_all(answer).unwrap();
    }
    assert!(!stream.gathered.is_empty());
    // Reads that cannot wait do not send anything.
    read(&mut stream);
    read(&mut stream);
    assert_eq!(script.written(), b"");
    read(&mut stream);
    assert_eq!(script.written(), b"ab");
    assert_eq!(*script.0.calls.lock().unwrap(), [2]);
    // Nothing is sent when nothing is gathered.
    stream.flush().unwrap();
    read(&mut stream);
    assert_eq!(*script.0.calls.lock().unwrap(), [2]);
    assert_eq!((stream.bytes_received, stream.bytes_sent), (14, 2));
}

#[test]
fn pings_that_come_together_are_answered_together() {
    const PINGS: u8 = 100;
    let packets =
        [(0..PINGS).flat_map(|number| frame(0x89, number)).collect(), frame(0x89, 1), frame(0x89, 2)];
    let script = Script::reads(packets.map(Step::Bytes));
    let stream = GatheringStream::new(script.socket(), Vec::new(), Vec::new(), Duration::from_secs(60));
    let config = WebSocketConfig::default().write_buffer_size(0);
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
    let mut read = |count| {
        for _ in 0..count {
            let message = socket.read().unwrap();
            socket.get_mut().frames.delivered();
            answer_ping(&mut socket, &message.into_data()).unwrap();
        }
        script.0.calls.lock().unwrap().drain(..).collect::<Vec<_>>()
    };
    // One call, or one in a millisecond.
    let calls = read(PINGS);
    assert!(calls.len() < usize::from(PINGS) / 4, "{calls:?}");
    // No further ping is waiting: the pong is sent at once.
    assert_eq!([read(1), read(1)], [[3], [4]]);
    let pongs: Vec<u8> =
        (0..PINGS).chain([1, 2]).flat_map(|number| [vec![0x8a, number], unmasked(number)].concat()).collect();
    assert_eq!(script.written(), pongs);
}

#[test]
fn gathered_answers_go_out_at_16_kib() {
    let script = Script::default();
    let mut stream = script.stream();
    stream.write_all(&[b'x'; GATHER_BYTES - 1]).unwrap();
    assert_eq!(script.written().len(), 0);
    stream.write_all(b"x").unwrap();
    assert_eq!(script.written().len(), GATHER_BYTES);
    assert!(stream.gathered.is_empty());
}

#[test]
fn a_long_write_is_sent_without_gathering_it() {
    let script = Script::default();
    let mut stream = script.stream();
    stream.write_all(b"short").unwrap();
    stream.write_all(&[b'x'; 5 * GATHER_BYTES]).unwrap();
    assert_eq!(*script.0.calls.lock().unwrap(), [5, 5 * GATHER_BYTES]);
    assert!(stream.gathered.is_empty() && stream.gathered.capacity() < GATHER_BYTES);
    // Nor is more than this ever gathered.
    stream.write_all(&[b'x'; GATHER_BYTES - 1]).unwrap();
    stream.write_all(&[b'x'; 2]).unwrap();
    assert_eq!(script.0.calls.lock().unwrap()[2..], [GATHER_BYTES - 1]);
    assert_eq!(stream.gathered.len(), 2);
}

#[test]
fn nothing_is_sent_after_a_failed_write() {
    let script = Script::writes([Step::Accepts(1), Step::Fails(ErrorKind::ConnectionReset)]);
    let mut stream = script.stream();
    stream.write_all(b"abc").unwrap();
    stream.flush().unwrap_err();
    stream.flush().unwrap();
    assert_eq!(script.written(), b"a");
}

#[test]
fn the_bytes_of_an_event_are_limited() {
    let mut stream =
        Script::reads([vec![1; 5], vec![1; 5], vec![1; 1], frame(0x82, 5)].map(Step::Bytes)).stream();
    read_twice(&mut stream);
    stream.begin_event(10, Duration::from_secs(60));
    read_twice(&mut stream);
    assert_eq!(failure(stream.read(&mut [0; 9])), (ErrorKind::Other, Some(Abort::Budget)));
}

/// A masked frame.
fn frame(first_byte: u8, payload: u8) -> Vec<u8> {
    [vec![first_byte, 0x80 | payload, 1, 2, 3, 4], vec![b'x'; payload.into()]].concat()
}

/// The payload of such a frame, without its mask.
fn unmasked(payload: u8) -> Vec<u8> {
    (0..payload).map(|index| b'x' ^ (1 + index % 4)).collect()
}

/// A stream after an empty upgrade, whose peer sends each of these in a separate packet.
fn stream_of(packets: &[&[u8]]) -> GatheringStream {
    let script = Script::reads(packets.iter().map(|packet| Step::Bytes(packet.to_vec())));
    let mut stream = GatheringStream::new(script.socket(), Vec::new(), Vec::new(), Duration::from_secs(60));
    stream.begin_event(100, MESSAGE_TIMEOUT);
    stream
}

const MESSAGE_TIMEOUT: Duration = Duration::from_millis(20);

/// Hands out an event and begins the next one.
fn next_event(stream: &mut GatheringStream) {
    stream.frames.delivered();
    stream.begin_event(100, MESSAGE_TIMEOUT);
}

#[test]
fn a_message_has_its_time_from_its_first_byte_on() {
    let mut stream = stream_of(&[&frame(0x81, 9)[..1]]);
    stream.read_by(Instant::now() + Duration::from_secs(60));
    assert_eq!(stream.message_by, None);
    read_some(&mut stream);
    let due = stream.message_by.unwrap();
    // A later deadline of the session does not extend it.
    stream.read_by(Instant::now() + Duration::from_secs(60));
    assert_eq!(failure(stream.read(&mut [0; 9])), (ErrorKind::WouldBlock, None));
    assert!(Instant::now() >= due && stream.is_late());
}

#[test]
fn a_complete_message_has_no_deadline() {
    let mut stream = stream_of(&[&frame(0x81, 9)[..1], &frame(0x81, 9)[1..], &frame(0x89, 0)]);
    read_some(&mut stream);
    read_some(&mut stream);
    assert_eq!(stream.message_by, None);
    next_event(&mut stream);
    read_some(&mut stream);
    assert_eq!(stream.message_by, None);
}

#[test]
fn a_ping_within_a_message_adds_neither_time_nor_bytes() {
    let mut stream = stream_of(&[&frame(0x01, 9), &frame(0x89, 40), &frame(0x89, 40)]);
    read_some(&mut stream);
    let due = stream.message_by.unwrap();
    read_some(&mut stream);
    next_event(&mut stream);
    assert_eq!(stream.message_by, Some(due));
    assert_eq!(failure(stream.read(&mut [0; 100])), (ErrorKind::Other, Some(Abort::Budget)));
}

#[test]
fn the_next_message_has_its_full_time_and_bytes() {
    // It begins in the same packet as the end of the previous one and a ping.
    let packets =
        [frame(0x01, 9), [frame(0x80, 9), frame(0x89, 0), frame(0x01, 9)].concat(), frame(0x80, 70)];
    let mut stream = stream_of(&packets.each_ref().map(|packet| &packet[..]));
    read_some(&mut stream);
    let due = stream.message_by.unwrap();
    read_some(&mut stream);
    assert_eq!(stream.message_by, None, "until it is its turn");
    next_event(&mut stream);
    assert_eq!(stream.message_by, None, "until it is its turn");
    next_event(&mut stream);
    assert!(stream.message_by.unwrap() > due);
    read_some(&mut stream);
    assert_eq!(stream.message_by, None);
}

fn read_some(stream: &mut GatheringStream) {
    assert!(stream.read(&mut [0; 200]).unwrap() > 0);
}

fn faults() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Fails(ErrorKind::Interrupted)),
        Just(Step::Fails(ErrorKind::WouldBlock)),
        (1usize..20).prop_map(Step::Accepts),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    /// However the system splits it, everything that is written arrives, once and in order.
    #[test]
    fn nothing_written_is_lost(answers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20), steps in faults()) {
        let script = Script::writes(steps);
        let mut stream = script.stream();
        for answer in &answers {
            stream.write_all(answer).unwrap();
        }
        stream.flush().unwrap();
        prop_assert_eq!(script.written(), answers.concat());
        prop_assert!(stream.gathered.is_empty());
    }

    /// However it is split, everything that is sent is read, once and in order.
    #[test]
    fn nothing_sent_is_lost(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 0..20), size in 1usize..40) {
        let between = [Step::Fails(ErrorKind::Interrupted), Step::Fails(ErrorKind::WouldBlock)];
        let steps = pieces.iter().flat_map(|piece| [Step::Bytes(piece.clone())].into_iter().chain(between.clone()));
        let mut stream = Script::reads(steps.chain([Step::EndOfFile])).stream();
        let (mut all, mut buffer) = (Vec::new(), vec![0; size]);
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
        prop_assert_eq!(all, [b"headleftover".to_vec(), pieces.concat()].concat());
    }
}

#[test]
fn undelivered_events_are_known() {
    let leftover = frame(0x81, 5);
    let all =
        [frame(0x01, 5), frame(0x89, 0), frame(0x80, 5), frame(0x82, 5), leftover[..3].to_vec()].concat();
    let mut stream = GatheringStream::new(
        Script::reads([Step::Bytes(all)]).socket(),
        Vec::new(),
        leftover,
        MESSAGE_TIMEOUT,
    );
    assert!(stream.has_unread(), "the bytes after the head");
    read_some(&mut stream);
    assert!(stream.has_unread());
    stream.frames.delivered();
    assert!(!stream.has_unread());
    read_some(&mut stream);
    for _ in 0..3 {
        assert!(stream.has_unread());
        stream.frames.delivered();
    }
    assert!(!stream.has_unread(), "half a frame is not an event");
}

#[test]
fn a_peer_that_just_sent_a_message_is_not_idle() {
    let mut stream = Script::reads([bytes("a message and a ping"), bytes("x")]).stream();
    read_twice(&mut stream);
    read(&mut stream);
    stream.end_idling();
    // The ping is handled before the next wait for the peer.
    assert_eq!(stream.idle_since, stream.last_received);
    let before = stream.idle_since;
    read(&mut stream);
    assert!(stream.idle_since >= before);
}
