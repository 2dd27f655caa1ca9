//! The parent's side of multilang: what `ShellSpout` and its `JsonSerializer` make of the bytes.

use serde_json::{Value, json};

/// Collects bytes and hands out frames.
#[derive(Default)]
pub struct Frames {
    buf: Vec<u8>,
    begin: usize,
    searched: usize,
}

impl Frames {
    /// Takes what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buf.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.buf.extend_from_slice(bytes);
    }

    /// The next whole frame, without its `end` line.
    pub fn next_frame(&mut self) -> Option<Vec<u8>> {
        const END: &[u8] = b"\nend\n";
        let Some(found) = memchr::memmem::find(&self.buf[self.searched..], END) else {
            self.searched = self.buf.len().saturating_sub(END.len() - 1).max(self.begin);
            return None;
        };
        let end = self.searched + found;
        let frame = self.buf[self.begin..end].to_vec();
        self.begin = end + END.len();
        self.searched = self.begin;
        Some(frame)
    }

    /// The next whole frame of the companion's wire, without its length.
    pub fn next_binary(&mut self) -> Option<Vec<u8>> {
        let (length, rest) = self.rest().split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        let frame = rest.get(..length)?.to_vec();
        self.begin += 4 + length;
        self.searched = self.begin;
        Some(frame)
    }

    /// What is no whole frame.
    pub fn rest(&self) -> &[u8] {
        &self.buf[self.begin..]
    }
}

/// A tuple.
#[derive(Debug, Clone, PartialEq)]
pub struct Emit {
    /// Message id; Storm tracks the tuple if there is one.
    pub id: Option<Value>,
    /// Stream; `default` if none is named.
    pub stream: String,
    /// Values.
    pub tuple: Vec<Value>,
    /// The frame as it came.
    pub frame: Vec<u8>,
}

impl Emit {
    /// The value at `index`, a string.
    pub fn text(&self, index: usize) -> &str {
        self.tuple[index].as_str().expect("a string")
    }

    /// The value at `index`, an integer.
    pub fn integer(&self, index: usize) -> i64 {
        self.tuple[index].as_i64().expect("an integer")
    }

    /// The message id.
    pub fn id(&self) -> Value {
        self.id.clone().expect("an id")
    }
}

/// One document from the child.
#[derive(Debug)]
pub enum Message {
    /// `{"pid":N}`
    Pid(u32),
    /// A tuple.
    Emit(Emit),
    /// Level and text.
    Log(u64, String),
    /// For Storm UI.
    Error(String),
    /// The end of a reply.
    Sync,
}

impl Message {
    /// Understands a frame as strictly as Storm does; what would end the worker ends the test.
    pub fn read(frame: Vec<u8>) -> Self {
        let shown = String::from_utf8_lossy(&frame[..frame.len().min(300)]).into_owned();
        assert!(!frame.contains(&b'\r'), "to Java a carriage return ends a line: {shown:?}");
        let document: Value = serde_json::from_slice(&frame)
            .unwrap_or_else(|error| panic!("stdout has what is no protocol ({error}): {shown:?}"));
        if let Some(pid) = document["pid"].as_u64() {
            assert_eq!(document, json!({"pid": pid}), "nothing else was agreed on");
            return Self::Pid(pid as u32);
        }
        let text = || document["msg"].as_str().unwrap_or_else(|| panic!("no msg: {shown}")).to_owned();
        match document["command"].as_str() {
            Some("sync") => Self::Sync,
            Some("log") => Self::Log(document["level"].as_u64().unwrap_or_else(|| panic!("no level: {shown}")), text()),
            Some("error") => Self::Error(text()),
            Some("emit") => {
                assert_eq!(document["need_task_ids"], Value::Bool(false), "Storm would answer with task ids: {shown}");
                let Value::Array(tuple) = document["tuple"].clone() else { panic!("no tuple: {shown}") };
                let stream = document["stream"].as_str().unwrap_or("default").to_owned();
                Self::Emit(Emit { id: document.get("id").cloned(), stream, tuple, frame })
            }
            _ => panic!("Storm knows no such command: {shown}"),
        }
    }
}

/// All that came in answer to one command.
#[derive(Debug, Default)]
pub struct Reply {
    /// Tuples, in order.
    pub emits: Vec<Emit>,
    /// Log lines: level and text.
    pub logs: Vec<(u64, String)>,
    /// Errors.
    pub errors: Vec<String>,
}

/// The level of a log line on the wire.
pub mod level {
    /// DEBUG.
    pub const DEBUG: u64 = 1;
    /// INFO.
    pub const INFO: u64 = 2;
    /// WARN.
    pub const WARN: u64 = 3;
    /// ERROR.
    pub const ERROR: u64 = 4;
}
