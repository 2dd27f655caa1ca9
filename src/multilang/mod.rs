//! Storm's multilang protocol, byte for byte; knows nothing of Kafka.
//!
//! Both directions carry JSON documents, each followed by a line that is exactly `end`
//! (Storm: `org.apache.storm.multilang.JsonSerializer`). The parent, class `ShellSpout`, is strictly
//! synchronous: it writes one command and reads until it has read one `sync`.

pub mod command;
pub mod frame;
pub mod handshake;
pub mod id;
pub mod log;
pub mod reply;

pub use command::{Command, CommandError, Ids};
pub use frame::{FrameError, FrameReader, MAX_FRAME_BYTES};
pub use handshake::{Context, Handshake, HandshakeError, Wire};
pub use id::TupleId;
pub use log::{Level, LogQueue};
pub use reply::Replies;
