//! A spout that reads nothing: it emits the same tuple as fast as its mode of speaking to Storm allows. The benchmark sets the
//! real spout against it, to see what reading Kafka costs beside.

use std::io::Read as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kafka_shell_spout::companion;
use kafka_shell_spout::multilang::{Command, FrameReader, Handshake, LogQueue, Replies, TupleId, Wire};
use kafka_shell_spout::spout::{Ahead, Kind};
use kafka_shell_spout::tuple::{Encoder, Encoding, Field, Record, Undecodable};
use rustix::stdio;

/// As the real spout does.
const TUPLES_AHEAD: usize = 8;

/// Tuples of one answer in turns, when many are wanted.
const MANY: usize = 256;

/// Bytes of one write to the companion.
const WRITE_BYTES: usize = 128 << 10;

/// Tuples that the companion may have decoded beyond those in the topology.
const DECODED_AHEAD: usize = 6000;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().context("usage: constant naive|plain|stock|companion [BYTES]")?;
    let bytes = arguments.next().map_or(Ok(100), |bytes| bytes.parse()).context("BYTES")?;
    let (sender, inbox) = channel();
    let (handshake, rest) = shake_hands()?;
    let wire = handshake.wire();
    let conf = |key: &str| handshake.conf.get(key).and_then(serde_json::Value::as_u64);
    let window = conf("topology.max.spout.pending").unwrap_or(2000) as usize;
    let tracked = conf("topology.acker.executors") != Some(0);
    std::thread::spawn(move || read(wire, &rest, &sender));
    let mut child = Constant::new(wire, tracked, bytes);
    match (mode.as_str(), wire) {
        ("naive", Wire::Multilang) => child.take_turns(&inbox, Ahead::new(false), 1, window),
        ("stock", Wire::Multilang) if tracked => child.take_turns(&inbox, Ahead::new(true), TUPLES_AHEAD, window),
        // Without ackers nothing goes ahead.
        ("plain" | "stock", Wire::Multilang) => child.take_turns(&inbox, Ahead::new(false), MANY, window),
        ("companion", Wire::Companion) => child.push(&inbox, window + DECODED_AHEAD),
        _ => bail!("mode {mode:?} does not go with {wire:?}"),
    }
}

/// Answers the handshake; gives what was read beyond it, too.
fn shake_hands() -> anyhow::Result<(Handshake, Vec<u8>)> {
    let mut frames = FrameReader::default();
    let handshake = loop {
        let mut chunk = vec![0; 64 << 10];
        let count = std::io::stdin().read(&mut chunk)?;
        anyhow::ensure!(count > 0, "stdin has ended");
        frames.buffer().extend_from_slice(&chunk[..count]);
        if let Some(frame) = frames.next_frame()? {
            break Handshake::parse(frame)?;
        }
    };
    let mut replies = Replies::default();
    Handshake::write_pid_file(&handshake.pid_dir, std::process::id())?;
    replies.pid(std::process::id(), handshake.wire());
    replies.write_to(stdio::stdout())?;
    let rest = frames.rest().to_vec();
    Ok((handshake, rest))
}

/// Reads commands as they come, whatever the writer waits for; each read's together.
fn read(wire: Wire, rest: &[u8], sender: &Sender<Vec<Command>>) {
    let (mut json, mut binary) = (FrameReader::default(), companion::FrameReader::after(rest));
    json.buffer().extend_from_slice(rest);
    loop {
        let mut commands = Vec::new();
        match wire {
            Wire::Multilang => {
                while let Ok(Some(frame)) = json.next_frame() {
                    commands.extend(Command::parse(frame));
                }
            }
            Wire::Companion => {
                while let Ok(Some(command)) = binary.next_command() {
                    commands.extend(command);
                }
            }
        }
        let buffer = if wire == Wire::Multilang { json.buffer() } else { binary.buffer() };
        let many = commands.len() > 1;
        if !commands.is_empty() && sender.send(commands).is_err() {
            return;
        }
        if many {
            // A parent that waits for nothing need not be read at once.
            std::thread::sleep(Duration::from_micros(200));
        }
        match rustix::io::read(stdio::stdin(), rustix::buffer::spare_capacity(buffer)) {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
}

struct Constant {
    encoder: Encoder,
    value: Vec<u8>,
    tracked: bool,
    offset: i64,
    in_flight: usize,
    active: bool,
    logs: LogQueue,
}

impl Constant {
    fn new(wire: Wire, tracked: bool, bytes: usize) -> Self {
        let (key, value, undecodable) = (Encoding::Utf8, Encoding::Utf8, Undecodable::Replace);
        Self {
            encoder: Encoder { wire, fields: vec![Field::Value], key, value, undecodable },
            value: vec![b'x'; bytes],
            tracked,
            offset: 0,
            in_flight: 0,
            active: false,
            logs: LogQueue::default(),
        }
    }

    /// Multilang: `tuples` in an answer, answered ahead or not.
    fn take_turns(
        &mut self,
        inbox: &Receiver<Vec<Command>>,
        mut ahead: Ahead,
        tuples: usize,
        window: usize,
    ) -> anyhow::Result<()> {
        let mut replies = Replies::default();
        while let Ok(commands) = inbox.recv() {
            for command in commands.into_iter().chain(inbox.try_iter().flatten()) {
                let now = Instant::now();
                ahead.command(self.obey(&command), now);
                if !ahead.is_on() {
                    self.answer(&mut ahead, &mut replies, tuples, window, now);
                }
            }
            self.answer(&mut ahead, &mut replies, tuples, window, Instant::now());
            replies.write_to(stdio::stdout())?;
        }
        Ok(())
    }

    fn answer(&mut self, ahead: &mut Ahead, replies: &mut Replies, tuples: usize, window: usize, now: Instant) {
        while ahead.owes() || ahead.has_room() {
            let begin = replies.frames().len();
            let room = if self.tracked { window.saturating_sub(self.in_flight) } else { tuples };
            let count = if self.active && ahead.may_bring_tuples(now) { tuples.min(room) } else { 0 };
            if count == 0 && !ahead.owes() && !(self.active && ahead.wants_an_empty(self.in_flight, now)) {
                return;
            }
            (0..count).for_each(|_| self.emit(replies));
            replies.sync(&self.logs);
            ahead.answered(replies.frames().len() - begin);
        }
    }

    /// The companion's wire: whatever the window and the pipe take.
    fn push(&mut self, inbox: &Receiver<Vec<Command>>, window: usize) -> anyhow::Result<()> {
        // As the real spout asks for.
        let _ = rustix::pipe::fcntl_setpipe_size(stdio::stdout(), 1 << 20);
        let mut replies = Replies::default();
        companion::streams(&["default".to_owned()], replies.frames());
        loop {
            let idle = !self.active || self.in_flight >= window;
            let first = if idle { Some(inbox.recv()?) } else { None };
            for command in first.into_iter().chain(inbox.try_iter()).flatten() {
                self.obey(&command);
                if matches!(command, Command::Ping { .. }) {
                    companion::pong(replies.frames());
                }
            }
            while self.active && self.in_flight < window && replies.frames().len() < WRITE_BYTES {
                self.emit(&mut replies);
            }
            replies.write_to(stdio::stdout())?;
        }
    }

    fn obey(&mut self, command: &Command) -> Kind {
        match command {
            Command::Next => return Kind::Next,
            Command::Activate => {
                self.active = true;
                return Kind::Activate;
            }
            Command::Deactivate => self.active = false,
            Command::Ack(ids) | Command::Fail(ids) => {
                let count = ids.as_slice().len();
                self.in_flight -= count;
                return Kind::Done(count);
            }
            Command::TaskIds | Command::Ping { .. } | Command::Emitted(_) => {}
        }
        Kind::Other
    }

    fn emit(&mut self, replies: &mut Replies) {
        let record = Record {
            topic: "constant",
            partition: 0,
            offset: self.offset,
            timestamp: None,
            key: None,
            value: Some(&self.value),
            headers: None,
        };
        let id = self.tracked.then_some(TupleId { slot: 0, offset: self.offset });
        self.encoder.emit(id, None, &record, replies.frames());
        self.offset += 1;
        self.in_flight += usize::from(self.tracked);
    }
}
