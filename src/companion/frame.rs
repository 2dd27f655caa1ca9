//! Writes frames, straight into the buffer that goes to the pipe.

use super::{to_parent, value};
use crate::multilang::Level;

/// Begins a frame; the length is filled in by [`end`], which is given what this gives.
pub fn begin(kind: u8, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind]);
    start
}

/// Ends the frame that began at `start`.
pub fn end(start: usize, out: &mut [u8]) {
    // librdkafka caps a record at 1 GB.
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a log line.
pub fn log(level: Level, message: &str, out: &mut Vec<u8>) {
    let start = begin(to_parent::LOG, out);
    out.push(level.code());
    out.extend_from_slice(message.as_bytes());
    end(start, out);
}

/// Appends an error for Storm UI.
pub fn error(message: &str, out: &mut Vec<u8>) {
    text(to_parent::ERROR, message, out);
}

/// Appends the answer to a ping.
pub fn pong(out: &mut Vec<u8>) {
    text(to_parent::PONG, "", out);
}

/// Appends the state: names and numbers.
pub fn status(figures: &[(String, i64)], out: &mut Vec<u8>) {
    let start = begin(to_parent::STATUS, out);
    out.extend_from_slice(&(figures.len() as u32).to_be_bytes());
    for (name, number) in figures {
        Value::List(2).write(out);
        Value::Text(name).write(out);
        Value::Long(*number).write(out);
    }
    end(start, out);
}

/// Appends the names of the streams.
pub fn streams(names: &[String], out: &mut Vec<u8>) {
    let start = begin(to_parent::STREAMS, out);
    out.extend_from_slice(&(names.len() as u32).to_be_bytes());
    for name in names {
        Value::Text(name).write(out);
    }
    end(start, out);
}

fn text(kind: u8, text: &str, out: &mut Vec<u8>) {
    let start = begin(kind, out);
    out.extend_from_slice(text.as_bytes());
    end(start, out);
}

/// A value of a tuple.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// null.
    Null,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Long(i64),
    /// Bytes as they are.
    Bytes(&'a [u8]),
    /// Begins a list of so many values, which follow.
    List(u32),
}

impl Value<'_> {
    /// Appends it.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(value::NULL),
            Self::Text(text) => bytes(value::STRING, text.as_bytes(), out),
            Self::Long(number) => {
                out.push(value::LONG);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Bytes(raw) => bytes(value::BYTES, raw, out),
            Self::List(count) => {
                out.push(value::LIST);
                out.extend_from_slice(&count.to_be_bytes());
            }
        }
    }
}

/// Appends the text that `write` appends: UTF-8.
pub fn text_of(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[value::STRING, 0, 0, 0, 0]);
    let start = out.len();
    write(out);
    let length = (out.len() - start) as u32;
    out[start - 4..start].copy_from_slice(&length.to_be_bytes());
}

fn bytes(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}
