//! A fake Java companion: the binary wire as `NativeKafkaSpout` speaks it, read strictly. The numbers stand here once
//! more, so that no side can change them alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use super::conf::Conf;
use super::exit::Exit;
use super::parent::FakeParent;

const VERSION: u32 = 1;

/// Set in a tuple's flags.
const HAS_ID: u8 = 1;

/// Kinds of frames to the child.
pub mod kind {
    /// Ids of tuples that were processed.
    pub const ACK: u8 = 1;
    /// Ids of tuples that failed.
    pub const FAIL: u8 = 2;
    /// The topology runs.
    pub const ACTIVATE: u8 = 3;
    /// It does not.
    pub const DEACTIVATE: u8 = 4;
    /// Asks whether the child is there.
    pub const PING: u8 = 5;
    /// How many tuples Storm has been given.
    pub const EMITTED: u8 = 6;
}

/// A value of a tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    /// null.
    Null,
    /// A string.
    Text(String),
    /// A `long`.
    Long(i64),
    /// A `byte[]`.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
}

/// A tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    /// Slot and offset, if Storm is to track it.
    pub id: Option<(u32, i64)>,
    /// Stream.
    pub stream: String,
    /// Values.
    pub values: Vec<Datum>,
    /// The frame as it came.
    pub frame: Vec<u8>,
}

impl Tuple {
    /// The value at `index`, a string.
    pub fn text(&self, index: usize) -> &str {
        match &self.values[index] {
            Datum::Text(text) => text,
            other => panic!("no string: {other:?}"),
        }
    }

    /// The value at `index`, a `long`.
    pub fn long(&self, index: usize) -> i64 {
        match self.values[index] {
            Datum::Long(number) => number,
            ref other => panic!("no long: {other:?}"),
        }
    }
}

/// What the child says.
#[derive(Debug)]
pub enum Said {
    /// A tuple.
    Tuple(Tuple),
    /// Level and text.
    Log(u8, String),
    /// For Storm UI.
    Error(String),
    /// The answer to a ping.
    Pong,
    /// The state.
    Status(BTreeMap<String, i64>),
}

/// The parent and its child.
pub struct FakeCompanion {
    /// The process and its pipes.
    pub parent: FakeParent,
    streams: Option<Vec<String>>,
}

impl FakeCompanion {
    /// Starts the spout and shakes hands.
    pub fn start(conf: &Conf) -> Self {
        let mut parent = FakeParent::spawn(&[]);
        parent.send_handshake(&conf.clone().wire(&[VERSION]));
        let answer: Value = serde_json::from_slice(&parent.read_frame()).expect("JSON");
        assert_eq!(answer, json!({"pid": parent.pid(), "wire": VERSION}));
        parent.binary = true;
        Self { parent, streams: None }
    }

    /// Starts the spout, shakes hands, and activates it.
    pub fn activated(conf: &Conf) -> Self {
        let mut companion = Self::start(conf);
        companion.send(kind::ACTIVATE, &[]);
        companion
    }

    /// Writes one frame.
    pub fn send(&mut self, kind: u8, body: &[u8]) {
        let length = (body.len() + 1) as u32;
        self.parent.write(&[&length.to_be_bytes()[..], &[kind], body].concat());
    }

    /// One frame with the ids of all these.
    pub fn ack<'a>(&mut self, tuples: impl IntoIterator<Item = &'a Tuple>) {
        self.send(kind::ACK, &ids(tuples));
    }

    /// The same for tuples that failed.
    pub fn fail<'a>(&mut self, tuples: impl IntoIterator<Item = &'a Tuple>) {
        self.send(kind::FAIL, &ids(tuples));
    }

    /// Says how many tuples Storm has been given.
    pub fn emitted(&mut self, count: u64) {
        self.send(kind::EMITTED, &count.to_be_bytes());
    }

    /// Reads what comes next.
    pub fn read(&mut self) -> Said {
        loop {
            let frame = self.parent.read_frame();
            if let Some(said) = self.understand(&frame) {
                return said;
            }
        }
    }

    /// Reads exactly so many tuples, and what is said between them.
    pub fn collect(&mut self, count: usize) -> Vec<Tuple> {
        let mut tuples = Vec::new();
        while tuples.len() < count {
            if let Said::Tuple(tuple) = self.read() {
                tuples.push(tuple);
            }
        }
        tuples
    }

    /// Reads for a while; gives the tuples that came.
    pub fn listen(&mut self, time: Duration) -> Vec<Tuple> {
        let (begun, mut tuples) = (Instant::now(), Vec::new());
        while let Some(frame) = self.parent.frame_within(time.saturating_sub(begun.elapsed())) {
            if let Some(Said::Tuple(tuple)) = self.understand(&frame) {
                tuples.push(tuple);
            }
        }
        tuples
    }

    /// Pings, and reads until the answer: all that the child had to say to what it was told before. Gives the tuples.
    pub fn ping(&mut self) -> Vec<Tuple> {
        self.send(kind::PING, &[0]);
        let mut tuples = Vec::new();
        loop {
            match self.read() {
                Said::Tuple(tuple) => tuples.push(tuple),
                Said::Pong => return tuples,
                Said::Status(status) => panic!("nobody asked for the state: {status:?}"),
                Said::Log(..) | Said::Error(_) => {}
            }
        }
    }

    /// Asks for the state.
    pub fn status(&mut self) -> BTreeMap<String, i64> {
        self.send(kind::PING, &[1]);
        let mut status = None;
        loop {
            match self.read() {
                Said::Status(figures) => assert!(status.replace(figures).is_none(), "the state came twice"),
                Said::Pong => return status.expect("the state before the pong"),
                _ => {}
            }
        }
    }

    /// Reads until an error has come that holds all of `words`.
    pub fn wait_for_error(&mut self, words: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "no error with {words:?}; {}", self.parent.account());
            if let Said::Error(error) = self.read()
                && words.iter().all(|word| error.contains(word))
            {
                return error;
            }
        }
    }

    /// Waits for the child's end. Nobody reads meanwhile.
    pub fn wait_for_exit(self) -> Exit {
        self.parent.wait_for_exit()
    }

    /// Ends the child as the end of a worker does, and checks that it was content.
    pub fn finish(mut self) {
        self.parent.close_stdin();
        let exit = self.wait_for_exit();
        assert!(exit.code == Some(0) || exit.is_abandoned(), "{exit:?}");
    }

    /// Understands a frame; the names of the streams are kept.
    fn understand(&mut self, frame: &[u8]) -> Option<Said> {
        let mut reader = Reader(&frame[1..]);
        let said = match frame[0] {
            1 => Said::Tuple(self.tuple(&mut reader, frame)),
            2 => {
                let level = reader.take::<1>()[0];
                assert!(level <= 4, "Storm has no level {level}");
                Said::Log(level, reader.rest())
            }
            3 => Said::Error(reader.rest()),
            4 => Said::Pong,
            5 => Said::Status(reader.count_of_values().into_iter().map(figure).collect()),
            6 => {
                let names = reader.count_of_values().into_iter().map(text).collect();
                assert!(self.streams.replace(names).is_none(), "the names of the streams came twice");
                assert_eq!(reader.0, b"", "after the names of the streams");
                return None;
            }
            kind => panic!("a frame of unknown kind {kind}: {frame:?}"),
        };
        assert_eq!(reader.0, b"", "after {said:?}");
        match &said {
            Said::Log(level, text) => self.parent.said.push(format!("log {level}: {text}")),
            Said::Error(text) => self.parent.said.push(format!("error: {text}")),
            _ => {}
        }
        Some(said)
    }

    fn tuple(&self, reader: &mut Reader<'_>, frame: &[u8]) -> Tuple {
        let flags = reader.take::<1>()[0];
        assert!(flags <= HAS_ID, "unknown flags {flags}");
        let stream = usize::from(u16::from_be_bytes(reader.take()));
        let id = (flags == HAS_ID).then(|| (u32::from_be_bytes(reader.take()), i64::from_be_bytes(reader.take())));
        let count = u16::from_be_bytes(reader.take());
        let values = (0..count).map(|_| reader.value()).collect();
        let names = self.streams.as_ref().expect("the names of the streams come before the first tuple");
        Tuple { id, stream: names[stream].clone(), values, frame: frame.to_vec() }
    }
}

fn ids<'a>(tuples: impl IntoIterator<Item = &'a Tuple>) -> Vec<u8> {
    let mut ids = Vec::new();
    for tuple in tuples {
        let (slot, offset) = tuple.id.expect("an id");
        ids.extend_from_slice(&slot.to_be_bytes());
        ids.extend_from_slice(&offset.to_be_bytes());
    }
    ids
}

fn text(datum: Datum) -> String {
    match datum {
        Datum::Text(text) => text,
        other => panic!("no string: {other:?}"),
    }
}

fn figure(datum: Datum) -> (String, i64) {
    match datum {
        Datum::List(pair) => match &pair[..] {
            [Datum::Text(name), Datum::Long(number)] => (name.clone(), *number),
            other => panic!("no figure: {other:?}"),
        },
        other => panic!("no figure: {other:?}"),
    }
}

/// Takes numbers and values off a body; one that is too short panics.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().expect("a longer body");
        self.0 = rest;
        *taken
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self) -> usize {
        u32::from_be_bytes(self.take()) as usize
    }

    fn value(&mut self) -> Datum {
        match self.take::<1>()[0] {
            0 => Datum::Null,
            1 => {
                let length = self.number();
                Datum::Text(String::from_utf8(self.bytes(length).to_vec()).expect("UTF-8"))
            }
            2 => Datum::Long(i64::from_be_bytes(self.take())),
            3 => {
                let length = self.number();
                Datum::Bytes(self.bytes(length).to_vec())
            }
            4 => Datum::List(self.count_of_values()),
            kind => panic!("a value of unknown kind {kind}"),
        }
    }

    fn count_of_values(&mut self) -> Vec<Datum> {
        (0..self.number()).map(|_| self.value()).collect()
    }

    fn rest(&mut self) -> String {
        let length = self.0.len();
        String::from_utf8(self.bytes(length).to_vec()).expect("UTF-8")
    }
}
