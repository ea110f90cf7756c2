//! Both streams over a script in place of a socket.

use std::{cell::RefCell, collections::VecDeque, io::ErrorKind, rc::Rc, sync::atomic::Ordering};

use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketConfig};

use super::{super::abort::StopFlags, *};

/// What the system does at one call; when the script is over, nothing comes any more.
#[derive(Clone, Debug)]
enum Step {
    /// Bytes come; of more than the caller has room for, the rest comes next.
    Bytes(Vec<u8>),
    Fails(ErrorKind),
    EndOfFile,
    /// At most so many bytes are taken.
    Takes(usize),
    /// The server begins to stop, and the read returns like an end of file.
    Stops,
}

#[derive(Clone, Default)]
struct Script(Rc<State>);

#[derive(Default)]
struct State {
    reads: RefCell<VecDeque<Step>>,
    writes: RefCell<VecDeque<Step>>,
    written: RefCell<Vec<u8>>,
    /// How many bytes each call of `write` was given.
    calls: RefCell<Vec<usize>>,
    timeouts: RefCell<Vec<Duration>>,
    stop_flags: StopFlags,
}

impl Script {
    fn reads(steps: impl IntoIterator<Item = Step>) -> Script {
        let script = Script::default();
        script.0.reads.borrow_mut().extend(steps);
        script
    }

    fn writes(steps: impl IntoIterator<Item = Step>) -> Script {
        let script = Script::default();
        script.0.writes.borrow_mut().extend(steps);
        script
    }

    fn socket(&self) -> TimedStream<Script> {
        let mut socket = TimedStream::new(self.clone(), self.0.stop_flags.clone());
        socket.read_by(Instant::now() + Duration::from_secs(60));
        socket.write_within(Duration::from_secs(60));
        socket
    }

    fn wire(&self) -> GatheringStream<Script> {
        GatheringStream::new(self.socket(), b"head".to_vec(), b"behind".to_vec(), Duration::from_secs(60))
    }

    fn written(&self) -> Vec<u8> {
        self.0.written.borrow().clone()
    }
}

impl Transport for Script {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut steps = self.0.reads.borrow_mut();
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
            Some(Step::Takes(_)) => unreachable!("only writes take"),
            None => {
                // A time-out takes its time.
                std::thread::sleep(*self.0.timeouts.borrow().last().expect("a read has a time-out"));
                Err(ErrorKind::WouldBlock.into())
            }
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.calls.borrow_mut().push(bytes.len());
        let count = match self.0.writes.borrow_mut().pop_front() {
            Some(Step::Takes(count)) => count.min(bytes.len()),
            Some(Step::Fails(kind)) => return Err(kind.into()),
            Some(step) => unreachable!("{step:?} is for reads"),
            None => bytes.len(),
        };
        self.0.written.borrow_mut().extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.0.timeouts.borrow_mut().push(timeout);
        Ok(())
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.0.timeouts.borrow_mut().push(timeout);
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

/// Reads the head and the bytes behind it, say.
fn read_twice(stream: &mut impl Read) {
    read(stream);
    read(stream);
}

/// The kind of the error with which a read ends, and why replyd itself ended it.
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
        Step::Takes(1),
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
    script.0.reads.borrow_mut().push_back(bytes("a"));
    assert_eq!(failure(socket.read(&mut [0])), (ErrorKind::WouldBlock, None));
    assert_eq!(script.0.timeouts.borrow().len(), 1);
    // But whoever comes late to a deadline gets what has long been there.
    socket.read_by(Instant::now());
    assert_eq!(read(&mut socket), "a");
    assert_eq!(failure(socket.read(&mut [0])), (ErrorKind::WouldBlock, None));

    // The system's own word for a peer that does not answer any more.
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
    // What is still to be said can be.
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
    assert_eq!(script.0.timeouts.borrow().len(), 1);
    socket.read_by(Instant::now() + Duration::from_secs(30));
    read(&mut socket);
    assert_eq!(script.0.timeouts.borrow().len(), 2);
}

#[test]
fn a_time_out_of_an_earlier_deadline_is_no_time_out() {
    let script = Script::reads([Step::Fails(ErrorKind::WouldBlock), bytes("a")]);
    assert_eq!(read(&mut script.socket()), "a");
    assert_eq!(script.0.timeouts.borrow().len(), 2);
}

#[test]
fn one_deadline_holds_for_all_pieces_of_a_write() {
    let script = Script::writes([Step::Takes(1), Step::Fails(ErrorKind::WouldBlock), Step::Takes(1)]);
    script.socket().write_all(b"abc").unwrap();
    assert_eq!(script.written(), b"abc");

    let script = Script::writes([Step::Takes(1)]);
    let mut socket = script.socket();
    socket.write_within(Duration::ZERO);
    let error = socket.write_all(b"abc").unwrap_err();
    assert_eq!(Abort::of(&error), Some(Abort::Write));

    let script = Script::writes([Step::Fails(ErrorKind::BrokenPipe)]);
    assert_eq!(script.socket().write_all(b"abc").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn the_head_the_bytes_behind_it_and_the_socket_each_in_reads_of_their_own() {
    let mut wire = Script::reads([bytes("socket")]).wire();
    assert_eq!([read(&mut wire), read(&mut wire), read(&mut wire)], ["head", "behind", "socket"]);
}

#[test]
fn answers_are_gathered_until_a_read_may_wait() {
    let script = Script::reads([bytes("one"), bytes("two")]);
    let mut wire = script.wire();
    for answer in [b"a", b"b"] {
        wire.write_all(answer).unwrap();
    }
    assert!(wire.has_gathered());
    // What is there already is handed out without a thought for the socket.
    read(&mut wire);
    read(&mut wire);
    assert_eq!(script.written(), b"");
    read(&mut wire);
    assert_eq!(script.written(), b"ab");
    assert_eq!(*script.0.calls.borrow(), [2]);
    // Nothing is sent for nothing.
    wire.flush().unwrap();
    read(&mut wire);
    assert_eq!(*script.0.calls.borrow(), [2]);
    assert_eq!((wire.bytes_received(), wire.bytes_sent()), (12, 2));
}

#[test]
fn pings_that_come_together_are_answered_together() {
    const PINGS: u8 = 100;
    let packets =
        [(0..PINGS).flat_map(|number| frame(0x89, number)).collect(), frame(0x89, 1), frame(0x89, 2)];
    let script = Script::reads(packets.map(Step::Bytes));
    let wire = GatheringStream::new(script.socket(), Vec::new(), Vec::new(), Duration::from_secs(60));
    let config = WebSocketConfig::default().write_buffer_size(0);
    let mut socket = WebSocket::from_raw_socket(wire, Role::Server, Some(config));
    let mut read = |count| {
        for _ in 0..count {
            let message = socket.read().unwrap();
            socket.get_mut().delivered();
            answer_ping(&mut socket, &message.into_data()).unwrap();
        }
        script.0.calls.borrow_mut().drain(..).collect::<Vec<_>>()
    };
    // One call, or one in a millisecond.
    let calls = read(PINGS);
    assert!(calls.len() < usize::from(PINGS) / 4, "{calls:?}");
    // Nothing is behind it: the pong goes out at once.
    assert_eq!([read(1), read(1)], [[3], [4]]);
    let pongs: Vec<u8> =
        (0..PINGS).chain([1, 2]).flat_map(|number| [vec![0x8a, number], unmasked(number)].concat()).collect();
    assert_eq!(script.written(), pongs);
}

#[test]
fn gathered_answers_go_out_at_16_kib() {
    let script = Script::default();
    let mut wire = script.wire();
    wire.write_all(&[b'x'; GATHER_BYTES - 1]).unwrap();
    assert_eq!(script.written().len(), 0);
    wire.write_all(b"x").unwrap();
    assert_eq!(script.written().len(), GATHER_BYTES);
    assert!(!wire.has_gathered());
}

#[test]
fn what_is_long_is_sent_without_gathering_it() {
    let script = Script::default();
    let mut wire = script.wire();
    wire.write_all(b"short").unwrap();
    wire.write_all(&[b'x'; 5 * GATHER_BYTES]).unwrap();
    assert_eq!(*script.0.calls.borrow(), [5, 5 * GATHER_BYTES]);
    assert!(!wire.has_gathered() && wire.gathered.capacity() < GATHER_BYTES);
    // Nor does it ever gather more than so much.
    wire.write_all(&[b'x'; GATHER_BYTES - 1]).unwrap();
    wire.write_all(&[b'x'; 2]).unwrap();
    assert_eq!(script.0.calls.borrow()[2..], [GATHER_BYTES - 1]);
    assert_eq!(wire.gathered.len(), 2);
}

#[test]
fn behind_a_failed_write_nothing_follows() {
    let script = Script::writes([Step::Takes(1), Step::Fails(ErrorKind::ConnectionReset)]);
    let mut wire = script.wire();
    wire.write_all(b"abc").unwrap();
    wire.flush().unwrap_err();
    wire.flush().unwrap();
    assert_eq!(script.written(), b"a");
}

#[test]
fn one_event_may_take_so_many_bytes() {
    let mut wire =
        Script::reads([vec![1; 5], vec![1; 5], vec![1; 1], frame(0x82, 5)].map(Step::Bytes)).wire();
    read_twice(&mut wire);
    wire.begin_event(10, Duration::from_secs(60));
    read_twice(&mut wire);
    assert_eq!(failure(wire.read(&mut [0; 9])), (ErrorKind::Other, Some(Abort::Budget)));
}

/// A masked frame.
fn frame(first_byte: u8, payload: u8) -> Vec<u8> {
    [vec![first_byte, 0x80 | payload, 1, 2, 3, 4], vec![b'x'; payload.into()]].concat()
}

/// The payload of such a frame, without its mask.
fn unmasked(payload: u8) -> Vec<u8> {
    (0..payload).map(|index| b'x' ^ (1 + index % 4)).collect()
}

/// A wire with an empty upgrade, whose peer sends each of these in a packet of its own.
fn wire_of(packets: &[&[u8]]) -> GatheringStream<Script> {
    let script = Script::reads(packets.iter().map(|packet| Step::Bytes(packet.to_vec())));
    let mut wire = GatheringStream::new(script.socket(), Vec::new(), Vec::new(), Duration::from_secs(60));
    wire.begin_event(100, MESSAGE_TIMEOUT);
    wire
}

const MESSAGE_TIMEOUT: Duration = Duration::from_millis(20);

/// Hands an event out and begins the next.
fn next_event(wire: &mut GatheringStream<Script>) {
    wire.delivered();
    wire.begin_event(100, MESSAGE_TIMEOUT);
}

#[test]
fn a_message_has_its_time_from_its_first_byte_on() {
    let mut wire = wire_of(&[&frame(0x81, 9)[..1]]);
    wire.read_by(Instant::now() + Duration::from_secs(60));
    assert_eq!(wire.message_by(), None);
    read_some(&mut wire);
    let due = wire.message_by().unwrap();
    // A later deadline of the session does not hold it up.
    wire.read_by(Instant::now() + Duration::from_secs(60));
    assert_eq!(failure(wire.read(&mut [0; 9])), (ErrorKind::WouldBlock, None));
    assert!(Instant::now() >= due && wire.is_late());
}

#[test]
fn a_whole_message_has_no_time_to_run_out_of() {
    let mut wire = wire_of(&[&frame(0x81, 9)[..1], &frame(0x81, 9)[1..], &frame(0x89, 0)]);
    read_some(&mut wire);
    read_some(&mut wire);
    assert_eq!(wire.message_by(), None);
    next_event(&mut wire);
    read_some(&mut wire);
    assert_eq!(wire.message_by(), None);
}

#[test]
fn a_ping_in_the_middle_of_a_message_buys_neither_time_nor_bytes() {
    let mut wire = wire_of(&[&frame(0x01, 9), &frame(0x89, 40), &frame(0x89, 40)]);
    read_some(&mut wire);
    let due = wire.message_by().unwrap();
    read_some(&mut wire);
    next_event(&mut wire);
    assert_eq!(wire.message_by(), Some(due));
    assert_eq!(failure(wire.read(&mut [0; 100])), (ErrorKind::Other, Some(Abort::Budget)));
}

#[test]
fn the_next_message_has_all_its_time_and_bytes() {
    // Its beginning comes with the end of another one, and with a ping before it.
    let packets =
        [frame(0x01, 9), [frame(0x80, 9), frame(0x89, 0), frame(0x01, 9)].concat(), frame(0x80, 70)];
    let mut wire = wire_of(&packets.each_ref().map(|packet| &packet[..]));
    read_some(&mut wire);
    let due = wire.message_by().unwrap();
    read_some(&mut wire);
    assert_eq!(wire.message_by(), None, "until it is its turn");
    next_event(&mut wire);
    assert_eq!(wire.message_by(), None, "until it is its turn");
    next_event(&mut wire);
    assert!(wire.message_by().unwrap() > due);
    read_some(&mut wire);
    assert_eq!(wire.message_by(), None);
}

fn read_some(wire: &mut GatheringStream<Script>) {
    assert!(wire.read(&mut [0; 200]).unwrap() > 0);
}

fn faults() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Fails(ErrorKind::Interrupted)),
        Just(Step::Fails(ErrorKind::WouldBlock)),
        (1usize..20).prop_map(Step::Takes),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    /// Whatever pieces the system makes of it, all that is written arrives, once and in order.
    #[test]
    fn nothing_written_is_lost(answers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20), steps in faults()) {
        let script = Script::writes(steps);
        let mut wire = script.wire();
        for answer in &answers {
            wire.write_all(answer).unwrap();
        }
        wire.flush().unwrap();
        prop_assert_eq!(script.written(), answers.concat());
        prop_assert!(!wire.has_gathered());
    }

    /// Whatever pieces it comes in, all that is sent is read, once and in order.
    #[test]
    fn nothing_sent_is_lost(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 0..20), size in 1usize..40) {
        let between = [Step::Fails(ErrorKind::Interrupted), Step::Fails(ErrorKind::WouldBlock)];
        let steps = pieces.iter().flat_map(|piece| [Step::Bytes(piece.clone())].into_iter().chain(between.clone()));
        let mut wire = Script::reads(steps.chain([Step::EndOfFile])).wire();
        let (mut all, mut buffer) = (Vec::new(), vec![0; size]);
        loop {
            match wire.read(&mut buffer).unwrap() {
                0 => break,
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
        prop_assert_eq!(all, [b"headbehind".to_vec(), pieces.concat()].concat());
    }
}

#[test]
fn what_is_not_an_event_yet_is_known() {
    let behind = frame(0x81, 5);
    let all = [frame(0x01, 5), frame(0x89, 0), frame(0x80, 5), frame(0x82, 5), behind[..3].to_vec()].concat();
    let mut wire =
        GatheringStream::new(Script::reads([Step::Bytes(all)]).socket(), Vec::new(), behind, MESSAGE_TIMEOUT);
    assert!(wire.has_unread(), "the bytes behind the head");
    read_some(&mut wire);
    assert!(wire.has_unread());
    wire.delivered();
    assert!(!wire.has_unread());
    read_some(&mut wire);
    for _ in 0..3 {
        assert!(wire.has_unread());
        wire.delivered();
    }
    assert!(!wire.has_unread(), "half a frame is not an event");
}

#[test]
fn whoever_has_just_sent_a_message_is_not_idle() {
    let mut wire = Script::reads([bytes("a message and a ping"), bytes("x")]).wire();
    read_twice(&mut wire);
    read(&mut wire);
    wire.end_idling();
    // The ping is looked at before the peer is waited for again.
    assert_eq!(wire.idle_since(), wire.last_received());
    let before = wire.idle_since();
    read(&mut wire);
    assert!(wire.idle_since() >= before);
}
