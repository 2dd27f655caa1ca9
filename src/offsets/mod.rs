//! Where the offsets are kept. The spout thread sends requests and gets events; it never waits for a store.

mod format;
mod group;
mod node;
mod path;
mod zookeeper;

use std::sync::Arc;
use std::time::Duration;

pub use format::{Broker, FormatError, Stored, Writer};
pub use group::CommitMetadata;
pub use path::Layout;
pub use zookeeper::start;

/// Where the offsets are kept.
#[derive(Debug, Clone)]
pub enum OffsetStore {
    /// In ZooKeeper.
    ZooKeeper(ZooKeeperConfig),
    /// In the consumer group. It belongs to the Kafka client, so it is none of the thread here.
    Group,
}

/// How to reach ZooKeeper, and where the offsets are there.
#[derive(Debug, Clone)]
pub struct ZooKeeperConfig {
    /// `host:port,host:port`, without a chroot: it is a part of the paths.
    pub servers: String,
    /// Where the znodes are.
    pub layout: Layout,
    /// Session timeout.
    pub session_timeout: Duration,
}

/// A partition as this process holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Number of the slot; events name it, so that one for a partition that left us meanwhile is told apart.
    pub slot: u32,
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
}

/// What the spout thread asks of the store.
#[derive(Debug)]
pub enum Request {
    /// Read where the partitions stand; answered by [`Event::Loaded`] for each.
    Load(Vec<Part>),
    /// Offsets (next to read) that may be stored. A newer one replaces an older one that is not written yet.
    Commit(Vec<Commit>),
    /// These are ours no longer: what was asked to be committed is written, then the node is left alone.
    Release(Vec<Part>),
    /// Write what is there, then end the session; answered by [`Event::Written`], then [`Event::Closed`].
    Close,
}

/// One offset to store.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The partition; it must have been loaded. The slot's number may be a newer one.
    pub part: Part,
    /// The next offset to read.
    pub offset: i64,
    /// The partition's leader, which the old spout's format names.
    pub broker: Broker,
    /// The log was truncated or made anew: another hand's higher offset counts no more.
    pub rewind: bool,
}

/// What the store tells the spout thread.
#[derive(Debug)]
pub enum Event {
    /// A partition's stored offset.
    Loaded {
        /// The slot.
        slot: u32,
        /// The offset, if there is one.
        stored: Option<Stored>,
        /// Whether the node is as this process found or left it.
        ours: bool,
    },
    /// The offset is stored.
    Committed {
        /// The slot.
        slot: u32,
        /// The next offset to read.
        offset: i64,
    },
    /// Something for Storm UI.
    Problem(String),
    /// The store refuses this partition's node, or the node is another topic's. It is looked at again.
    Refused {
        /// The slot.
        slot: u32,
        /// On which path what is wrong.
        reason: String,
    },
    /// The store answers.
    Reachable,
    /// The store does not answer; the reason names hosts and path.
    Unreachable(String),
    /// All is written that could be: the first answer to [`Request::Close`].
    Written {
        /// Number of partitions whose offsets were not.
        unwritten: usize,
    },
    /// The session has ended.
    Closed,
}

/// The spout thread's end of the store.
#[derive(Debug, Clone)]
pub struct Store(tokio::sync::mpsc::UnboundedSender<Request>);

impl Store {
    /// Hands over a request. The other side always takes requests at once and merges commits, so nothing piles up.
    pub fn send(&self, request: Request) {
        // It fails only after Closed, when nothing is asked any more.
        let _ = self.0.send(request);
    }
}
