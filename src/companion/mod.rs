//! The wire between this process and the Java companion (`topology/companion`): the same conversation as multilang, in
//! binary frames that neither side waits for. docs/wire.md describes it; [`VERSION`] is agreed on in the handshake.
//!
//! A frame is a length (`u32`, of what follows it), a kind (`u8`) and a body. All numbers are big-endian.

mod command;
mod frame;

pub use command::FrameReader;
pub use frame::{Value, begin, end, error, log, pong, status, streams, text_of};

/// The version that this process speaks. The parent lists its own in the handshake's `wire`; the answer names one.
pub const VERSION: u32 = 1;

/// Kinds of frames to the companion.
pub mod to_parent {
    /// A tuple: flags (`u8`, 1 = it has an id), stream (`u16`), then with an id slot (`u32`) and offset (`i64`), number of
    /// values (`u16`), and the values.
    pub const EMIT: u8 = 1;
    /// A log line: level (`u8`, as in multilang's `log`), text in UTF-8.
    pub const LOG: u8 = 2;
    /// An error for Storm UI: text in UTF-8.
    pub const ERROR: u8 = 3;
    /// The answer to a ping.
    pub const PONG: u8 = 4;
    /// The state of the spout: a number (`u32`) of lists, each of a name and a whole number.
    pub const STATUS: u8 = 5;
    /// The names of the streams, by the number that [`EMIT`] has: a number (`u32`) of strings. Comes before the first tuple.
    pub const STREAMS: u8 = 6;
}

/// Kinds of frames from the companion.
pub mod to_child {
    /// Tuples were processed: slot (`u32`) and offset (`i64`) of each.
    pub const ACK: u8 = 1;
    /// Tuples failed: the same.
    pub const FAIL: u8 = 2;
    /// The topology runs.
    pub const ACTIVATE: u8 = 3;
    /// The topology stops or pauses.
    pub const DEACTIVATE: u8 = 4;
    /// Is somebody there? A body of one byte that is not 0 asks for the state, too.
    pub const PING: u8 = 5;
    /// How many tuples have been given to Storm since the start (`u64`). Said when the topology has no ackers.
    pub const EMITTED: u8 = 6;
}

/// Kinds of values in a tuple.
pub mod value {
    /// null.
    pub const NULL: u8 = 0;
    /// Length (`u32`) and UTF-8.
    pub const STRING: u8 = 1;
    /// `i64`.
    pub const LONG: u8 = 2;
    /// Length (`u32`) and bytes.
    pub const BYTES: u8 = 3;
    /// Number of values (`u32`), and the values.
    pub const LIST: u8 = 4;
}
