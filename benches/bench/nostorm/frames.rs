//! Our program into a reader that counts tuples and throws them away, faster than any parent could take them.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use memchr::{memchr_iter, memmem};
use serde_json::{Map, Value, json};

use super::pipe::Process;
use super::{Clock, Reading, Source};

#[path = "../../../src/tools/load/handshake.rs"]
mod handshake;

/// Of one read.
const BUFFER: usize = 256 << 10;

/// Commands that are under way: the program is never without one.
const AHEAD: u64 = 8;

const NEXT: &[u8] = b"{\"command\":\"next\"}\nend\n";
const ACTIVATE: &[u8] = b"{\"command\":\"activate\"}\nend\n";
const SYNC: &[u8] = b"{\"command\":\"sync\"}";
const LOG: &[u8] = b"{\"command\":\"log\"";

/// The binary wire of docs/wire.md: its version, and kinds of frames.
const WIRE: u32 = 1;
const WIRE_EMIT: u8 = 1;
const WIRE_ACTIVATE: u8 = 3;
const WIRE_EMITTED: u8 = 6;

/// Tuples after which the program is told that they have been taken, as the companion does when there are no ackers.
const TAKEN: u64 = 256;

/// In multilang, without ids.
pub fn multilang(source: &Source<'_>) -> Result<Reading> {
    let mut process = start(source, false)?;
    let mut buffer = vec![0; BUFFER];
    let (answer, rest) = first_answer(&mut process, &mut buffer)?;
    ensure!(answer.get("pid").is_some(), "its first answer has no pid: {answer}");
    let mut text = Text::default();
    text.feed(&rest);
    process.write(ACTIVATE)?;
    // One sync is for that.
    let mut sent = 1;
    let mut clock = Clock::default();
    loop {
        if sent < text.syncs + AHEAD {
            let more = text.syncs + AHEAD - sent;
            process.write(&NEXT.repeat(more as usize))?;
            sent += more;
        }
        let count = process.read(&mut buffer)?;
        ensure!(count > 0, "it ended after {} tuples; its last words are above", text.tuples());
        text.feed(&buffer[..count]);
        let tuples = text.tuples();
        clock.at(tuples);
        if tuples >= source.records {
            return clock.stop(tuples, process.cpu()).context("all came in one go");
        }
    }
}

/// On the companion's wire, without ids.
pub fn companion(source: &Source<'_>) -> Result<Reading> {
    let mut process = start(source, true)?;
    let mut buffer = vec![0; BUFFER];
    let (answer, rest) = first_answer(&mut process, &mut buffer)?;
    ensure!(answer["wire"] == json!(WIRE), "the program does not speak the companion's wire");
    let mut binary = Binary::default();
    binary.feed(&rest);
    process.write(&frame(WIRE_ACTIVATE, &[]))?;
    let (mut told, mut clock) = (0, Clock::default());
    loop {
        let count = process.read(&mut buffer)?;
        ensure!(count > 0, "it ended after {} tuples; its last words are above", binary.tuples);
        binary.feed(&buffer[..count]);
        clock.at(binary.tuples);
        if binary.tuples >= source.records {
            return clock.stop(binary.tuples, process.cpu()).context("all came in one go");
        }
        if binary.tuples >= told + TAKEN {
            told = binary.tuples;
            process.write(&frame(WIRE_EMITTED, &told.to_be_bytes()))?;
        }
    }
}

fn start(source: &Source<'_>, wire: bool) -> Result<Process> {
    let program = &source.options.spout;
    let program = program.canonicalize().with_context(|| format!("there is no {}", program.display()))?;
    // A name without a path would be looked for elsewhere.
    let mut process = Process::piped(Command::new(program).arg("spout"))?;
    let mut keys = json!({
        "topology.acker.executors": 0,
        "kafka.spout.bootstrap.servers": source.kafka,
        "kafka.spout.topics": source.topic.name,
        "kafka.spout.group.id": source.id,
        "kafka.spout.zookeeper.connect": source.zookeeper,
        "kafka.spout.zookeeper.root": format!("/bench/{}-{wire}", source.id),
    });
    for (key, value) in source.options.set.iter().filter(|(key, _)| key.starts_with("kafka.spout.")) {
        keys[key] = value.as_str().into();
    }
    let Value::Object(keys) = keys else { bail!("no keys") };
    let conf = handshake::configuration("bench", u64::from(source.options.pending), keys);
    let text = handshake::handshake(&source.dir, &conf, 0, 1);
    let mut first: Map<String, Value> = serde_json::from_str(&text).context("the handshake")?;
    if wire {
        first.insert("wire".to_owned(), json!([WIRE]));
    }
    process.write(format!("{}\nend\n", Value::Object(first)).as_bytes())?;
    Ok(process)
}

/// The answer to the handshake, and what came after it.
fn first_answer(process: &mut Process, buffer: &mut [u8]) -> Result<(Value, Vec<u8>)> {
    const END: &[u8] = b"\nend\n";
    let mut all = Vec::new();
    loop {
        if let Some(at) = memmem::find(&all, END) {
            let answer = serde_json::from_slice(&all[..at]).context("its first answer")?;
            return Ok((answer, all.split_off(at + END.len())));
        }
        let count = process.read(buffer)?;
        ensure!(count > 0, "it ended before it answered the handshake; its last words are above");
        all.extend_from_slice(&buffer[..count]);
    }
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32 + 1).to_be_bytes().to_vec();
    frame.push(kind);
    frame.extend_from_slice(body);
    frame
}

/// Counts frames of multilang by their two line ends, which JSON has nowhere else, and those that are no tuples by how
/// they begin.
#[derive(Default)]
struct Text {
    lines: u64,
    syncs: u64,
    logs: u64,
    /// The end of what came before, which may be the begin of a pattern.
    tail: Vec<u8>,
}

impl Text {
    fn feed(&mut self, chunk: &[u8]) {
        self.lines += memchr_iter(b'\n', chunk).count() as u64;
        self.syncs += self.count(SYNC, chunk);
        self.logs += self.count(LOG, chunk);
        self.tail.extend_from_slice(chunk);
        let excess = self.tail.len().saturating_sub(SYNC.len() - 1);
        self.tail.drain(..excess);
    }

    fn count(&self, pattern: &[u8], chunk: &[u8]) -> u64 {
        // Over the border: of both sides what is shorter than the pattern.
        let keep = pattern.len() - 1;
        let mut border = self.tail[self.tail.len().saturating_sub(keep)..].to_vec();
        border.extend_from_slice(&chunk[..chunk.len().min(keep)]);
        (memmem::find_iter(chunk, pattern).count() + memmem::find_iter(&border, pattern).count()) as u64
    }

    fn tuples(&self) -> u64 {
        (self.lines / 2).saturating_sub(self.syncs + self.logs)
    }
}

/// Counts frames of the binary wire by their heads.
#[derive(Default)]
struct Binary {
    head: Vec<u8>,
    skip: usize,
    tuples: u64,
}

impl Binary {
    fn feed(&mut self, mut chunk: &[u8]) {
        const HEAD: usize = 5;
        loop {
            let skipped = self.skip.min(chunk.len());
            self.skip -= skipped;
            chunk = &chunk[skipped..];
            let take = (HEAD - self.head.len()).min(chunk.len());
            self.head.extend_from_slice(&chunk[..take]);
            chunk = &chunk[take..];
            let [a, b, c, d, kind] = self.head[..] else { return };
            self.head.clear();
            self.skip = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(1);
            self.tuples += u64::from(kind == WIRE_EMIT);
        }
    }
}
